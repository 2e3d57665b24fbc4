import { describe, expect, it } from 'vitest';
import { float32, int64, type Shape, ShapeError, Tensor } from '../core/index.ts';
import {
  add,
  applyOp,
  applyOpAs,
  concat,
  constant,
  constantInts,
  constantScalar,
  foldOp,
  type Graph,
  gather,
  graphOf,
  identity,
  matMul,
  mul,
  nodesInOrder,
  opKey,
  ops,
  relu,
  replay,
  reshape,
  shapeOf,
  sin,
  slice,
  stopGradient,
  stopGradientOp,
  transpose,
  unsqueeze,
  Value,
} from './index.ts';

const input = (name: string, shape: Shape) => new Value({ dtype: 'float32', shape }, { kind: 'input', name });
const graphWith = (inputs: readonly Value[], outputs: readonly Value[]): Graph =>
  graphOf(
    inputs.map((value, i) => ({ name: value.origin.kind === 'input' ? value.origin.name : `in${i}`, value })),
    outputs.map((value, i) => ({ name: `out${i}`, value })),
  );
const opTypesOf = (values: readonly Value[]) => nodesInOrder(values).map((node) => opKey(node.op));

/** Splits the last axis into heads, by shapes computed as exporters do. */
function heads(x: Value): Value {
  const dim = (axis: number) => unsqueeze(gather(shapeOf(x), constantScalar(axis, 'int64')), [0]);
  return transpose(reshape(x, concat([dim(0), dim(1), constantInts([4, -1])], 0)), [0, 2, 1, 3]);
}

describe('replay', () => {
  const x = input('x', ['batch', 'time', 32]);
  const graph = graphWith([x], [heads(x)]);

  it('infers every type anew and folds shape arithmetic away', () => {
    expect(String(graph.outputs[0]!.value)).toBe('float32[batch,4,time,8]');
    const [result] = replay(graph, { x: input('x', [2, 7, 32]) });
    expect(String(result)).toBe('float32[2,4,7,8]');
    expect(opTypesOf([result!])).toEqual(['Reshape', 'Transpose']);
  });

  it('takes inputs in order as well, and may keep names', () => {
    const [result] = replay(graph, [input('x', ['n', 5, 32])]);
    expect(String(result)).toBe('float32[n,4,5,8]');
  });

  it('folds nothing if asked not to', () => {
    const [result] = replay(graph, { x: input('x', [2, 7, 32]) }, { fold: false });
    expect(opTypesOf([result!])).toEqual(graph.nodes.map((node) => opKey(node.op)));
    expect(String(result)).toBe('float32[2,4,7,8]');
  });

  it('gives the very same values for the very same inputs, where all is static', () => {
    const y = input('y', [2, 3]);
    const same = graphWith([y], [relu(add(y, constant(float32([1, 2, 3]))))]);
    expect(replay(same, { y })[0]).toBe(same.outputs[0]!.value);
  });

  it('says which input is missing, unknown, or of another type', () => {
    expect(() => replay(graph, {})).toThrow('replay: the input "x" is missing');
    expect(() => replay(graph, { x, z: x })).toThrow('replay: the graph has no input "z"');
    expect(() => replay(graph, [x, x])).toThrow('replay: the graph has 1 inputs, got 2');
    const whole = new Value({ dtype: 'int64', shape: [2, 7, 32] }, { kind: 'input', name: 'x' });
    expect(() => replay(graph, { x: whole })).toThrow(
      'replay: the input "x" is float32[batch,time,32], got int64[2,7,32]',
    );
  });

  it('passes on what an op says of shapes that do not fit', () => {
    const w = constant(float32(new Float32Array(64), [32, 2]));
    const product = graphWith([x], [matMul(x, w)]);
    expect(() => replay(product, { x: input('x', [2, 7, 31]) })).toThrow(ShapeError);
  });

  it('keeps stopGradient, and lets other identities pass', () => {
    const y = input('y', [2]);
    const both = graphWith([y], [identity(sin(y)), stopGradient(sin(y))]);
    const z = input('y', [3]);
    const [plain, stopped] = replay(both, { y: z });
    expect(opTypesOf([plain!])).toEqual(['Sin']);
    expect(stopped!.origin.kind === 'node' && stopped!.origin.node.op).toBe(stopGradientOp);
  });

  it('puts other values in the place of nodes, and tells what became of each', () => {
    const y = input('y', [2]);
    const before = sin(y);
    const one = graphWith([y], [add(before, relu(y))]);
    const seen = new Map<Value, Value>();
    const [result] = replay(
      one,
      { y },
      {
        replace: (node, [operand]) => (node.op === ops.Sin ? [mul(operand!, 2)] : undefined),
        onValue: (value, now) => void seen.set(value, now),
      },
    );
    expect(opTypesOf([result!])).toEqual(['Mul', 'Relu', 'Add']);
    expect(opTypesOf([seen.get(before)!])).toEqual(['Mul']);
    expect(seen.get(one.outputs[0]!.value)).toBe(result);
  });
});

