/**
 * @file Random bits inside a graph, repeatable from a seed: a hash of the seed, the place and the number of the call, on int32 numbers
 * that wrap around. Nothing but the seed is fed, and a run with the same seed draws the same. For dropout, not for cryptography.
 */
import { numElements, Rng, staticShape, Tensor } from '../core/index.ts';
import { constant } from './constants.ts';
import { add, div, greaterOrEqual, mul, where } from './ops/elementwise.ts';
import { reshape } from './ops/layout.ts';
import type { Value } from './value.ts';

const int32 = (values: readonly number[], shape: readonly number[] = []): Value =>
  constant(
    new Tensor(
      'int32',
      shape,
      Int32Array.from(values, (value) => value | 0),
    ),
  );

/** A stream of random masks; each call draws others. */
export class RandomStream {
  readonly #seed: () => Value;
  /** Where the constants of each call come from. */
  readonly #constants = new Rng('random stream');
  /** A hashed vector of each length that was needed. */
  readonly #hashes = new Map<number, Value>();

  /** @param seed gives an `int32[]`, when something is first drawn. */
  constructor(seed: () => Value) {
    this.#seed = seed;
  }

  /**
   * Each number of x is 0 with probability `rate`, independently, and otherwise x / (1 - rate), so that the mean stays
   * (arXiv:1207.0580).
   * @throws RangeError unless `rate` is in [0, 1).
   */
  dropout(x: Value, rate: number): Value {
    if (!(rate >= 0 && rate < 1)) throw new RangeError(`dropout: rate must be in [0, 1), got ${rate}`);
    if (rate === 0) return x;
    return where(this.mask(staticShape(x.shape, 'dropout'), 1 - rate), mul(x, 1 / (1 - rate)), 0);
  }

  /** A bool mask that is true with probability `probability` at each place. */
  mask(shape: readonly number[], probability: number): Value {
    const numColumns = shape.at(-1) ?? 1;
    const numRows = numColumns === 0 ? 0 : numElements(shape) / numColumns;
    const rows = reshape(this.#hash(numRows), [numRows, 1]);
    const columns = this.#hash(numColumns);
    // The product of two independent sums, the second odd: uniform, with no row, column or rectangle that could be told from others.
    const bits = mul(
      add(this.#affine(rows, 1, 0), this.#affine(columns, 1, 0)),
      add(this.#affine(rows, 2, 0), this.#affine(columns, 2, 1)),
    );
    const threshold = Math.ceil((1 - probability) * 2 ** 32) - 2 ** 31;
    return reshape(greaterOrEqual(bits, int32([Math.min(threshold, 2 ** 31 - 1)])), shape);
  }

  /** x times a constant plus a constant, both of this call alone: multiples of `unit`, plus `rest`. */
  #affine(x: Value, unit: number, rest: number): Value {
    const odd = this.#constants.uint32() | 1;
    const shift = this.#constants.uint32();
    return add(mul(x, int32([Math.imul(odd, unit)])), int32([Math.imul(shift, unit) + rest]));
  }

  /** An `int32[length]` of well-mixed numbers: rounds of x (2x + 1), whose upper bits depend on all bits (RC6). */
  #hash(length: number): Value {
    const known = this.#hashes.get(length);
    if (known !== undefined) return known;
    const seed = this.#seed();
    const iota = int32(
      Array.from({ length }, (_, i) => Math.imul(i + 1, 0x9e3779b1)),
      [length],
    );
    const keys = [
      [0x85ebca6b, 0x3c6ef372],
      [0xc2b2ae35, 0x27d4eb2f],
      [0x165667b1, 0x9e3779b9],
    ] as const;
    let x = iota;
    for (const [factor, shift] of keys) {
      const keyed = add(x, add(mul(seed, int32([factor])), int32([shift])));
      x = mul(keyed, add(mul(keyed, int32([2])), int32([1])));
      // Upper bits come down, for the next round's factor to spread: multiplication alone only moves them up.
      x = add(x, mul(int32([0x2545f491]), div(x, int32([65536]))));
    }
    this.#hashes.set(length, x);
    return x;
  }
}
