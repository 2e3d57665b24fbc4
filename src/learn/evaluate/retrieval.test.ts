import { describe, expect, it } from 'vitest';
import { float32, Rng } from '../../engine/core/index.ts';
import { chanceWithin, ranksOf, retrievalFigures } from './retrieval.ts';

describe('ranksOf', () => {
  const candidates = float32([1, 0, 0, 1, 0.6, 0.8], [3, 2]);

  it('ranks by dot product', () => {
    // Scores of (1, 0): 1, 0, 0.6. Scores of (0, 2): 0, 2, 1.6.
    const queries = float32([1, 0, 1, 0, 1, 0, 0, 2, 0, 2, 0, 2], [6, 2]);
    expect(ranksOf(queries, candidates, [0, 1, 2, 0, 1, 2])).toEqual([1, 3, 2, 3, 1, 2]);
  });

  it('counts a tie against the answer, wherever it stands', () => {
    const twins = float32([1, 0, 1, 0, 0, 1], [3, 2]);
    expect(ranksOf(float32([1, 0, 1, 0, 0, 1], [3, 2]), twins, [0, 1, 2])).toEqual([2, 2, 1]);
  });

  it('puts every answer of a constant encoder last, so that it finds nothing', () => {
    const constant = float32(new Float32Array(40).fill(0.5), [20, 2]);
    const answers = Array.from({ length: 20 }, (_, i) => i);
    const ranks = ranksOf(constant, constant, answers);
    expect(ranks).toEqual(answers.map(() => 20));
    const chance = 10 / 20;
    expect(retrievalFigures(ranks).r10).toBeLessThanOrEqual(chance);
  });

  it('gives an encoder that answers NaN nothing either', () => {
    const broken = float32(new Float32Array(40).fill(Number.NaN), [20, 2]);
    expect(ranksOf(broken, broken, [0, 7])).toEqual([20, 20]);
  });

  it('gives random vectors about chance', () => {
    const rng = new Rng(1);
    const random = () => float32(rng.fillNormal(new Float32Array(200 * 8)), [200, 8]);
    const ranks = ranksOf(
      random(),
      random(),
      Array.from({ length: 200 }, (_, i) => i),
    );
    const { r10, medianRank } = retrievalFigures(ranks);
    // 10 of 200: 0.05, within four standard deviations.
    expect(Math.abs(r10 - 0.05)).toBeLessThan(4 * Math.sqrt((0.05 * 0.95) / 200));
    expect(medianRank).toBeGreaterThan(60);
    expect(medianRank).toBeLessThan(140);
  });
});

describe('retrievalFigures', () => {
  it('counts ranks within 1, 5 and 10', () => {
    expect(retrievalFigures([1, 1, 5, 6, 10, 11, 200, 3])).toMatchObject({ r1: 2 / 8, r5: 4 / 8, r10: 6 / 8 });
  });

  it('gives the middle rank, or the mean of the two middle ones', () => {
    expect(retrievalFigures([9, 1, 4]).medianRank).toBe(4);
    expect(retrievalFigures([9, 1, 4, 20]).medianRank).toBe(6.5);
    expect(retrievalFigures([3]).medianRank).toBe(3);
    expect(retrievalFigures([10, 2]).medianRank).toBe(6);
  });

  it('leaves the ranks in their order', () => {
    const ranks = [9, 1, 4];
    retrievalFigures(ranks);
    expect(ranks).toEqual([9, 1, 4]);
  });

  it('has an interval around the value, as wide as the binomial says, and repeatable', () => {
    const ranks = Array.from({ length: 400 }, (_, i) => (i % 4 === 0 ? 1 : 50));
    const { r10, r10Interval } = retrievalFigures(ranks, 3);
    const [low, high] = r10Interval;
    expect(r10).toBe(0.25);
    expect(low).toBeLessThan(r10);
    expect(high).toBeGreaterThan(r10);
    const width = 2 * 1.96 * Math.sqrt((0.25 * 0.75) / 400);
    expect(high - low).toBeGreaterThan(0.8 * width);
    expect(high - low).toBeLessThan(1.2 * width);
    expect(retrievalFigures(ranks, 3)).toEqual(retrievalFigures(ranks, 3));
    expect(retrievalFigures(ranks).r10Interval).toEqual(retrievalFigures(ranks, 0).r10Interval);
  });

  it('is certain where all are found', () => {
    expect(retrievalFigures([1, 2, 3]).r10Interval).toEqual([1, 1]);
  });
});

describe('ranksOf, where a query has several answers', () => {
  const candidates = float32([1, 0, 0.9, 0.1, 0, 1, 0.5, 0.5], [4, 2]);

  it('counts the best of them, and the others not against it', () => {
    const query = float32([1, 0], [1, 2]);
    expect(ranksOf(query, candidates, [[1, 3]])).toEqual([2]);
    expect(ranksOf(query, candidates, [[0, 1]])).toEqual([1]);
    expect(ranksOf(query, candidates, [[2, 3]])).toEqual([3]);
  });
});

describe('chanceWithin', () => {
  it('is k of n where each query has one answer', () => {
    expect(chanceWithin(10, [1, 1, 1], 200)).toBeCloseTo(0.05, 12);
    expect(chanceWithin(10, [1], 5)).toBe(1);
  });

  it('is one less the chance to miss all of several answers', () => {
    // 2 of 4 answers, one guess: 1/2; two guesses: 1 - (2/4)(1/3).
    expect(chanceWithin(1, [2], 4)).toBeCloseTo(0.5, 12);
    expect(chanceWithin(2, [2], 4)).toBeCloseTo(1 - 1 / 6, 12);
    expect(chanceWithin(2, [2, 1], 4)).toBeCloseTo((1 - 1 / 6 + 0.5) / 2, 12);
  });
});
