"""The training steps of `npm run bench -- engine` in PyTorch, for comparison.

Usage: python3 train_step.py <workload> <start.safetensors> <threads>

Reads start parameters (`params.*`) and a batch (`batch.*`) from the safetensors file, then answers each line on stdin with one
line of JSON: `info` (with the memory before the model, in MiB), `run <steps>` (takes steps, gives milliseconds and losses),
`memory` (peak, in MiB).
"""

import json
import math
import struct
import sys
import time

import torch
import torch.nn.functional as F

DTYPES = {"F32": torch.float32, "I64": torch.int64}


def read_safetensors(path):
    with open(path, "rb") as file:
        data = bytearray(file.read())
    (length,) = struct.unpack("<Q", data[:8])
    header = json.loads(data[8 : 8 + length])
    tensors = {}
    for name, entry in header.items():
        if name == "__metadata__":
            continue
        begin, end = entry["data_offsets"]
        raw = data[8 + length + begin : 8 + length + end]
        tensors[name] = torch.frombuffer(raw, dtype=DTYPES[entry["dtype"]]).reshape(entry["shape"]).clone()
    return tensors


class Transformer(torch.nn.Module):
    def __init__(self, num_layers=4, dim=256, num_heads=4, num_classes=1000, time_steps=128):
        super().__init__()
        self.tokens = torch.nn.Embedding(num_classes, dim)
        self.positions = torch.nn.Parameter(torch.zeros(time_steps, dim))
        self.blocks = torch.nn.ModuleList(Block(dim, num_heads) for _ in range(num_layers))
        self.norm = torch.nn.LayerNorm(dim)
        self.head = torch.nn.Linear(dim, num_classes)

    def loss(self, batch):
        x = self.tokens(batch["tokens"]) + self.positions
        for block in self.blocks:
            x = block(x)
        logits = self.head(self.norm(x))
        return F.cross_entropy(logits.flatten(0, 1), batch["targets"].flatten())


class Block(torch.nn.Module):
    def __init__(self, dim, num_heads):
        super().__init__()
        self.num_heads = num_heads
        self.attention_norm = torch.nn.LayerNorm(dim)
        self.query_key_value = torch.nn.Linear(dim, 3 * dim)
        self.attention_output = torch.nn.Linear(dim, dim)
        self.feed_forward_norm = torch.nn.LayerNorm(dim)
        self.up = torch.nn.Linear(dim, 4 * dim)
        self.down = torch.nn.Linear(4 * dim, dim)

    def forward(self, x):
        batch, steps, dim = x.shape
        parts = self.query_key_value(self.attention_norm(x)).split(dim, dim=2)
        query, key, value = (p.view(batch, steps, self.num_heads, -1).transpose(1, 2) for p in parts)
        weights = F.softmax(query @ key.transpose(-2, -1) * (1.0 / math.sqrt(query.size(-1))), dim=-1)
        mixed = (weights @ value).transpose(1, 2).contiguous().view(batch, steps, dim)
        x = x + self.attention_output(mixed)
        return x + self.down(F.gelu(self.up(self.feed_forward_norm(x))))


class Adapter(torch.nn.Module):
    def __init__(self, dim, bottleneck):
        super().__init__()
        self.down = torch.nn.Linear(dim, bottleneck)
        self.up = torch.nn.Linear(bottleneck, dim)

    def forward(self, x):
        return x + self.up(F.relu(self.down(x)))


class Head(torch.nn.Module):
    def __init__(self, dim, bottleneck, space_dim):
        super().__init__()
        self.adapters = torch.nn.Sequential(Adapter(dim, bottleneck))
        self.projection = torch.nn.Linear(dim, space_dim)

    def forward(self, x):
        return F.normalize(self.projection(self.adapters(x)), dim=1)


class Alignment(torch.nn.Module):
    def __init__(self, text_dim=512, picture_dim=1792, bottleneck=128, space_dim=256):
        super().__init__()
        self.text = Head(text_dim, bottleneck, space_dim)
        self.picture = Head(picture_dim, bottleneck, space_dim)
        self.log_logit_scale = torch.nn.Parameter(torch.zeros(()))

    def loss(self, batch):
        picture = self.picture(batch["picture"] * batch["pictureDropout"])
        text = self.text(batch["text"] * batch["textDropout"])
        logits = picture @ text.t() * self.log_logit_scale.clamp(0, math.log(100)).exp()
        targets = torch.arange(len(logits))
        self.accuracy = (logits.detach().argmax(1) == targets).float().mean().item()
        return (F.cross_entropy(logits, targets) + F.cross_entropy(logits.t(), targets)) / 2


class BasicBlock(torch.nn.Module):
    def __init__(self, in_channels, out_channels, stride):
        super().__init__()
        self.conv1 = torch.nn.Conv2d(in_channels, out_channels, 3, stride=stride, padding=1, bias=False)
        self.norm1 = batch_norm(out_channels)
        self.conv2 = torch.nn.Conv2d(out_channels, out_channels, 3, padding=1, bias=False)
        self.norm2 = batch_norm(out_channels)
        self.shortcut = None
        if in_channels != out_channels:
            self.shortcut = torch.nn.Conv2d(in_channels, out_channels, 1, stride=stride, bias=False)
            self.shortcut_norm = batch_norm(out_channels)

    def forward(self, x):
        out = self.norm2(self.conv2(F.relu(self.norm1(self.conv1(x)))))
        return F.relu(out + (x if self.shortcut is None else self.shortcut_norm(self.shortcut(x))))


def batch_norm(channels):
    # Running statistics are not kept on our side either.
    return torch.nn.BatchNorm2d(channels, track_running_stats=False)


