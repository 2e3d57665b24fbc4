import { describe, expect, it } from 'vitest';
import { gradients } from '../../engine/autodiff/index.ts';
import { float32, leaves, mapTree, Rng, ShapeError, Tensor, type Tree } from '../../engine/core/index.ts';
import { constant, type Graph, graphOf, mul, reduceSum, spec, trace, Value } from '../../engine/graph/index.ts';
import { compile, type NamedTensors } from '../../engine/runtime/index.ts';
import { initLayerNorm, layerNorm } from './layer-norm.ts';
import { initLinear, type Linear, linear } from './linear.ts';
import { initModalAdapter, type ModalAdapter, modalAdapter } from './modal-adapter.ts';
import { initMultiheadAttention, type MultiheadAttention, multiheadAttention } from './multihead-attention.ts';
import { initTransformerBlock, type TransformerBlock, transformerBlock } from './transformer-block.ts';
import { unitVectors } from './unit-vectors.ts';

const normal = (seed: string, shape: readonly number[], deviation = 1) => {
  const size = shape.reduce((product, dim) => product * dim, 1);
  return new Tensor('float32', shape, new Rng(seed).fillNormal(new Float32Array(size), deviation));
};

async function run(graph: Graph, feeds: NamedTensors): Promise<Record<string, Float32Array>> {
  const executable = await compile(graph, { numThreads: 1 });
  const results = await executable.run(feeds);
  await executable.close();
  return Object.fromEntries(Object.entries(results).map(([name, { data }]) => [name, data as Float32Array]));
}

/** What a layer with fixed parameters makes of x. */
async function apply(layer: (x: Value) => Value, x: Tensor): Promise<Float32Array> {
  return (
    await run(
      trace((input: Value) => layer(input), spec(x.shape)),
      { input: x },
    )
  ).output!;
}

/** `mapTree` without its types, which are as deep as the tree is unknown. */
const mapLeaves = mapTree as (tree: unknown, transform: (leaf: Tensor, path: string) => unknown) => unknown;

const asConstants = <T>(params: unknown) => mapLeaves(params, (leaf) => constant(leaf)) as T;

function expectClose(actual: ArrayLike<number>, expected: ArrayLike<number>, tolerance = 1e-5): void {
  expect(actual.length).toBe(expected.length);
  for (let i = 0; i < expected.length; i++) {
    expect(Math.abs(actual[i]! - expected[i]!), `element ${i}`).toBeLessThanOrEqual(tolerance);
  }
}

const value = (shape: readonly number[]) => new Value({ dtype: 'float32', shape }, { kind: 'input', name: 'x' });

describe('a linear layer', () => {
  const params = { weight: float32([1, 2, 3, 4, 5, 6], [2, 3]), bias: float32([10, 20, 30]) };
  // (1, -1) W + b = (1 - 4, 2 - 5, 3 - 6) + b; (0, 2) W + b = (8, 10, 12) + b.
  const expected = [7, 17, 27, 18, 30, 42];

  it('is x W + b, of rows and of rows in any number of axes', async () => {
    const layer = (x: Value) => linear(asConstants<Linear<Value>>(params), x);
    expectClose(await apply(layer, float32([1, -1, 0, 2], [2, 2])), expected);
    expectClose(await apply(layer, float32([1, -1, 0, 2], [1, 2, 1, 2])), expected);
    const free = trace((x: Value) => layer(x), spec(['batch', 'time', 2]));
    expectClose((await run(free, { input: float32([1, -1, 0, 2], [2, 1, 2]) })).output!, expected);
  });

  it('starts within the bounds ±√(1 / I) · gain and at bias 0', () => {
    const { weight, bias } = initLinear(new Rng(1), 16, 50, 2);
    const data = Array.from(weight.data as Float32Array);
    expect(Math.max(...data)).toBeLessThanOrEqual(0.5);
    expect(Math.max(...data)).toBeGreaterThan(0.48);
    expect(Math.min(...data)).toBeGreaterThanOrEqual(-0.5);
    expect(Math.min(...data)).toBeLessThan(-0.48);
    expect(Array.from(bias.data as Float32Array)).toEqual(new Array(50).fill(0));
  });
});

