/** @file Gradient rules of the reductions, cumulative sums and softmax. */
import { staticShape } from '../../core/index.ts';
import {
  constantIntsOf,
  constantScalar,
  cumSum,
  div,
  equal,
  exp,
  expand,
  intOf,
  mul,
  reducedAxes,
  type reduceOps,
  reduceSum,
  reshape,
  scatterElements,
  sub,
  type Value,
} from '../../graph/index.ts';
import { type GradientRule, inputAt, maskOf, type NotDifferentiable, type RuleContext } from '../rule.ts';

type Rules = { readonly [Op in keyof typeof reduceOps]: GradientRule | NotDifferentiable };

/** The cotangent of a reduction with the reduced axes put back as axes of size 1. */
function withReducedAxes(context: RuleContext, value: Value): Value {
  const x = inputAt(context, 0);
  const axes = reducedAxes(x, context.inputs[1]);
  return reshape(
    value,
    x.shape.map((dim, axis) => (axes.includes(axis) ? 1 : dim)),
  );
}

function numReduced(context: RuleContext): number {
  const x = inputAt(context, 0);
  const shape = staticShape(x.shape, 'gradient of a reduction');
  return reducedAxes(x, context.inputs[1]).reduce((count, axis) => count * shape[axis]!, 1);
}

const spread = (context: RuleContext, value: Value): Value =>
  expand(withReducedAxes(context, value), staticShape(inputAt(context, 0).shape, 'gradient of a reduction'));

/** An extreme's cotangent goes to the elements that equal it, in equal shares. */
const extreme: GradientRule = (context) => {
  const x = inputAt(context, 0);
  const axes = reducedAxes(x, context.inputs[1]);
  const chosen = maskOf(equal(x, withReducedAxes(context, context.outputs[0]!)), x.dtype);
  const share = div(withReducedAxes(context, context.cotangent), reduceSum(chosen, { axes, keepDims: true }));
  return [mul(chosen, share)];
};

/** The rules of the reducing ops. */
export const reduceRules: Rules = {
  ReduceSum: (context) => [spread(context, context.cotangent)],
  ReduceMean: (context) => [spread(context, mul(context.cotangent, 1 / numReduced(context)))],
  ReduceMax: extreme,
  ReduceMin: extreme,
  ReduceSumSquare: (context) => [mul(inputAt(context, 0), withReducedAxes(context, mul(context.cotangent, 2)))],
  ArgMax: { notDifferentiable: 'its result is an index' },
  TopK: (context) => {
    const x = inputAt(context, 0);
    const zeros = expand(constantScalar(0, x.dtype), staticShape(x.shape, 'gradient of TopK'));
    const axis = intOf(context.node.attributes, 'axis', -1);
    return [scatterElements(zeros, context.outputs[1]!, context.cotangent, { axis })];
  },
  CumSum: (context) => {
    const x = inputAt(context, 0);
    const axis = constantIntsOf(context.inputs[1])![0]!;
    const { attributes } = context.node;
    return [
      cumSum(context.cotangent, axis < 0 ? axis + x.rank : axis, {
        exclusive: intOf(attributes, 'exclusive', 0) === 1,
        reverse: intOf(attributes, 'reverse', 0) === 0,
      }),
    ];
  },
  // y (g - Σ g y)
  Softmax: (context) => {
    const [g, y] = [context.cotangent, context.outputs[0]!];
    const axes = [intOf(context.node.attributes, 'axis', -1)];
    const weighted = mul(g, y);
    return [sub(weighted, mul(y, reduceSum(weighted, { axes, keepDims: true })))];
  },
  // g - exp(y) Σ g
  LogSoftmax: (context) => {
    const [g, y] = [context.cotangent, context.outputs[0]!];
    const axes = [intOf(context.node.attributes, 'axis', -1)];
    return [sub(g, mul(exp(y), reduceSum(g, { axes, keepDims: true })))];
  },
};