class ResNet(torch.nn.Module):
    def __init__(self, channels=64, num_classes=100):
        super().__init__()
        self.blocks = torch.nn.ModuleList(
            [BasicBlock(channels, channels, 1), BasicBlock(channels, 2 * channels, 2)]
        )
        self.head = torch.nn.Linear(2 * channels, num_classes)

    def loss(self, batch):
        x = batch["x"]
        for block in self.blocks:
            x = block(x)
        return F.cross_entropy(self.head(x.mean((2, 3))), batch["targets"])


class TimeBlock(torch.nn.Module):
    def __init__(self, in_channels, out_channels, time_dim, groups):
        super().__init__()
        self.norm1 = torch.nn.GroupNorm(groups, in_channels)
        self.conv1 = torch.nn.Conv2d(in_channels, out_channels, 3, padding=1)
        self.time = torch.nn.Linear(time_dim, out_channels)
        self.norm2 = torch.nn.GroupNorm(groups, out_channels)
        self.conv2 = torch.nn.Conv2d(out_channels, out_channels, 3, padding=1)
        self.shortcut = None
        if in_channels != out_channels:
            self.shortcut = torch.nn.Conv2d(in_channels, out_channels, 1)

    def forward(self, x, time):
        hidden = self.conv1(F.silu(self.norm1(x))) + self.time(time)[:, :, None, None]
        out = self.conv2(F.silu(self.norm2(hidden)))
        return out + (x if self.shortcut is None else self.shortcut(x))


class UNet(torch.nn.Module):
    def __init__(self, channels=64, time_dim=256, groups=8):
        super().__init__()
        self.time_hidden = torch.nn.Linear(time_dim, time_dim)
        self.time_output = torch.nn.Linear(time_dim, time_dim)
        self.down = TimeBlock(channels, channels, time_dim, groups)
        self.downsample = torch.nn.Conv2d(channels, 2 * channels, 3, stride=2, padding=1)
        self.middle = TimeBlock(2 * channels, 2 * channels, time_dim, groups)
        self.upsample = torch.nn.Conv2d(2 * channels, channels, 3, padding=1)
        self.up = TimeBlock(2 * channels, channels, time_dim, groups)
        self.norm = torch.nn.GroupNorm(groups, channels)
        self.output = torch.nn.Conv2d(channels, channels, 3, padding=1)

    def loss(self, batch):
        time = F.silu(self.time_output(F.silu(self.time_hidden(batch["time"]))))
        skipped = self.down(batch["x"], time)
        middle = self.middle(self.downsample(skipped), time)
        enlarged = self.upsample(F.interpolate(middle, scale_factor=2, mode="nearest"))
        up = self.up(torch.cat([enlarged, skipped], 1), time)
        return F.mse_loss(self.output(F.silu(self.norm(up))), batch["targets"])


WORKLOADS = {"transformer": Transformer, "alignment": Alignment, "resnet": ResNet, "unet": UNet}

# Our name of a parameter from PyTorch's: pieces of the path that differ.
RENAMED = {
    "attention_norm": "attentionNorm",
    "query_key_value": "attention.queryKeyValue",
    "attention_output": "attention.output",
    "feed_forward_norm": "feedForwardNorm",
    "log_logit_scale": "logLogitScale",
    "shortcut_norm": "shortcutNorm",
    "time_hidden": "timeHidden",
    "time_output": "timeOutput",
}


def our_name(name, tensor):
    parts = [RENAMED.get(part, part) for part in name.split(".")]
    if name == "tokens.weight":
        parts = ["tokens"]
    elif parts[-1] == "weight" and tensor.dim() == 1:
        parts[-1] = "scale"
    return "params." + ".".join(parts)


def memory(field):
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith(field)) / 1024


def load(model, tensors):
    with torch.no_grad():
        for name, param in model.named_parameters():
            start = tensors.pop(our_name(name, param))
            is_linear = name.endswith("weight") and param.dim() == 2 and name != "tokens.weight"
            param.copy_(start.t() if is_linear else start)
    unused = [name for name in tensors if name.startswith("params.")]
    if unused:
        raise ValueError(f"parameters without a place: {unused}")


def main():
    workload, path, threads = sys.argv[1], sys.argv[2], int(sys.argv[3])
    torch.set_num_threads(threads)
    base = memory("VmRSS")
    tensors = read_safetensors(path)
    model = WORKLOADS[workload]()
    load(model, tensors)
    batch = {name[6:]: tensor for name, tensor in tensors.items() if name.startswith("batch.")}
    decayed = [p for p in model.parameters() if p.dim() >= 2]
    others = [p for p in model.parameters() if p.dim() < 2]
    groups = [{"params": decayed, "weight_decay": 0.01}, {"params": others, "weight_decay": 0.0}]
    optimizer = torch.optim.AdamW(groups, lr=1e-3)

    def step():
        optimizer.zero_grad(set_to_none=True)
        loss = model.loss(batch)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        return loss.item()

    for line in sys.stdin:
        command, *rest = line.split()
        if command == "info":
            answer = {"version": f"PyTorch {torch.__version__}", "threads": torch.get_num_threads(), "baseMiB": base}
        elif command == "run":
            times, losses = [], []
            for _ in range(int(rest[0])):
                begin = time.perf_counter()
                losses.append(step())
                times.append((time.perf_counter() - begin) * 1e3)
            answer = {"milliseconds": times, "losses": losses}
        elif command == "memory":
            answer = {"peakMiB": memory("VmHWM")}
        else:
            raise ValueError(f"unknown command: {line!r}")
        print(json.dumps(answer), flush=True)


main()
