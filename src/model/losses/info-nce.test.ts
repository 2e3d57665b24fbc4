import { describe, expect, it } from 'vitest';
import { float32, ShapeError, scalar, type Tensor } from '../../engine/core/index.ts';
import { constant, spec, trace, Value } from '../../engine/graph/index.ts';
import { compile } from '../../engine/runtime/index.ts';
import { clampedLogitScale, infoNce, maxLogitScale } from './info-nce.ts';

async function lossOf(a: Tensor, b: Tensor, logitScale: number): Promise<{ loss: number; accuracy: number }> {
  const graph = trace((inputs) => infoNce(inputs.a, inputs.b, inputs.scale), {
    a: spec(a.shape),
    b: spec(b.shape),
    scale: spec([]),
  });
  const executable = await compile(graph, { numThreads: 1 });
  const { loss, accuracy } = await executable.run({ a, b, scale: scalar(logitScale) });
  await executable.close();
  return { loss: Number(loss!.data[0]), accuracy: Number(accuracy!.data[0]) };
}

function unitRows(size: number): Tensor {
  const data = new Float32Array(size * size);
  for (let i = 0; i < size; i++) data[i * size + i] = 1;
  return float32(data, [size, size]);
}

describe('infoNce', () => {
  it('is ln B for embeddings that say nothing, at any scale', async () => {
    for (const size of [2, 7, 32]) {
      const same = float32(new Float32Array(size * 2).fill(Math.SQRT1_2), [size, 2]);
      for (const scale of [1, 100]) expect((await lossOf(same, same, scale)).loss).toBeCloseTo(Math.log(size), 5);
    }
  });

  it('agrees with a 2 x 2 that was computed by hand', async () => {
    // Rows of a: (1, 0), (0, 1); of b: (1, 0), (0.6, 0.8). Logits at scale 2: [[2, 1.2], [0, 1.6]].
    const { loss, accuracy } = await lossOf(float32([1, 0, 0, 1], [2, 2]), float32([1, 0, 0.6, 0.8], [2, 2]), 2);
    const softplus = (x: number) => Math.log(1 + Math.exp(x));
    const rows = (softplus(1.2 - 2) + softplus(0 - 1.6)) / 2;
    const columns = (softplus(0 - 2) + softplus(1.2 - 1.6)) / 2;
    expect(loss).toBeCloseTo((rows + columns) / 2, 5);
    expect(accuracy).toBe(1);
  });

  it('is the same with the sides exchanged', async () => {
    const a = float32([1, 0, 0.6, 0.8, 0, 1], [3, 2]);
    const b = float32([0.8, 0.6, 0, 1, 1, 0], [3, 2]);
    expect((await lossOf(a, b, 5)).loss).toBeCloseTo((await lossOf(b, a, 5)).loss, 5);
  });

  it('tends to 0 for perfect alignment, and to the scale for perfect confusion', async () => {
    const rows = unitRows(4);
    const at1 = await lossOf(rows, rows, 1);
    expect(at1.loss).toBeCloseTo(Math.log(1 + 3 * Math.exp(-1)), 5);
    const at100 = await lossOf(rows, rows, 100);
    expect(at100.loss).toBeCloseTo(0, 12);
    expect(at100.accuracy).toBe(1);
    const confused = float32([0, 1, 1, 0], [2, 2]);
    expect((await lossOf(unitRows(2), confused, 100)).loss).toBeCloseTo(100, 3);
    expect((await lossOf(unitRows(2), confused, 100)).accuracy).toBe(0);
  });

  it('counts the rows of a that find their partner', async () => {
    // The first two rows of b are exchanged.
    const b = float32([0, 1, 0, 0, 1, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1], [4, 4]);
    expect((await lossOf(unitRows(4), b, 10)).accuracy).toBe(0.5);
    // Logits [[1, 2, 0], [0, 3, 0], [0, 4, 1]]: one row is largest on the diagonal, though two columns are.
    const uneven = float32([1, 0, 0, 2, 3, 4, 0, 0, 1], [3, 3]);
    expect((await lossOf(unitRows(3), uneven, 1)).accuracy).toBeCloseTo(1 / 3, 6);
  });

  it('refuses sides that do not belong together, and a batch of unknown size', () => {
    const value = (shape: readonly (number | string)[]) =>
      new Value({ dtype: 'float32', shape }, { kind: 'input', name: 'x' });
    const scale = value([]);
    expect(() => infoNce(value([4, 8]), value([5, 8]), scale)).toThrow(ShapeError);
    expect(() => infoNce(value([4, 8]), value([4, 9]), scale)).toThrow('both sides must be [B, D]');
    expect(() => infoNce(value([4, 8, 1]), value([4, 8, 1]), scale)).toThrow(ShapeError);
    expect(() => infoNce(value(['batch', 8]), value(['batch', 8]), scale)).toThrow(ShapeError);
  });
});

describe('clampedLogitScale', () => {
  it('is the exponential, kept within 1 and 100', async () => {
    const logs = [Math.log(1 / 0.07), -3, 0, Math.log(100), 9];
    const graph = trace(() => clampedLogitScale(constant(float32(logs))), {});
    const executable = await compile(graph, { numThreads: 1 });
    const scales = Array.from((await executable.run({})).output!.data as Float32Array);
    await executable.close();
    expect(maxLogitScale).toBe(100);
    [1 / 0.07, 1, 1, 100, 100].forEach((scale, i) => {
      expect(scales[i]! / scale).toBeCloseTo(1, 5);
    });
  });
});
