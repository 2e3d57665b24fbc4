/** @file The scan of codes by all threads, and the best of what they found. */
import type { ScoredRows } from './best-rows.ts';
import { extentParts, numCodeBits, numScores, rowsPerChunk, scoreBits, threadParts } from './layout.ts';
import { writeWeights } from './query-weights.ts';
import { wideOne } from './row-kernels.ts';
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
  for (const start of starts) clearThread(words, start, depth);
  if (among !== undefined) memory.want(among.words);
  const mask = among === undefined ? extentParts.alive : extentParts.wanted;
  await crew.run(jobKinds.scan, [numRows, mask], Math.ceil(numRows / rowsPerChunk));
  return merge(words, starts, depth);
}

function clearThread(words: Int32Array, start: number, depth: number): void {
  words[start + threadParts.threshold / 4] = -1;
  words[start + threadParts.depth / 4] = depth;
  words[start + threadParts.above / 4] = 0;
  words[start + threadParts.length / 4] = 0;
  // The bits of 0.
  words.fill(0, start + threadParts.thresholdBits / 4, start + threadParts.thresholdBits / 4 + 4 * scoreBits);
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
