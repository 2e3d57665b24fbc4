/** @file Gradient rules of the reductions. g is the cotangent of y, which is x reduced over some axes. */
import { staticShape } from '../../core/index.ts';
import {
  cast,
  div,
  equal,
  exp,
  expand,
  mul,
  neg,
  type ReduceOptions,
  reducedAxes,
  reduceMax,
  reduceMin,
  type reduceOps,
  reduceProd,
  reduceSum,
  reshape,
  stopGradient,
  sub,
  type Value,
  where,
} from '../../graph/index.ts';
import { type GradientRule, inputAt, maskOf, type NotDifferentiable, type RuleContext, zeroLike } from '../rule.ts';
import { signOf } from './pointwise.ts';

type Rules = { readonly [Op in keyof typeof reduceOps]: GradientRule | NotDifferentiable };

/** The axes of the reduction; none where empty axes mean that nothing is reduced. */
function axesOf(context: RuleContext): number[] {
  return reducedAxes(inputAt(context, 0), context.inputs[1], context.node.attributes);
}

/** The cotangent of a reduction with the reduced axes put back as axes of size 1. */
function withReducedAxes(context: RuleContext, value: Value): Value {
  const axes = axesOf(context);
  return reshape(
    value,
    inputAt(context, 0).shape.map((dim, axis) => (axes.includes(axis) ? 1 : dim)),
  );
}

function numReduced(context: RuleContext): number {
  const shape = staticShape(inputAt(context, 0).shape, 'gradient of a reduction');
  return axesOf(context).reduce((count, axis) => count * shape[axis]!, 1);
}

const spread = (context: RuleContext, value: Value): Value =>
  expand(withReducedAxes(context, value), staticShape(inputAt(context, 0).shape, 'gradient of a reduction'));

/** The sum over the axes of the reduction, which stay as axes of size 1. */
function sumOver(context: RuleContext, value: Value): Value {
  const axes = axesOf(context);
  return axes.length === 0 ? value : reduceSum(value, { axes, keepDims: true });
}

/** g and y with axes of size 1 where they were reduced, and x: a rule that needs nothing else. */
const withShape =
  (derivative: (g: Value, y: Value, x: Value, context: RuleContext) => Value): GradientRule =>
  (context) => [
    derivative(
      withReducedAxes(context, context.cotangent),
      withReducedAxes(context, context.outputs[0]!),
      inputAt(context, 0),
      context,
    ),
  ];

/**
 * An extreme's cotangent goes to the elements that equal it, in equal shares. Half floats are reduced again in float32, to which
 * they widen exactly: ONNX Runtime computes some ops on them in float32 and others not, so that a rounded extreme may equal none.
 */
const extreme =
  (reduce: (x: Value, options: ReduceOptions) => Value): GradientRule =>
  (context) => {
    const isHalf = ['float16', 'bfloat16'].includes(inputAt(context, 0).dtype);
    const x = isHalf ? cast(inputAt(context, 0), 'float32') : inputAt(context, 0);
    const axes = axesOf(context);
    const again = () => (axes.length === 0 ? x : reduce(x, { axes, keepDims: true }));
    const y = isHalf ? again() : withReducedAxes(context, context.outputs[0]!);
    const chosen = maskOf(equal(x, y), x.dtype);
    const g = cast(withReducedAxes(context, context.cotangent), x.dtype);
    return [cast(mul(chosen, div(g, sumOver(context, chosen))), inputAt(context, 0).dtype)];
  };

/**
 * The product of all other elements: that of those that are not 0, divided by the element, unless another one is 0. `others`
 * counts the zeros besides the element itself.
 */
const productRule = withShape((g, _y, x, context) => {
  const isZero = equal(x, zeroLike(x));
  const zeros = maskOf(isZero, x.dtype);
  const axes = axesOf(context);
  const nonZero = where(isZero, 1, x);
  const product = axes.length === 0 ? nonZero : reduceProd(nonZero, { axes, keepDims: true });
  const others = sub(sumOver(context, zeros), zeros);
  return mul(mul(g, maskOf(equal(others, 0), x.dtype)), div(product, nonZero));
});

/** The rules of the reducing ops. */
export const reduceRules: Rules = {
  ReduceSum: (context) => [spread(context, context.cotangent)],
  ReduceMean: (context) => [spread(context, mul(context.cotangent, 1 / numReduced(context)))],
  ReduceProd: productRule,
  ReduceMax: extreme(reduceMax),
  ReduceMin: extreme(reduceMin),
  ReduceSumSquare: withShape((g, _y, x) => mul(x, mul(g, 2))),
  ReduceL1: withShape((g, _y, x) => mul(g, signOf(stopGradient(x)))),
  // x / y, and 0 where the norm is 0
  ReduceL2: withShape((g, y, x) => mul(x, div(g, where(equal(y, 0), 1, y)))),
  // 1 / Σ x, which is exp(-y)
  ReduceLogSum: (context) => [spread(context, mul(context.cotangent, exp(neg(context.outputs[0]!))))],
  ReduceLogSumExp: withShape((g, y, x) => mul(g, exp(sub(x, y)))),
  ArgMax: { notDifferentiable: 'its result is an index' },
  ArgMin: { notDifferentiable: 'its result is an index' },
};
