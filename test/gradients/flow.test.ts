/** @file How derivatives flow through a graph: stopped, joined, absent, and differentiated again. */
import { describe, expect, it } from 'vitest';
import { grad, gradients, valueAndGrad } from '../../src/engine/autodiff/index.ts';
import { float32, int64, ShapeError, type Tensor } from '../../src/engine/core/index.ts';
import {
  abs,
  add,
  argMax,
  averagePool,
  cast,
  clip,
  concat,
  constant,
  conv,
  cumSum,
  div,
  exp,
  floor,
  gather,
  gelu,
  gemm,
  graphOf,
  layerNormalization,
  log,
  logSoftmax,
  matMul,
  max,
  maxPool,
  mul,
  pow,
  reduceMax,
  reduceMean,
  reduceSum,
  reduceSumSquare,
  reshape,
  sigmoid,
  sin,
  slice,
  softmax,
  spec,
  split,
  stopGradient,
  sub,
  tanh,
  topK,
  trace,
  transpose,
  Value,
} from '../../src/engine/graph/index.ts';
import { compile } from '../../src/engine/runtime/index.ts';
import { awayFromZero, disagreements, distinct, type GradientCase, PreparedCase, uniform } from './checker.ts';

const input = (name: string, shape: readonly number[]) =>
  new Value({ dtype: 'float32', shape }, { kind: 'input', name });

async function evaluate(
  inputs: Readonly<Record<string, Value>>,
  outputs: readonly Value[],
  feeds: Record<string, Tensor>,
): Promise<number[][]> {
  const named = outputs.map((value, i) => ({ name: `result${i}`, value }));
  const executable = await compile(
    graphOf(
      Object.entries(inputs).map(([name, value]) => ({ name, value })),
      named,
    ),
    { numThreads: 1 },
  );
  const results = await executable.run(feeds);
  await executable.close();
  return named.map(({ name }) => Array.from(results[name]!.data as Float32Array));
}

describe('derivatives', () => {
  it('do not pass stopGradient, while those beside it do', async () => {
    const x = input('x', [2]);
    const [derivative] = gradients(reduceSum(mul(stopGradient(x), mul(x, x))), [x]);
    // d/dx of c x² with c = x held: 2 x · x.
    expect(await evaluate({ x }, [derivative!], { x: float32([3, -2]) })).toEqual([[18, 8]]);
  });

  it('are zeros where stopGradient cuts the only path', async () => {
    const x = input('x', [3]);
    const [derivative] = gradients(reduceSum(stopGradient(exp(x))), [x]);
    expect(await evaluate({ x }, [derivative!], { x: float32([1, 2, 3]) })).toEqual([[0, 0, 0]]);
  });

  it('end at stopGradient before an op that has none, as its message advises', () => {
    const x = input('x', [3]);
    expect(() => gradients(reduceSum(mul(floor(stopGradient(x)), x)), [x])).not.toThrow();
  });

  it('end at indices', () => {
    const x = input('x', [3]);
    expect(() => gradients(reduceSum(mul(cast(argMax(x, 0), 'float32'), x)), [x])).not.toThrow();
  });

  it('of a value used many times add up', async () => {
    const x = input('x', [2]);
    const y = exp(x);
    const loss = reduceSum(add(add(mul(y, y), y), mul(x, 3)));
    const [derivative] = gradients(loss, [x]);
    const [[first, second]] = (await evaluate({ x }, [derivative!], { x: float32([0, Math.log(2)]) })) as [number[]];
    expect(first).toBeCloseTo(2 + 1 + 3, 5);
    expect(second).toBeCloseTo(2 * 4 + 2 + 3, 5);
  });

  it('toward an input that does not matter are zeros of its shape', async () => {
    const [x, unused] = [input('x', [2]), input('unused', [2, 2])];
    const derivatives = gradients(reduceSum(x), [unused, x]);
    expect(derivatives[0]!.shape).toEqual([2, 2]);
    const feeds = { x: float32([1, 2]), unused: float32([1, 2, 3, 4], [2, 2]) };
    expect(await evaluate({ x, unused }, derivatives, feeds)).toEqual([
      [0, 0, 0, 0],
      [1, 1],
    ]);
  });

  it('toward a value in the middle are those of what follows it', async () => {
    const x = input('x', [2]);
    const middle = mul(x, 10);
    const derivatives = gradients(reduceSum(mul(middle, middle)), [middle, x]);
    expect(await evaluate({ x }, derivatives, { x: float32([1, 2]) })).toEqual([
      [20, 40],
      [200, 400],
    ]);
  });

  it('toward the loss itself are one', async () => {
    const x = input('x', []);
    const loss = mul(x, 2);
    expect(await evaluate({ x }, gradients(loss, [loss]), { x: float32([5], []) })).toEqual([[1]]);
  });

  it('are only defined for a scalar loss', () => {
    const x = input('x', [2]);
    expect(() => gradients(x, [x])).toThrow(ShapeError);
    expect(() => gradients(x, [x])).toThrow(/loss must be a float scalar, got float32\[2\]; reduce it to one number/);
  });

  it('of equal extremes are shared, and those of |x| and relu at 0 are 0', async () => {
    const [x, y] = [input('x', [3]), input('y', [3])];
    const derivatives = [
      ...gradients(reduceSum(max(x, y)), [x, y]),
      ...gradients(reduceMax(x), [x]),
      ...gradients(reduceSum(abs(sub(x, y))), [x]),
    ];
    const feeds = { x: float32([1, 4, 4]), y: float32([1, 2, 5]) };
    expect(await evaluate({ x, y }, derivatives, feeds)).toEqual([
      [0.5, 1, 0],
      [0.5, 0, 1],
      [0, 0.5, 0.5],
      [0, 1, -1],
    ]);
  });

  it('come in the form of the parameters', async () => {
    const loss = (params: { w: Value; layers: readonly { b: Value }[] }, scale: number) =>
      mul(reduceSum(mul(params.w, params.layers[0]!.b)), scale);
    const graph = trace(
      (params) => {
        const { value, grads } = valueAndGrad(loss)(params, 2);
        return { value, grads, again: grad(loss)(params, 2) };
      },
      { w: spec([2]), layers: [{ b: spec([2]) }] },
    );
    expect(graph.outputs.map(({ name }) => name)).toEqual([
      'value',
      'grads.w',
      'grads.layers.0.b',
      'again.w',
      'again.layers.0.b',
    ]);
    const executable = await compile(graph);
    const results = await executable.run({ w: float32([1, 2]), 'layers.0.b': float32([3, 4]) });
    expect(results.value!.data).toEqual(Float32Array.of(22));
    expect(results['grads.w']!.data).toEqual(Float32Array.of(6, 8));
    expect(results['again.layers.0.b']!.data).toEqual(Float32Array.of(2, 4));
    await executable.close();
  });
});

