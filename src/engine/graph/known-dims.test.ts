import { describe, expect, it } from 'vitest';
import { float32, int64, type Shape } from '../core/index.ts';
import {
  add,
  applyOp,
  cast,
  concat,
  constant,
  constantInts,
  constantScalar,
  div,
  equal,
  expand,
  floor,
  gather,
  knownDims,
  max,
  mod,
  mul,
  ops,
  range,
  reduceProd,
  reshape,
  shapeOf,
  sizeOf,
  slice,
  unsqueeze,
  Value,
  where,
} from './index.ts';
import { addDims, divideDims, multiplyDims, subtractDims } from './symbolic.ts';

const input = (shape: Shape, dtype: 'float32' | 'int64' = 'float32') =>
  new Value({ dtype, shape }, { kind: 'input', name: 'x' });

describe('arithmetic on dimensions', () => {
  it('adds, subtracts and multiplies names, in one order', () => {
    expect(addDims('time', 'batch')).toBe('batch+time');
    expect(addDims('time', 1)).toBe('time+1');
    expect(subtractDims(addDims('time', 3), 3)).toBe('time');
    expect(subtractDims('time', 'time')).toBe(0);
    expect(multiplyDims('time', 'batch')).toBe('batch*time');
    expect(multiplyDims(addDims('time', 1), 2)).toBe('2*time+2');
    expect(subtractDims(0, 'time')).toBe('-time');
    expect(addDims(subtractDims(0, 'time'), 'time')).toBe(0);
  });

  it('divides where nothing is left over', () => {
    expect(divideDims(multiplyDims('batch', 12), 4)).toBe('3*batch');
    expect(divideDims(multiplyDims('batch', 'time'), 'time')).toBe('batch');
    expect(divideDims(addDims('time', 1), 2)).toBe('?');
    expect(divideDims('time', 'batch')).toBe('?');
    expect(divideDims(12, 5)).toBe('?');
  });

  it('knows nothing of what is unknown, but that 0 of it is none', () => {
    expect(addDims('?', 1)).toBe('?');
    expect(multiplyDims('?', 0)).toBe(0);
    expect(divideDims('?', 2)).toBe('?');
  });

  it('takes a foreign text for one name', () => {
    expect(addDims('past + 1', 0)).toBe('past + 1');
    expect(subtractDims(addDims('past + 1', 'batch'), 'batch')).toBe('past + 1');
    expect(divideDims(multiplyDims('past + 1', 2), 2)).toBe('past + 1');
  });
});

describe('knownDims', () => {
  const x = input(['batch', 'time', 768]);
  const dims = shapeOf(x);
  const dim = (axis: number) => gather(dims, constantScalar(axis, 'int64'));
  const one = (value: Value) => unsqueeze(value, [0]);

  it('reads the shape of a value, also part of it', () => {
    expect(knownDims(dims)).toEqual(['batch', 'time', 768]);
    expect(knownDims(shapeOf(x, { start: 1, end: -1 }))).toEqual(['time']);
    expect(knownDims(dim(-1))).toEqual([768]);
    expect(knownDims(slice(dims, { starts: [-2], ends: [2 ** 40] }))).toEqual(['time', 768]);
    expect(knownDims(sizeOf(input(['batch', 4])))).toEqual(['4*batch']);
    expect(knownDims(reduceProd(slice(dims, { starts: [0], ends: [2] })))).toEqual(['batch*time']);
  });

  it('follows the arithmetic of exported models', () => {
    const heads = constantScalar(12, 'int64');
    const target = concat([one(dim(0)), one(dim(1)), one(heads), one(div(dim(2), heads))], 0);
    expect(knownDims(target)).toEqual(['batch', 'time', 12, 64]);
    expect(String(reshape(x, target))).toBe('float32[batch,time,12,64]');
    const back = concat([one(mul(dim(0), 12)), constantInts([-1, 64])], 0);
    expect(String(reshape(x, back))).toBe('float32[12*batch,time,64]');
  });

  it('follows floats that are rounded down, where nothing is cut off', () => {
    const doubled = (factor: number) =>
      knownDims(cast(floor(mul(cast(dims, 'float32'), constantScalar(factor))), 'int64'));
    expect(doubled(2)).toEqual(['2*batch', '2*time', 1536]);
    expect(doubled(0.5)).toEqual(['?', '?', 384]);
  });

  it('follows comparisons, by which exporters leave dimensions alone', () => {
    const target = constantInts([-1, 1, 768]);
    const chosen = where(equal(target, -1), dims, target);
    expect(knownDims(chosen)).toEqual(['batch', 1, 768]);
    expect(knownDims(where(equal(dims, -1), target, dims))).toEqual(['batch', 'time', 768]);
    expect(knownDims(equal(dims, 768))).toEqual(['?', '?', 1]);
    expect(knownDims(max(dims, dims))).toEqual(['batch', 'time', 768]);
    expect(knownDims(mod(dims, constantScalar(5, 'int64')))).toEqual(['?', '?', 3]);
  });

  it('does not follow a chain deeper than the stack of function calls', () => {
    let value: Value = dims;
    for (let i = 0; i < 50_000; i++) value = add(value, 1);
    expect(knownDims(value)).toEqual(['?', '?', '?']);
    expect(knownDims(add(dims, 1))).toEqual(['batch+1', 'time+1', 769]);
  });

  it('says how many there are where it knows no more, and nothing of other values', () => {
    expect(knownDims(input([3], 'int64'))).toEqual(['?', '?', '?']);
    expect(knownDims(input([], 'int64'))).toEqual(['?']);
    expect(knownDims(input(['n'], 'int64'))).toBeUndefined();
    expect(knownDims(input([2, 2], 'int64'))).toBeUndefined();
    expect(knownDims(constant(int64([1, 2, 3, 4], [2, 2])))).toBeUndefined();
  });
});

