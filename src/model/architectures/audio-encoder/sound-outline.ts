/**
 * @file The outline of a sound, which needs no training: how loud each band is on average and at most, and a coarse picture of bands over time. It goes
 * beside the features of the encoder, which learn to overlook some of it. B: windows; T: frames; M: mel bands.
 */
import { concat, reduceMax, reduceMean, reshape, type Value } from '../../../engine/graph/index.ts';

/** Parts of the coarse picture along time, and along the bands. */
const numParts = 8;

/** How wide the outline of `numBands` bands is: `2 M + 64`. */
export function outlineDim(numBands: number): number {
  return 2 * numBands + numParts * numParts;
}

/** The outline `[B, 2 M + 64]` of levelled windows `[B, T, M]`, T and M multiples of 8: means, maxima, then the coarse picture row by row. */
export function soundOutline(levelled: Value): Value {
  const [batch, time, bands] = levelled.shape as [number, number, number];
  const cells = reshape(levelled, [batch, numParts, time / numParts, numParts, bands / numParts]);
  const coarse = reshape(reduceMean(cells, { axes: [2, 4] }), [batch, numParts * numParts]);
  return concat([reduceMean(levelled, { axes: [1] }), reduceMax(levelled, { axes: [1] }), coarse], 1);
}
