import { BinaryReader } from '@bufbuild/protobuf/wire';
import { describe, expect, it } from 'vitest';
import { gradients } from '../autodiff/index.ts';
import { float32, zeros } from '../core/index.ts';
import {
  add,
  constant,
  fusedMatMul,
  type Graph,
  layerNormalization,
  maxPool,
  reduceSum,
  relu,
  reshape,
  spec,
  square,
  trace,
  type Value,
} from '../graph/index.ts';
import { compile } from '../runtime/index.ts';
import { exportOnnx } from './index.ts';

/** The fields of a protobuf message by number: strings and messages as bytes, numbers as numbers. */
function fieldsOf(bytes: Uint8Array): Map<number, (Uint8Array | number)[]> {
  const fields = new Map<number, (Uint8Array | number)[]>();
  const reader = new BinaryReader(bytes);
  while (reader.pos < reader.len) {
    const [field, wireType] = reader.tag();
    const known = fields.get(field) ?? [];
    fields.set(field, known);
    if (wireType === 2) known.push(reader.bytes());
    else if (wireType === 0) known.push(Number(reader.int64()));
    else reader.skip(wireType, field);
  }
  return fields;
}

const messages = (fields: Map<number, (Uint8Array | number)[]>, field: number) =>
  ((fields.get(field) ?? []) as Uint8Array[]).map(fieldsOf);
const texts = (fields: Map<number, (Uint8Array | number)[]>, field: number) =>
  ((fields.get(field) ?? []) as Uint8Array[]).map((bytes) => new TextDecoder().decode(bytes));
const textOf = (fields: Map<number, (Uint8Array | number)[]>, field: number) => texts(fields, field)[0] ?? '';

/** What onnx.proto says that the bytes say. */
function read(...args: Parameters<typeof exportOnnx>) {
  const model = fieldsOf(exportOnnx(...args));
  const graph = messages(model, 7)[0]!;
  return {
    name: textOf(graph, 2),
    domains: messages(model, 8).map((opset) => textOf(opset, 1)),
    metadata: Object.fromEntries(messages(model, 14).map((entry) => [textOf(entry, 1), textOf(entry, 2)])),
    inputs: messages(graph, 11).map((input) => textOf(input, 1)),
    outputs: messages(graph, 12).map((output) => textOf(output, 1)),
    initializers: messages(graph, 5).map((tensor) => textOf(tensor, 8)),
    nodes: messages(graph, 1).map((node) => ({
      op: textOf(node, 4),
      domain: textOf(node, 7),
      inputs: texts(node, 1),
      outputs: texts(node, 2),
    })),
  };
}

describe('exportOnnx', () => {
  it('keeps the names of inputs, outputs and weights, and reads nothing that is not named before', () => {
    const graph = trace(
      ({ x, more }) => ({ sum: add(relu(add(x, constant(float32([1, 2]), 'head.bias'))), more.y), first: relu(x) }),
      { x: spec(['batch', 2]), more: { y: spec([2]) } },
    );
    const model = read(graph, { name: 'my-graph', metadata: { source: 'a test', empty: '' } });
    expect(model).toMatchObject({
      name: 'my-graph',
      metadata: { source: 'a test', empty: '' },
      inputs: ['x', 'more.y'],
      outputs: ['sum', 'first'],
      initializers: ['head.bias'],
      domains: [''],
    });
    const known = new Set([...model.inputs, ...model.initializers]);
    for (const node of model.nodes) {
      for (const input of node.inputs) expect(known).toContain(input);
      for (const output of node.outputs) {
        expect(known, `${output} is made twice`).not.toContain(output);
        known.add(output);
      }
    }
    for (const output of model.outputs) expect(known).toContain(output);
  });

  it('gives weights of one name, and weights with the name of an input or output, names of their own', () => {
    const graph = trace(
      ({ x }) => {
        const sum = [1, 2, 3].reduce((value, item) => add(value, constant(float32([item]), 'w')), x);
        return { out: add(add(sum, constant(float32([4]), 'x')), constant(float32([5]), 'out')) };
      },
      { x: spec([1]) },
    );
    const { initializers, inputs, outputs } = read(graph);
    expect(initializers).toHaveLength(5);
    expect(new Set([...initializers, ...inputs, ...outputs]).size).toBe(7);
  });

  it('copies what leaves the graph as it came in, is constant, or leaves twice', async () => {
    const graph = trace(
      ({ x }) => {
        const y = relu(add(x, constant(zeros([2]), 'same')));
        return { same: x, fixed: constant(float32([7]), 'w'), y, again: y };
      },
      { x: spec([2]) },
    );
    expect(read(graph).nodes.filter(({ op }) => op === 'Identity')).toHaveLength(3);
    const executable = await compile(graph, { numThreads: 1 });
    const results = await executable.run({ x: float32([-1, 2]) });
    await executable.close();
    const values = Object.fromEntries(Object.entries(results).map(([name, { data }]) => [name, [...data].map(Number)]));
    expect(values).toEqual({ same: [-1, 2], fixed: [7], y: [0, 2], again: [0, 2] });
  });

  const outputsOf = (graph: Graph, op: string) => read(graph).nodes.find((node) => node.op === op)!.outputs;
  const norm = (x: Value) => layerNormalization(x, constant(float32([1, 1, 1])), constant(zeros([3])));

  it('does not write optional outputs that nobody reads', () => {
    expect(outputsOf(trace(norm, spec([2, 3])), 'LayerNormalization')).toEqual(['output']);
    const pooled = trace((x: Value) => maxPool(x, [2]), spec([1, 1, 4]));
    expect(outputsOf(pooled, 'MaxPool')).toEqual(['output']);
  });

  it('writes those that a gradient reads, under names', () => {
    const graph = trace((x: Value) => gradients(reduceSum(square(norm(x))), [x])[0]!, spec([2, 3]));
    const outputs = outputsOf(graph, 'LayerNormalization');
    const readNames = read(graph).nodes.flatMap((node) => node.inputs);
    expect(outputs.length).toBeGreaterThan(1);
    for (const name of outputs.slice(1)) if (name !== '') expect(readNames).toContain(name);
    expect(outputs.at(-1)).not.toBe('');
  });

  it('asks for Microsoft’s operators only where it uses them', () => {
    const plain = trace((x: Value) => reshape(x, [3, 2]), spec([2, 3]));
    expect(read(plain).domains).toEqual(['']);
    const fused = read(trace((x: Value) => fusedMatMul(x, x, { transB: true }), spec([2, 3])));
    expect(fused.domains).toEqual(['', 'com.microsoft']);
    expect(fused.nodes.map(({ op, domain }) => [op, domain])).toEqual([['FusedMatMul', 'com.microsoft']]);
  });

  it('gives the same bytes for the same function traced anew, and others for another weight', () => {
    const make = (weight: number) =>
      exportOnnx(trace((x: Value) => relu(add(x, constant(float32([weight, 2]), 'w'))), spec(['batch', 2])));
    expect(make(1)).toEqual(make(1));
    expect(make(1)).not.toEqual(make(3));
  });
});
