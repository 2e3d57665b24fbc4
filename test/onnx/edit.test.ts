/**
 * @file Changes to imported models, on real ones: MobileNetV2 as the image tower exports it, and a transformer. N: pictures; S:
 * side of a picture; C: channels; D: features.
 */
import { describe, expect, it } from 'vitest';
import { type AnyTensor, bytesOf, float32, leaves, Rng, Tensor, type Tree } from '../../src/engine/core/index.ts';
import {
  add,
  constant,
  type Graph,
  matMul,
  neg,
  printGraph,
  reduceMean,
  reduceSum,
  relu,
  reshape,
  spec,
  square,
  sub,
  trace,
  transpose,
  type Value,
} from '../../src/engine/graph/index.ts';
import {
  cutAt,
  exportOnnx,
  freeze,
  importOnnx,
  insertAdapters,
  replaceHead,
  withParameters,
} from '../../src/engine/onnx/index.ts';
import { compile } from '../../src/engine/runtime/index.ts';
import { adamW, compileTrainStep } from '../../src/engine/train/index.ts';
import {
  initLinear,
  initModalAdapter,
  initTransformerBlock,
  linear,
  modalAdapter,
  transformerBlock,
} from '../../src/model/index.ts';
import { imageTower } from '../../src/model/towers/index.ts';
import { towerFiles } from '../towers/reference.ts';
import { type ModelParts, writeModel } from './write-model.ts';

const random = (shape: number[], seed = 'x') =>
  float32(new Rng(seed).fillNormal(new Float32Array(shape.reduce((a, b) => a * b, 1))), shape);

async function run(graph: Graph, feeds: Readonly<Record<string, AnyTensor>>): Promise<Record<string, Tensor>> {
  const executable = await compile(graph, { numThreads: 1 });
  const results = await executable.run(feeds);
  await executable.close();
  return results;
}

const close = (a: Tensor, b: Tensor, tolerance = 1e-5) => {
  expect(a.shape).toEqual(b.shape);
  const largest = Math.max(...Array.from(b.data as Float32Array, Math.abs));
  expect(largest).toBeGreaterThan(0);
  (a.data as Float32Array).forEach((value, i) => {
    expect(Math.abs(value - Number(b.data[i]))).toBeLessThanOrEqual(tolerance * largest);
  });
};

const tower = imageTower({ variant: 'mobilenet-v2', size: 64, outputs: ['block5', 'pooled'] });
const towerGraph = tower.build(towerFiles(tower));
const mobileNet = importOnnx(exportOnnx(towerGraph));
const pictures = new Tensor(
  'uint8',
  [2, 64, 64, 3],
  new Uint8Array(2 * 64 * 64 * 3).map((_, i) => (i * 37) % 256),
);

