/**
 * @file Networks as PyTorch exports them, operator sets 9 to 17 (test/onnx/torch/make.py wrote the files): imported, exported at
 * symbolic shapes, folded at known ones, and differentiated, each held to what PyTorch gave.
 */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { gradients } from '../../src/engine/autodiff/index.ts';
import { type AnyTensor, float32, int64, isStatic } from '../../src/engine/core/index.ts';
import {
  add,
  constant,
  type Graph,
  mul,
  reduceSum,
  spec,
  square,
  trace,
  type Value,
} from '../../src/engine/graph/index.ts';
import { exportOnnx, importOnnx, type OnnxModel } from '../../src/engine/onnx/index.ts';
import { compile, type Executable, loadExecutable } from '../../src/engine/runtime/index.ts';

interface Expected {
  readonly dtype: 'float32' | 'int64';
  readonly shape: readonly number[];
  readonly data: readonly number[];
}
type Named = Readonly<Record<string, Expected>>;
interface Case {
  readonly inputs: Named;
  readonly outputs: Named;
  readonly inputGradients?: Named;
  readonly weightGradients?: Readonly<Record<string, number>>;
}

const folder = new URL('./torch/', import.meta.url);
const cases: Readonly<Record<string, Case>> = JSON.parse(readFileSync(new URL('cases.json', folder), 'utf8'));

const tensorOf = ({ dtype, shape, data }: Expected): AnyTensor =>
  dtype === 'int64' ? int64(data, shape) : float32(data, shape);
const feedsOf = (inputs: Named) =>
  Object.fromEntries(Object.entries(inputs).map(([name, input]) => [name, tensorOf(input)]));
const specsOf = (inputs: Named) =>
  Object.fromEntries(Object.entries(inputs).map(([name, { shape, dtype }]) => [name, spec(shape, dtype)]));

async function run(executable: Executable, feeds: Readonly<Record<string, AnyTensor>>) {
  const results = await executable.run(feeds);
  await executable.close();
  return results;
}

const runGraph = async (graph: Graph, feeds: Readonly<Record<string, AnyTensor>>) =>
  run(await compile(graph, { numThreads: 1 }), feeds);

/** Within 1e-3 of each value, and of a thousandth of the largest where values are small beside it. */
function expectClose(found: AnyTensor | undefined, expected: Pick<Expected, 'shape' | 'data'>, what: string): void {
  expect(found?.shape, what).toEqual(expected.shape);
  const largest = Math.max(...expected.data.map(Math.abs), 1e-6);
  expected.data.forEach((value, i) => {
    expect(Math.abs(Number(found!.data[i]) - value), `${what}[${i}]`).toBeLessThanOrEqual(
      1e-3 * Math.abs(value) + 1e-4 * largest,
    );
  });
}

/** The sum of the squares of the outputs, weighted from 0.5 to 1.5 in their order. */
const lossOf = (outputs: Readonly<Record<string, Value>>): Value =>
  Object.values(outputs)
    .map((output) => {
      const shape = output.shape as readonly number[];
      const length = shape.reduce((a, b) => a * b, 1);
      const weights = Float32Array.from({ length }, (_, i) => 0.5 + i / Math.max(1, length - 1));
      return reduceSum(mul(square(output), constant(float32(weights, shape))));
    })
    .reduce((a, b) => add(a, b));

function gradientGraph(model: OnnxModel, inputs: Named): { graph: Graph; names: string[] } {
  const weights = Object.fromEntries([...model.parameters].map(([name, { shape }]) => [name, spec(shape)]));
  const names: string[] = [];
  const graph = trace(
    ({ p, x }: { p: Record<string, Value>; x: Record<string, Value> }) => {
      const floats = Object.entries({ ...p, ...x }).filter(([, value]) => value.dtype === 'float32');
      names.push(...floats.map(([name]) => name));
      return gradients(
        lossOf(model.apply(p, x)),
        floats.map(([, value]) => value),
      );
    },
    { p: weights, x: specsOf(inputs) },
  );
  return { graph, names };
}

/** Ops that are gone once shapes are known. */
const foldsAway = /^(Shape|Size|Loop|ConstantOfShape|Range|NonZero|Sequence.*|ConcatFromSequence|SplitToSequence)$/;

describe.each(Object.entries(cases))('%s', (name, { inputs, outputs, inputGradients, weightGradients }) => {
  const bytes = readFileSync(new URL(`${name}.onnx`, folder));
  const model = importOnnx(bytes);

  it('gives what PyTorch gave, exported with the dimensions of the file', async () => {
    const results = await runGraph(model.toGraph(), feedsOf(inputs));
    for (const [output, expected] of Object.entries(outputs)) expectClose(results[output], expected, output);
  });

  it('gives at other sizes what ONNX Runtime makes of the file', async () => {
    const grown = Object.entries(inputs).map(([input, given]): [string, Expected] => {
      const dims = model.inputs[input]!.shape;
      const shape = given.shape.map((size, axis) => (typeof dims[axis] === 'string' ? size + 2 : size));
      const length = shape.reduce((a, b) => a * b, 1);
      return [
        input,
        { ...given, shape, data: Array.from({ length }, (_, i) => given.data[(i * 5) % given.data.length]!) },
      ];
    });
    const feeds = feedsOf(Object.fromEntries(grown));
    const expected = await run(await loadExecutable(bytes, { numThreads: 1 }), feeds);
    const found = await runGraph(importOnnx(exportOnnx(model.toGraph())).toGraph(), feeds);
    for (const output of Object.keys(outputs)) {
      const { shape, data } = expected[output]!;
      expectClose(found[output], { shape, data: Array.from(data as ArrayLike<number>, Number) }, output);
    }
  });

  it('gives what PyTorch gave with every shape known, the arithmetic on shapes and loops gone', async () => {
    const graph = trace((values) => model.apply({}, values), specsOf(inputs));
    expect(graph.nodes.map(({ op }) => op.opType).filter((opType) => foldsAway.test(opType))).toEqual([]);
    expect(graph.nodes.flatMap((node) => node.outputs).filter((value) => !isStatic(value.shape))).toEqual([]);
    const results = await runGraph(graph, feedsOf(inputs));
    for (const [output, expected] of Object.entries(outputs)) expectClose(results[output], expected, output);
  });

  if (inputGradients === undefined || weightGradients === undefined) return;
  it('has the gradients that PyTorch gave, toward inputs and weights', async () => {
    const { graph, names } = gradientGraph(model, inputs);
    const feeds = Object.entries({ ...Object.fromEntries(model.parameters), ...feedsOf(inputs) });
    const prefix = (key: string) => (key in inputs ? `x.${key}` : `p.${key}`);
    const results = await runGraph(graph, Object.fromEntries(feeds.map(([key, tensor]) => [prefix(key), tensor])));
    const gradientOf = (key: string) => results[String(names.indexOf(key))];
    for (const [input, expected] of Object.entries(inputGradients)) expectClose(gradientOf(input), expected, input);
    const known = Object.entries(weightGradients).filter(([key]) => model.parameters.has(key));
    for (const [key, norm] of known) {
      const found = Math.hypot(...Array.from(gradientOf(key)!.data as Float32Array));
      expect(Math.abs(found - norm), key).toBeLessThanOrEqual(1e-3 * norm + 1e-6);
    }
    expect(Object.keys(inputGradients).length + known.length).toBeGreaterThan(0);
  });
});
