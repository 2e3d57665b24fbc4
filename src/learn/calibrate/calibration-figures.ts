/** @file Whether probabilities of hits mean what they say, and whether "nothing matches" is said when it is so. Intervals resample concepts, whose searches are alike. */
import { Rng } from '../../engine/core/index.ts';
import type { HitProbability } from './fit-calibration.ts';
import type { Trial } from './trials.ts';

/** A figure with its 95 % interval. */
export interface IntervalFigure {
  readonly value: number;
  readonly interval: readonly [number, number];
}

/** What is measured of trials. */
export interface CalibrationFigures {
  /** Searches, and how many of them have an answer. */
  readonly searches: number;
  readonly withAnswer: number;
  /** Different concepts that were asked for. */
  readonly concepts: number;
  readonly hits: number;
  /** Share of pairs of a right and a wrong hit of all searches in which the right one is likelier. */
  readonly areaUnderCurve: number;
  /** Mean distance of probability and share of right hits over ten bins, weighted by their sizes. */
  readonly expectedCalibrationError: number;
  /** Of the searches that were told "nothing matches", the share that has no answer. */
  readonly noMatchPrecision: IntervalFigure;
  /** Of the searches without an answer, the share that was told so. */
  readonly noMatchRecall: IntervalFigure;
  /** Of the searches with an answer, the share that was shown something. */
  readonly answeredShown: IntervalFigure;
  /** Of the hits that are shown where there is an answer, the share that is right. */
  readonly shownPrecision: IntervalFigure;
  /** Of the right hits among the best of each kind, the share that is shown. */
  readonly shownRecall: IntervalFigure;
}

const numResamples = 500;

/** The counts of which all shares are made. */
interface Counts {
  silentWithout: number;
  silent: number;
  without: number;
  shownWith: number;
  with: number;
  rightShown: number;
  hitsShown: number;
  right: number;
}

/**
 * Measures trials under a cut-off.
 * @throws RangeError if there are none.
 */
export function calibrationFigures(
  trials: readonly Trial[],
  probability: HitProbability,
  cutoff: number,
): CalibrationFigures {
  if (trials.length === 0) throw new RangeError('calibrationFigures: there are no trials');
  const judged: { probability: number; isRight: boolean }[] = [];
  const byConcept = new Map<string, Counts>();
  for (const trial of trials) {
    const own = trial.hits.map((hit) => ({ probability: probability(trial.queryKind, hit), isRight: hit.isRight }));
    judged.push(...own);
    const counts = byConcept.get(trial.concept) ?? noCounts();
    byConcept.set(trial.concept, counts);
    const shown = own.filter((hit) => hit.probability >= cutoff);
    if (trial.hasAnswer) {
      counts.with++;
      if (shown.length > 0) counts.shownWith++;
      counts.hitsShown += shown.length;
      counts.rightShown += shown.filter(({ isRight }) => isRight).length;
      counts.right += own.filter(({ isRight }) => isRight).length;
    } else {
      counts.without++;
      if (shown.length === 0) counts.silentWithout++;
    }
    if (shown.length === 0) counts.silent++;
  }
  const concepts = [...byConcept.values()];
  const figure = (share: (counts: Counts) => number): IntervalFigure => ({
    value: share(sumOf(concepts)),
    interval: bootstrap(concepts, share),
  });
  const ratio = (part: number, whole: number) => (whole === 0 ? Number.NaN : part / whole);
  return {
    searches: trials.length,
    withAnswer: trials.filter(({ hasAnswer }) => hasAnswer).length,
    concepts: concepts.length,
    hits: judged.length,
    areaUnderCurve: areaUnderCurve(judged),
    expectedCalibrationError: expectedError(judged),
    noMatchPrecision: figure((counts) => ratio(counts.silentWithout, counts.silent)),
    noMatchRecall: figure((counts) => ratio(counts.silentWithout, counts.without)),
    answeredShown: figure((counts) => ratio(counts.shownWith, counts.with)),
    shownPrecision: figure((counts) => ratio(counts.rightShown, counts.hitsShown)),
    shownRecall: figure((counts) => ratio(counts.rightShown, counts.right)),
  };
}

function noCounts(): Counts {
  return { silentWithout: 0, silent: 0, without: 0, shownWith: 0, with: 0, rightShown: 0, hitsShown: 0, right: 0 };
}

function sumOf(all: readonly Counts[]): Counts {
  const sum = noCounts();
  for (const counts of all) for (const name of Object.keys(sum) as (keyof Counts)[]) sum[name] += counts[name];
  return sum;
}

function bootstrap(concepts: readonly Counts[], share: (counts: Counts) => number): readonly [number, number] {
  const rng = new Rng('calibration');
  const shares = Array.from({ length: numResamples }, () => share(sumOf(concepts.map(() => rng.pick(concepts)))))
    .filter((value) => !Number.isNaN(value))
    .sort((a, b) => a - b);
  const quantile = (q: number) => shares[Math.min(shares.length - 1, Math.floor(q * shares.length))] ?? Number.NaN;
  return [quantile(0.025), quantile(0.975)];
}

/** By ranks (Mann and Whitney); equal probabilities count half. 0.5 where all hits are right or all wrong. */
export function areaUnderCurve(hits: readonly { readonly probability: number; readonly isRight: boolean }[]): number {
  const sorted = [...hits].sort((a, b) => a.probability - b.probability);
  let rankSum = 0;
  for (let start = 0; start < sorted.length; ) {
    let end = start;
    while (end < sorted.length && sorted[end]!.probability === sorted[start]!.probability) end++;
    const rank = (start + end + 1) / 2;
    for (let i = start; i < end; i++) if (sorted[i]!.isRight) rankSum += rank;
    start = end;
  }
  const right = hits.filter(({ isRight }) => isRight).length;
  const wrong = hits.length - right;
  return right === 0 || wrong === 0 ? 0.5 : (rankSum - (right * (right + 1)) / 2) / (right * wrong);
}

function expectedError(hits: readonly { readonly probability: number; readonly isRight: boolean }[]): number {
  const bins = Array.from({ length: 10 }, () => ({ probability: 0, right: 0 }));
  for (const { probability, isRight } of hits) {
    const bin = bins[Math.min(9, Math.floor(probability * 10))]!;
    bin.probability += probability;
    if (isRight) bin.right++;
  }
  return bins.reduce((sum, bin) => sum + Math.abs(bin.probability - bin.right), 0) / hits.length;
}
