/**
 * @file Retrieval figures: how far down the list the right candidate stands. Q: queries; C: candidates; D: dimension of the space.
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
 * The rank of each query's answer among all candidates by dot product, 1 the best. A candidate that scores the same as the answer counts as
 * above it, and so does one where either score is not a number: neither a constant nor a broken encoder gains by it.
 * @param queries `[Q, D]`
 * @param candidates `[C, D]`
 * @param answers the candidate that answers each query.
 */
export function ranksOf(
  queries: Tensor<'float32'>,
  candidates: Tensor<'float32'>,
  answers: readonly number[],
): number[] {
  const dim = queries.shape[1]!;
  const numCandidates = candidates.shape[0]!;
  return answers.map((answer, query) => {
    const score = (candidate: number) => {
      let sum = 0;
      for (let d = 0; d < dim; d++) sum += queries.data[query * dim + d]! * candidates.data[candidate * dim + d]!;
      return sum;
    };
    const own = score(answer);
    let rank = 1;
    for (let candidate = 0; candidate < numCandidates; candidate++) {
      if (candidate !== answer && !(score(candidate) < own)) rank++;
    }
    return rank;
  });
}

/** Resamples of the bootstrap. */
const numResamples = 2000;

/** The figures of a list of ranks. The bootstrap draws from `seed`, so the interval is repeatable. */
export function retrievalFigures(ranks: readonly number[], seed = 0): RetrievalFigures {
  const within = (k: number) => ranks.filter((rank) => rank <= k).length / ranks.length;
  const sorted = [...ranks].sort((a, b) => a - b);
  const middle = ranks.length / 2;
  const medianRank = (sorted[Math.ceil(middle) - 1]! + sorted[Math.floor(middle)]!) / 2;
  const rng = new Rng(seed);
  const resampled = Array.from({ length: numResamples }, () => {
    let hits = 0;
    for (let i = 0; i < ranks.length; i++) if (ranks[rng.integer(ranks.length)]! <= 10) hits++;
    return hits / ranks.length;
  }).sort((a, b) => a - b);
  const quantile = (q: number) => resampled[Math.min(numResamples - 1, Math.floor(q * numResamples))]!;
  return { r1: within(1), r5: within(5), r10: within(10), medianRank, r10Interval: [quantile(0.025), quantile(0.975)] };
}
