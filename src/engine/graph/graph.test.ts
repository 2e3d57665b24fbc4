import { describe, expect, it } from 'vitest';
import { DtypeError, float32, int64, ShapeError, type Tensor } from '../core/index.ts';
import {
  add,
  argMax,
  cast,
  concat,
  constant,
  constantInts,
  constantOf,
  constantScalar,
  conv,
  gather,
  gatherND,
  gemm,
  graphOf,
  layerNormalization,
  matMul,
  maxPool,
  mul,
  pad,
  printGraph,
  reduceSum,
  relu,
  reshape,
  slice,
  softmax,
  spec,
  split,
  squeeze,
  sub,
  topK,
  trace,
  transpose,
  unsqueeze,
  Value,
  where,
} from './index.ts';

const input = (shape: readonly (number | string)[], dtype: Tensor['dtype'] = 'float32') =>
  new Value({ dtype, shape }, { kind: 'input', name: 'x' });

describe('a traced graph', () => {
  it('names inputs and outputs by their paths and holds what the outputs need, in order', () => {
    const graph = trace(
      ({ a, layers }) => {
        relu(a);
        return { sum: add(a, layers[0].b), parts: split(a, [1, 1], 0) };
      },
      { a: spec([2, 3]), layers: [{ b: spec([3]) }] } as const,
    );
    expect(graph.inputs.map(({ name }) => name)).toEqual(['a', 'layers.0.b']);
    expect(graph.outputs.map(({ name }) => name)).toEqual(['sum', 'parts.0', 'parts.1']);
    expect(graph.nodes.map((node) => node.op.opType)).toEqual(['Add', 'Split']);
  });

  it('calls a single input "input" and a single output "output"', () => {
    const graph = trace((x: Value) => relu(x), spec([2]));
    expect([graph.inputs[0]!.name, graph.outputs[0]!.name]).toEqual(['input', 'output']);
  });

  it('refuses two inputs or outputs of one name', () => {
    const specs = { x: spec([2]) };
    expect(() => trace(({ x }) => ({ x: relu(x) }), specs)).toThrow(TypeError);
    expect(() => trace(({ x }) => ({ x: relu(x) }), specs)).toThrow('graphOf: "x" names two inputs or outputs');
    expect(() => trace((t) => t.a.b, { a: { b: spec([]) }, 'a.b': spec([]) })).toThrow('"a.b" names two');
  });

  it('refuses an output that needs an input which is not listed', () => {
    const [x, y] = [input([2]), input([2])];
    expect(() => graphOf([{ name: 'x', value: x }], [{ name: 'sum', value: add(x, y) }])).toThrow(
      'graphOf: an output needs the input "x", which is not among the inputs',
    );
  });

  it('survives a chain far deeper than the stack of function calls', () => {
    const graph = trace(
      (x: Value) => {
        let y = x;
        for (let i = 0; i < 50_000; i++) y = relu(y);
        return y;
      },
      spec([1]),
    );
    expect(graph.nodes.length).toBe(50_000);
  });

  it('prints one line a node, the same each time it is traced', () => {
    const make = () =>
      trace(({ x, w }) => softmax(add(matMul(x, w), 1), 0), { x: spec(['batch', 2]), w: spec([2, 3]) });
    expect(printGraph(make())).toBe(
      [
        'graph(x: float32[batch,2], w: float32[2,3])',
        '  %0 = MatMul(x, w) : float32[batch,3]',
        '  %1 = Add(%0, float32[]{1}) : float32[batch,3]',
        '  %2 = Softmax(%1, axis=0) : float32[batch,3]',
        '  return output: %2',
      ].join('\n'),
    );
    expect(printGraph(make())).toBe(printGraph(make()));
  });
});

