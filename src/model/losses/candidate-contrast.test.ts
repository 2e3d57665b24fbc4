import { describe, expect, it } from 'vitest';
import { gradients } from '../../engine/autodiff/index.ts';
import { Rng, ShapeError, scalar, Tensor } from '../../engine/core/index.ts';
import { constant, graphOf, spec, trace, Value } from '../../engine/graph/index.ts';
import { compile } from '../../engine/runtime/index.ts';
import { candidateContrast } from './candidate-contrast.ts';
import { infoNce } from './info-nce.ts';

const unitRows = (seed: string, rows: number, dim: number) => {
  const data = new Rng(seed).fillNormal(new Float32Array(rows * dim));
  for (let i = 0; i < rows; i++) {
    const row = data.subarray(i * dim, (i + 1) * dim);
    const length = Math.hypot(...row);
    row.forEach((x, d) => {
      row[d] = x / length;
    });
  }
  return new Tensor('float32', [rows, dim], data);
};

async function evaluate(loss: typeof candidateContrast, a: Tensor, b: Tensor, scale: number) {
  const graph = trace(
    (inputs: { a: Value; b: Value }) => {
      const result = loss(inputs.a, inputs.b, constant(scalar(scale)));
      return { loss: result.loss, accuracy: result.accuracy };
    },
    { a: spec(a.shape), b: spec(b.shape) },
  );
  const executable = await compile(graph, { numThreads: 1 });
  const results = await executable.run({ a, b });
  await executable.close();
  return { loss: Number(results.loss!.data[0]), accuracy: Number(results.accuracy!.data[0]) };
}

const value = (shape: readonly number[]) => new Value({ dtype: 'float32', shape }, { kind: 'input', name: 'x' });

describe('candidateContrast', () => {
  it('is (ln B + ln C) / 2 where embeddings say nothing', async () => {
    const same = (rows: number) =>
      new Tensor(
        'float32',
        [rows, 2],
        Float32Array.from({ length: rows * 2 }, (_, i) => (i % 2 === 0 ? 1 : 0)),
      );
    const { loss } = await evaluate(candidateContrast, same(4), same(20), 30);
    expect(loss).toBeCloseTo((Math.log(4) + Math.log(20)) / 2, 5);
  });

  it('is symmetric InfoNCE where there are no further candidates', async () => {
    const [a, b] = [unitRows('a', 6, 5), unitRows('b', 6, 5)];
    const [ours, plain] = [await evaluate(candidateContrast, a, b, 7), await evaluate(infoNce, a, b, 7)];
    expect(ours.loss).toBeCloseTo(plain.loss, 5);
    expect(ours.accuracy).toBe(plain.accuracy);
  });

  it('counts further candidates against a row, and not for a candidate', async () => {
    const [a, b] = [unitRows('a', 3, 4), unitRows('b', 5, 4)];
    const dot = (i: number, j: number) =>
      Array.from({ length: 4 }, (_, d) => Number(a.data[i * 4 + d]) * Number(b.data[j * 4 + d])).reduce(
        (x, y) => x + y,
      );
    const entropy = (own: number, all: readonly number[]) =>
      Math.log(all.reduce((sum, x) => sum + Math.exp(3 * x), 0)) - 3 * own;
    let expected = 0;
    for (let i = 0; i < 3; i++) {
      expected +=
        entropy(
          dot(i, i),
          [0, 1, 2, 3, 4].map((j) => dot(i, j)),
        ) / 6;
      expected +=
        entropy(
          dot(i, i),
          [0, 1, 2].map((j) => dot(j, i)),
        ) / 6;
    }
    const { loss, accuracy } = await evaluate(candidateContrast, a, b, 3);
    expect(loss).toBeCloseTo(expected, 5);
    const best = [0, 1, 2].map((i) => [0, 1, 2, 3, 4].reduce((top, j) => (dot(i, j) > dot(i, top) ? j : top), 0));
    expect(accuracy).toBeCloseTo(best.filter((j, i) => j === i).length / 3, 6);
  });

  it('has the gradient that central differences give', async () => {
    const [a, b] = [unitRows('a', 3, 4), unitRows('b', 5, 4)];
    const inputs = { a: value(a.shape), b: value(b.shape) };
    const { loss } = candidateContrast(inputs.a, inputs.b, constant(scalar(4)));
    const [da, db] = gradients(loss, [inputs.a, inputs.b]);
    const graph = graphOf(
      Object.entries(inputs).map(([name, input]) => ({ name, value: input })),
      [
        { name: 'a.grad', value: da! },
        { name: 'b.grad', value: db! },
      ],
    );
    const executable = await compile(graph, { numThreads: 1 });
    const grads = await executable.run({ a, b });
    await executable.close();
    const moved = (tensor: Tensor, i: number, step: number) => {
      const data = (tensor.data as Float32Array).slice();
      data[i]! += step;
      return new Tensor('float32', tensor.shape, data);
    };
    for (const i of [0, 5, 11]) {
      const [up, down] = [moved(a, i, 1e-2), moved(a, i, -1e-2)];
      const measured =
        ((await evaluate(candidateContrast, up, b, 4)).loss - (await evaluate(candidateContrast, down, b, 4)).loss) /
        2e-2;
      expect(Number(grads['a.grad']!.data[i])).toBeCloseTo(measured, 3);
    }
    // The last candidate belongs to no row: it is only pushed away.
    for (const i of [0, 16]) {
      const [up, down] = [moved(b, i, 1e-2), moved(b, i, -1e-2)];
      const measured =
        ((await evaluate(candidateContrast, a, up, 4)).loss - (await evaluate(candidateContrast, a, down, 4)).loss) /
        2e-2;
      expect(Number(grads['b.grad']!.data[i])).toBeCloseTo(measured, 3);
    }
  });

  it('refuses fewer candidates than rows, and other widths', () => {
    const scale = constant(scalar(1));
    expect(() => candidateContrast(value([4, 3]), value([3, 3]), scale)).toThrow(ShapeError);
    expect(() => candidateContrast(value([4, 3]), value([5, 2]), scale)).toThrow('[B, D] and [C, D]');
  });
});
