/**
 * @file How far a cosine stands out among those of its kind. It does not depend on how many rows of the kind there are, while the best cosine of a larger library
 * is larger whatever is asked.
 */

/** How the cosines of a query with rows of a kind are spread. */
export interface CosineSpread {
  /** The median. */
  readonly middle: number;
  /** How far above it the best lies by chance. */
  readonly unit: number;
}

/**
 * The spread of a kind: its median and, as the unit, the deviation of what lies below it (many matches widen what lies above) times √(2 ln N), where the best of N
 * draws from a normal distribution lies by chance.
 * @param cosines of some of its rows, at least one; sorted in place.
 * @param count N, how many rows of the kind are looked at.
 */
export function cosineSpread(cosines: Float32Array | Float64Array, count: number): CosineSpread {
  cosines.sort();
  const quantile = (share: number) => cosines[Math.floor(share * cosines.length)]!;
  const middle = quantile(0.5);
  // In a normal distribution, one deviation lies between them.
  const deviation = Math.max(middle - quantile(0.16), 1e-6);
  return { middle, unit: deviation * Math.sqrt(2 * Math.log(Math.max(count, 2))) };
}

/** How much a cosine stands out: 0 at the median, 1 where the best of all lies by chance. */
export function standingOf(cosine: number, { middle, unit }: CosineSpread): number {
  return (cosine - middle) / unit;
}
