/** @file Binary codes of vectors: the signs of a projection. */
import { Rng } from '../../engine/core/index.ts';

/** Bytes of a code. */
export const codeBytes = 32;

const numBits = codeBytes * 8;

/** A seeded random projection `[256, D]`, for encoders that bring none of their own. */
function randomProjection(dim: number): Float32Array {
  return new Rng(`codes of ${dim}`).fillNormal(new Float32Array(numBits * dim));
}

const projections = new Map<number, Float32Array>();

/** Codes `[N, 32]` of vectors `[N, D]`. */
export function codesOf(vectors: Float32Array, dim: number): Uint8Array {
  let projection = projections.get(dim);
  if (projection === undefined) {
    projection = randomProjection(dim);
    projections.set(dim, projection);
  }
  const count = vectors.length / dim;
  const codes = new Uint8Array(count * codeBytes);
  for (let row = 0; row < count; row++) {
    for (let bit = 0; bit < numBits; bit++) {
      let sum = 0;
      for (let i = 0; i < dim; i++) sum += vectors[row * dim + i]! * projection[bit * dim + i]!;
      if (sum > 0) codes[row * codeBytes + (bit >> 3)]! |= 1 << (bit & 7);
    }
  }
  return codes;
}