describe('shapes that are computed', () => {
  const x = input(['batch', 'time', 8]);
  const dims = shapeOf(x);
  const vector = (axis: number) => gather(dims, constantInts([axis]));
  const unknown = input([3], 'int64');

  it('give symbolic results', () => {
    const target = concat([vector(0), constantInts([4]), vector(1)], 0);
    expect(String(expand(input(['batch', 1, 1]), target))).toBe('float32[batch,4,time]');
    expect(String(applyOp(ops.ConstantOfShape, [target])[0])).toBe('float32[batch,4,time]');
    expect(String(range(0, gather(dims, constantScalar(1, 'int64'))))).toBe('int64[time]');
    expect(String(applyOp(ops.Tile, [x, constantInts([1, 2, 1])])[0])).toBe('float32[batch,2*time,8]');
    expect(String(concat([x, x], 1))).toBe('float32[batch,2*time,8]');
    expect(String(slice(x, { starts: [1], ends: [2 ** 40], axes: [1] }))).toBe('float32[batch,time-1,8]');
    expect(String(applyOp(ops.Slice, [input([1, 512, 8]), constantInts([0]), vector(1), constantInts([1])])[0])).toBe(
      'float32[1,time,8]',
    );
    expect(String(applyOp(ops.Flatten, [x], {})[0])).toBe('float32[batch,8*time]');
  });

  it('give unknown dimensions where their contents are not known', () => {
    expect(String(applyOp(ops.Reshape, [x, unknown])[0])).toBe('float32[?,?,?]');
    expect(String(applyOp(ops.Expand, [input([1, 8]), unknown])[0])).toBe('float32[?,?,8]');
    expect(String(applyOp(ops.Tile, [x, unknown])[0])).toBe('float32[?,?,?]');
    expect(String(applyOp(ops.Slice, [x, unknown, unknown])[0])).toBe('float32[?,?,?]');
    expect(String(applyOp(ops.Pad, [x, input([6], 'int64')])[0])).toBe('float32[?,?,?]');
    expect(String(applyOp(ops.ConstantOfShape, [input(['n'], 'int64')])[0])).toBe('float32[...]');
    expect(String(applyOp(ops.Split, [x, unknown], {})[1])).toBe('float32[?,time,8]');
    expect(String(applyOp(ops.Unsqueeze, [x, input([1], 'int64')])[0])).toBe('float32[?,?,?,?]');
    expect(
      String(
        applyOp(
          ops.Range,
          [0, 1, 2].map(() => input([], 'int64')),
        )[0],
      ),
    ).toBe('int64[?]');
  });

  it('of which even the rank is unknown pass through', () => {
    const any = input(['...']);
    for (const op of [ops.Identity, ops.Transpose, ops.Squeeze])
      expect(String(applyOp(op, [any])[0])).toBe('float32[...]');
    expect(String(gather(any, constantInts([0])))).toBe('float32[...]');
    expect(String(shapeOf(any))).toBe('int64[?]');
    expect(String(concat([any, x], 1))).toBe('float32[batch,?,8]');
    expect(String(reshape(any, constantInts([2, -1])))).toBe('float32[2,?]');
    expect(String(applyOp(ops.Flatten, [any], {})[0])).toBe('float32[?,?]');
  });
});

describe('reshape', () => {
  it('makes axes of size 0', () => {
    expect(String(reshape(constant(float32([])), [2, 0, 3]))).toBe('float32[2,0,3]');
    expect(String(reshape(input([0, 4]), [4, 0]))).toBe('float32[4,0]');
    expect(() => reshape(input([2]), [0, 2])).toThrow('Reshape: [2] to [0,2]: the number of elements does not fit');
    expect(() => reshape(input([0]), [0, -1])).toThrow(/beside 0, every dimension must be given/);
  });
});