describe('MobileNetV2, imported', () => {
  it('is the graph that was exported, has its kernels as parameters, and gives what it gave', async () => {
    expect(printGraph(mobileNet.graph)).toBe(printGraph(towerGraph));
    const kernels = [...mobileNet.parameters.values()].filter(({ shape }) => shape.length === 4);
    expect(kernels.length).toBe(towerGraph.nodes.filter(({ op }) => op.opType === 'Conv').length);
    const [found, expected] = [await run(mobileNet.toGraph(), { pictures }), await run(towerGraph, { pictures })];
    expect(found).toEqual(expected);
  });

  it('is exported back for other sizes, with named dimensions, and the same weights', async () => {
    const model = cutAt(mobileNet, 'pooled');
    const bytes = exportOnnx(model.toGraph({ inputs: { pictures: ['N', 96, 96, 3] } }));
    const larger = importOnnx(bytes);
    expect(`${larger.outputs.pooled}`).toBe('float32[N,1280]');
    expect(bytesOf([...larger.parameters.values()][3]!)).toEqual(bytesOf([...model.parameters.values()][3]!));
  });

  it('ends where it is cut, and what lay behind is gone, parameters too', async () => {
    const cut = cutAt(mobileNet, 'block5');
    expect(Object.keys(cut.outputs)).toEqual(['block5']);
    expect(cut.graph.nodes.length).toBeLessThan(mobileNet.graph.nodes.length / 2);
    expect(cut.parameters.size).toBeLessThan(mobileNet.parameters.size / 2);
    const [found, expected] = [await run(cut.toGraph(), { pictures }), await run(mobileNet.toGraph(), { pictures })];
    expect(found.block5).toEqual(expected.block5);
    expect(() => cutAt(cut, 'pooled')).toThrow(/no value "pooled" that the outputs need; there are/);
    expect(() => cutAt(cut)).toThrow(/needs the name of a value/);
  });

  it('learns with a new head and adapters while the rest is frozen, and keeps what it learnt when exported', async () => {
    const adapter = {
      init: (rng: Rng, dim: number) => initModalAdapter(rng, dim, 4),
      apply: (params: Parameters<typeof modalAdapter>[0], x: Value) =>
        transpose(modalAdapter(params, transpose(x, [0, 2, 3, 1])), [0, 3, 1, 2]),
    };
    const cut = cutAt(mobileNet, 'block5');
    const adapted = insertAdapters(cut, { at: ['block5'], adapter, axis: 1, rng: new Rng(1) });
    const headed = replaceHead(adapted, {
      at: 'block5',
      axis: 1,
      head: {
        init: (rng, dim) => initLinear(rng, dim, 3),
        apply: (params, x) => ({ logits: linear(params, reduceMean(x, { axes: [2, 3] })) }),
      },
    });
    const model = freeze(headed, (name) => !/^(adapters|head)\./.test(name));
    expect([...model.parameters.keys()].sort()).toEqual([
      'adapters.block5.down.bias',
      'adapters.block5.down.weight',
      'adapters.block5.up.bias',
      'adapters.block5.up.weight',
      'head.bias',
      'head.weight',
    ]);
    expect(model.frozen.size).toBe(cut.parameters.size);
    const target = float32([1, 0, -1, -2, 1, 0], [2, 3]);
    const step = await compileTrainStep({
      params: model.params,
      batch: { pictures: spec([2, 64, 64, 3], 'uint8') },
      loss: (params, batch) => reduceMean(square(sub(model.apply(params, batch).logits!, constant(target)))),
      optimizer: adamW({ learningRate: 0.02 }),
      runtime: { numThreads: 1 },
    });
    const losses: number[] = [];
    for (let i = 0; i < 12; i++) losses.push((await step.run({ pictures })).loss);
    const trained = step.params();
    await step.close();
    expect(losses.at(-1)!).toBeLessThan(losses[0]! / 4);
    const kept = withParameters(model, trained);
    const { logits } = await run(importOnnx(exportOnnx(kept.toGraph())).toGraph(), { pictures });
    const error = Array.from(logits!.data as Float32Array, (value, i) => (value - target.data[i]!) ** 2);
    expect(error.reduce((a, b) => a + b) / 6).toBeLessThan(losses[0]! / 4);
    const before = await run(model.toGraph(), { pictures });
    expect(before.logits).not.toEqual(logits);
    close((await run(model.toGraph({ params: trained }), { pictures })).logits!, logits!);
  });

  it('learns end to end, its kernels too', async () => {
    const model = cutAt(mobileNet, 'block5');
    const step = await compileTrainStep({
      params: model.params,
      batch: { pictures: spec([2, 64, 64, 3], 'uint8') },
      loss: (params, batch) => reduceMean(square(model.apply(params, batch).block5!)),
      optimizer: adamW({ learningRate: 1e-3 }),
      runtime: { numThreads: 1 },
    });
    const losses: number[] = [];
    for (let i = 0; i < 4; i++) losses.push((await step.run({ pictures })).loss);
    const trained = step.params();
    await step.close();
    expect(losses.at(-1)!).toBeLessThan(losses[0]! * 0.9);
    const moved = [...model.parameters].filter(([name, { data }]) =>
      trained[name]!.data.some((value, i) => value !== data[i]),
    );
    expect(moved.length).toBe(model.parameters.size);
  });
});

