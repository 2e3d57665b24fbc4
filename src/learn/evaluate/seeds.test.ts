/** @file Means over seeds against values worked out by hand. */
import { describe, expect, it } from 'vitest';
import { formatSeeds, overSeeds } from './seeds.ts';

describe('a figure over seeds', () => {
  it('has the t-interval of its values', () => {
    const figure = overSeeds([1, 2, 3]);
    expect(figure.mean).toBe(2);
    // t(2) = 4.303, deviation 1, three values.
    expect(figure.interval[1] - figure.mean).toBeCloseTo(4.303 / Math.sqrt(3), 6);
    expect(formatSeeds(figure, 2)).toBe('2.00 ± 2.48');
  });

  it('of one seed has no width, of none does not exist', () => {
    expect(overSeeds([0.25]).interval).toEqual([0.25, 0.25]);
    expect(formatSeeds(overSeeds([0.25]))).toBe('0.250');
    expect(() => overSeeds([])).toThrow(RangeError);
  });
});
