/** @file What turns a vector into a code: bit p is set where row p of a projection finds the vector on its positive side. */
import { Rng, ShapeError } from '../../../engine/core/index.ts';
import { wideOne } from './dot-code.ts';
import { numCodeBits } from './layout.ts';

/**
 * The projection for data of which nothing is known, `[256, D]`: seeded random directions of length 1, made orthogonal in blocks of D so that no
 * two bits of a block ask the same (RaBitQ's rotation, arXiv:2405.12497).
 */
export function randomProjection(dim: number, seed: number | string = 'codes'): Float32Array {
  const rng = new Rng(`${seed} ${dim}`);
  const rows = new Float32Array(numCodeBits * dim);
  for (let row = 0; row < numCodeBits; row++) {
    const own = Float64Array.from({ length: dim }, () => rng.normal());
    for (let other = row - (row % dim); other < row; other++) {
      let product = 0;
      for (let i = 0; i < dim; i++) product += own[i]! * rows[other * dim + i]!;
      for (let i = 0; i < dim; i++) own[i]! -= product * rows[other * dim + i]!;
    }
    const length = Math.hypot(...own);
    for (let i = 0; i < dim; i++) rows[row * dim + i] = own[i]! / length;
  }
  return rows;
}

/** A projection as kernels take it. */
export interface WideProjection {
  /** `int16[256, paddedDim]`, each row scaled to length 1. */
  readonly rows: Int16Array;
  /** What the products of the projection are in units of those of `rows`, for each row: its length. */
  readonly lengths: Float32Array;
}

/** @throws ShapeError unless the projection is `[256, dim]`; RangeError if a row is 0 or not finite. */
export function widened(projection: Float32Array, dim: number, paddedDim: number): WideProjection {
  if (projection.length !== numCodeBits * dim) {
    throw new ShapeError(
      `VectorIndex: the projection must be [${numCodeBits}, ${dim}], got ${projection.length} values`,
    );
  }
  const rows = new Int16Array(numCodeBits * paddedDim);
  const lengths = new Float32Array(numCodeBits);
  for (let row = 0; row < numCodeBits; row++) {
    const own = projection.subarray(row * dim, (row + 1) * dim);
    const length = Math.sqrt(own.reduce((sum, value) => sum + value * value, 0));
    if (!(length > 0 && length < Number.POSITIVE_INFINITY)) {
      throw new RangeError(
        `VectorIndex: row ${row} of the projection must have a positive, finite length, got ${length}`,
      );
    }
    lengths[row] = length;
    own.forEach((value, i) => {
      rows[row * paddedDim + i] = Math.round((value / length) * wideOne);
    });
  }
  return { rows, lengths };
}

/** The thresholds of the bits, `int32[256]` in the units of 16-bit products, for codes of vectors less `mean` `[D]`. */
export function thresholdsOf({ rows }: WideProjection, mean: Float32Array | undefined, paddedDim: number): Int32Array {
  const thresholds = new Int32Array(numCodeBits);
  if (mean === undefined) return thresholds;
  for (let row = 0; row < numCodeBits; row++) {
    let sum = 0;
    for (let i = 0; i < mean.length; i++) sum += rows[row * paddedDim + i]! * mean[i]! * wideOne;
    thresholds[row] = Math.round(sum);
  }
  return thresholds;
}
