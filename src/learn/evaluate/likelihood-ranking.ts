/**
 * @file Classification by likelihood: of several names, the one that a model finds likeliest behind some media. What the model finds likely by itself, with
 * nothing to see, may be taken off first (pointwise mutual information), since short and common names are likely everywhere.
 */
import { Rng } from '../../engine/core/index.ts';

/** The figures of a ranking. */
export interface RankingFigures {
  /** Share of items whose own name ranks first. */
  readonly accuracy: number;
  readonly meanRank: number;
  readonly numCandidates: number;
}

/**
 * For each of `numItems` items, its own number and those of others, drawn from `seed`: the same for every model.
 * @throws RangeError if there are not so many.
 */
export function drawCandidates(numItems: number, numCandidates: number, seed: number): number[][] {
  if (numCandidates > numItems) {
    throw new RangeError(`drawCandidates: ${numCandidates} candidates need as many items, got ${numItems}`);
  }
  const rng = new Rng(seed).fork('candidates');
  return Array.from({ length: numItems }, (_, own) => {
    const chosen = new Set([own]);
    while (chosen.size < numCandidates) chosen.add(rng.integer(numItems));
    return [...chosen];
  });
}

/**
 * The figures of log-likelihoods, item by item; in each row the first is that of the right name. A name as likely as the right one ranks
 * above it.
 */
export function rankingFigures(rows: readonly ArrayLike<number>[]): RankingFigures {
  const ranks = rows.map((row) => {
    let rank = 1;
    for (let i = 1; i < row.length; i++) if (!(row[i]! < row[0]!)) rank++;
    return rank;
  });
  return {
    accuracy: ranks.filter((rank) => rank === 1).length / ranks.length,
    meanRank: ranks.reduce((sum, rank) => sum + rank, 0) / ranks.length,
    numCandidates: rows[0]?.length ?? 0,
  };
}