describe('a layer normalization', () => {
  it('brings new rows to mean 0 and variance 1', async () => {
    const params = asConstants<Parameters<typeof layerNorm>[0]>(initLayerNorm(4));
    // Mean 4, deviation √5.
    const row = await apply((x) => layerNorm(params, x), float32([1, 3, 5, 7], [1, 4]));
    expectClose(
      row,
      [-3, -1, 1, 3].map((x) => x / Math.sqrt(5)),
    );
  });
});

describe('a modal adapter', () => {
  const x = normal('x', [5, 8]);

  it('is the identity as long as it is new', async () => {
    const params = asConstants<ModalAdapter<Value>>(initModalAdapter(new Rng(1), 8, 3));
    expect(await apply((input) => modalAdapter(params, input), x)).toEqual(x.data);
  });

  it('is x + up(relu(down(x))) when it is not', async () => {
    const params = {
      down: { weight: float32([1, 0, 0, 1], [2, 2]), bias: float32([0, -1]) },
      up: { weight: float32([2, 0, 0, 3], [2, 2]), bias: float32([0.5, 0]) },
    };
    // (3, 4): relu(3, 3) -> (6.5, 9). (-1, 0.5): relu(-1, -0.5) -> (0.5, 0).
    const layer = (input: Value) => modalAdapter(asConstants<ModalAdapter<Value>>(params), input);
    expectClose(await apply(layer, float32([3, 4, -1, 0.5], [2, 2])), [9.5, 13, -0.5, 0.5]);
  });
});

describe('unitVectors', () => {
  it('gives rows of length 1 in the same direction, and leaves a row of zeros', async () => {
    const x = float32([3, 4, 0, 0, -1e-3, 0, 5e4, 5e4], [4, 2]);
    const rows = await apply(unitVectors, x);
    expectClose(rows, [0.6, 0.8, 0, 0, -1, 0, Math.SQRT1_2, Math.SQRT1_2]);
  });
});

describe('multihead attention', () => {
  const params = () => asConstants<MultiheadAttention<Value>>(initMultiheadAttention(new Rng(1), 8));

  it('refuses heads that do not divide the features, and x that is not [B, T, D]', () => {
    expect(() => multiheadAttention(params(), value([2, 3, 8]), { numHeads: 3 })).toThrow(ShapeError);
    expect(() => multiheadAttention(params(), value([2, 3, 8]), { numHeads: 3 })).toThrow('divisible by 3 heads');
    expect(() => multiheadAttention(params(), value([2, 8]), { numHeads: 2 })).toThrow(ShapeError);
    expect(() => multiheadAttention(params(), value([2, 3, 12]), { numHeads: 2 })).toThrow(ShapeError);
    const mask = value([4, 4]);
    expect(() => multiheadAttention(params(), value([2, 3, 8]), { numHeads: 2, mask })).toThrow(ShapeError);
  });

  it('agrees with attention written out in loops', async () => {
    const [batch, time, dim, numHeads] = [2, 3, 4, 2];
    const { queryKeyValue, output } = initMultiheadAttention(new Rng(2), dim);
    const x = normal('x', [batch, time, dim]);
    const layer = (input: Value) =>
      multiheadAttention(asConstants<MultiheadAttention<Value>>({ queryKeyValue, output }), input, {
        numHeads,
      });
    const project = (row: number[], { weight, bias }: Linear<Tensor>) =>
      Array.from(bias.data as Float32Array, (start, o) =>
        row.reduce((sum, item, i) => sum + item * Number(weight.data[i * bias.data.length + o]), start),
      );
    const headDim = dim / numHeads;
    const expected: number[] = [];
    for (let b = 0; b < batch; b++) {
      const rows = Array.from({ length: time }, (_, t) =>
        Array.from((x.data as Float32Array).subarray((b * time + t) * dim, (b * time + t + 1) * dim)),
      );
      const projected = rows.map((row) => project(row, queryKeyValue));
      for (let t = 0; t < time; t++) {
        const mixed: number[] = [];
        for (let h = 0; h < numHeads; h++) {
          const part = (row: number[], which: number) =>
            row.slice(which * dim + h * headDim, which * dim + (h + 1) * headDim);
          const query = part(projected[t]!, 0);
          const scores = projected.map((row) =>
            Math.exp(part(row, 1).reduce((sum, k, i) => sum + k * query[i]!, 0) / Math.sqrt(headDim)),
          );
          const total = scores.reduce((sum, score) => sum + score, 0);
          for (let i = 0; i < headDim; i++) {
            mixed.push(projected.reduce((sum, row, s) => sum + (scores[s]! / total) * part(row, 2)[i]!, 0));
          }
        }
        expected.push(...project(mixed, output));
      }
    }
    expectClose(await apply(layer, x), expected);
  });

  it('sees nothing behind a mask', async () => {
    // Each may look at itself and what came before: the first token must not know of the last.
    const hidden = -1e9;
    const mask = constant(float32([0, hidden, hidden, 0, 0, hidden, 0, 0, 0], [3, 3]));
    const layer = (x: Value) => multiheadAttention(params(), x, { numHeads: 2, mask });
    const x = normal('x', [1, 3, 8]);
    const changed = new Tensor('float32', x.shape, (x.data as Float32Array).slice().fill(9, 16));
    const [before, after] = [await apply(layer, x), await apply(layer, changed)];
    expectClose(after.subarray(0, 16), before.subarray(0, 16));
    expect(after.subarray(16)).not.toEqual(before.subarray(16));
  });
});

