import { describe, expect, it } from 'vitest';
import { Rng } from './rng.ts';

const draws = (count: number, draw: () => number) => Array.from({ length: count }, draw);
const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;

/** Pearson's correlation of two lists of draws. */
function correlation(a: readonly number[], b: readonly number[]): number {
  const [ma, mb] = [mean(a), mean(b)];
  const covariance = mean(a.map((value, i) => (value - ma) * (b[i]! - mb)));
  return covariance / Math.sqrt(mean(a.map((v) => (v - ma) ** 2)) * mean(b.map((v) => (v - mb) ** 2)));
}

describe('a stream of random draws', () => {
  it('is the same for the same seed and another for another', () => {
    const stream = (seed: number | string) => draws(8, () => new Rng(seed).uint32())[0];
    expect(stream(1)).toBe(stream(1));
    expect(new Set([stream(1), stream(2), stream('1'), stream('2')]).size).toBe(4);
  });

  it('draws uniformly from [0, 1)', () => {
    const rng = new Rng('uniform');
    const values = draws(40_000, () => rng.uniform());
    // The mean of n draws deviates by 1 / sqrt(12 n) = 0.0014; the bounds below are five deviations.
    expect(Math.abs(mean(values) - 0.5)).toBeLessThan(0.0073);
    expect(Math.abs(mean(values.map((v) => (v - 0.5) ** 2)) - 1 / 12)).toBeLessThan(0.002);
    expect(Math.min(...values)).toBeGreaterThanOrEqual(0);
    expect(Math.max(...values)).toBeLessThan(1);
    const tenths = new Array<number>(10).fill(0);
    for (const value of values) tenths[Math.floor(value * 10)]!++;
    // Chi-squared with 9 degrees of freedom exceeds 33.7 once in 10,000 seeds.
    expect(tenths.reduce((sum, count) => sum + (count - 4000) ** 2 / 4000, 0)).toBeLessThan(33.7);
  });

  it('draws normally with mean 0, deviation 1 and the normal kurtosis 3', () => {
    const rng = new Rng('normal');
    const values = draws(40_000, () => rng.normal());
    expect(Math.abs(mean(values))).toBeLessThan(0.025);
    expect(Math.abs(mean(values.map((v) => v * v)) - 1)).toBeLessThan(0.036);
    expect(Math.abs(mean(values.map((v) => v ** 4)) - 3)).toBeLessThan(0.25);
    expect(values.every(Number.isFinite)).toBe(true);
  });

  it('draws indices in proportion to their weights, and never one of weight 0', () => {
    const rng = new Rng('categorical');
    const counts = [0, 0, 0, 0];
    for (let i = 0; i < 20_000; i++) counts[rng.categorical([1, 0, 3, 0])]!++;
    expect(counts[1]).toBe(0);
    expect(counts[3]).toBe(0);
    expect(Math.abs(counts[0]! / 20_000 - 0.25)).toBeLessThan(0.0155);
  });

  it.each([[[]], [[0, 0]], [[1, -1]], [[Number.NaN]]])('refuses the weights %j', (weights) => {
    expect(() => new Rng(1).categorical(weights)).toThrow(RangeError);
  });

  it('draws whole numbers below a bound, each as likely', () => {
    const rng = new Rng('integer');
    const counts = new Array<number>(6).fill(0);
    for (let i = 0; i < 12_000; i++) counts[rng.integer(6)]!++;
    expect(counts.reduce((sum, count) => sum + (count - 2000) ** 2 / 2000, 0)).toBeLessThan(25.7);
    expect(() => rng.integer(0)).toThrow(RangeError);
    expect(() => rng.pick([])).toThrow(RangeError);
  });

  it('shuffles into every order, each as likely', () => {
    const rng = new Rng('shuffle');
    const orders = new Map<string, number>();
    for (let i = 0; i < 6000; i++) {
      const order = rng.shuffle([1, 2, 3]).join('');
      orders.set(order, (orders.get(order) ?? 0) + 1);
    }
    expect(orders.size).toBe(6);
    for (const count of orders.values()) expect(Math.abs(count - 1000)).toBeLessThan(150);
  });

  it('forks into streams that do not follow each other, and is not moved by forking', () => {
    const rng = new Rng(3);
    const before = rng.state;
    const [a, b] = [rng.fork('a'), rng.fork('b')];
    expect(rng.state).toEqual(before);
    const [fromA, fromB, own] = [a, b, rng].map((one) => draws(10_000, () => one.uniform())) as [
      number[],
      number[],
      number[],
    ];
    for (const [x, y] of [
      [fromA, fromB],
      [fromA, own],
      [fromA.slice(1), fromA.slice(0, -1)],
    ] as const) {
      expect(Math.abs(correlation(x, y))).toBeLessThan(0.05);
    }
  });

  it('goes on from a saved state', () => {
    const rng = new Rng('saved');
    draws(17, () => rng.normal());
    const saved = JSON.parse(JSON.stringify(rng.state)) as number[];
    const expected = draws(5, () => rng.uint32());
    const restored = Rng.fromState(saved);
    expect(draws(5, () => restored.uint32())).toEqual(expected);
  });

  it.each([[[]], [[1, 2, 3]], [[0, 0, 0, 0]], [[1, 2, 3, 4, 5]], [[1, 2, 3, 1.5]], [[1, 2, 3, -1]]])(
    'refuses the state %j',
    (state) => {
      expect(() => Rng.fromState(state)).toThrow(RangeError);
    },
  );

  it('fills arrays', () => {
    const rng = new Rng('fill');
    const values = rng.fillUniform(new Float32Array(1000), 2, 3);
    expect(Math.min(...values)).toBeGreaterThanOrEqual(2);
    expect(Math.max(...values)).toBeLessThanOrEqual(3);
    const normal = Array.from(rng.fillNormal(new Float32Array(10_000), 0.1));
    expect(Math.abs(Math.sqrt(mean(normal.map((v) => v * v))) - 0.1)).toBeLessThan(0.004);
  });
});
