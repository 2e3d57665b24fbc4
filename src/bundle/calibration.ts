/**
 * @file Scores as probabilities: how likely a hit is to be what was asked for, by its cosine and by how far it stands out among its kind. Fit on held-out data when the
 * bundle was made (`train index-space`), for each kind of query and of row, by logistic regression (Platt 1999). The probabilities are those of a
 * library that holds an answer to half of the queries.
 */
import { z } from 'zod';

/** What may ask: texts by language, and files by modality. */
export const queryKinds = ['text-en', 'text-zh', 'image', 'audio', 'video'] as const;

/** A kind of query. */
export type QueryKind = (typeof queryKinds)[number];

/** The kinds of rows that are found. */
export const rowKinds = ['image', 'audio', 'video', 'text'] as const;

/** A kind of rows. */
export type RowKind = (typeof rowKinds)[number];

/** The logarithm of the odds is bias + cosine · weight + standing · weight; no weight is below zero, so that more of either is never less likely. */
const weights = z.object({ bias: z.number(), cosine: z.number().min(0), standing: z.number().min(0) });

/** The calibration of a manifest: small numbers in JSON. */
export const calibrationSchema = z.object({
  version: z.literal(1),
  /** Hits below this probability are not shown; where none is above it, nothing matches. */
  cutoff: z.number().gt(0).lt(1),
  /** Weights by kind of query and of row. */
  pairs: z.record(z.enum(queryKinds), z.record(z.enum(rowKinds), weights)),
});

/** How scores become probabilities. */
export type Calibration = z.infer<typeof calibrationSchema>;

/** Weights of one pair of kinds. */
export type CalibrationWeights = z.infer<typeof weights>;

/** One hit, as a calibration sees it. */
export interface CalibratedHit {
  readonly queryKind: QueryKind;
  readonly rowKind: RowKind;
  /** The cosine of query and row. */
  readonly cosine: number;
  /** How far the row stands out among its kind; see `standingOf`. */
  readonly standing: number;
}

/** The probability, in (0, 1), that a hit is what was asked for. */
export function calibrate({ pairs }: Calibration, { queryKind, rowKind, cosine, standing }: CalibratedHit): number {
  return probabilityOf(pairs[queryKind][rowKind], cosine, standing);
}

/** The logistic function of weighted features. */
export function probabilityOf(weights: CalibrationWeights, cosine: number, standing: number): number {
  return 1 / (1 + Math.exp(-(weights.bias + weights.cosine * cosine + weights.standing * standing)));
}
