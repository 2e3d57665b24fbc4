/** @file A figure over several seeds: its mean, and the interval that the seeds leave for it (Student's t). */

/** The mean of a figure over seeds. */
export interface SeedFigure {
  readonly mean: number;
  /** 95 % interval of the mean; the mean twice where there is one seed. */
  readonly interval: readonly [number, number];
  readonly values: readonly number[];
}

/** 97.5 % quantiles of Student's t by degrees of freedom, from 1. */
const quantiles = [12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262];

/** The mean and interval of one figure of at least one seed. @throws RangeError if there is none. */
export function overSeeds(values: readonly number[]): SeedFigure {
  if (values.length === 0) throw new RangeError('overSeeds: needs a value of at least one seed');
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  if (values.length === 1) return { mean, interval: [mean, mean], values };
  const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (values.length - 1);
  const half = (quantiles[values.length - 2] ?? 1.96) * Math.sqrt(variance / values.length);
  return { mean, interval: [mean - half, mean + half], values };
}

/** As text: "0.905 ± 0.012"; without the half-width where there is one seed. */
export function formatSeeds({ mean, interval, values }: SeedFigure, digits = 3): string {
  const half = (interval[1] - interval[0]) / 2;
  return values.length === 1 ? mean.toFixed(digits) : `${mean.toFixed(digits)} ± ${half.toFixed(digits)}`;
}
