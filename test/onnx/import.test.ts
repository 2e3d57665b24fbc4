/** @file What an import makes of sound files: values of every element type, functions, graphs in nodes, names, parameters. */
import { describe, expect, it } from 'vitest';
import { type AnyTensor, float16Bits, float32, int64, Tensor } from '../../src/engine/core/index.ts';
import { add, constant, matMul, printGraph, relu, spec, trace } from '../../src/engine/graph/index.ts';
import { exportOnnx, importOnnx, inputSpecs } from '../../src/engine/onnx/index.ts';
import { compile } from '../../src/engine/runtime/index.ts';
import { type ModelParts, type NodeParts, writeModel } from './write-model.ts';

const identity = (input: string, output: string): NodeParts => ({ op: 'Identity', inputs: [input], outputs: [output] });

/** What the model gives, run after import. */
async function outputsOf(
  parts: ModelParts,
  feeds: Readonly<Record<string, AnyTensor>> = {},
): Promise<Record<string, unknown[]>> {
  const executable = await compile(importOnnx(writeModel(parts)).toGraph(), { numThreads: 1 });
  const results = await executable.run(feeds);
  await executable.close();
  return Object.fromEntries(
    Object.entries(results).map(([name, { data }]) => [name, Array.from(data as ArrayLike<unknown>)]),
  );
}

const tensors: Readonly<Record<string, AnyTensor>> = {
  float32: float32([1.5, -2, Infinity]),
  float64: new Tensor('float64', [2], Float64Array.of(1 / 3, -1e300)),
  float16: new Tensor('float16', [2], Uint16Array.of(float16Bits(0.5), float16Bits(-3))),
  bfloat16: new Tensor('bfloat16', [2], Uint16Array.of(0x3f80, 0xc040)),
  int64: new Tensor('int64', [2], BigInt64Array.of(-(2n ** 63n), 2n ** 63n - 1n)),
  uint64: new Tensor('uint64', [2], BigUint64Array.of(0n, 2n ** 64n - 1n)),
  int32: new Tensor('int32', [2], Int32Array.of(-(2 ** 31), 7)),
  uint32: new Tensor('uint32', [2], Uint32Array.of(2 ** 32 - 1, 7)),
  int16: new Tensor('int16', [2], Int16Array.of(-300, 7)),
  uint16: new Tensor('uint16', [2], Uint16Array.of(65535, 7)),
  int8: new Tensor('int8', [2], Int8Array.of(-128, 7)),
  uint8: new Tensor('uint8', [2], Uint8Array.of(255, 7)),
  bool: new Tensor('bool', [2], Uint8Array.of(1, 0)),
  string: new Tensor('string', [3], ['', 'größe', '字']),
};

