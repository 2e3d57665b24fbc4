/** @file What an import makes of sound files: values of every element type, functions, graphs in nodes, names, parameters. */
import { describe, expect, it } from 'vitest';
import { type AnyTensor, float16Bits, float32, int64, Tensor } from '../../src/engine/core/index.ts';
import { add, constant, matMul, printGraph, relu, spec, trace } from '../../src/engine/graph/index.ts';
import { exportOnnx, importOnnx, inputSpecs } from '../../src/engine/onnx/index.ts';
import { compile } from '../../src/engine/runtime/index.ts';
import { type GraphParts, type ModelParts, type NodeParts, writeModel } from './write-model.ts';

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

const body = (nodes: readonly NodeParts[], output: string, inputs: GraphParts['inputs'] = {}): GraphParts => ({
  nodes,
  inputs,
  outputs: { [output]: { shape: [2] } },
});

describe('graphs in nodes', () => {
  it('use the values and weights around them, each branch under names that the other has too', async () => {
    const parts: ModelParts = {
      nodes: [
        identity('x', 'outer'),
        {
          op: 'If',
          inputs: ['flag'],
          outputs: ['y'],
          attributes: {
            then_branch: { graph: body([{ op: 'Add', inputs: ['outer', 'w'], outputs: ['result'] }], 'result') },
            else_branch: { graph: body([{ op: 'Mul', inputs: ['outer', 'w'], outputs: ['result'] }], 'result') },
          },
        },
      ],
      inputs: { x: { shape: [2] }, flag: { dtype: 'bool', shape: [] } },
      outputs: { y: { shape: [2] } },
      initializers: { w: float32([10, 100]) },
    };
    const flag = (value: number) => new Tensor('bool', [], Uint8Array.of(value));
    expect(await outputsOf(parts, { x: float32([1, 2]), flag: flag(1) })).toEqual({ y: [11, 102] });
    expect(await outputsOf(parts, { x: float32([1, 2]), flag: flag(0) })).toEqual({ y: [10, 200] });
    expect([...importOnnx(writeModel(parts)).parameters.keys()]).toEqual(['w']);
  });

  it('may lie in each other and shadow names', async () => {
    const inner = body([{ op: 'Add', inputs: ['x', 'x'], outputs: ['t'] }], 't');
    const outer = body(
      [
        identity('x', 't'),
        {
          op: 'If',
          inputs: ['flag'],
          outputs: ['u'],
          attributes: { then_branch: { graph: inner }, else_branch: { graph: inner } },
        },
        { op: 'Add', inputs: ['t', 'u'], outputs: ['v'] },
      ],
      'v',
    );
    const parts: ModelParts = {
      nodes: [
        {
          op: 'If',
          inputs: ['flag'],
          outputs: ['y'],
          attributes: { then_branch: { graph: outer }, else_branch: { graph: outer } },
        },
      ],
      inputs: { x: { shape: [2] }, flag: { dtype: 'bool', shape: [] } },
      outputs: { y: { shape: [2] } },
    };
    expect(await outputsOf(parts, { x: float32([1, 2]), flag: new Tensor('bool', [], Uint8Array.of(1)) })).toEqual({
      y: [3, 6],
    });
  });

  it('of a loop run, with what they carry and what they collect', async () => {
    const step: GraphParts = {
      nodes: [
        identity('again', 'go'),
        { op: 'Add', inputs: ['sum', 'x'], outputs: ['next'] },
        identity('next', 'copy'),
      ],
      inputs: { i: { dtype: 'int64', shape: [] }, again: { dtype: 'bool', shape: [] }, sum: { shape: [2] } },
      outputs: { go: { dtype: 'bool', shape: [] }, next: { shape: [2] }, copy: { shape: [2] } },
    };
    const parts: ModelParts = {
      nodes: [{ op: 'Loop', inputs: ['n', '', 'start'], outputs: ['y', 'all'], attributes: { body: { graph: step } } }],
      inputs: { x: { shape: [2] } },
      outputs: { y: { shape: [2] }, all: { shape: [3, 2] } },
      initializers: { n: int64([3], []), start: float32([0, 10]) },
    };
    expect(await outputsOf(parts, { x: float32([1, 2]) })).toEqual({ y: [3, 16], all: [1, 12, 2, 14, 3, 16] });
  });
});

describe('functions of a file', () => {
  const parts: ModelParts = {
    domains: { mine: 1 },
    functions: [
      {
        name: 'Twice',
        domain: 'mine',
        inputs: ['a'],
        outputs: ['b'],
        nodes: [{ op: 'Add', inputs: ['a', 'a'], outputs: ['b'] }],
      },
      {
        name: 'Leak',
        domain: 'mine',
        inputs: ['a'],
        outputs: ['c'],
        attributes: ['slope'],
        nodes: [
          { op: 'Twice', domain: 'mine', inputs: ['a'], outputs: ['b'] },
          { op: 'LeakyRelu', inputs: ['b'], outputs: ['c'], attributes: { alpha: { reference: 'slope', type: 1 } } },
        ],
      },
    ],
    nodes: [
      { op: 'Leak', domain: 'mine', inputs: ['x'], outputs: ['t'], attributes: { slope: { float: 0.5 } } },
      { op: 'Leak', domain: 'mine', inputs: ['t'], outputs: ['y'] },
    ],
    inputs: { x: { shape: [2] } },
    outputs: { y: { shape: [2] } },
  };

  it('are written out, with the attributes that the caller gives, or the defaults of the op', async () => {
    const { y } = await outputsOf(parts, { x: float32([1, -1]) });
    expect(y![0]).toBe(4);
    expect(y![1]).toBeCloseTo(-1 * 2 * 0.5 * 2 * 0.01, 6);
    expect(importOnnx(writeModel(parts)).graph.nodes.map(({ op }) => op.opType)).toEqual([
      'Add',
      'LeakyRelu',
      'Add',
      'LeakyRelu',
    ]);
  });

  it('that call themselves are refused, and so are those that write out to millions of nodes', () => {
    const call = (name: string, input: string, output: string): NodeParts => ({
      op: name,
      domain: 'mine',
      inputs: [input],
      outputs: [output],
    });
    const circle = [
      { name: 'A', domain: 'mine', inputs: ['a'], outputs: ['b'], nodes: [call('B', 'a', 'b')] },
      { name: 'B', domain: 'mine', inputs: ['a'], outputs: ['b'], nodes: [call('A', 'a', 'b')] },
    ];
    expect(() => importOnnx(writeModel({ ...parts, functions: circle, nodes: [call('A', 'x', 'y')] }))).toThrow(
      /calls itself/,
    );
    const tower = Array.from({ length: 40 }, (_, i) => ({
      name: `F${i}`,
      domain: 'mine',
      inputs: ['a'],
      outputs: ['c'],
      nodes: [call(i === 0 ? 'Twice' : `F${i - 1}`, 'a', 'b'), call(i === 0 ? 'Twice' : `F${i - 1}`, 'b', 'c')],
    }));
    expect(() =>
      importOnnx(writeModel({ ...parts, functions: [parts.functions![0]!, ...tower], nodes: [call('F39', 'x', 'y')] })),
    ).toThrow(/more than \d+ nodes/);
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
