/** @file The scan of codes by all threads, and the best of what they found. */
import type { ScoredRows } from './best-rows.ts';
import { wideOne } from './dot-code.ts';
import { extentParts, numCodeBits, numScores, rowsPerChunk, rowsPerGroup, scoreBits, threadParts } from './layout.ts';
import { writeWeights } from './query-weights.ts';
import type { RowMemory } from './row-memory.ts';
import type { RowSet } from './row-set.ts';
import { jobKinds } from './share.ts';

/** Puts a query `[D]` of length 1 where kernels read it. */
export function writeQuery({ crew, layout }: RowMemory, unit: Float64Array): void {
  const wide = new Int16Array(crew.memory.buffer, layout.query, layout.paddedDim);
  for (let i = 0; i < unit.length; i++) wide[i] = Math.round(unit[i]! * wideOne);
}

/**
 * The rows with the `depth` best sums of weighted bits, with these sums, in no order; of equal ones, those with the smallest numbers. The same whatever the
 * number of threads. @param unit the query, `[D]`, of length 1; it is left written.
 */
export async function scanCodes(
  memory: RowMemory,
  unit: Float64Array,
  depth: number,
  among?: RowSet,
): Promise<ScoredRows> {
  const { layout, crew, numRows } = memory;
  writeQuery(memory, unit);
  crew.kernels.projectQuery(layout.query, layout.projection, layout.projectedQuery, layout.paddedDim);
  const { words } = crew;
  const products = words.subarray(layout.projectedQuery >> 2, (layout.projectedQuery >> 2) + numCodeBits);
  writeWeights(products, memory.projectionLengths, words, layout.weights >> 2);
  const starts = Array.from(
    { length: layout.numThreads },
    (_, thread) => (layout.threads + thread * layout.threadBytes) >> 2,
  );
  if (among !== undefined) memory.want(among.words);
  const mask = among === undefined ? extentParts.alive : extentParts.wanted;
  const numChunks = Math.ceil(numRows / rowsPerChunk);
  const passed = thresholdOfSample(memory, starts[0]!, depth, mask);
  for (const start of starts) clearThread(words, start, depth, passed);
  await crew.run(jobKinds.scan, [numRows, mask], numChunks);
  const found = merge(words, starts, depth);
  if (passed < 0 || found.rows.length >= depth) return found;
  // The sample promised too much.
  for (const start of starts) clearThread(words, start, depth, -1);
  await crew.run(jobKinds.scan, [numRows, mask], numChunks);
  return merge(words, starts, depth);
}

/** Groups of a sample. */
const [minSampleGroups, shareOfSample] = [24, 1 / 32];

/**
 * A score that, judged by a sample, some more rows than `depth` exceed; -1 if that is not known. Without it all rows would be listed that are among
 * the best so far, seven times as many as there are places for at a hundred thousand rows.
 */
function thresholdOfSample({ crew, numRows }: RowMemory, start: number, depth: number, mask: number): number {
  const numGroups = Math.ceil(numRows / rowsPerGroup);
  const step = Math.floor(numGroups / Math.max(minSampleGroups, numGroups * shareOfSample));
  if (step < 8) return -1;
  const expected = depth / step;
  const ofSample = Math.ceil(1.5 * expected + 3 * Math.sqrt(expected)) + 2;
  const { words } = crew;
  clearThread(words, start, ofSample, -1);
  crew.runAlone(jobKinds.sample, [numRows, mask, step]);
  return words[start + threadParts.threshold / 4]! - 1;
}

/** Empties a thread's list; only rows whose score exceeds `passed` will be kept. */
function clearThread(words: Int32Array, start: number, depth: number, passed: number): void {
  words[start + threadParts.threshold / 4] = passed;
  words[start + threadParts.depth / 4] = depth;
  words[start + threadParts.above / 4] = 0;
  words[start + threadParts.length / 4] = 0;
  for (let bit = 0; bit < scoreBits; bit++) {
    const at = start + threadParts.thresholdBits / 4 + 4 * bit;
    words.fill(-(((passed + 1) >> bit) & 1), at, at + 4);
  }
  words.fill(0, start + threadParts.histogram / 4, start + threadParts.histogram / 4 + numScores);
}

/** The best of what the threads found. */
function merge(words: Int32Array, starts: readonly number[], depth: number): ScoredRows {
  // The smallest score that is still among the best, and how many rows with it are.
  let missing = depth;
  let threshold = numScores - 1;
  for (; threshold > 0; threshold--) {
    let count = 0;
    for (const start of starts) count += words[start + threadParts.histogram / 4 + threshold]!;
    if (count >= missing) break;
    missing -= count;
  }
  const rows: number[] = [];
  const scores: number[] = [];
  const equal: number[] = [];
  for (const start of starts) {
    const list = start + threadParts.list / 4;
    const end = list + 2 * words[start + threadParts.length / 4]!;
    for (let at = list; at < end; at += 2) {
      const score = words[at + 1]!;
      if (score > threshold) {
        rows.push(words[at]!);
        scores.push(score);
      } else if (score === threshold) equal.push(words[at]!);
    }
  }
  if (equal.length > missing) equal.sort((a, b) => a - b);
  for (const row of equal.slice(0, missing)) {
    rows.push(row);
    scores.push(threshold);
  }
  return { rows: Int32Array.from(rows), scores: Float32Array.from(scores) };
}