/** A case whose outputs are the derivatives of a loss: checking it checks second derivatives. */
function second(name: string, operands: GradientCase['operands'], loss: (...values: Value[]) => Value): GradientCase {
  return { name, operands, apply: (values) => gradients(loss(...values), values) };
}

const inFloat32 = (one: GradientCase): GradientCase => ({ ...one, dtype: 'float32' });
const energy = (x: Value) => reduceSum(mul(x, sin(x)));

const secondDerivatives: readonly GradientCase[] = [
  second('exp, sin and a product', [uniform([2, 2]), uniform([2])], (x, y) => reduceSum(mul(exp(x!), sin(y!)))),
  second('a quotient and a logarithm', [uniform([3], 1, 2), uniform([3], 1, 2)], (x, y) => energy(div(log(x!), y!))),
  second('a power', [uniform([3], 1, 2), uniform([3], 1, 2)], (x, y) => reduceSum(pow(x!, y!))),
  second('tanh and sigmoid', [uniform([4])], (x) => reduceSum(mul(tanh(x!), sigmoid(x!)))),
  second('|x| away from 0', [awayFromZero([4])], (x) => reduceSum(mul(abs(x!), mul(x!, x!)))),
  second('clip and max', [distinct([5]), distinct([5], 0.05)], (x, y) =>
    energy(max(clip(mul(x!, x!), 0.025, 0.5), mul(y!, 0.3))),
  ),
  second('softmax', [uniform([2, 3])], (x) => energy(softmax(x!))),
  second('logSoftmax along the first axis', [uniform([2, 3])], (x) => energy(logSoftmax(x!, 0))),
  second('sums of squares, means and running sums', [uniform([2, 3])], (x) =>
    energy(add(reduceSumSquare(x!, { axes: [1], keepDims: true }), mul(reduceMean(x!), cumSum(x!, 1)))),
  ),
  second('the largest elements', [distinct([3, 4])], (x) =>
    add(energy(topK(x!, 2).values), energy(reduceMax(x!, { axes: [0] }))),
  ),
  second('products of matrices', [uniform([2, 3]), uniform([3, 2])], (a, b) => energy(matMul(a!, b!))),
  second('a transposed product', [uniform([3, 2]), uniform([4, 3]), uniform([4])], (a, b, c) =>
    energy(gemm(a!, b!, c!, { transA: true, transB: true })),
  ),
  inFloat32(second('products of stacks', [uniform([2, 2, 2]), uniform([2, 2, 2])], (a, b) => energy(matMul(a!, b!)))),
  second('layout', [uniform([2, 4])], (x) => {
    const [a, b] = split(transpose(x!), [2, 2], 0) as [Value, Value];
    return energy(concat([mul(a, b), slice(reshape(x!, [4, 2]), { starts: [3], ends: [0], steps: [-2] })], 0));
  }),
  second('rows gathered twice', [uniform([3, 2])], (x) => energy(gather(x!, constant(int64([2, 0, 2]))))),
  inFloat32(
    second('LayerNormalization', [uniform([2, 4]), uniform([4]), uniform([4])], (x, s, b) =>
      energy(layerNormalization(x!, s!, b!, { epsilon: 0.1 })),
    ),
  ),
  inFloat32(second('gelu', [uniform([3])], (x) => reduceSum(gelu(x!)))),
  inFloat32(
    second('Conv with strides and pads', [uniform([1, 2, 4, 3]), uniform([2, 2, 2, 2]), uniform([2])], (x, w, b) =>
      energy(conv(x!, w!, b!, { strides: [2, 1], pads: [0, 1, 1, 0] })),
    ),
  ),
  inFloat32(
    second('pools', [distinct([1, 1, 4, 4])], (x) => add(energy(maxPool(x!, [2, 2])), energy(averagePool(x!, [3, 3])))),
  ),
];

describe('the derivative of a derivative', () => {
  it.each(secondDerivatives)('agrees with central differences: $name', async (one) => {
    expect(await disagreements(new PreparedCase(one))).toEqual([]);
  });
});
