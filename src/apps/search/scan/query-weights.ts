/**
 * @file The weights with which a scan counts the bit planes for a query: its projection rounded to 0, ±1, ±2 or ±4, a step of 16 planes at a time. A query of
 * normal values keeps a correlation of 0.95 with itself so; its signs alone, which is Hamming distance, keep 0.80. Only the 160 planes of the largest
 * magnitudes are read: all that count, about 205, would keep 0.97 and take a quarter longer.
 */
import { numCodeBits, planesPerStep, planeWeights, weightParts } from './layout.ts';

/** The unit of the weights, in root mean squares of the projected query; the best for normal values, with `leastMeans`. */
const unitShare = 0.7;

/** From which mean magnitude on a step has weight 4, 2 and 1, in units. */
const leastMeans = [2.9, 1.45, 0.5];

/** The most steps of each sign. */
const maxSteps = 5;

/** Where magnitudes are sorted into, evenly from 0. */
const numBins = 256;

const projected = new Float64Array(numCodeBits);
const order = new Int32Array(numCodeBits);
const ends = new Int32Array(numBins + 1);

/**
 * Writes weights for a query into `words`, from `start` on: its `products` with the projection, `[256]`, times the `lengths` of the projection's rows. Of each sign,
 * the planes of the largest magnitudes come first; those that fill no step at the end are dropped.
 */
export function writeWeights(products: Int32Array, lengths: Float32Array, words: Int32Array, start: number): void {
  let squares = 0;
  let largest = 0;
  for (let bit = 0; bit < numCodeBits; bit++) {
    projected[bit] = products[bit]! * lengths[bit]!;
    const value = Math.abs(projected[bit]!);
    squares += value * value;
    if (value > largest) largest = value;
  }
  const unit = unitShare * Math.sqrt(squares / numCodeBits);
  sortByMagnitude(numBins / (largest * (1 + 1e-9) || 1));
  words.fill(0, start, start + planeWeights.length);
  let end = start + weightParts.planes / 4;
  for (const [nth, sign] of [1, -1].entries()) {
    let numSteps = 0;
    let numInStep = 0;
    let sum = 0;
    // The largest magnitudes are at the end of the order.
    for (let at = numCodeBits - 1; at >= 0; at--) {
      const plane = order[at]!;
      const value = projected[plane]! * sign;
      if (value <= 0) continue;
      words[end + numInStep] = plane * 16;
      numInStep += 1;
      sum += value;
      if (numInStep < planesPerStep) continue;
      const mean = sum / planesPerStep;
      const weight = leastMeans.findIndex((least) => mean >= least * unit);
      if (weight < 0 || numSteps === maxSteps) break;
      numSteps += 1;
      // In the order in which they lie in memory.
      words.subarray(end, end + planesPerStep).sort();
      words[start + 3 * nth + weight]! += 1;
      end += planesPerStep;
      numInStep = 0;
      sum = 0;
    }
  }
}

/** Fills `order` with the bits, the smallest magnitude first, to the width of a bin. */
function sortByMagnitude(binsPerUnit: number): void {
  ends.fill(0);
  for (let bit = 0; bit < numCodeBits; bit++) ends[1 + Math.floor(Math.abs(projected[bit]!) * binsPerUnit)]! += 1;
  for (let bin = 1; bin <= numBins; bin++) ends[bin]! += ends[bin - 1]!;
  for (let bit = 0; bit < numCodeBits; bit++) order[ends[Math.floor(Math.abs(projected[bit]!) * binsPerUnit)]!++] = bit;
}
