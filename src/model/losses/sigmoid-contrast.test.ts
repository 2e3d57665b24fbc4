import { describe, expect, it } from 'vitest';
import { float32, ShapeError, scalar, type Tensor } from '../../engine/core/index.ts';
import { spec, trace, Value } from '../../engine/graph/index.ts';
import { compile } from '../../engine/runtime/index.ts';
import { sigmoidContrast } from './sigmoid-contrast.ts';

async function lossOf(a: Tensor, b: Tensor, scale: number, bias: number) {
  const graph = trace(({ a, b, scale, bias }) => sigmoidContrast(a, b, scale, bias), {
    a: spec(a.shape),
    b: spec(b.shape),
    scale: spec([]),
    bias: spec([]),
  });
  const executable = await compile(graph, { numThreads: 1 });
  const { loss, accuracy } = await executable.run({ a, b, scale: scalar(scale), bias: scalar(bias) });
  await executable.close();
  return { loss: Number(loss!.data[0]), accuracy: Number(accuracy!.data[0]) };
}

describe('sigmoidContrast', () => {
  it('is B ln 2 where every logit is 0', async () => {
    for (const size of [2, 5]) {
      const same = float32(new Float32Array(size * 2).fill(Math.SQRT1_2), [size, 2]);
      expect((await lossOf(same, same, 1, -1)).loss).toBeCloseTo(size * Math.log(2), 5);
    }
  });

  it('agrees with a 2 x 2 that was computed by hand', async () => {
    // Cosines [[1, 0.6], [0, 0.8]]; logits at scale 2 and bias -1: [[1, 0.2], [-1, 0.6]].
    const { loss, accuracy } = await lossOf(float32([1, 0, 0, 1], [2, 2]), float32([1, 0, 0.6, 0.8], [2, 2]), 2, -1);
    const softplus = (x: number) => Math.log(1 + Math.exp(x));
    expect(loss).toBeCloseTo((softplus(-1) + softplus(0.2) + softplus(-1) + softplus(-0.6)) / 2, 5);
    expect(accuracy).toBe(1);
  });

  it('starts near the answer "no" at its own scale and bias: about 10 for each pair that belongs together', async () => {
    const [a, b] = [float32([1, 0, 0, 1], [2, 2]), float32([0, 1, 1, 0], [2, 2])];
    // Pairs that belong together are orthogonal here: softplus(10) each; the others are alike: softplus(0) each.
    expect((await lossOf(a, b, 10, -10)).loss).toBeCloseTo(10 + Math.log(2), 3);
  });

  it('refuses sides of different shapes', () => {
    const value = (shape: readonly number[]) => new Value({ dtype: 'float32', shape }, { kind: 'input', name: 'x' });
    expect(() => sigmoidContrast(value([2, 3]), value([3, 3]), value([]), value([]))).toThrow(ShapeError);
  });
});