describe('an op that is given what it cannot take', () => {
  const x = input([2, 3]);
  const cases: readonly [string, () => unknown, new (message: string) => Error, string][] = [
    [
      'shapes that do not broadcast',
      () => add(x, input([2])),
      ShapeError,
      'Add: shapes must broadcast, got [2,3] and [2]',
    ],
    [
      'two element types',
      () => mul(x, input([2, 3], 'int64')),
      DtypeError,
      'Mul: operands must have one element type, got float32[2,3] and int64[2,3]; cast one of them',
    ],
    [
      'truth values to add',
      () => add(input([2], 'bool'), input([2], 'bool')),
      DtypeError,
      'Add: takes numbers, got bool[2]',
    ],
    [
      'whole numbers to exponentiate',
      () => softmax(input([2], 'int32')),
      DtypeError,
      'Softmax: needs a float type, got int32[2]',
    ],
    [
      'matrices that do not fit',
      () => matMul(x, input([2, 3])),
      ShapeError,
      'MatMul: the inner dimensions must agree, got [2,3] and [2,3]',
    ],
    [
      'a transposed matrix that does not fit',
      () => gemm(x, x, undefined, { transA: true, transB: true }),
      ShapeError,
      'got [2,3]ᵀ and [2,3]ᵀ',
    ],
    [
      'a c that does not broadcast',
      () => gemm(x, input([3, 4]), input([3])),
      ShapeError,
      'Gemm: c must broadcast to [2,4], got [3]',
    ],
    [
      'another number of elements',
      () => reshape(x, [4]),
      ShapeError,
      'Reshape: [2,3] to [4]: the number of elements does not fit',
    ],
    ['two dimensions left open', () => reshape(x, [-1, -1]), ShapeError, 'one dimension may be -1'],
    [
      'an axis that is not there',
      () => reduceSum(x, { axes: [2] }),
      RangeError,
      'axis must be an integer in [-2, 2), got 2',
    ],
    [
      'an order that is none',
      () => transpose(x, [0, 0]),
      ShapeError,
      'Transpose: perm must order the axes of [2,3], got [0,0]',
    ],
    ['an axis that is not 1', () => squeeze(x, [0]), ShapeError, 'Squeeze: axis 0 of [2,3] must be 1'],
    ['an axis twice', () => unsqueeze(x, [0, 0]), ShapeError, 'Unsqueeze: axes must differ, got [0,0]'],
    [
      'parts that differ elsewhere',
      () => concat([x, input([2, 4])], 0),
      ShapeError,
      'Concat: shapes must be equal on all axes but 0, got [2,3] and [2,4]',
    ],
    [
      'sizes that do not add up',
      () => split(x, [1, 1], 1),
      ShapeError,
      'Split: sizes [1,1] must add up to axis 1 of [2,3]',
    ],
    ['a step of 0', () => slice(x, { starts: [0], ends: [1], steps: [0] }), ShapeError, 'Slice: a step must not be 0'],
    [
      'fewer ends than starts',
      () => slice(x, { starts: [0, 0], ends: [1] }),
      ShapeError,
      'Slice: starts, ends, axes and steps must be as many',
    ],
    [
      'widths that cut too much',
      () => pad(x, [-2, 0], [-1, 0]),
      ShapeError,
      'Pad: [-2,0,-1,0] cut more than axis 0 of [2,3] has',
    ],
    ['a k beyond the axis', () => topK(x, 4), ShapeError, 'TopK: k must be in [0, 3]'],
    [
      'indices that are not whole',
      () => gather(x, input([2])),
      DtypeError,
      'Gather: indices must be int64 or int32, got float32[2]',
    ],
    [
      'coordinates that are too long',
      () => gatherND(x, input([4, 3], 'int64')),
      ShapeError,
      'GatherND: the last axis of indices must be in [1, 2] for data [2,3], got [4,3]',
    ],
    [
      'a condition that is a number',
      () => where(x, x, x),
      DtypeError,
      'Where: the condition must be bool, got float32[2,3]',
    ],
    [
      'a scale of another shape',
      () => layerNormalization(x, input([2])),
      ShapeError,
      'layerNormalization: scale and bias must be [3], got [2]',
    ],
    [
      'channels that do not match',
      () => conv(input([1, 3, 4, 4]), input([8, 4, 3, 3])),
      ShapeError,
      'Conv: w must be [out, in / group, ...kernel] for x [1,3,4,4] and group 1, got [8,4,3,3]',
    ],
    [
      'a bias of another size',
      () => conv(input([1, 3, 4, 4]), input([8, 3, 3, 3]), input([3])),
      ShapeError,
      'Conv: the bias must be [8], got [3]',
    ],
    [
      'a window that is too large',
      () => maxPool(input([1, 1, 2, 2]), [3, 3]),
      ShapeError,
      'MaxPool: a window of 3,3 does not fit into [2,2]',
    ],
    [
      'a kernel for other axes',
      () => maxPool(input([1, 1, 4, 4]), [2]),
      ShapeError,
      'MaxPool: a window needs one of each and two pads for each of 2 axes',
    ],
    [
      'two numbers and no value',
      () => add(1, 2),
      TypeError,
      'Add: at least one operand must be a Value, got the numbers 1 and 2',
    ],
  ];

  it.each(cases)('%s: says which op, what it needs and what came', (_, apply, kind, message) => {
    expect(apply).toThrow(kind);
    expect(apply).toThrow(message);
  });
});

