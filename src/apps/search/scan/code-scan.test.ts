import { describe, expect, it } from 'vitest';
import { Rng } from '../../../engine/core/index.ts';
import { scanCodes } from './code-scan.ts';
import { codeBytes, numCodeBits, planesPerStep, planeWeights, weightParts } from './layout.ts';
import { randomProjection } from './projection.ts';
import { RowMemory } from './row-memory.ts';
import { RowSet } from './row-set.ts';

const unitRows = (rng: Rng, count: number, dim: number) => {
  const rows = rng.fillNormal(new Float32Array(count * dim));
  for (let row = 0; row < count; row++) {
    const own = rows.subarray(row * dim, (row + 1) * dim);
    const length = Math.hypot(...own);
    own.forEach((value, i) => {
      own[i] = value / length;
    });
  }
  return rows;
};

/** The weight of each plane, as it lies in memory. */
function weightsOf({ crew, layout }: RowMemory): number[] {
  const weights = new Array<number>(numCodeBits).fill(0);
  let at = (layout.weights + weightParts.planes) >> 2;
  planeWeights.forEach((weight, i) => {
    for (let n = crew.words[(layout.weights >> 2) + i]! * planesPerStep; n > 0; n--)
      weights[crew.words[at++]! / 16] = weight;
  });
  return weights;
}

/** What the scan computes, one bit after the other. */
function plainScan(codes: Uint8Array, weights: readonly number[], depth: number, has: (row: number) => boolean) {
  const scored = Array.from({ length: codes.length / codeBytes }, (_, row) => {
    const bit = (plane: number) => (codes[row * codeBytes + (plane >> 3)]! >> (plane & 7)) & 1;
    const score = weights.reduce(
      (sum, weight, plane) => sum + (weight < 0 ? -weight * (1 - bit(plane)) : weight * bit(plane)),
      0,
    );
    return { row, score };
  }).filter(({ row }) => has(row));
  return scored.sort((a, b) => b.score - a.score || a.row - b.row).slice(0, depth);
}

const pairs = ({ rows, scores }: { rows: Int32Array; scores: Float32Array }) =>
  Array.from(rows, (row, i) => ({ row, score: scores[i]! })).sort((a, b) => b.score - a.score || a.row - b.row);

const random = (rng: Rng, count: number) => Uint8Array.from({ length: count * codeBytes }, () => rng.integer(256));

