/**
 * @file Arithmetic on dimensions, some of which are names: sums of products, printed as `4*batch*time+1` with the names in
 * order, so that equal dimensions have equal texts. A text that this file did not write itself is one name as a whole.
 */
import { type Dim, unknownDim } from '../core/index.ts';

/** A polynomial: the factor of every product of names; '' is the product of none. */
type Terms = ReadonlyMap<string, number>;

const factor = String.raw`(?:[\w.]+|\((?:[^()]|\([^()]*\))*\))`;
const product = String.raw`${factor}(?:\*${factor})*`;
const factors = new RegExp(factor, 'g');
const signedProducts = new RegExp(`([+-]?)(${product})`, 'g');
const ownText = new RegExp(`^-?${product}(?:[+-]${product})*$`);
const digits = /^\d+(?:\.\d+)?$/;

function termsOf(dim: Dim): Terms {
  if (typeof dim === 'number') return new Map([['', dim]]);
  if (!ownText.test(dim)) return new Map([[`(${dim})`, 1]]);
  const terms = new Map<string, number>();
  for (const [, sign, text] of dim.matchAll(signedProducts)) {
    const all = text!.match(factors)!;
    const count = all.filter((one) => digits.test(one)).reduce((total, one) => total * Number(one), 1);
    addTerm(terms, all.filter((one) => !digits.test(one)).join('*'), sign === '-' ? -count : count);
  }
  return terms;
}

/** The names in a product of them. */
function namesIn(names: string): string[] {
  return [...(names.match(factors) ?? [])];
}

function addTerm(terms: Map<string, number>, names: string, count: number): void {
  const sum = (terms.get(names) ?? 0) + count;
  if (sum === 0) terms.delete(names);
  else terms.set(names, sum);
}

function dimOf(terms: Terms): Dim {
  const names = [...terms.keys()].filter((key) => key !== '').sort();
  const rest = terms.get('') ?? 0;
  if (names.length === 0) return rest;
  const first = names[0]!;
  if (names.length === 1 && rest === 0 && terms.get(first) === 1 && first.startsWith('(')) return first.slice(1, -1);
  const texts = names.map((key) => {
    const factor = terms.get(key)!;
    const size = Math.abs(factor) === 1 ? key : `${Math.abs(factor)}*${key}`;
    return `${factor < 0 ? '-' : '+'}${size}`;
  });
  if (rest !== 0) texts.push(rest < 0 ? `${rest}` : `+${rest}`);
  return texts.join('').replace(/^\+/, '');
}

function combined(a: Terms, b: Terms, factor: number): Terms {
  const sum = new Map(a);
  for (const [names, value] of b) addTerm(sum, names, value * factor);
  return sum;
}

const isUnknown = (dim: Dim) => dim === unknownDim;

/** a + b; unknown if either is. */
export function addDims(a: Dim, b: Dim): Dim {
  if (typeof a === 'number' && typeof b === 'number') return a + b;
  return isUnknown(a) || isUnknown(b) ? unknownDim : dimOf(combined(termsOf(a), termsOf(b), 1));
}

/** a - b; unknown if either is. */
export function subtractDims(a: Dim, b: Dim): Dim {
  if (typeof a === 'number' && typeof b === 'number') return a - b;
  return isUnknown(a) || isUnknown(b) ? unknownDim : dimOf(combined(termsOf(a), termsOf(b), -1));
}

/** a · b; unknown if either is, unless the other is 0. */
export function multiplyDims(a: Dim, b: Dim): Dim {
  if (typeof a === 'number' && typeof b === 'number') return a * b;
  if (a === 0 || b === 0) return 0;
  if (isUnknown(a) || isUnknown(b)) return unknownDim;
  const product = new Map<string, number>();
  for (const [left, x] of termsOf(a)) {
    for (const [right, y] of termsOf(b)) {
      const names = [...namesIn(left), ...namesIn(right)].sort();
      addTerm(product, names.join('*'), x * y);
    }
  }
  return dimOf(product);
}

/** a / b where it is a whole number of names and counts for every value of the names; otherwise unknown. */
export function divideDims(a: Dim, b: Dim): Dim {
  if (isUnknown(a) || isUnknown(b) || b === 0) return unknownDim;
  if (typeof a === 'number' && typeof b === 'number') return Number.isInteger(a / b) ? a / b : unknownDim;
  if (a === b) return 1;
  const divisor = [...termsOf(b)];
  if (divisor.length !== 1) return unknownDim;
  const [names, factor] = divisor[0]!;
  const quotient = new Map<string, number>();
  for (const [own, value] of termsOf(a)) {
    const left = namesIn(own);
    for (const name of namesIn(names)) {
      const at = left.indexOf(name);
      if (at < 0) return unknownDim;
      left.splice(at, 1);
    }
    if (!Number.isInteger(value / factor)) return unknownDim;
    addTerm(quotient, left.join('*'), value / factor);
  }
  return dimOf(quotient);
}

/** The number of elements of a shape, as a dimension. */
export function elementsOf(shape: readonly Dim[]): Dim {
  return shape.reduce(multiplyDims, 1);
}

/** Whether every count in the dimension is whole, so that rounding it down changes nothing. */
export function isWhole(dim: Dim): boolean {
  return !isUnknown(dim) && [...termsOf(dim).values()].every(Number.isInteger);
}
