/**
 * @file Seeded random numbers. xoshiro128** (Blackman and Vigna, 2018) seeded through SplitMix64-style mixing; the state is
 * four 32-bit words, so a checkpoint can hold it. Not for cryptography.
 */

/** A stream of random draws, the same for the same seed on every machine. */
export class Rng {
  readonly #state: Uint32Array;

  /** @param seed any number or string; equal seeds give equal streams. */
  constructor(seed: number | string) {
    this.#state = expandSeed(typeof seed === 'number' ? `n${seed}` : `s${seed}`);
  }

  /** The stream that continues from a saved `state`. @throws RangeError unless it is four 32-bit words, not all 0. */
  static fromState(state: readonly number[]): Rng {
    const areWords = state.every((word) => Number.isInteger(word) && word >= 0 && word < 2 ** 32);
    if (state.length !== 4 || !areWords || state.every((word) => word === 0)) {
      throw new RangeError(`Rng.fromState: needs four whole numbers below 2^32, not all 0, got [${state}]`);
    }
    const rng = new Rng(0);
    rng.#state.set(state);
    return rng;
  }

  /** The four words from which `fromState` continues this stream. */
  get state(): number[] {
    return Array.from(this.#state);
  }

  /** An independent stream, named; drawing from it leaves this one as it was. */
  fork(name: string | number): Rng {
    return new Rng(`${this.state.join(',')}/${name}`);
  }

  /** A whole number in [0, 2^32). */
  uint32(): number {
    const s = this.#state;
    const result = Math.imul(rotateLeft(Math.imul(s[1]!, 5), 7), 9) >>> 0;
    const t = s[1]! << 9;
    s[2]! ^= s[0]!;
    s[3]! ^= s[1]!;
    s[1]! ^= s[2]!;
    s[0]! ^= s[3]!;
    s[2]! ^= t;
    s[3] = rotateLeft(s[3]!, 11);
    return result;
  }

  /** A number in [0, 1), with 53 random bits. */
  uniform(): number {
    return ((this.uint32() >>> 5) * 67108864 + (this.uint32() >>> 6)) / 9007199254740992;
  }

  /** A whole number in [0, below). */
  integer(below: number): number {
    if (!(below >= 1)) throw new RangeError(`Rng.integer: below must be at least 1, got ${below}`);
    return Math.floor(this.uniform() * below);
  }

  /** A draw from the normal distribution of mean 0 and deviation 1 (Box and Muller, 1958). */
  normal(): number {
    return Math.sqrt(-2 * Math.log(1 - this.uniform())) * Math.cos(2 * Math.PI * this.uniform());
  }

  /** An index drawn with probability proportional to `weights[index]`. @throws RangeError unless there is a weight to draw by. */
  categorical(weights: ArrayLike<number>): number {
    let total = 0;
    let last = 0;
    for (let i = 0; i < weights.length; i++) {
      const weight = weights[i]!;
      if (!(weight >= 0)) throw new RangeError(`Rng.categorical: weights must not be negative, got ${weight} at ${i}`);
      if (weight > 0) last = i;
      total += weight;
    }
    if (!(total > 0 && total < Number.POSITIVE_INFINITY)) {
      throw new RangeError(`Rng.categorical: the weights must have a positive, finite sum, got ${total}`);
    }
    let left = this.uniform() * total;
    for (let i = 0; i < last; i++) {
      left -= weights[i]!;
      if (left < 0) return i;
    }
    return last;
  }

  /** One of `items`, each as likely. */
  pick<T>(items: readonly T[]): T {
    if (items.length === 0) throw new RangeError('Rng.pick: nothing to pick from');
    return items[this.integer(items.length)]!;
  }

  /** Shuffles in place (Fisher and Yates) and returns the same array. */
  shuffle<A extends { length: number; [index: number]: unknown }>(items: A): A {
    for (let i = items.length - 1; i > 0; i--) {
      const j = this.integer(i + 1);
      const held = items[i];
      items[i] = items[j];
      items[j] = held;
    }
    return items;
  }

  /** Fills a float array with normal draws times `deviation`. */
  fillNormal(target: Float32Array, deviation = 1): Float32Array {
    for (let i = 0; i < target.length; i++) target[i] = this.normal() * deviation;
    return target;
  }

  /** Fills a float array with uniform draws in [low, high). */
  fillUniform(target: Float32Array, low: number, high: number): Float32Array {
    for (let i = 0; i < target.length; i++) target[i] = low + (high - low) * this.uniform();
    return target;
  }
}

function rotateLeft(x: number, k: number): number {
  return ((x << k) | (x >>> (32 - k))) >>> 0;
}

/** Four well-mixed words from a text (FNV-1a per word, then the murmur3 finalizer). */
function expandSeed(text: string): Uint32Array {
  return Uint32Array.from([0, 1, 2, 3], (word) => {
    let h = (0x811c9dc5 ^ Math.imul(word + 1, 0x9e3779b9)) >>> 0;
    for (let i = 0; i < text.length; i++) h = Math.imul(h ^ text.charCodeAt(i), 0x01000193) >>> 0;
    h = Math.imul(h ^ (h >>> 16), 0x85ebca6b) >>> 0;
    h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35) >>> 0;
    return (h ^ (h >>> 16)) >>> 0;
  });
}