describe('the tensors of a file', () => {
  for (const typedFields of [false, true]) {
    it(`come as they were written, in ${typedFields ? 'typed fields' : 'raw bytes'}, of every element type`, () => {
      const model = importOnnx(
        writeModel({
          nodes: Object.keys(tensors).map((name) => identity(name, `${name} out`)),
          initializers: tensors,
          outputs: Object.fromEntries(Object.entries(tensors).map(([name, { dtype }]) => [`${name} out`, { dtype }])),
          typedFields,
        }),
      );
      for (const [name, tensor] of Object.entries(tensors)) {
        const value = model.values.get(name)!;
        expect(value.origin, name).toMatchObject({ kind: 'constant', name });
        expect(value.origin.kind === 'constant' && value.origin.tensor, name).toEqual(tensor);
      }
    });
  }

  it('lie where they lie in the file, if their address is a multiple of their size', () => {
    const bytes = writeModel({
      nodes: [identity('w', 'y')],
      initializers: { w: new Tensor('uint8', [3], Uint8Array.of(1, 2, 3)) },
      outputs: { y: { dtype: 'uint8' } },
    });
    const value = importOnnx(bytes).values.get('w')!;
    expect(value.origin.kind === 'constant' && (value.origin.tensor.data as Uint8Array).buffer).toBe(bytes.buffer);
  });

  it('may stand in Constant nodes of every form', async () => {
    const node = (output: string, attributes: NonNullable<NodeParts['attributes']>): NodeParts => ({
      op: 'Constant',
      inputs: [],
      outputs: [output],
      attributes,
    });
    const found = await outputsOf({
      nodes: [
        node('a', { value: { tensor: float32([1, 2]) } }),
        node('b', { value_float: { float: 0.5 } }),
        node('c', { value_floats: { floats: [1, 3] } }),
        node('d', { value_int: 7 }),
        node('e', { value_ints: [7, 8] }),
        node('f', { value_string: 'x' }),
        node('g', { value_strings: ['y', 'z'] }),
        ...['a', 'b', 'c', 'd', 'e', 'f', 'g'].map((name) => identity(name, `${name}1`)),
      ],
      outputs: {
        a1: {},
        b1: {},
        c1: {},
        d1: { dtype: 'int64' },
        e1: { dtype: 'int64' },
        f1: { dtype: 'string' },
        g1: { dtype: 'string' },
      },
    });
    expect(found).toEqual({ a1: [1, 2], b1: [0.5], c1: [1, 3], d1: [7n], e1: [7n, 8n], f1: ['x'], g1: ['y', 'z'] });
  });
});

describe('the names of a file', () => {
  const parts: ModelParts = {
    nodes: [
      { op: 'MatMul', inputs: ['x', 'layer.weight'], outputs: ['hidden/1'] },
      { op: 'Add', inputs: ['hidden/1', 'layer.bias'], outputs: ['hidden/2'] },
      { op: 'Clip', inputs: ['hidden/2', 'low', ''], outputs: ['y'] },
    ],
    inputs: { x: { shape: ['batch', 2] } },
    outputs: { y: { shape: ['batch', 3] } },
    initializers: {
      'layer.weight': float32([1, 2, 3, 4, 5, 6], [2, 3]),
      'layer.bias': float32([0, 1, 2]),
      low: float32([0], []),
    },
  };

  it('stay: of inputs, outputs, values and weights, after export too', () => {
    const model = importOnnx(writeModel(parts));
    expect(Object.fromEntries(Object.entries(model.inputs).map(([name, type]) => [name, `${type}`]))).toEqual({
      x: '[object Object]',
    });
    expect([...model.parameters.keys()]).toEqual(['layer.weight', 'layer.bias']);
    expect(`${model.outputs.y}`).toBe('float32[batch,3]');
    expect([...model.values.keys()]).toEqual(['x', 'layer.weight', 'layer.bias', 'low', 'hidden/1', 'hidden/2', 'y']);
    const again = importOnnx(exportOnnx(model.toGraph()));
    expect([...again.parameters.keys()]).toEqual(['layer.weight', 'layer.bias']);
    expect(printGraph(again.graph)).toBe(printGraph(model.graph));
  });

  it('of inputs that are initializers too, as IR 3 demands, are weights and no inputs', () => {
    const model = importOnnx(
      writeModel({
        ...parts,
        irVersion: 3,
        inputs: { ...parts.inputs, 'layer.weight': { shape: [2, 3] }, 'layer.bias': { shape: [3] } },
      }),
    );
    expect(Object.keys(model.inputs)).toEqual(['x']);
  });

  it('may be one and the same for an input and an output', async () => {
    const passing: ModelParts = {
      ...parts,
      nodes: [identity('x', 'y')],
      outputs: { x: { shape: [2] }, y: { shape: [2] } },
    };
    const both: ModelParts = { ...passing, inputs: { x: { shape: [2] } } };
    expect(await outputsOf(both, { x: float32([1, 2]) })).toEqual({ x: [1, 2], y: [1, 2] });
  });

  it('may be those of properties that every object has', async () => {
    const types = Object.fromEntries([['__proto__', { shape: [1] }]]);
    const named: ModelParts = {
      nodes: [identity('__proto__', 'constructor')],
      inputs: types,
      outputs: { constructor: { shape: [1] } },
    };
    const model = importOnnx(writeModel(named));
    expect(Object.keys(model.inputs)).toEqual(['__proto__']);
    expect([...model.values.keys()]).toEqual(['__proto__', 'constructor']);
    expect(await outputsOf(named, Object.fromEntries([['__proto__', float32([7])]]))).toEqual({ constructor: [7] });
  });
});

