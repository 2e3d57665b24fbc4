/** @file Generators of applications that many ops share: one operand, several that broadcast, an axis. */
import fc from 'fast-check';
import type { Dtype } from '../../src/engine/core/index.ts';
import type { Attributes, OpType } from '../../src/engine/graph/index.ts';
import { int } from '../../src/engine/graph/value.ts';
import { axisFor, like, of, positiveShape, shape } from './shapes.ts';
import type { Application } from './verdict.ts';

/** Random applications of an op. */
export type Make = (opType: OpType) => fc.Arbitrary<Application>;

/** One operand of any shape. */
export const unary =
  (dtype: Dtype = 'float32', attributes: Attributes = {}): Make =>
  (opType) =>
    shape().map((s) => ({ opType, operands: [of(s, dtype)], attributes }));

/** Two operands that mostly broadcast. */
export const binary =
  (dtype: Dtype = 'float32', attributes: Attributes = {}): Make =>
  (opType) =>
    shape().chain((base) =>
      fc
        .tuple(like(base), like(base))
        .map(([a, b]) => ({ opType, operands: [of(a, dtype), of(b, dtype)], attributes })),
    );

/** One to three operands that mostly broadcast. */
export const variadic: Make = (opType) =>
  shape().chain((base) =>
    fc
      .array(like(base), { minLength: 1, maxLength: 3 })
      .map((shapes) => ({ opType, operands: shapes.map((s) => of(s)), attributes: {} })),
  );

/** An operand with axes, and one of them, rarely one that is not there. */
export const alongAxis: Make = (opType) =>
  positiveShape(1, 4).chain((s) =>
    axisFor(s.length).map((axis) => ({ opType, operands: [of(s)], attributes: { axis: int(axis) } })),
  );

/** The same maker for each of several ops. */
export function forEach<Op extends OpType>(opTypes: readonly Op[], make: Make): { readonly [One in Op]: Make } {
  return Object.fromEntries(opTypes.map((opType) => [opType, make])) as { [One in Op]: Make };
}
