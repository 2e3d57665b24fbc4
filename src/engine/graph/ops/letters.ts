/**
 * @file Shapes by letters: an op whose inputs share dimensions (`x [T, B, I]`, `w [D, 4H, I]`) says so once, and every input is
 * held to it. What is unknown fits, so that the ops of imported files can be inferred as far as their shapes are known.
 */
import { type Dim, dimsFit, formatShape, isRanked, type Shape, ShapeError, unknownDim } from '../../core/index.ts';
import type { Value } from '../value.ts';

/** What each letter of an op's shapes stands for, as the inputs tell. */
export class Letters {
  readonly #opType: string;
  readonly #dims = new Map<string, Dim>();

  constructor(opType: string, known: Readonly<Record<string, Dim>> = {}) {
    this.#opType = opType;
    for (const [letter, dim] of Object.entries(known)) this.#dims.set(letter, dim);
  }

  /**
   * Holds an input to a pattern of letters and numbers, and learns the letters that were not known; an absent input fits.
   * @throws ShapeError if it has another number of axes or a dimension that does not fit.
   */
  match(what: string, value: Value | undefined, ...pattern: readonly (string | number)[]): void {
    if (value === undefined || !isRanked(value.shape)) return;
    const fits =
      value.rank === pattern.length &&
      pattern.every((entry, axis) => dimsFit(typeof entry === 'number' ? entry : this.of(entry), value.shape[axis]));
    if (!fits) {
      const wanted = pattern.map((entry) => this.#spell(entry)).join(',');
      throw new ShapeError(`${this.#opType}: ${what} must be [${wanted}], got ${formatShape(value.shape)}`);
    }
    pattern.forEach((entry, axis) => {
      if (typeof entry === 'string' && this.of(entry) === unknownDim) this.#dims.set(entry, value.shape[axis]!);
    });
  }

  /** The dimension that a letter stands for; unknown where no input told. */
  of(letter: string): Dim {
    return this.#dims.get(letter) ?? unknownDim;
  }

  /** `factor` times the dimension, where it is a number. */
  times(factor: number, letter: string): Dim {
    const dim = this.of(letter);
    return typeof dim === 'number' ? factor * dim : unknownDim;
  }

  #spell(entry: string | number): string {
    if (typeof entry === 'number') return String(entry);
    const known = this.of(entry);
    return known === unknownDim ? entry : `${entry}=${known}`;
  }
}

/** The dimension of an axis counted from the front; unknown where the shape is. */
export function dimOf(shape: Shape, axis: number): Dim {
  return isRanked(shape) ? (shape[axis] ?? unknownDim) : unknownDim;
}

/** The sum of dimensions, where all are numbers. */
export function sumOfDims(...dims: readonly Dim[]): Dim {
  return dims.every((dim) => typeof dim === 'number') ? dims.reduce((sum, dim) => sum + dim, 0) : unknownDim;
}

/** A dimension divided by a whole number. @throws ShapeError if it does not divide. */
export function dividedDim(opType: string, what: string, dim: Dim, divisor: number): Dim {
  if (typeof dim !== 'number') return unknownDim;
  if (divisor < 1 || dim % divisor !== 0) throw new ShapeError(`${opType}: ${divisor} must divide ${what}, got ${dim}`);
  return dim / divisor;
}
