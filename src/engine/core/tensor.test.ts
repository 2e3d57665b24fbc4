import { describe, expect, it } from 'vitest';
import { DtypeError, ShapeError } from './errors.ts';
import {
  bytesOf,
  float32,
  float32Data,
  full,
  int64,
  reshaped,
  scalar,
  Tensor,
  tensorFromBytes,
  zeros,
} from './tensor.ts';

describe('a tensor', () => {
  it('refuses data that is not exactly the elements of its shape', () => {
    expect(() => new Tensor('float32', [2, 3], new Float32Array(5))).toThrow(ShapeError);
    expect(() => new Tensor('float32', [2, 3], new Float32Array(5))).toThrow('Tensor: [2,3] needs 6 elements, got 5');
  });

  it.each([[[-1]], [[1.5]], [[Number.NaN]]])('refuses the shape %j', (shape) => {
    expect(() => new Tensor('float32', shape, new Float32Array(1))).toThrow(/non-negative integers/);
  });

  it('holds one element without axes, and none where an axis is 0', () => {
    expect(scalar(3).data).toEqual(Float32Array.of(3));
    expect(scalar(3).shape).toEqual([]);
    expect(zeros([2, 0, 3]).data.length).toBe(0);
  });

  it('refuses an array of another kind than its element type', () => {
    const wrong = new Float32Array(2) as unknown as BigInt64Array;
    expect(() => new Tensor('int64', [2], wrong)).toThrow(DtypeError);
    expect(() => new Tensor('int64', [2], wrong)).toThrow('Tensor: int64 lies in a BigInt64Array, got a Float32Array');
  });

  it('shares its elements under another shape and as bytes', () => {
    const tensor = float32([1, 2, 3, 4]);
    const matrix = reshaped(tensor, [2, 2]);
    bytesOf(matrix).fill(0);
    expect(tensor.data).toEqual(Float32Array.of(0, 0, 0, 0));
    expect(() => reshaped(tensor, [3])).toThrow(ShapeError);
  });

  it('comes back from its bytes, wherever these begin', () => {
    const tensor = int64([1, -2, 2 ** 40], [3, 1]);
    const shifted = new Uint8Array(3 * 8 + 1);
    shifted.set(bytesOf(tensor), 1);
    expect(tensorFromBytes('int64', [3, 1], shifted.subarray(1))).toEqual(tensor);
    expect(() => tensorFromBytes('int64', [3], shifted)).toThrow('int64[3] needs 24 bytes, got 25');
  });

  it('keeps the sign of zero and NaN', () => {
    const back = tensorFromBytes('float32', [2], bytesOf(float32([-0, Number.NaN])));
    expect(Object.is(back.data[0], -0)).toBe(true);
    expect(back.data[1]).toBeNaN();
  });

  it('is filled with a value of its element type', () => {
    expect(full([2], 7, 'int32').data).toEqual(Int32Array.of(7, 7));
    expect(full([2], 1, 'bool').data).toEqual(Uint8Array.of(1, 1));
  });

  it('gives its float32 elements only if it has such', () => {
    expect(() => float32Data(int64([1]), 'mean')).toThrow('mean: needs float32, got int64');
  });
});