describe('a transformer block', () => {
  const numHeads = 2;
  const params = initTransformerBlock(new Rng(3), 8) as unknown as Tree<Tensor>;
  const x = normal('x', [2, 4, 8]);

  it('keeps the shape, and without what it adds is the identity', async () => {
    const silent = mapLeaves(params, (leaf, path) =>
      /^(attention\.output|down)\./.test(path)
        ? new Tensor('float32', leaf.shape, new Float32Array(leaf.data.length))
        : leaf,
    );
    const layer = (of: unknown) => (input: Value) =>
      transformerBlock(asConstants<TransformerBlock<Value>>(of), input, { numHeads });
    expect(await apply(layer(silent), x)).toEqual(x.data);
    const out = await apply(layer(params), x);
    expect(out).toHaveLength(64);
    expect(out).not.toEqual(x.data);
    expect(out.every(Number.isFinite)).toBe(true);
  });

  it('has the gradient that central differences give, in a direction over all parameters and the input', async () => {
    const everything = { params, x } as unknown as Tree<Tensor>;
    const named = leaves<Tensor>(everything);
    const inputs = named.map(([name, leaf]) => ({ name, value: new Value(leaf, { kind: 'input', name }) }));
    const values = new Map(inputs.map(({ name, value: input }) => [name, input]));
    const tree = mapLeaves(everything, (_, path) => values.get(path)!) as {
      params: TransformerBlock<Value>;
      x: Value;
    };
    const weights = constant(normal('weights', x.shape));
    const out = transformerBlock(tree.params, tree.x, { numHeads });
    const loss = reduceSum(mul(out, weights));
    const grads = gradients(loss, [...values.values()]);
    const feeds = Object.fromEntries(named);
    const derivative = await run(
      graphOf(
        inputs,
        grads.map((gradient, i) => ({ name: `grad.${named[i]![0]}`, value: gradient })),
      ),
      feeds,
    );
    const direction = new Map(named.map(([name, leaf]) => [name, normal(`direction ${name}`, leaf.shape).data]));
    let expected = 0;
    for (const [name] of named) {
      const along = direction.get(name) as Float32Array;
      expected += derivative[`grad.${name}`]!.reduce((sum, g, i) => sum + g * along[i]!, 0);
    }
    const forward = await compile(graphOf(inputs, [{ name: 'out', value: mul(out, weights) }]), { numThreads: 1 });
    const lossAt = async (step: number) => {
      const moved = named.map(([name, leaf]) => {
        const along = direction.get(name) as Float32Array;
        const data = (leaf.data as Float32Array).map((item, i) => item + step * along[i]!);
        return [name, new Tensor('float32', leaf.shape, data)] as const;
      });
      const result = await forward.run(Object.fromEntries(moved));
      return (result.out!.data as Float32Array).reduce((sum, item) => sum + item, 0);
    };
    // Five points, so that float32 leaves about four digits.
    const h = 1e-2;
    const [a, b, c, d] = [await lossAt(-2 * h), await lossAt(-h), await lossAt(h), await lossAt(2 * h)];
    await forward.close();
    const measured = (a - 8 * b + 8 * c - d) / (12 * h);
    expect(Math.abs(expected)).toBeGreaterThan(1);
    expect(measured / expected).toBeCloseTo(1, 3);
  });
});
