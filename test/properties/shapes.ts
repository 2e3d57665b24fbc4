/** @file Random shapes, and shapes that nearly fit to them. */
import fc from 'fast-check';
import type { Dtype } from '../../src/engine/core/index.ts';
import type { Operand } from './verdict.ts';

/** A shape of numbers. */
export type Shape = readonly number[];

/** The size of an axis; rarely 0. */
export const dim = fc.oneof(
  { weight: 8, arbitrary: fc.integer({ min: 1, max: 3 }) },
  { weight: 1, arbitrary: fc.constant(0) },
);
/** The size of an axis, 1 at least. */
export const positiveDim = fc.integer({ min: 1, max: 3 });
/** A shape; rarely with an axis of size 0. */
export const shape = (minLength = 0, maxLength = 4): fc.Arbitrary<number[]> => fc.array(dim, { minLength, maxLength });
/** A shape without axes of size 0. */
export const positiveShape = (minLength: number, maxLength: number): fc.Arbitrary<number[]> =>
  fc.array(positiveDim, { minLength, maxLength });

/** An operand that is fed. */
export const of = (operandShape: Shape, dtype: Dtype = 'float32'): Operand => ({ shape: operandShape, dtype });
/** An operand that is a constant of whole numbers. */
export const known = (values: readonly number[], knownShape: Shape = [values.length]): Operand => ({
  dtype: 'int64',
  shape: knownShape,
  ints: values,
});

/** A shape that often broadcasts with `base`: leading axes dropped, axes set to 1, rarely another size. */
export function like(base: Shape): fc.Arbitrary<number[]> {
  const change = fc.oneof(
    { weight: 6, arbitrary: fc.constant('keep') },
    { weight: 3, arbitrary: fc.constant('one') },
    { weight: 1, arbitrary: fc.constant('other') },
  );
  return fc
    .tuple(
      fc.integer({ min: 0, max: base.length }),
      fc.array(change, { minLength: base.length, maxLength: base.length }),
    )
    .map(([dropped, changes]) =>
      base.map((size, axis) => (changes[axis] === 'keep' ? size : changes[axis] === 'one' ? 1 : 2)).slice(dropped),
    );
}

/** A shape that is `base`, or rarely differs on one axis. */
export function nearly(base: Shape): fc.Arbitrary<number[]> {
  const same: fc.Arbitrary<number[]> = fc.constant([...base]);
  if (base.length === 0) return same;
  const differs = fc
    .tuple(fc.integer({ min: 0, max: base.length - 1 }), positiveDim)
    .map(([axis, size]): number[] => base.map((old, a) => (a === axis ? size : old)));
  const shorter: fc.Arbitrary<number[]> = fc.constant([...base.slice(1)]);
  return fc.oneof({ weight: 6, arbitrary: same }, { weight: 2, arbitrary: differs }, { weight: 1, arbitrary: shorter });
}

/** An axis of a value of `rank` axes, from the front or the end; rarely one that is not there. */
export const axisFor = (rank: number): fc.Arbitrary<number> =>
  fc.oneof(
    { weight: 9, arbitrary: fc.integer({ min: -Math.max(rank, 1), max: Math.max(rank, 1) - 1 }) },
    { weight: 1, arbitrary: fc.constantFrom(rank, -rank - 1) },
  );