describe('shapes of a file', () => {
  const dynamic: ModelParts = {
    nodes: [
      { op: 'Shape', inputs: ['x'], outputs: ['s'] },
      { op: 'Gather', inputs: ['s', 'zero'], outputs: ['b'] },
      { op: 'Unsqueeze', inputs: ['b', 'axis'], outputs: ['b1'] },
      { op: 'Concat', inputs: ['b1', 'rest'], outputs: ['target'], attributes: { axis: 0 } },
      { op: 'Reshape', inputs: ['x', 'target'], outputs: ['y'] },
    ],
    inputs: { x: { shape: ['batch', 2, 3] } },
    outputs: { y: {} },
    initializers: { zero: int64([0], []), axis: int64([0]), rest: int64([-1]) },
  };

  it('with names stay symbolic through the arithmetic on them', () => {
    expect(`${importOnnx(writeModel(dynamic)).outputs.y}`).toBe('float32[batch,6]');
  });

  it('fold away once the shapes of the inputs are numbers', () => {
    const model = importOnnx(writeModel(dynamic));
    const traced = trace(({ x }) => model.apply({}, { x }), { x: spec([5, 2, 3]) });
    expect(traced.nodes.map(({ op }) => op.opType)).toEqual(['Reshape']);
    expect(`${traced.outputs[0]!.value}`).toBe('float32[5,6]');
    expect(trace(({ x }) => model.apply({}, { x }, { fold: false }), { x: spec([5, 2, 3]) }).nodes).toHaveLength(5);
  });

  it('come from what the file says of a value where inference knows less', () => {
    const parts: ModelParts = {
      nodes: [{ op: 'NonZero', inputs: ['x'], outputs: ['y'] }],
      inputs: { x: { shape: [4] } },
      outputs: { y: { dtype: 'int64', shape: [1, 'found'] } },
    };
    expect(`${importOnnx(writeModel(parts)).outputs.y}`).toBe('int64[1,found]');
  });

  it('may give one dimension two names', () => {
    const parts: ModelParts = {
      nodes: [{ op: 'Add', inputs: ['a', 'b'], outputs: ['y'] }],
      inputs: { a: { shape: ['batch', 2] }, b: { shape: ['N', 2] } },
      outputs: { y: {} },
    };
    expect(importOnnx(writeModel(parts)).outputs.y!.shape).toHaveLength(2);
  });

  it('can be given anew, and the model exported with them', async () => {
    const fixed: ModelParts = {
      nodes: [{ op: 'Relu', inputs: ['x'], outputs: ['y'] }],
      inputs: { x: { shape: [1, 2] } },
      outputs: { y: { shape: [1, 2] } },
    };
    const model = importOnnx(writeModel(fixed));
    const executable = await compile(model.toGraph({ inputs: { x: ['batch', 2] } }), { numThreads: 1 });
    expect(executable.outputs).toEqual([{ name: 'y', dtype: 'float32', shape: ['batch', 2] }]);
    const { y } = await executable.run({ x: float32([-1, 1, 2, -2, 3, 3], [3, 2]) });
    await executable.close();
    expect(Array.from(y!.data, Number)).toEqual([0, 1, 2, 0, 3, 3]);
    expect(() => model.toGraph({ inputs: { z: [1] } })).toThrow(/no input "z"; it has x/);
  });
});

