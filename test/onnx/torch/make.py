"""Writes the files of this folder: small networks as PyTorch exports them, with what they give in PyTorch.

python3 test/onnx/torch/make.py (Debian's python3-torch). For each network: inputs, outputs, and where it is differentiable the
gradient of the sum of the squares of its outputs, weighted from 0.5 to 1.5 in their order, toward its float inputs and toward
those weights that keep their names.
"""
import json
import os
import warnings

import torch
from torch import nn
from torch.nn import functional as F

warnings.filterwarnings("ignore")
folder = os.path.dirname(os.path.abspath(__file__))
cases = {}


def save(name, opset, model, args, dynamic=None, differentiable=True):
    model.eval()
    # The exporter makes one initializer of weights that are equal, as fresh biases and scales are.
    with torch.no_grad():
        for p in model.parameters():
            p += 0.1 * torch.randn_like(p)
    names = [f"x{i}" for i in range(len(args))]
    args = [a.requires_grad_(a.is_floating_point()) for a in args]
    outputs = model(*args)
    outputs = list(outputs) if isinstance(outputs, (tuple, list)) else [outputs]
    case = {
        "inputs": {n: tensor(a) for n, a in zip(names, args)},
        "outputs": {f"y{i}": tensor(y) for i, y in enumerate(outputs)},
    }
    if differentiable:
        sum((y**2 * torch.linspace(0.5, 1.5, y.numel()).view(y.shape)).sum() for y in outputs).backward()
        case["inputGradients"] = {n: tensor(a.grad) for n, a in zip(names, args) if a.grad is not None}
        case["weightGradients"] = {n: p.grad.norm().item() for n, p in model.named_parameters() if p.grad is not None}
    torch.onnx.export(
        model,
        tuple(a.detach() for a in args),
        os.path.join(folder, f"{name}.onnx"),
        opset_version=opset,
        input_names=names,
        output_names=list(case["outputs"]),
        dynamic_axes=dynamic,
        training=torch.onnx.TrainingMode.PRESERVE,
        do_constant_folding=True,
    )
    cases[name] = case


def tensor(t):
    data = [float(f"{v:.9g}") if t.is_floating_point() else v for v in t.detach().flatten().tolist()]
    return {"dtype": str(t.dtype).split(".")[-1], "shape": list(t.shape), "data": data}


class Recurrent(nn.Module):
    def __init__(self, kind):
        super().__init__()
        self.layers = getattr(nn, kind)(3, 4, num_layers=2, bidirectional=True, batch_first=True)
        self.out = nn.Linear(8, 2)

    def forward(self, x):
        return self.out(self.layers(x)[0])


class Pictures(nn.Module):
    def __init__(self, grow):
        super().__init__()
        self.grow = grow
        self.first = nn.Conv2d(3, 4, 3, 2, 1)
        self.norm = nn.BatchNorm2d(4)
        self.norm.running_mean += 0.1
        self.norm.running_var += 0.3
        self.depthwise = nn.Conv2d(4, 4, 3, 1, 1, groups=4)
        self.up = nn.ConvTranspose2d(4, 4, 2, 2)
        self.group = nn.GroupNorm(2, 4)
        self.instance = nn.InstanceNorm2d(4, affine=True)

    def forward(self, x):
        h = F.relu6(self.norm(self.first(x)))
        h = h + F.hardswish(self.depthwise(h))
        h = F.max_pool2d(h, 3, 2, 1, ceil_mode=True)
        h = self.instance(self.group(self.up(h)))
        if self.grow:
            h = F.interpolate(h, scale_factor=2, mode="bilinear", align_corners=False)
            h = F.interpolate(h, size=(5, 7), mode="nearest")
        return F.adaptive_avg_pool2d(F.silu(h), 1).flatten(1)


