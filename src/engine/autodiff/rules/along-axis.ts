/** @file Gradient rules of the ops that work along one axis. g is the cotangent of y. */

import { ShapeError } from '../../core/index.ts';
import {
  type alongAxisOps,
  and,
  constantIntsOf,
  cumProd,
  cumSum,
  div,
  equal,
  exp,
  intOf,
  mul,
  reduceL1,
  reduceL2,
  reduceSum,
  stopGradient,
  sub,
  type Value,
  where,
} from '../../graph/index.ts';
import { type GradientRule, inputAt, maskOf, type NotDifferentiable, type RuleContext, zeroLike } from '../rule.ts';
import { signOf } from './pointwise.ts';

type Rules = { readonly [Op in keyof typeof alongAxisOps]: GradientRule | NotDifferentiable };

const axisOf = (context: RuleContext): number => intOf(context.node.attributes, 'axis', -1);

/** The axis and direction of a running sum or product. */
function runOf(context: RuleContext): { axis: number; exclusive: boolean; reverse: boolean } {
  const x = inputAt(context, 0);
  const axis = constantIntsOf(context.inputs[1])?.[0];
  const { op, attributes } = context.node;
  if (axis === undefined) throw new ShapeError(`gradient of ${op.opType}: the axis must be known when traced`);
  return {
    axis: axis < 0 ? axis + x.rank : axis,
    exclusive: intOf(attributes, 'exclusive', 0) === 1,
    reverse: intOf(attributes, 'reverse', 0) === 1,
  };
}

/**
 * Σ over later i of g_i y_i / x_j, if no zero stands before j. At the first zero the quotient is the product with that zero taken
 * for 1; beyond it every product has a zero that x_j does not reach.
 */
function cumProdRule(context: RuleContext): readonly Value[] {
  const [x, g, y] = [inputAt(context, 0), context.cotangent, context.outputs[0]!];
  const { axis, exclusive, reverse } = runOf(context);
  const isZero = equal(x, zeroLike(x));
  const numZeros = cumSum(maskOf(isZero, x.dtype), axis, { reverse });
  const isFirst = and(isZero, equal(numZeros, 1));
  const withoutFirst = where(isFirst, 1, x);
  const later = (products: Value) => cumSum(mul(g, products), axis, { exclusive, reverse: !reverse });
  const before = div(later(y), where(isZero, 1, x));
  const atFirst = later(cumProd(withoutFirst, axis, { exclusive, reverse }));
  const none = zeroLike(x);
  return [where(equal(numZeros, 0), before, where(isFirst, atFirst, none))];
}

/** (g - n'(x) Σ g y) / n for the norm n of x, whose derivative is sign(x) or y; nothing where the norm is 0. */
function lpNormalizationRule(context: RuleContext): readonly Value[] {
  const [x, g, y] = [inputAt(context, 0), context.cotangent, context.outputs[0]!];
  const options = { axes: [axisOf(context)], keepDims: true };
  const isManhattan = intOf(context.node.attributes, 'p', 2) === 1;
  const norm = isManhattan ? reduceL1(x, options) : reduceL2(x, options);
  const isZero = equal(norm, zeroLike(norm));
  const factor = where(isZero, zeroLike(norm), div(1, where(isZero, 1, norm)));
  const slope = isManhattan ? signOf(stopGradient(x)) : y;
  return [mul(sub(g, mul(slope, reduceSum(mul(g, y), options))), factor)];
}

/** The rules of the ops along one axis. */
export const alongAxisRules: Rules = {
  // y (g - Σ g y)
  Softmax: (context) => {
    const [g, y] = [context.cotangent, context.outputs[0]!];
    return [mul(sub(g, reduceSum(mul(g, y), { axes: [axisOf(context)], keepDims: true })), y)];
  },
  // g - exp(y) Σ g
  LogSoftmax: (context) => {
    const [g, y] = [context.cotangent, context.outputs[0]!];
    return [sub(g, mul(exp(y), reduceSum(g, { axes: [axisOf(context)], keepDims: true })))];
  },
  Hardmax: { notDifferentiable: 'it is constant between its steps; its derivative is zero' },
  LpNormalization: lpNormalizationRule,
  CumSum: (context) => {
    const { axis, exclusive, reverse } = runOf(context);
    return [cumSum(context.cotangent, axis, { exclusive, reverse: !reverse })];
  },
  CumProd: cumProdRule,
};
