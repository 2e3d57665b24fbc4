"""The training steps of `npm run bench -- engine` in PyTorch, for comparison.

Usage: python3 train_step.py <workload> <start.safetensors> <threads>

Reads start parameters (`params.*`) and a batch (`batch.*`) from the safetensors file, then answers each line on stdin with one
line of JSON: `info`, `run <steps>` (takes steps, gives milliseconds and losses), `memory` (peak, in MiB).
"""

import json
import math
import resource
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
        self.output = torch.nn.Linear(dim, dim)
        self.feed_forward_norm = torch.nn.LayerNorm(dim)
        self.up = torch.nn.Linear(dim, 4 * dim)
        self.down = torch.nn.Linear(4 * dim, dim)

    def forward(self, x):
        batch, steps, dim = x.shape
        parts = self.query_key_value(self.attention_norm(x)).split(dim, dim=2)
        query, key, value = (p.view(batch, steps, self.num_heads, -1).transpose(1, 2) for p in parts)
        weights = F.softmax(query @ key.transpose(-2, -1) * (1.0 / math.sqrt(query.size(-1))), dim=-1)
        mixed = (weights @ value).transpose(1, 2).contiguous().view(batch, steps, dim)
        x = x + self.output(mixed)
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


# Our name of a parameter from PyTorch's: pieces of the path that differ.
RENAMED = {
    "attention_norm": "attentionNorm",
    "query_key_value": "attention.queryKeyValue",
    "output": "attention.output",
    "feed_forward_norm": "feedForwardNorm",
    "log_logit_scale": "logLogitScale",
}


def our_name(name, tensor):
    parts = [RENAMED.get(part, part) for part in name.split(".")]
    if name == "tokens.weight":
        parts = ["tokens"]
    elif parts[-1] == "weight" and tensor.dim() == 1:
        parts[-1] = "scale"
    return "params." + ".".join(parts)


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
    tensors = read_safetensors(path)
    model = {"transformer": Transformer, "alignment": Alignment}[workload]()
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
            answer = {"version": torch.__version__, "threads": torch.get_num_threads()}
        elif command == "run":
            times, losses = [], []
            for _ in range(int(rest[0])):
                begin = time.perf_counter()
                losses.append(step())
                times.append((time.perf_counter() - begin) * 1e3)
            answer = {"milliseconds": times, "losses": losses}
        elif command == "memory":
            answer = {"peakMiB": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}
        else:
            raise ValueError(f"unknown command: {line!r}")
        print(json.dumps(answer), flush=True)


main()