class Shapes(nn.Module):
    def forward(self, x):
        b, t, d = x.shape
        y = x.view(b, t, 2, d // 2).permute(0, 2, 1, 3).reshape(b * 2, t, d // 2)
        later = torch.arange(t)[None, :] < torch.arange(t)[:, None]
        w = torch.matmul(y, y.transpose(1, 2)).masked_fill(later, -1e9).softmax(-1)
        z = (w @ y).view(b, 2, t, d // 2).transpose(1, 2).contiguous().view(b, t, d)
        z = torch.cat([z[:, 1:], z[:, :1]], 1)[:, ::2]
        z = F.pad(z, (1, 2), value=3.0)
        e = torch.zeros(b, 1, z.shape[2]).expand(b, 2, -1)
        return torch.cat([z, e], 1), z.cumsum(1), torch.einsum("btd,bsd->bts", z, z), z.var(-1), z.norm(dim=1)


class Encoder(nn.Module):
    def __init__(self):
        super().__init__()
        layer = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True, dropout=0.0, activation="gelu")
        self.layers = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)
        self.embedding = nn.Embedding(12, 8)

    def forward(self, ids):
        return self.layers(self.embedding(ids))


@torch.jit.script
def over_time(x, n: int):
    h = torch.zeros_like(x[:, 0])
    for i in range(n):
        h = torch.tanh(h * 0.5 + x[:, i])
    return h


class Loop(nn.Module):
    def forward(self, x):
        return over_time(x, x.size(1))


@torch.jit.script
def either(x):
    if bool(x.sum() > 0):
        return x * 2
    else:
        return x - 1


class If(nn.Module):
    def forward(self, x):
        return either(x)


@torch.jit.script
def collected(x):
    out = []
    for i in range(x.size(0)):
        out.append(x[i] * i)
    return torch.stack(out)


class Lists(nn.Module):
    def forward(self, x):
        return collected(x)


class Indices(nn.Module):
    def forward(self, x, i):
        y = torch.zeros(4, 6).scatter(1, i, x)
        z = torch.gather(y, 1, i)
        w = y.clone()
        w[1:3, ::2] = 7
        w[:, i[0]] = w[:, i[0]] + 1
        return y, z, w, torch.where(w > 1, w, -w), y.index_select(1, i[0]), w[i[:, 0] % 4]


class Activations(nn.Module):
    def __init__(self):
        super().__init__()
        self.slopes = nn.PReLU(3)

    def forward(self, x):
        return (
            F.elu(x) + F.selu(x) + F.celu(x, 0.7) + F.leaky_relu(x, 0.2) + F.softplus(x),
            F.mish(x) + F.silu(x) + F.hardsigmoid(x) + F.hardtanh(x) + F.logsigmoid(x) + self.slopes(x),
            F.log_softmax(x, 1) + x.abs().pow(1.3) + x.clamp(min=-0.3),
            F.glu(x, 2),
            F.pixel_shuffle(x.repeat(1, 4, 1, 1), 2),
            F.normalize(x, dim=1),
            F.cosine_similarity(x, x + 1, dim=1),
        )


torch.manual_seed(0)
batch, time = {"x0": {0: "batch"}}, {"x0": {0: "batch", 1: "time"}}
save("lstm-9", 9, Recurrent("LSTM"), [torch.randn(2, 3, 3)], time)
save("gru-14", 14, Recurrent("GRU"), [torch.randn(2, 3, 3)], time)
save("rnn-11", 11, Recurrent("RNN"), [torch.randn(2, 3, 3)], time)
save("pictures-11", 11, Pictures(False), [torch.randn(2, 3, 8, 10)], {"x0": {0: "batch", 2: "height", 3: "width"}})
save("pictures-13", 13, Pictures(True), [torch.randn(2, 3, 8, 10)], {"x0": {0: "batch", 2: "height", 3: "width"}})
save("shapes-12", 12, Shapes(), [torch.randn(2, 6, 8)], time)
save("shapes-17", 17, Shapes(), [torch.randn(2, 6, 8)], time)
save("encoder-9", 9, Encoder(), [torch.randint(0, 12, (2, 5))], time)
save("encoder-17", 17, Encoder(), [torch.randint(0, 12, (2, 5))], time)
save("loop-11", 11, Loop(), [torch.randn(2, 4, 3)], time)
save("lists-13", 13, Lists(), [torch.randn(3, 2)], batch)
save("if-16", 16, If(), [torch.randn(2, 3)], batch, differentiable=False)
save("indices-11", 11, Indices(), [torch.randn(4, 3), torch.stack([torch.randperm(6)[:3] for _ in range(4)])])
save("activations-16", 16, Activations(), [torch.randn(2, 3, 2, 2)], batch)
with open(os.path.join(folder, "cases.json"), "w") as file:
    json.dump(cases, file, separators=(",", ":"))
    file.write("\n")
