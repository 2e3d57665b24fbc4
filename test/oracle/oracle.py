"""The networks of test/oracle in PyTorch: outputs, gradients and ten steps of AdamW, from our parameters in our layout.

Answers lines on stdin, one line of JSON each: `info`, and `<network> <in.safetensors> <out.safetensors>`, which reads `params.*`,
`batch.*` and `settings.*`, writes `output.*`, `grad.*` and `next.*` (the parameters after the steps), and answers with the losses.
Linear weights are [in, out] on our side; everything else has PyTorch's own layout unless a network says otherwise.
"""

import itertools
import json
import math
import struct
import sys
import traceback

import torch
import torch.nn.functional as F

DTYPES = {"F32": torch.float32, "I64": torch.int64, "U8": torch.uint8}


def read(path):
    with open(path, "rb") as file:
        data = bytearray(file.read())
    (length,) = struct.unpack("<Q", data[:8])
    tensors = {}
    for name, entry in json.loads(data[8 : 8 + length]).items():
        if name == "__metadata__":
            continue
        begin, end = entry["data_offsets"]
        raw = data[8 + length + begin : 8 + length + end]
        tensors[name] = torch.frombuffer(raw, dtype=DTYPES[entry["dtype"]]).reshape(entry["shape"]).clone()
    return tensors


def write(path, tensors):
    header, blocks, offset = {}, [], 0
    for name, tensor in tensors.items():
        block = tensor.detach().to(torch.float32).contiguous().numpy().tobytes()
        header[name] = {"dtype": "F32", "shape": list(tensor.shape), "data_offsets": [offset, offset + len(block)]}
        blocks.append(block)
        offset += len(block)
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text + b"".join(blocks))


def linear(p, name, x):
    return F.linear(x, p[f"{name}.weight"].t(), p[f"{name}.bias"])


def layer_norm(p, name, x):
    return F.layer_norm(x, x.shape[-1:], p[f"{name}.scale"], p[f"{name}.bias"])