describe('a transformer, imported', () => {
  const params = initTransformerBlock(new Rng('transformer'), 16);
  const named = new Map(leaves<Tensor>(params as unknown as Tree<Tensor>));
  const asConstants = (tree: unknown, path = ''): unknown =>
    Object.fromEntries(
      Object.entries(tree as Record<string, unknown>).map(([key, child]) => {
        const name = path === '' ? key : `${path}.${key}`;
        return [key, named.has(name) ? constant(named.get(name)!, name) : asConstants(child, name)];
      }),
    );
  const graph = trace(({ x }) => ({ y: transformerBlock(asConstants(params) as never, x, { numHeads: 2 }) }), {
    x: spec(['batch', 'time', 16]),
  });
  const model = importOnnx(exportOnnx(graph));

  it('has every weight as a parameter under its name', () => {
    expect([...model.parameters.keys()].sort()).toEqual([...named.keys()].sort());
    expect(printGraph(importOnnx(exportOnnx(model.graph)).graph)).toBe(printGraph(model.graph));
    expect(model.graph.nodes.length).toBe(graph.nodes.length);
  });

  it('takes adapters at every residual sum, new ones that change nothing, and is the same model until they are trained', async () => {
    const adapted = insertAdapters(model, {
      at: (name, value) =>
        value.origin.kind === 'node' && value.origin.node.op.opType === 'Add' && value.rank === 3 && name !== '',
      adapter: { init: (rng, dim) => initModalAdapter(rng, dim, 2), apply: modalAdapter },
    });
    const numAdded = (adapted.parameters.size - model.parameters.size) / 4;
    expect(numAdded).toBeGreaterThan(1);
    const x = random([2, 3, 16]);
    close((await run(adapted.toGraph(), { x })).y!, (await run(model.toGraph(), { x })).y!);
    const up = [...adapted.parameters].find(([name]) => /^adapters.*up\.bias$/.test(name))!;
    const changed = withParameters(adapted, { [up[0]]: random([...up[1].shape], 'up') });
    const [before, after] = [await run(adapted.toGraph(), { x }), await run(changed.toGraph(), { x })];
    expect(after.y).not.toEqual(before.y);
  });

  it('takes a second adapter where there is one, behind it and under a name of its own', () => {
    const adapter = { init: (rng: Rng, dim: number) => initModalAdapter(rng, dim, 2), apply: modalAdapter };
    const twice = insertAdapters(insertAdapters(model, { at: ['y'], adapter }), { at: ['y'], adapter });
    const added = [...twice.parameters.keys()].filter((name) => name.startsWith('adapters.'));
    expect(added).toContain('adapters.y.up.bias');
    expect(added).toContain('adapters.y#2.up.bias');
    expect(twice.graph.nodes.length - model.graph.nodes.length).toBe(
      2 * (insertAdapters(model, { at: ['y'], adapter }).graph.nodes.length - model.graph.nodes.length),
    );
  });
});

describe('a change that cannot be made', () => {
  const parts: ModelParts = {
    nodes: [
      { op: 'MatMul', inputs: ['x', 'w'], outputs: ['h'] },
      { op: 'Relu', inputs: ['h'], outputs: ['y'] },
    ],
    inputs: { x: { shape: ['batch', 'features'] } },
    outputs: { y: {} },
    initializers: { w: float32([1, 2, 3, 4, 5, 6], [2, 3]) },
  };
  const model = importOnnx(writeModel(parts));
  const doubling = { init: () => ({}), apply: (_: object, x: Value) => add(x, x) };

  it('names the value that is not there, or whose size is unknown', () => {
    expect(() => insertAdapters(model, { at: ['z'], adapter: doubling })).toThrow(/no value "z".*"h", "y"/);
    expect(() => insertAdapters(model, { at: ['x'], adapter: doubling })).toThrow(
      /axis -1 of "x" must have a known size, got float32\[batch,features\]/,
    );
    expect(() => replaceHead(model, { at: 'z', head: doubling })).toThrow(/replaceHead: there is no value "z"/);
  });

  it('names the adapter that changes the type of its value', () => {
    const widening = { init: () => ({}), apply: (_: object, x: Value) => reshape(x, [-1, 1, 3]) };
    expect(() => insertAdapters(model, { at: ['h'], adapter: widening })).toThrow(
      /adapter at "h" must keep float32\[batch,3\]/,
    );
  });

  it('names the parameter that is not there or of another shape', () => {
    expect(() => withParameters(model, { v: float32([1]) })).toThrow(/no parameter "v"/);
    expect(() => withParameters(model, { w: float32([1]) })).toThrow(/"w" is float32\[2,3\], got float32\[1\]/);
  });

  it('is possible at inputs of known size, at weights, and for graphs inside nodes that use the value', async () => {
    const known = importOnnx(writeModel({ ...parts, inputs: { x: { shape: ['batch', 2] } } }));
    const doubled = insertAdapters(known, { at: ['x', 'w'], adapter: doubling });
    const x = float32([1, 0, 0, 1], [2, 2]);
    expect([...(await run(doubled.toGraph(), { x })).y!.data]).toEqual([4, 8, 12, 16, 20, 24]);
  });

  it('leaves no trace of what is frozen but its values', () => {
    const frozen = freeze(model, () => true);
    expect(frozen.parameters.size).toBe(0);
    expect(() => frozen.apply({ w: float32([1, 2, 3, 4, 5, 6], [2, 3]) }, { x: random([1, 2]) })).toThrow(
      /no parameter "w"/,
    );
    const traced = trace(
      ({ x }) => neg(reduceSum(relu(matMul(frozen.apply({}, { x }).y!, constant(random([3, 1])))))),
      { x: spec([1, 2]) },
    );
    expect(traced.inputs.map(({ name }) => name)).toEqual(['x']);
  });
});
