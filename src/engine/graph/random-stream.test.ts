/** @file The masks of random streams as draws: their mean, and that neighbours, rows, columns, rectangles, calls and seeds are independent. */
import { describe, expect, it } from 'vitest';
import { scalar, zeros } from '../core/index.ts';
import { compile } from '../runtime/index.ts';
import { RandomStream, spec, trace, type Value } from './index.ts';

const [numRows, numColumns] = [300, 400];
const numDraws = numRows * numColumns;

/** Two masks of one stream under a seed, as 0 and 1. */
async function masks(seed: number, probability: number): Promise<[Uint8Array, Uint8Array]> {
  const graph = trace(
    ({ seed }) => {
      const random = new RandomStream(() => seed as Value);
      return { a: random.mask([20, 15, numColumns], probability), b: random.mask([numRows, numColumns], probability) };
    },
    { seed: spec([], 'int32') },
  );
  const executable = await compile(graph, { numThreads: 1 });
  const { a, b } = await executable.run({ seed: scalar(seed, 'int32') });
  await executable.close();
  expect(a!.shape).toEqual([20, 15, numColumns]);
  return [a!.data as Uint8Array, b!.data as Uint8Array];
}

/** How far the mean of `values` is from `expected`, in standard deviations of independent draws of variance `variance`. */
function deviations(values: ArrayLike<number>, expected: number, variance: number): number {
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += values[i]!;
  return Math.abs(sum / values.length - expected) / Math.sqrt(variance / values.length);
}

/** Products of the centred draws at i and at i + distance, whose mean is 0 and variance (p (1 - p))² if they are independent. */
function products(a: Uint8Array, b: Uint8Array, p: number, distance: number): Float64Array {
  return Float64Array.from({ length: a.length - distance }, (_, i) => (a[i]! - p) * (b[i + distance]! - p));
}

describe('a random mask', () => {
  it.each([0.5, 0.9, 0.1])('is true with probability %d, place by place independently', async (p) => {
    const variance = (p * (1 - p)) ** 2;
    for (const seed of [0, 1, -2_000_000_000, 123_456]) {
      const [a, b] = await masks(seed, p);
      expect(deviations(a, p, p * (1 - p))).toBeLessThan(4.5);
      expect(deviations(b, p, p * (1 - p))).toBeLessThan(4.5);
      for (const distance of [1, 2, numColumns, 2 * numColumns, numColumns + 1, 16 * numColumns]) {
        expect(deviations(products(a, a, p, distance), 0, variance), `at ${distance}`).toBeLessThan(4.5);
      }
      expect(deviations(products(a, b, p, 0), 0, variance), 'two calls').toBeLessThan(4.5);
    }
  });

  it('has rows and columns that spread as independent draws do, and rectangles without a pattern', async () => {
    for (const seed of [7, 8, 9]) {
      const [a] = await masks(seed, 0.5);
      const rows = Array.from({ length: numRows }, (_, r) => {
        const sum = a.subarray(r * numColumns, (r + 1) * numColumns).reduce((x, y) => x + y, 0);
        return (sum - numColumns / 2) ** 2 / (numColumns / 4);
      });
      const columns = Array.from({ length: numColumns }, (_, c) => {
        let sum = 0;
        for (let r = 0; r < numRows; r++) sum += a[r * numColumns + c]!;
        return (sum - numRows / 2) ** 2 / (numRows / 4);
      });
      // Squares of standard normal numbers: mean 1, variance 2.
      expect(deviations(rows, 1, 2)).toBeLessThan(4.5);
      expect(deviations(columns, 1, 2)).toBeLessThan(4.5);
      const corners: number[] = [];
      for (let r = 0; r + 7 < numRows; r += 2) {
        for (let c = 0; c + 5 < numColumns; c += 2) {
          const at = (row: number, column: number) => 2 * a[row * numColumns + column]! - 1;
          corners.push(at(r, c) * at(r + 7, c) * at(r, c + 5) * at(r + 7, c + 5));
        }
      }
      expect(deviations(corners, 0, 1)).toBeLessThan(4.5);
    }
  });

  it('is the same from the same seed, and another from another', async () => {
    const [[a], [again], [other]] = [await masks(5, 0.5), await masks(5, 0.5), await masks(6, 0.5)];
    expect(Buffer.compare(a, again)).toBe(0);
    expect(deviations(products(a, other, 0.5, 0), 0, 1 / 16)).toBeLessThan(4.5);
  });
});

describe('dropout', () => {
  it('keeps the mean, and scalars and empty values have their shapes', async () => {
    const graph = trace(
      ({ seed, x, one, none }) => {
        const random = new RandomStream(() => seed as Value);
        return {
          dropped: random.dropout(x as Value, 0.25),
          fromOne: random.dropout(one as Value, 0.25),
          fromNone: random.dropout(none as Value, 0.25),
          all: random.dropout(x as Value, 0),
        };
      },
      { seed: spec([], 'int32'), x: spec([numDraws]), one: spec([]), none: spec([0, 3]) },
    );
    const executable = await compile(graph, { numThreads: 1 });
    const x = zeros([numDraws]);
    x.data.fill(3);
    const results = await executable.run({ seed: scalar(1, 'int32'), x, one: scalar(3), none: zeros([0, 3]) });
    await executable.close();
    expect(new Set(results.dropped!.data as Float32Array)).toEqual(new Set([0, 4]));
    expect(deviations(results.dropped!.data as Float32Array, 3, 16 * 0.25 * 0.75)).toBeLessThan(4.5);
    expect([0, 4]).toContain(results.fromOne!.data[0]);
    expect(results.fromNone!.shape).toEqual([0, 3]);
    expect(results.all!.data).toEqual(x.data);
  });

  it('refuses rates that leave nothing', () => {
    const random = new RandomStream(() => {
      throw new Error('not needed');
    });
    trace(
      (x: Value) => {
        expect(() => random.dropout(x, 1)).toThrow(RangeError);
        expect(() => random.dropout(x, -0.1)).toThrow(RangeError);
        return x;
      },
      spec([2]),
    );
  });
});
