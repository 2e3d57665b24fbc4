"""Convolutions and their gradients in PyTorch, for `npm run bench -- convolution`.

Usage: python3 convolution.py <threads>

Answers each line on stdin with one line of JSON: `info`; or `<part> <runs> <spec>`, where part is `forward`, `input` or `weight` and
spec is JSON without spaces (x, w, stride, pads, groups): milliseconds of each run, and the mean absolute value of the result.
"""

import json
import sys
import time

import torch


def drawn(shape):
    """The same numbers as `drawn` in bench/convolution.ts."""
    count = 1
    for size in shape:
        count *= size
    return ((torch.arange(count, dtype=torch.int64) * 7919 % 1009).to(torch.float32) / 1009 - 0.5).reshape(shape)


def main():
    threads = int(sys.argv[1])
    torch.set_num_threads(threads)
    for line in sys.stdin:
        part, *rest = line.split()
        if part == "info":
            print(json.dumps({"version": f"PyTorch {torch.__version__}", "threads": torch.get_num_threads()}), flush=True)
            continue
        runs, spec = int(rest[0]), json.loads(rest[1])
        x, w = drawn(spec["x"]), drawn(spec["w"])
        numbers = (spec["stride"], spec["pads"], [1] * len(spec["stride"]), False, [0] * len(spec["stride"]), spec["groups"])
        forward = lambda: torch.ops.aten.convolution(x, w, None, *numbers)
        g = drawn(list(forward().shape))
        mask = [part == "input", part == "weight", False]
        backward = lambda: torch.ops.aten.convolution_backward(g, x, w, None, *numbers, mask)[mask.index(True)]
        run = forward if part == "forward" else backward
        times = []
        result = run()
        for _ in range(runs):
            begin = time.perf_counter()
            run()
            times.append((time.perf_counter() - begin) * 1e3)
        print(json.dumps({"milliseconds": times, "mean": result.abs().mean().item()}), flush=True)


main()
