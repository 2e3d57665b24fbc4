import { describe, expect, it } from 'vitest';
import { Rng } from '../../../engine/core/index.ts';
import { RowSet, VectorIndex } from './index.ts';

/** Unit vectors `[count, dim]` around `numClusters` centres, as embeddings of real things lie. */
function clustered(seed: number, count: number, dim: number, numClusters: number): Float32Array {
  const centers = new Rng('centers').fillNormal(new Float32Array(numClusters * dim));
  const rng = new Rng(seed);
  const rows = rng.fillUniform(new Float32Array(count * dim), -1.7, 1.7);
  for (let row = 0; row < count; row++) {
    const own = rows.subarray(row * dim, (row + 1) * dim);
    const center = rng.integer(numClusters) * dim;
    let squares = 0;
    for (let i = 0; i < dim; i++) {
      own[i]! += centers[center + i]!;
      squares += own[i]! ** 2;
    }
    for (let i = 0; i < dim; i++) own[i]! /= Math.sqrt(squares);
  }
  return rows;
}

function nearest(vectors: Float32Array, query: Float32Array, top: number, has: (row: number) => boolean = () => true) {
  const dim = query.length;
  const length = Math.sqrt(query.reduce((sum, value) => sum + value * value, 0));
  const rows = Array.from({ length: vectors.length / dim }, (_, row) => row).filter(has);
  const scores = new Float64Array(vectors.length / dim);
  for (const row of rows) {
    let score = 0;
    for (let i = 0; i < dim; i++) score += vectors[row * dim + i]! * query[i]!;
    scores[row] = score / length;
  }
  rows.sort((a, b) => scores[b]! - scores[a]! || a - b);
  return rows.slice(0, top).map((row) => ({ row, score: scores[row]! }));
}

const shareOf = (found: Int32Array, expected: readonly { row: number }[]) =>
  expected.filter(({ row }) => found.includes(row)).length / expected.length;

