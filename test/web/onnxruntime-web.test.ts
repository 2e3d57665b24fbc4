/** @file Exported models give in onnxruntime-web (WebAssembly, as in a browser) what they give in onnxruntime-node, gradients too. */
import * as web from 'onnxruntime-web';
import { beforeAll, describe, expect, it } from 'vitest';
import { gradients } from '../../src/engine/autodiff/index.ts';
import { leaves, mapTree, Rng, Tensor, type Tree } from '../../src/engine/core/index.ts';
import {
  add,
  averagePool,
  clip,
  constant,
  conv,
  type Graph,
  globalAveragePool,
  graphOf,
  matMul,
  maxPool,
  mul,
  reduceMean,
  relu,
  reshape,
  softmax,
  spec,
  square,
  trace,
  Value,
} from '../../src/engine/graph/index.ts';
import { exportOnnx } from '../../src/engine/onnx/index.ts';
import { loadExecutable, type NamedTensors } from '../../src/engine/runtime/index.ts';
import {
  clampedLogitScale,
  infoNce,
  initTransformerBlock,
  type TransformerBlock,
  transformerBlock,
  unitVectors,
} from '../../src/model/index.ts';

const normal = (seed: string, shape: readonly number[], deviation = 1) => {
  const size = shape.reduce((product, dim) => product * dim, 1);
  return new Tensor('float32', shape, new Rng(seed).fillNormal(new Float32Array(size), deviation));
};
const mapLeaves = mapTree as (tree: unknown, transform: (leaf: Tensor, path: string) => unknown) => unknown;

beforeAll(() => {
  web.env.wasm.numThreads = 1;
});

async function runWeb(model: Uint8Array, feeds: NamedTensors): Promise<Map<string, web.Tensor>> {
  const session = await web.InferenceSession.create(model, { executionProviders: ['wasm'] });
  const given = Object.entries(feeds).map(
    ([name, { data, shape }]) => [name, new web.Tensor('float32', data as Float32Array, shape)] as const,
  );
  const results = await session.run(Object.fromEntries(given));
  await session.release();
  return new Map(Object.entries(results));
}

/** Runs the graph in both and compares every output, which must not be all zero. */
async function expectSame(graph: Graph, feeds: NamedTensors): Promise<void> {
  const model = exportOnnx(graph);
  const here = await loadExecutable(model, { numThreads: 1 });
  const expected = await here.run(feeds);
  await here.close();
  const found = await runWeb(model, feeds);
  expect([...found.keys()].sort()).toEqual(graph.outputs.map(({ name }) => name).sort());
  for (const [name, tensor] of Object.entries(expected)) {
    const actual = found.get(name)!;
    expect([...actual.dims], name).toEqual([...tensor.shape]);
    const [a, b] = [actual.data as Float32Array, tensor.data as Float32Array];
    const largest = b.reduce((max, value) => Math.max(max, Math.abs(value)), 0);
    expect(largest, `${name} is not all zero`).toBeGreaterThan(1e-6);
    const difference = b.reduce((max, value, i) => Math.max(max, Math.abs(value - a[i]!)), 0);
    expect(difference, name).toBeLessThanOrEqual(1e-4 * Math.max(1, largest));
  }
}

describe('an exported model in onnxruntime-web', () => {
  it('is a transformer block', async () => {
    const params = mapLeaves(initTransformerBlock(new Rng(1), 16), (leaf) => constant(leaf)) as TransformerBlock<Value>;
    const graph = trace((x: Value) => transformerBlock(params, x, { numHeads: 4 }), spec([2, 5, 16]));
    await expectSame(graph, { input: normal('x', [2, 5, 16]) });
  });

  it('is a small convolutional network, for batches of any size', async () => {
    const weights = {
      first: normal('first', [8, 3, 3, 3], 0.3),
      depthwise: normal('depthwise', [8, 1, 3, 3], 0.3),
      bias: normal('bias', [8], 0.3),
      classifier: normal('classifier', [8, 4]),
    };
    const graph = trace(
      ({ picture }) => {
        const first = conv(picture, constant(weights.first), constant(weights.bias), {
          strides: [2, 2],
          pads: [0, 0, 1, 1],
        });
        const depthwise = conv(clip(first, 0, 6), constant(weights.depthwise), undefined, {
          group: 8,
          pads: [1, 1, 1, 1],
        });
        const pooled = averagePool(maxPool(relu(depthwise), [2, 2], { strides: [2, 2] }), [2, 2]);
        const row = reshape(globalAveragePool(pooled), [picture.shape[0]!, 8]);
        return { classes: softmax(matMul(row, constant(weights.classifier))) };
      },
      { picture: spec(['batch', 3, 16, 16]) },
    );
    await expectSame(graph, { picture: normal('picture', [1, 3, 16, 16]) });
    await expectSame(graph, { picture: normal('pictures', [3, 3, 16, 16]) });
  });

  it('gives the gradients of a transformer under InfoNCE', async () => {
    const everything = {
      block: initTransformerBlock(new Rng(2), 8),
      log: new Tensor('float32', [], Float32Array.of(Math.log(5))),
      x: normal('x', [6, 3, 8]),
      other: normal('other', [6, 8]),
    };
    const named = leaves<Tensor>(everything as unknown as Tree<Tensor>);
    const inputs = named.map(([name, leaf]) => ({ name, value: new Value(leaf, { kind: 'input', name }) }));
    const byName = new Map(inputs.map(({ name, value }) => [name, value]));
    const { block, log, x, other } = mapLeaves(everything, (_, path) => byName.get(path)!) as {
      block: TransformerBlock<Value>;
      log: Value;
      x: Value;
      other: Value;
    };
    const rows = reduceMean(transformerBlock(block, x, { numHeads: 2 }), { axes: [1] });
    const { loss } = infoNce(unitVectors(rows), unitVectors(other), clampedLogitScale(log));
    const outputs = gradients(loss, [...byName.values()]).map((value, i) => ({ name: `grad.${named[i]![0]}`, value }));
    await expectSame(graphOf(inputs, [{ name: 'loss', value: loss }, ...outputs]), Object.fromEntries(named));
  });

  it('gives the gradients of a convolution under pooling', async () => {
    const specs = { x: spec([2, 3, 8, 8]), w: spec([4, 3, 3, 3]), b: spec([4]) };
    const graph = trace(({ x, w, b }) => {
      const pooled = maxPool(relu(conv(x, w, b, { pads: [1, 1, 1, 1] })), [2, 2], { strides: [2, 2] });
      const loss = reduceMean(square(add(mul(pooled, 2), 1)));
      const [dx, dw, db] = gradients(loss, [x, w, b]) as [Value, Value, Value];
      return { loss, dx, dw, db };
    }, specs);
    await expectSame(graph, { x: normal('x', [2, 3, 8, 8]), w: normal('w', [4, 3, 3, 3]), b: normal('b', [4]) });
  });
});