describe('an imported model as a function', () => {
  const parts: ModelParts = {
    nodes: [
      { op: 'MatMul', inputs: ['x', 'w'], outputs: ['h'] },
      { op: 'Relu', inputs: ['h'], outputs: ['y'] },
    ],
    inputs: { x: { shape: ['batch', 2] } },
    outputs: { y: { shape: ['batch', 2] } },
    initializers: { w: float32([1, 2, 3, 4], [2, 2]) },
  };
  const model = importOnnx(writeModel(parts));

  it('takes values for its parameters, and is its own where none are given', () => {
    const own = trace((inputs) => model.apply({}, inputs), inputSpecs(model));
    expect(printGraph(own)).toBe(
      printGraph(
        trace(({ x }) => ({ y: relu(matMul(x, constant(float32([1, 2, 3, 4], [2, 2]), 'w'))) }), {
          x: spec(['batch', 2]),
        }),
      ),
    );
    const given = trace(({ x, w }) => model.apply({ w }, { x }), { x: spec([3, 2]), w: spec([2, 2]) });
    expect(printGraph(given)).toBe(
      printGraph(trace(({ x, w }) => ({ y: relu(matMul(x, w)) }), { x: spec([3, 2]), w: spec([2, 2]) })),
    );
  });

  it('can stand in the middle of another function', () => {
    const graph = trace(({ x }) => add(model.apply({}, { x: relu(x) }).y!, 1), { x: spec([3, 2]) });
    expect(graph.nodes.map(({ op }) => op.opType)).toEqual(['Relu', 'MatMul', 'Relu', 'Add']);
  });

  it('refuses what is missing, unknown, or of another type', () => {
    const x = constant(float32([1, 2], [1, 2]));
    expect(() => model.apply({}, {})).toThrow(/input "x" is missing/);
    expect(() => model.apply({ v: x }, { x })).toThrow(/no parameter "v"/);
    expect(() => model.apply({}, { x, z: x })).toThrow(/no input "z"/);
    expect(() => model.apply({}, { x: constant(int64([1, 2], [1, 2])) })).toThrow(/"x" is float32, got int64/);
    expect(() => model.apply({}, { x: float32([1, 2]) })).toThrow(/"x" is \[batch,2\], got \[2\]/);
    expect(() => model.apply({}, { x: float32([1, 2, 3], [1, 3]) })).toThrow(/node 0 \(MatMul\).*inner dimensions/);
  });

  it('takes for parameters the floats that layers compute with, or what the caller says', () => {
    const more = writeModel({
      nodes: [
        { op: 'Resize', inputs: ['x', '', 'scales'], outputs: ['r'] },
        { op: 'Pow', inputs: ['r', 'exponent'], outputs: ['p'] },
        { op: 'BatchNormalization', inputs: ['p', 'scale', 'bias', 'mean', 'variance'], outputs: ['b'] },
        { op: 'Mul', inputs: ['b', 'one'], outputs: ['m'] },
        { op: 'Conv', inputs: ['m', 'kernel', 'offset'], outputs: ['c'] },
        { op: 'Gather', inputs: ['c', 'index'], outputs: ['y'] },
      ],
      inputs: { x: { shape: [1, 2, 4, 4] } },
      outputs: { y: {} },
      initializers: {
        scales: float32([1, 1, 2, 2]),
        exponent: float32([2, 2, 2, 2, 2, 2, 2, 2]),
        scale: float32([1, 1]),
        bias: float32([0, 0]),
        mean: float32([0, 0]),
        variance: float32([1, 1]),
        one: float32([3], [1]),
        kernel: float32([1, 1], [1, 2, 1, 1]),
        offset: float32([0]),
        index: int64([0]),
        unused: float32([1, 2, 3]),
      },
    });
    expect([...importOnnx(more).parameters.keys()]).toEqual(['scale', 'bias', 'kernel', 'offset']);
    const chosen = importOnnx(more, { isParameter: (name) => ['mean', 'one'].includes(name) });
    expect([...chosen.parameters.keys()]).toEqual(['mean', 'one']);
  });
});