describe('VectorIndex', () => {
  it('finds the exact nearest rows with their cosines, for dimensions that are no multiple of 16 and any number of rows', async () => {
    for (const [dim, numRows] of [
      [1, 3],
      [5, 1],
      [16, 128],
      [33, 1000],
      [512, 300],
    ] as const) {
      const vectors = clustered(dim, numRows, dim, 7);
      const index = VectorIndex.create({ dim, numThreads: 1 });
      expect(index.add(vectors)).toBe(0);
      const query = clustered(99, 1, dim, 7).map((value) => 3 * value);
      const { rows, scores } = await index.search(query, 10);
      const expected = nearest(vectors, query, 10);
      expect([...rows]).toEqual(expected.map(({ row }) => row));
      expected.forEach(({ score }, i) => {
        expect(scores[i]).toBeCloseTo(score, 5);
      });
      await index.close();
    }
  });

  it('is empty at first, and gives equal rows in their order', async () => {
    const index = VectorIndex.create({ dim: 4, numThreads: 1 });
    const query = Float32Array.of(1, 0, 0, 0);
    expect((await index.search(query, 5)).rows).toHaveLength(0);
    expect(await index.measureRecall()).toMatchObject({ depth: 0, numQueries: 0 });
    expect(await index.sampleScores(query, undefined, 10)).toHaveLength(0);
    index.add(Float32Array.of(0, 1, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0));
    expect([...(await index.search(query, 2)).rows]).toEqual([1, 2]);
    expect((await index.search(query, 0)).rows).toHaveLength(0);
    await index.close();
  });

  it('finds by codes nearly all that is nearest among many rows, also when filtered and after removals', async () => {
    const [dim, numRows] = [64, 20_000];
    const vectors = clustered(1, numRows, dim, 400);
    const queries = clustered(2, 8, dim, 400);
    const index = VectorIndex.create({ dim, numThreads: 2 });
    for (let row = 0; row < numRows; row += 7_001) {
      index.add(vectors.subarray(row * dim, Math.min(numRows, row + 7_001) * dim));
    }
    const report = await index.measureRecall({ numQueries: 8 });
    expect(report.isCollapsed).toBe(false);
    expect(report.recall).toBeGreaterThanOrEqual(0.99);
    expect(index.depth).toBe(report.depth);
    const kinds = Uint8Array.from({ length: numRows }, (_, row) => row % 3);
    const removed = new Set(Array.from({ length: 2_000 }, (_, i) => i * 9));
    index.remove(removed);
    expect(index.numLive).toBe(18_000);
    const shares: number[] = [];
    for (let q = 0; q < 8; q++) {
      const query = queries.subarray(q * dim, (q + 1) * dim);
      const all = await index.search(query, 10);
      shares.push(
        shareOf(
          all.rows,
          nearest(vectors, query, 10, (row) => !removed.has(row)),
        ),
      );
      const among = RowSet.where(kinds, [1, 2]);
      const some = await index.search(query, 10, { among });
      shares.push(
        shareOf(
          some.rows,
          nearest(vectors, query, 10, (row) => row % 3 > 0 && !removed.has(row)),
        ),
      );
      expect(some.rows.every((row) => row % 3 > 0 && !removed.has(row))).toBe(true);
    }
    expect(shares.reduce((a, b) => a + b, 0) / shares.length).toBeGreaterThanOrEqual(0.98);
    await index.close();
  });

  it('asks for exact vectors where memory is short, and does without if nobody gives them', async () => {
    const [dim, numRows] = [32, 9_000];
    const vectors = clustered(1, numRows, dim, 100);
    const query = clustered(5, 1, dim, 100);
    const room = VectorIndex.create({ dim, numThreads: 1, maxBytes: 3.2e6 });
    room.add(vectors);
    expect(room.isExact).toBe(false);
    const expected = nearest(vectors, query, 10);
    const exact = async (rows: Int32Array) =>
      Float32Array.from(rows).length === 0
        ? new Float32Array()
        : Float32Array.from([...rows].flatMap((row) => [...vectors.subarray(row * dim, (row + 1) * dim)]));
    const found = await room.search(query, 10, { exact, depth: 1000 });
    expect([...found.rows]).toEqual(expected.map(({ row }) => row));
    const rounded = await room.search(query, 10, { depth: 1000 });
    expect(shareOf(rounded.rows, expected)).toBeGreaterThanOrEqual(0.8);
    expected.forEach(({ score }, i) => {
      expect(Math.abs(rounded.scores[i]! - score)).toBeLessThan(0.005);
    });
    await expect(room.search(query, 10, { exact: () => new Float32Array(3) })).rejects.toThrow(/exact must give/);
    expect(() => room.add(new Float32Array(dim * 100_000))).toThrow(/more than the limit/);
    expect(room.numRows).toBe(numRows);
    await room.close();
  });

  it('gives the scores of rows, and of a sample', async () => {
    const dim = 24;
    const vectors = clustered(3, 500, dim, 9);
    const query = clustered(4, 1, dim, 9);
    const index = VectorIndex.create({ dim, numThreads: 1 });
    index.add(vectors);
    index.remove([7]);
    const expected = new Map(nearest(vectors, query, 500).map(({ row, score }) => [row, score]));
    const scores = await index.scores(query, [3, 7, 499, 500, -1]);
    expect(scores[0]).toBeCloseTo(expected.get(3)!, 5);
    expect(scores[2]).toBeCloseTo(expected.get(499)!, 5);
    expect([scores[1], scores[3], scores[4]]).toEqual([Number.NaN, Number.NaN, Number.NaN]);
    const among = RowSet.of(500, [1, 7, 9, 100]);
    const sample = await index.sampleScores(query, among, 100);
    expect(sample).toHaveLength(3);
    [1, 9, 100].forEach((row, i) => {
      expect(Math.abs(sample[i]! - expected.get(row)!)).toBeLessThan(0.005);
    });
    expect((await index.sampleScores(query, undefined, 50)).length).toBeLessThanOrEqual(50);
    await index.close();
  });

  it('refuses what is no vector of its kind and stays as it was', async () => {
    const dim = 8;
    const index = VectorIndex.create({ dim, numThreads: 1 });
    const vectors = clustered(1, 300, dim, 3);
    index.add(vectors);
    const query = clustered(2, 1, dim, 3);
    const before = await index.search(query, 20, { depth: 100 });
    for (const value of [Number.NaN, Number.POSITIVE_INFINITY, 5]) {
      const wrong = clustered(3, 200, dim, 3);
      wrong[150 * dim + 2] = value;
      expect(() => index.add(wrong)).toThrow(/length 1.*row 450/);
    }
    expect(() => index.add(new Float32Array(dim + 1))).toThrow(/must be \[N, 8\]/);
    expect(() => index.add(vectors, { codes: new Uint8Array(3) })).toThrow(/codes must be/);
    expect(() => index.add(vectors, { mean: new Float32Array(3) })).toThrow(/mean must be/);
    expect(index.numRows).toBe(300);
    expect(await index.search(query, 20, { depth: 100 })).toEqual(before);
    await expect(index.search(new Float32Array(3), 1)).rejects.toThrow(/a query must be \[8\]/);
    await expect(index.search(new Float32Array(dim), 1)).rejects.toThrow(/not 0/);
    await expect(
      index.search(
        query.map(() => Number.NaN),
        1,
      ),
    ).rejects.toThrow(/finite/);
    await expect(index.search(query, -1)).rejects.toThrow(/top/);
    expect(() => VectorIndex.create({ dim: 0 })).toThrow(/dim/);
    expect(() => VectorIndex.create({ dim, numThreads: 0 })).toThrow(/numThreads/);
    expect(() => VectorIndex.create({ dim, projection: new Float32Array(5) })).toThrow(/projection/);
    await index.close();
    expect(() => index.add(vectors)).toThrow(/closed/);
  });

  it('says that codes collapse where all vectors are nearly the same, and finds the nearest all the same', async () => {
    const [dim, numRows] = [32, 6_000];
    const rng = new Rng(8);
    const vectors = new Float32Array(numRows * dim);
    for (let row = 0; row < numRows; row++) {
      const own = rng.fillNormal(new Float32Array(dim), 0.002);
      own[0] = 1;
      const length = Math.hypot(...own);
      vectors.set(
        own.map((value) => value / length),
        row * dim,
      );
    }
    const index = VectorIndex.create({ dim, numThreads: 1 });
    index.add(vectors);
    const report = await index.measureRecall({ numQueries: 8 });
    expect(report).toMatchObject({ isCollapsed: true, depth: 0, recall: 1 });
    await index.close();
  });

  it('answers searches that were asked at once, and takes rows in meanwhile', async () => {
    const dim = 16;
    const vectors = clustered(1, 20_000, dim, 50);
    const index = VectorIndex.create({ dim, numThreads: 2 });
    index.add(vectors);
    const queries = Array.from({ length: 12 }, (_, i) => clustered(100 + i, 1, dim, 50));
    const waiting = queries.map((query) => index.search(query, 5, { depth: 200 }));
    index.add(queries[0]!);
    const found = await Promise.all(waiting);
    found.forEach(({ scores }, i) => {
      expect(scores[0]).toBeCloseTo(i === 0 ? 1 : nearest(vectors, queries[i]!, 1)[0]!.score, 2);
    });
    await index.close();
  });
});
