/** @file The calibration of a bundle, fit on trials over validation things: weights for each pair of kinds, and the cut-off. */
import {
  type Calibration,
  type CalibrationWeights,
  calibrate,
  type QueryKind,
  queryKinds,
  type RowKind,
  rowKinds,
} from '../../bundle/index.ts';
import { fitLogistic } from './logistic.ts';
import type { Trial } from './trials.ts';

/** The probability of a hit of a query of a kind. */
export type HitProbability = (queryKind: QueryKind, hit: Trial['hits'][number]) => number;

/** How many hits of its own a pair needs to weigh as much as all pairs together. */
const ridge = 20;
/** Beyond these, hits are thinned out. */
const maxHits = 60_000;

/**
 * Fits weights and cut-off. A pair without hits gets the weights of all pairs together.
 * @throws RangeError if no trial has hits.
 */
export function fitCalibration(trials: readonly Trial[]): Calibration {
  const all = trials.flatMap(({ hits }) => hits);
  const pooled = fitLogistic(thinned(all), { bias: -2, cosine: 0, standing: 0 }, 1e-3);
  const pairs = Object.fromEntries(
    queryKinds.map((queryKind) => {
      const own = trials.filter((trial) => trial.queryKind === queryKind).flatMap(({ hits }) => hits);
      const weightsOf = (rowKind: RowKind): CalibrationWeights => {
        const hits = thinned(own.filter((hit) => hit.rowKind === rowKind));
        return rounded(hits.length === 0 ? pooled : fitLogistic(hits, pooled, ridge));
      };
      return [queryKind, Object.fromEntries(rowKinds.map((rowKind) => [rowKind, weightsOf(rowKind)]))];
    }),
  ) as Calibration['pairs'];
  const calibration: Calibration = { version: 1, cutoff: 0.5, pairs };
  const cutoff = bestCutoff(trials, (queryKind, hit) => calibrate(calibration, { queryKind, ...hit }));
  return { ...calibration, cutoff };
}

function thinned<Item>(items: readonly Item[]): Item[] {
  const step = Math.ceil(items.length / maxHits);
  return items.filter((_, i) => i % step === 0);
}

function rounded({ bias, cosine, standing }: CalibrationWeights): CalibrationWeights {
  const short = (value: number) => Number(value.toPrecision(6));
  return { bias: short(bias), cosine: short(cosine), standing: short(standing) };
}

/**
 * The cut-off at which "nothing matches" and "something matches" are told best: the largest mean of the F1 of both answers, each kind of query counting the same.
 */
export function bestCutoff(trials: readonly Trial[], probability: HitProbability): number {
  const kinds = [...new Set(trials.map(({ queryKind }) => queryKind))];
  const asked = kinds.map((kind) =>
    trials
      .filter(({ queryKind }) => queryKind === kind)
      .map(({ hits, hasAnswer }) => ({ hasAnswer, best: Math.max(0, ...hits.map((hit) => probability(kind, hit))) })),
  );
  let best = { cutoff: 0.5, score: -1 };
  for (let step = 1; step < 200; step++) {
    const cutoff = step / 200;
    const scores = asked.map((own) => {
      const count = (hasAnswer: boolean, isShown: boolean) =>
        own.filter((one) => one.hasAnswer === hasAnswer && one.best >= cutoff === isShown).length;
      const f1 = (right: number, ...wrong: readonly number[]) =>
        (2 * right) / Math.max(1, 2 * right + wrong.reduce((sum, value) => sum + value, 0));
      const [missed, invented] = [count(true, false), count(false, true)];
      return (f1(count(true, true), missed, invented) + f1(count(false, false), missed, invented)) / 2;
    });
    const score = scores.reduce((sum, value) => sum + value, 0) / scores.length;
    if (score > best.score) best = { cutoff, score };
  }
  return best.cutoff;
}