describe('symbolic dimensions', () => {
  const x = input(['batch', 'time', 4]);

  it('pass through ops that leave them alone', () => {
    expect(String(matMul(x, input([4, 8])))).toBe('float32[batch,time,8]');
    expect(String(transpose(x, [1, 0, 2]))).toBe('float32[time,batch,4]');
    expect(String(reduceSum(x, { axes: [1] }))).toBe('float32[batch,4]');
    expect(String(add(x, input(['time', 1])))).toBe('float32[batch,time,4]');
    expect(String(argMax(x, -1))).toBe('int64[batch,time]');
  });

  it('are kept by reshape where they stand, and found where one is left', () => {
    expect(String(reshape(x, ['batch', 'time', 2, 2]))).toBe('float32[batch,time,2,2]');
    expect(String(reshape(input(['batch', 4]), [4, 'batch']))).toBe('float32[4,batch]');
    expect(() => reshape(x, ['time', 'batch', 4])).toThrow(/is ambiguous/);
  });

  it('do not broadcast with other names or numbers', () => {
    expect(() => add(input(['batch']), input(['time']))).toThrow('Add: shapes must broadcast, got [batch] and [time]');
    expect(() => add(input(['batch']), input([3]))).toThrow(ShapeError);
  });
});

describe('a number as an operand', () => {
  it('takes the element type of the other', () => {
    for (const dtype of ['float32', 'float64', 'float16', 'int64', 'int32', 'uint8', 'int8'] as const) {
      expect(String(add(input([2], dtype), 3))).toBe(`${dtype}[2]`);
    }
    expect(constantOf(constantScalar(1.5, 'float16'))!.data).toEqual(Uint16Array.of(0x3e00));
    expect(Object.is(constantOf(constantScalar(-0))!.data[0], -0)).toBe(true);
    expect(constantOf(constantScalar(Number.NaN))!.data[0]).toBeNaN();
  });

  it.each([
    ['int64', 0.5],
    ['int32', 0.5],
    ['int32', 2 ** 31],
    ['uint8', -1],
    ['uint8', 256],
    ['int8', 128],
    ['bool', 2],
    ['int64', Number.NaN],
    ['int32', Number.POSITIVE_INFINITY],
  ] as const)('is refused where %s cannot hold %d', (dtype, value) => {
    expect(() => constantScalar(value, dtype)).toThrow(RangeError);
    expect(() => constantScalar(value, dtype)).toThrow(new RegExp(`${dtype}`));
  });

  it('is a cast away from another type', () => {
    expect(String(sub(cast(input([2], 'int64'), 'float32'), 0.5))).toBe('float32[2]');
    expect(cast(input([2]), 'float32').origin.kind).toBe('input');
  });
});

describe('constants', () => {
  it('keep their name and tensor', () => {
    const weight = constant(float32([1, 2]), 'weight');
    expect(weight.origin).toMatchObject({ kind: 'constant', name: 'weight' });
    expect(constantOf(weight)).toEqual(float32([1, 2]));
    expect(constantOf(constantInts([3, -1]))).toEqual(int64([3, -1]));
    expect(constantOf(input([1]))).toBeUndefined();
  });
});
