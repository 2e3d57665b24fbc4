/**
 * @file Retrieval figures: how far down the list the first right candidate stands. Q: queries; C: candidates; D: dimension of the space.
 */
import { Rng, type Tensor } from '../../engine/core/index.ts';

/** The figures of one retrieval task. */
export interface RetrievalFigures {
  /** Share of queries whose answer ranks first. */
  readonly r1: number;
  readonly r5: number;
  readonly r10: number;
  /** Rank of the answer, 1 the best. */
  readonly medianRank: number;
  /** 95 % bootstrap interval of `r10` over the queries. */
  readonly r10Interval: readonly [number, number];
}

/**
 * The rank of each query's best answer among all candidates by dot product, 1 the best. A wrong candidate that scores the same as the answer
 * counts as above it, and so does one where either score is not a number: neither a constant nor a broken encoder gains by it.
 * Where a query has several answers, the others do not count against the best.
 * @param queries `[Q, D]`
 * @param candidates `[C, D]`
 * @param answers the candidates that answer each query, one or a list.
 */
export function ranksOf(
  queries: Tensor<'float32'>,
  candidates: Tensor<'float32'>,
  answers: readonly (number | readonly number[])[],
): number[] {
  const dim = queries.shape[1]!;
  const numCandidates = candidates.shape[0]!;
  return answers.map((right, query) => {
    const scores = Float64Array.from({ length: numCandidates }, (_, candidate) => {
      let sum = 0;
      for (let d = 0; d < dim; d++) sum += queries.data[query * dim + d]! * candidates.data[candidate * dim + d]!;
      return sum;
    });
    const own = new Set(typeof right === 'number' ? [right] : right);
    let best = Number.NEGATIVE_INFINITY;
    // A score that is not a number stays at the bottom.
    for (const answer of own) if (scores[answer]! > best) best = scores[answer]!;
    let rank = 1;
    scores.forEach((score, candidate) => {
      if (!own.has(candidate) && !(score < best)) rank++;
    });
    return rank;
  });
}

/**
 * The share of queries that a guess answers within the first `k`: 1 - C(n - m, k) / C(n, k) for m answers among n candidates, averaged over
 * the queries; k / n where each has one.
 * @param numAnswers m of each query.
 */
export function chanceWithin(k: number, numAnswers: readonly number[], numCandidates: number): number {
  const missed = (m: number) => {
    let share = 1;
    for (let i = 0; i < Math.min(k, numCandidates); i++)
      share *= Math.max(0, numCandidates - m - i) / (numCandidates - i);
    return share;
  };
  return numAnswers.reduce((sum, m) => sum + 1 - missed(m), 0) / numAnswers.length;
}

/** Resamples of the bootstrap. */
const numResamples = 2000;

/** The figures of a list of ranks. The bootstrap draws from `seed`, so the interval is repeatable. */
export function retrievalFigures(ranks: readonly number[], seed = 0): RetrievalFigures {
  const within = (k: number) => ranks.filter((rank) => rank <= k).length / ranks.length;
  const sorted = [...ranks].sort((a, b) => a - b);
  const middle = ranks.length / 2;
  const medianRank = (sorted[Math.ceil(middle) - 1]! + sorted[Math.floor(middle)]!) / 2;
  const hits = ranks.map((rank) => (rank <= 10 ? 1 : 0));
  return { r1: within(1), r5: within(5), r10: within(10), medianRank, r10Interval: meanInterval(hits, seed) };
}

/** 95 % bootstrap interval of the mean of values; the same for the same seed. */
export function meanInterval(values: readonly number[], seed = 0): readonly [number, number] {
  const rng = new Rng(seed);
  const resampled = Array.from({ length: numResamples }, () => {
    let sum = 0;
    for (let i = 0; i < values.length; i++) sum += values[rng.integer(values.length)]!;
    return sum / values.length;
  }).sort((a, b) => a - b);
  const quantile = (q: number) => resampled[Math.min(numResamples - 1, Math.floor(q * numResamples))]!;
  return [quantile(0.025), quantile(0.975)];
}
