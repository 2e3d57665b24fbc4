/** @file Rows of matrices: some of them, several matrices one under another, their mean. N: rows; D: columns. */
import { Tensor } from '../../engine/core/index.ts';

/** Some rows `[n, D]` of `[N, D]`, in that order. */
export function takeRows({ shape, data }: Tensor<'float32'>, rows: readonly number[]): Tensor<'float32'> {
  const dim = shape[1]!;
  const taken = new Float32Array(rows.length * dim);
  rows.forEach((row, i) => {
    taken.set(data.subarray(row * dim, (row + 1) * dim), i * dim);
  });
  return new Tensor('float32', [rows.length, dim], taken);
}

/** The mean row, `[D]`; zeros if there is none. */
export function meanRow({ shape, data }: Tensor<'float32'>): Float32Array {
  const [numRows, dim] = shape as [number, number];
  const sums = new Float64Array(dim);
  for (let i = 0; i < data.length; i++) sums[i % dim]! += data[i]!;
  return Float32Array.from(sums, (sum) => (numRows === 0 ? 0 : sum / numRows));
}

/** Every row less `offset` `[D]`. */
export function centreRows({ shape, data }: Tensor<'float32'>, offset: Float32Array): Tensor<'float32'> {
  const dim = shape[1]!;
  return new Tensor(
    'float32',
    shape,
    data.map((value, i) => value - offset[i % dim]!),
  );
}