def heads(x, num_heads):
    batch, time, dim = x.shape
    return x.view(batch, time, num_heads, dim // num_heads).transpose(1, 2)


def attend(query, key, value, mask=None):
    scores = query @ key.transpose(-2, -1) / math.sqrt(query.size(-1))
    mixed = F.softmax(scores if mask is None else scores + mask, dim=-1) @ value
    return mixed.transpose(1, 2).flatten(2)


def mlp(p, b):
    hidden = F.gelu(linear(p, "first", b["x"]))
    hidden = torch.tanh(linear(p, "second", hidden))
    logits = linear(p, "third", hidden)
    return {"logits": logits, "loss": F.cross_entropy(logits, b["targets"])}


def vit(p, b):
    patches = F.conv2d(b["x"], p["patches.weight"], p["patches.bias"], stride=4).flatten(2).transpose(1, 2)
    x = torch.cat([p["classToken"].expand(len(patches), 1, -1), patches], 1) + p["positions"]
    block = {name[6:]: value for name, value in p.items() if name.startswith("block.")}
    parts = linear(block, "attention.queryKeyValue", layer_norm(block, "attentionNorm", x)).chunk(3, 2)
    x = x + linear(block, "attention.output", attend(*(heads(part, 4) for part in parts)))
    x = x + linear(block, "down", F.gelu(linear(block, "up", layer_norm(block, "feedForwardNorm", x))))
    logits = linear(p, "head", layer_norm(p, "norm", x)[:, 0])
    return {"tokens": x, "logits": logits, "loss": F.cross_entropy(logits, b["targets"])}


def batch_norm(p, name, x):
    return F.batch_norm(x, None, None, p[f"{name}.scale"], p[f"{name}.bias"], training=True)


def resnet(p, b):
    x = b["x"]
    for i, stride in enumerate([1, 2]):
        name = f"blocks.{i}"
        hidden = F.conv2d(x, p[f"{name}.conv1.weight"], stride=stride, padding=1)
        hidden = F.conv2d(F.relu(batch_norm(p, f"{name}.norm1", hidden)), p[f"{name}.conv2.weight"], padding=1)
        if f"{name}.shortcut.weight" in p:
            x = batch_norm(p, f"{name}.shortcutNorm", F.conv2d(x, p[f"{name}.shortcut.weight"], stride=stride))
        x = F.relu(batch_norm(p, f"{name}.norm2", hidden) + x)
    logits = linear(p, "head", x.mean((2, 3)))
    return {"features": x, "logits": logits, "loss": F.cross_entropy(logits, b["targets"])}


def conv(p, name, x, stride=1):
    weight = p[f"{name}.weight"]
    return F.conv2d(x, weight, p[f"{name}.bias"], stride=stride, padding=weight.shape[2] // 2)


def normed(p, name, x):
    return F.silu(F.group_norm(x, 2, p[f"{name}.scale"], p[f"{name}.bias"]))


def time_block(p, name, x, time):
    hidden = conv(p, f"{name}.conv1", normed(p, f"{name}.norm1", x))
    hidden = hidden + linear(p, f"{name}.time", time)[:, :, None, None]
    out = conv(p, f"{name}.conv2", normed(p, f"{name}.norm2", hidden))
    return out + (conv(p, f"{name}.shortcut", x) if f"{name}.shortcut.weight" in p else x)


def unet(p, b):
    time = F.silu(linear(p, "timeOutput", F.silu(linear(p, "timeHidden", b["time"]))))
    skipped = time_block(p, "down", b["x"], time)
    middle = time_block(p, "middle", conv(p, "downsample", skipped, 2), time)
    enlarged = conv(p, "upsample", F.interpolate(middle, scale_factor=2, mode="nearest"))
    up = time_block(p, "up", torch.cat([enlarged, skipped], 1), time)
    out = conv(p, "output", normed(p, "norm", up))
    return {"out": out, "loss": F.mse_loss(out, b["targets"])}


def run_lstm(x, input_weight, state_weight, bias, state_bias):
    """PyTorch's own LSTM, batch first: every hidden state and the last cell. The gates are input, forget, cell, output."""
    batch, hidden = len(x), state_weight.shape[1]
    zeros = x.new_zeros(1, batch, hidden)
    weights = [input_weight, state_weight, bias, state_bias]
    states, _, cell = torch._VF.lstm(x, (zeros, zeros), weights, True, 1, 0.0, True, False, True)
    return states, cell[0]


def lstm(p, b):
    states, cell = run_lstm(b["x"], p["input.weight"].t(), p["state.weight"].t(), p["input.bias"], p["state.bias"])
    out = linear(p, "head", states)
    return {"states": states, "cell": cell, "loss": F.mse_loss(out, b["targets"])}


def lstm_op(p, b):
    """ONNX's layout: [1, 4 H, ...], the gates input, output, forget, cell; both biases in one row."""

    def gates(x):
        i, o, f, c = x.chunk(4)
        return torch.cat([i, f, c, o])

    bias, state_bias = p["bias"][0].chunk(2)
    weights = [gates(x) for x in (p["weight"][0], p["recurrence"][0], bias, state_bias)]
    states, cell = run_lstm(b["x"], *weights)
    out = linear(p, "head", states)
    return {"states": states, "cell": cell, "loss": F.mse_loss(out, b["targets"])}


def cross_attention(p, b):
    query = heads(linear(p, "query", layer_norm(p, "queryNorm", b["x"])), 2)
    key, value = (heads(part, 2) for part in linear(p, "keyValue", layer_norm(p, "mediaNorm", b["media"])).chunk(2, 2))
    attended = linear(p, "output", attend(query, key, value, b["mask"]))
    out = b["x"] + torch.tanh(p["gate"]) * attended
    return {"attended": attended, "out": out, "loss": F.mse_loss(out, b["targets"])}


def info_nce(p, b):
    def side(name):
        x = b[name] * b[f"{name}Dropout"]
        for i in range(2):
            adapter = f"{name}.adapters.{i}"
            x = x + linear(p, f"{adapter}.up", F.relu(linear(p, f"{adapter}.down", x)))
        return F.normalize(linear(p, f"{name}.projection", x), dim=1)

    logits = side("picture") @ side("text").t() * p["logLogitScale"].clamp(0, math.log(100)).exp()
    targets = torch.arange(len(logits))
    loss = (F.cross_entropy(logits, targets) + F.cross_entropy(logits.t(), targets)) / 2
    return {"accuracy": (logits.argmax(1) == targets).float().mean(), "loss": loss}


# Expansion, channels, blocks and the stride of the first one (arXiv:1801.04381, table 2).
MOBILENET = [(1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1)]


def mobilenet(p, b):
    """MobileNetV2 with the weights of its convolutions in their order; TensorFlow's padding puts an odd remainder at the end."""
    weights = itertools.count()

    def conv(x, stride=1, activate=True):
        name = f"conv{next(weights)}"
        weight = p[f"{name}.weight"]
        kernel = weight.shape[2]
        if kernel > 1:
            total = [max(0, (-(-size // stride) - 1) * stride + kernel - size) for size in x.shape[2:]]
            x = F.pad(x, [total[1] // 2, total[1] - total[1] // 2, total[0] // 2, total[0] - total[0] // 2])
        groups = x.shape[1] // weight.shape[1]
        out = F.conv2d(x, weight, p[f"{name}.bias"], stride=stride, groups=groups)
        # Not relu6: channels that are 0 throughout lie on the edge, where Clip, like clamp, lets the gradient pass and relu6 does not.
        return out.clamp(0, 6) if activate else out

    x = conv(b["pictures"].permute(0, 3, 1, 2) / 255, stride=2)
    for expansion, channels, repeats, first_stride in MOBILENET:
        for i in range(repeats):
            stride = first_stride if i == 0 else 1
            hidden = conv(x) if expansion > 1 else x
            hidden = conv(conv(hidden, stride=stride), activate=False)
            x = x + hidden if stride == 1 and x.shape[1] == channels else hidden
    pooled = conv(x).mean((2, 3))
    logits = linear(p, "head", pooled)
    return {"pooled": pooled, "logits": logits, "loss": F.cross_entropy(logits, b["targets"])}


NETWORKS = {
    "mlp": mlp,
    "vit": vit,
    "resnet": resnet,
    "unet": unet,
    "lstm": lstm,
    "lstm-op": lstm_op,
    "cross-attention": cross_attention,
    "info-nce": info_nce,
    "mobilenet": mobilenet,
}


def answer(network, path, result_path):
    tensors = read(path)
    under = lambda prefix: {n[len(prefix) :]: t for n, t in tensors.items() if n.startswith(prefix)}
    params, batch = under("params."), under("batch.")
    settings = {name: value.item() for name, value in under("settings.").items()}
    for param in params.values():
        param.requires_grad_()
    model = NETWORKS[network]
    outputs = model(params, batch)
    outputs["loss"].backward()
    result = {f"output.{name}": value for name, value in outputs.items()}
    result.update({f"grad.{name}": param.grad.clone() for name, param in params.items()})
    decayed = [param for param in params.values() if param.dim() >= 2]
    others = [param for param in params.values() if param.dim() < 2]
    optimizer = torch.optim.AdamW(
        [{"params": decayed}, {"params": others, "weight_decay": 0.0}],
        lr=settings["learningRate"],
        eps=settings["epsilon"],
        weight_decay=settings["weightDecay"],
    )
    losses = []
    for _ in range(int(settings["numSteps"])):
        optimizer.zero_grad()
        loss = model(params, batch)["loss"]
        loss.backward()
        torch.nn.utils.clip_grad_norm_(params.values(), settings["maxGradNorm"])
        optimizer.step()
        losses.append(loss.item())
    result.update({f"next.{name}": param for name, param in params.items()})
    write(result_path, result)
    return {"losses": losses}


def main():
    torch.set_num_threads(1)
    for line in sys.stdin:
        words = line.split()
        try:
            given = {"version": torch.__version__} if words == ["info"] else answer(*words)
        except Exception:
            given = {"error": traceback.format_exc()}
        print(json.dumps(given), flush=True)


main()