describe('scanning codes', () => {
  it('finds what a plain scan finds, at ragged numbers of rows, with rows removed and filtered, by one thread and by several', async () => {
    const dim = 20;
    const even = randomProjection(dim);
    // Some directions count more than others, so that all weights occur.
    const uneven = even.map((value, i) => (i < 42 * dim ? 30 * value : value));
    const seen = new Set<number>();
    for (const numThreads of [1, 3]) {
      for (const numRows of numThreads === 1 ? [1, 127, 129, 300] : [26_001]) {
        const rng = new Rng(numRows);
        const memory = new RowMemory({ dim, projection: numRows % 2 === 0 ? even : uneven, maxBytes: 1e9, numThreads });
        const codes = random(rng, numRows);
        const vectors = unitRows(rng, numRows, dim);
        // In pieces, so that groups are filled in several calls.
        for (let row = 0; row < numRows; ) {
          const end = Math.min(numRows, row + 1 + rng.integer(3000));
          memory.add(vectors.subarray(row * dim, end * dim), {
            codes: codes.subarray(row * codeBytes, end * codeBytes),
          });
          row = end;
        }
        const removed = new Set(Array.from({ length: numRows >> 2 }, () => rng.integer(numRows)));
        memory.remove(removed);
        const among = RowSet.of(
          numRows,
          Array.from({ length: numRows >> 1 }, () => rng.integer(numRows)),
        );
        for (const depth of numThreads === 1 ? [1, 700] : [700]) {
          const query = Float64Array.from(unitRows(rng, 1, dim));
          const whole = pairs(await scanCodes(memory, query, depth));
          const weights = weightsOf(memory);
          for (const weight of weights) seen.add(weight);
          expect(whole).toEqual(plainScan(codes, weights, depth, (row) => !removed.has(row)));
          const part = pairs(await scanCodes(memory, query, depth, among));
          expect(part).toEqual(plainScan(codes, weights, depth, (row) => !removed.has(row) && among.has(row)));
        }
        await memory.crew.close();
      }
    }
    expect([...seen].sort((a, b) => a - b)).toEqual([-4, -2, -1, 0, 1, 2, 4]);
  });

  it('takes the first rows where all codes are the same, and keeps its list in bounds where each row is better than the last', async () => {
    const dim = 16;
    const numRows = 60_000;
    const memory = new RowMemory({ dim, maxBytes: 1e9, numThreads: 1 });
    const vectors = unitRows(new Rng(1), 1, dim);
    const same = new Float32Array(numRows * dim);
    for (let row = 0; row < numRows; row++) same.set(vectors, row * dim);
    memory.add(same, { codes: new Uint8Array(numRows * codeBytes) });
    const found = await scanCodes(memory, Float64Array.from(vectors), 500);
    expect([...found.rows].sort((a, b) => a - b)).toEqual(Array.from({ length: 500 }, (_, row) => row));
    await memory.crew.close();

    // Bits that the query wants are set one by one: sums rise with the rows.
    const rising = new RowMemory({ dim, maxBytes: 1e9, numThreads: 1 });
    const query = Float64Array.from(vectors);
    await scanCodes(rising, query, 1);
    const weights = weightsOf(rising);
    const codes = new Uint8Array(numRows * codeBytes);
    const expected: { row: number; score: number }[] = [];
    for (let row = 0; row < numRows; row++) {
      const numRight = Math.floor((row * numCodeBits) / numRows);
      if (row > 0 && numRight === Math.floor(((row - 1) * numCodeBits) / numRows)) {
        codes.copyWithin(row * codeBytes, (row - 1) * codeBytes, row * codeBytes);
        expected.push({ row, score: expected.at(-1)!.score });
        continue;
      }
      let score = 0;
      for (let plane = 0; plane < numCodeBits; plane++) {
        const isRight = plane < numRight;
        if (isRight) score += Math.abs(weights[plane]!);
        if (isRight === weights[plane]! > 0) codes[row * codeBytes + (plane >> 3)]! |= 1 << (plane & 7);
      }
      expected.push({ row, score });
    }
    rising.add(same, { codes });
    expected.sort((a, b) => b.score - a.score || a.row - b.row);
    expect(pairs(await scanCodes(rising, query, 16_000))).toEqual(expected.slice(0, 16_000));
    await rising.crew.close();
  });

  it('makes the codes that the signs of the projection are, less a mean if there is one', async () => {
    const dim = 37;
    const rng = new Rng('signs');
    const projection = randomProjection(dim);
    const vectors = unitRows(rng, 301, dim);
    const mean = unitRows(rng, 1, dim).map((value) => value / 3);
    for (const offset of [undefined, mean]) {
      const memory = new RowMemory({ dim, projection, maxBytes: 1e9, numThreads: 2 });
      const cuts = [0, 5, 6, 133, 301];
      cuts.slice(1).forEach((end, i) => {
        memory.add(vectors.subarray(cuts[i]! * dim, end * dim), offset === undefined ? {} : { mean: offset });
      });
      const codes = new Uint8Array(301 * codeBytes);
      let nearZero = 0;
      for (let row = 0; row < 301; row++) {
        for (let plane = 0; plane < numCodeBits; plane++) {
          let sum = 0;
          for (let i = 0; i < dim; i++)
            sum += (vectors[row * dim + i]! - (offset?.[i] ?? 0)) * projection[plane * dim + i]!;
          if (Math.abs(sum) < 1e-3) nearZero += 1;
          if (sum > 0) codes[row * codeBytes + (plane >> 3)]! |= 1 << (plane & 7);
        }
      }
      const query = Float64Array.from(unitRows(rng, 1, dim));
      const expected = new Map(pairs(await scanCodes(memory, query, 301)).map(({ row, score }) => [row, score]));
      const plain = plainScan(codes, weightsOf(memory), 301, () => true);
      const numOff = plain.filter(({ row, score }) => expected.get(row) !== score).length;
      expect(expected.size).toBe(301);
      expect(numOff).toBeLessThanOrEqual(Math.ceil(nearZero / 4));
      await memory.crew.close();
    }
  });
});