describe('types that a graph recorded', () => {
  const x = input('x', ['batch', 4]);
  const indices = new Value({ dtype: 'int64', shape: [2] }, { kind: 'input', name: 'target' });
  const recorded = (shape: Shape) => {
    const [y] = applyOpAs(ops.Reshape, [x, indices], {}, [{ dtype: 'float32', shape }]);
    return graphWith([x, indices], [y!]);
  };

  it('hold on where inference knows less', () => {
    const [same] = replay(recorded(['batch', 4]), { x, target: indices });
    expect(String(same)).toBe('float32[batch,4]');
  });

  it('hold in words of the new inputs, or not at all', () => {
    const now = { x: input('x', [3, 4]), target: indices };
    expect(String(replay(recorded(['batch', 4]), now)[0])).toBe('float32[3,4]');
    expect(String(replay(recorded(['4*batch', 1]), now)[0])).toBe('float32[?,1]');
    const other = { x: input('x', [3, 5]), target: indices };
    expect(String(replay(recorded([12, 1]), other)[0])).toBe('float32[?,?]');
  });
});

describe('foldOp', () => {
  const x = input('x', [2, 3]);

  it('computes small constants', () => {
    const [sum] = foldOp(ops.Add, [constantInts([1, 2]), constantScalar(10, 'int64')])!;
    expect(sum!.origin.kind === 'constant' && sum!.origin.tensor).toEqual(int64([11, 12]));
    const [shape] = foldOp(ops.Shape, [x])!;
    expect(shape!.origin.kind === 'constant' && shape!.origin.tensor).toEqual(int64([2, 3]));
  });

  it('keeps whole numbers that a double cannot hold', () => {
    const huge = constant(new Tensor('int64', [1], BigInt64Array.of(2n ** 63n - 1n)));
    const [joined] = foldOp(ops.Concat, [huge, constantInts([1])], { axis: { kind: 'int', value: 0 } })!;
    expect(joined!.origin.kind === 'constant' && joined!.origin.tensor.data).toEqual(
      BigInt64Array.of(2n ** 63n - 1n, 1n),
    );
  });

  it('lets a value pass through what does not change it', () => {
    expect(foldOp(ops.Reshape, [x, constantInts([2, -1])])).toEqual([x]);
    expect(foldOp(ops.Expand, [x, constantInts([1, 1])])).toEqual([x]);
    expect(foldOp(ops.Slice, [x, constantInts([0]), constantInts([99])])).toEqual([x]);
    expect(foldOp(ops.Concat, [x], { axis: { kind: 'int', value: 1 } })).toEqual([x]);
    const square = input('x', [2, 2]);
    expect(foldOp(ops.Transpose, [square], { perm: { kind: 'ints', value: [0, 1] } })).toEqual([square]);
    expect(foldOp(ops.Tile, [x, constantInts([1, 1])])).toEqual([x]);
  });

  it('does not take a move for none', () => {
    const square = input('x', [2, 2]);
    expect(foldOp(ops.Transpose, [square])).toBeUndefined();
    const backwards = [constantInts([-1]), constantInts([-9]), constantInts([0]), constantInts([-1])];
    expect(foldOp(ops.Slice, [square, ...backwards])).toBeUndefined();
    expect(foldOp(ops.Pad, [x, constantInts([1, 0, -1, 0])])).toBeUndefined();
    const unknown = input('x', ['?', 2]);
    expect(foldOp(ops.Reshape, [unknown, constantInts([-1, 2])])).toBeUndefined();
  });

  it('leaves alone what the op would refuse, what is large, and what divides by 0', () => {
    expect(foldOp(ops.Add, [constantInts([1, 2]), constantInts([1, 2, 3])])).toBeUndefined();
    expect(foldOp(ops.Div, [constantInts([1]), constantInts([0])])).toBeUndefined();
    const many = constant(int64(new Array<number>(5000).fill(1)));
    expect(foldOp(ops.Add, [many, many])).toBeUndefined();
    expect(foldOp(ops.ConstantOfShape, [constantInts([100, 100])])).toBeUndefined();
    expect(foldOp(stopGradientOp, [constantInts([1])])).toBeUndefined();
  });

  it('knows dimensions one by one', () => {
    const [batch, rest] = [shapeOf(input('y', ['batch', 3])), constantInts([1])];
    const [last] = foldOp(ops.Gather, [batch, rest], { axis: { kind: 'int', value: 0 } })!;
    expect(last!.origin.kind === 'constant' && last!.origin.tensor).toEqual(int64([3]));
    expect(foldOp(ops.Gather, [batch, constantInts([0])], { axis: { kind: 'int', value: 0 } })).toBeUndefined();
  });

  it('is what slices of constants come to', () => {
    const [cut] = foldOp(ops.Slice, [
      constantInts([5, 6, 7]),
      constantInts([2]),
      constantInts([-9]),
      constantInts([0]),
      constantInts([-2]),
    ])!;
    expect(cut!.origin.kind === 'constant' && cut!.origin.tensor).toEqual(int64([7, 5]));
    expect(String(slice(constantInts([5, 6, 7]), { starts: [2], ends: [-9], steps: [-2] }))).toBe('int64[2]');
  });
});

it('applyOp stays as it was asked: folding is for replay', () => {
  const [sum] = applyOp(ops.Add, [constantInts([1]), constantInts([2])]);
  expect(sum!.origin.kind).toBe('node');
});
