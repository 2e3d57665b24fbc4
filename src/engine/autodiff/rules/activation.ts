/** @file Gradient rules of the activations. g is the cotangent of the output y = f(x). */
import {
  type Attributes,
  abs,
  type activationOps,
  add,
  and,
  erf,
  exp,
  floatOf,
  greater,
  less,
  min,
  mul,
  sigmoid,
  softplus,
  sub,
  tanh,
  type Value,
  where,
} from '../../graph/index.ts';
import { type GradientRule, inputAt, maskOf, type RuleContext, sumToShape, zeroLike } from '../rule.ts';
import { unary } from './pointwise.ts';

type Rules = { readonly [Op in keyof typeof activationOps]: GradientRule };

/** A rule of y = f(x) with attributes. */
const shaped =
  (derivative: (g: Value, x: Value, y: Value, attributes: Attributes) => Value): GradientRule =>
  (context) => [derivative(context.cotangent, inputAt(context, 0), context.outputs[0]!, context.node.attributes)];

/** g · (Φ(x) + x φ(x)), with Φ and φ of the standard normal distribution. */
function geluGradient(g: Value, x: Value): Value {
  const distribution = add(mul(erf(mul(x, Math.SQRT1_2)), 0.5), 0.5);
  const density = mul(exp(mul(mul(x, x), -0.5)), 1 / Math.sqrt(2 * Math.PI));
  return mul(g, add(distribution, mul(x, density)));
}

/** The derivative of 0.5 x (1 + tanh(u)) with u = √(2/π) (x + 0.044715 x³). */
function geluTanhGradient(g: Value, x: Value): Value {
  const [c, k] = [Math.sqrt(2 / Math.PI), 0.044715];
  const squared = mul(x, x);
  const t = tanh(mul(mul(x, c), add(mul(squared, k), 1)));
  const slope = mul(add(mul(squared, 3 * k), 1), c);
  return mul(mul(g, 0.5), add(add(t, 1), mul(mul(x, sub(1, mul(t, t))), slope)));
}

/** y = x s with s = σ(αx), so that s' = α s (1 - s) and y' = s (1 + α (x - y)). */
function swishGradient(g: Value, x: Value, y: Value, alpha: number): Value {
  const scaled = alpha === 1 ? x : mul(x, alpha);
  const rest = alpha === 1 ? sub(x, y) : mul(sub(x, y), alpha);
  return mul(g, mul(sigmoid(scaled), add(rest, 1)));
}

/** The rule of f(x + bias), where the bias runs along the last axis. */
function biasedRule(context: RuleContext, derivative: (g: Value, x: Value) => Value): readonly (Value | undefined)[] {
  const [x, bias] = [inputAt(context, 0), context.inputs[1]];
  const towardSum = derivative(context.cotangent, bias ? add(x, bias) : x);
  return [context.needs(0) ? towardSum : undefined, bias && context.needs(1) ? sumToShape(towardSum, bias) : undefined];
}

/** The rules of the activations. */
export const activationRules: Rules = {
  Sigmoid: unary((g, _x, y) => mul(g, mul(y, sub(1, y)))),
  Softplus: unary((g, x) => mul(g, sigmoid(x))),
  Softsign: unary((g, _x, y) => {
    const rest = sub(1, abs(y));
    return mul(g, mul(rest, rest));
  }),
  Relu: unary((g, _x, y) => where(greater(y, 0), g, zeroLike(g))),
  LeakyRelu: shaped((g, x, _y, attributes) => where(greater(x, 0), g, mul(g, floatOf(attributes, 'alpha', 0.01)))),
  ThresholdedRelu: shaped((g, x, _y, attributes) => where(greater(x, floatOf(attributes, 'alpha', 1)), g, zeroLike(g))),
  PRelu: (context) => {
    const [x, slope, g] = [inputAt(context, 0), inputAt(context, 1), context.cotangent];
    return [
      context.needs(0) ? sumToShape(where(greater(x, zeroLike(x)), g, mul(g, slope)), x) : undefined,
      context.needs(1) ? sumToShape(mul(g, min(x, 0)), slope) : undefined,
    ];
  },
  // where x < 0: α exp(x) = y + α
  Elu: shaped((g, x, y, attributes) => where(greater(x, 0), g, mul(g, add(y, floatOf(attributes, 'alpha', 1))))),
  // where x < 0: exp(x / α) = y / α + 1
  Celu: shaped((g, _x, y, attributes) => {
    const alpha = floatOf(attributes, 'alpha', 1);
    return mul(g, add(alpha === 1 ? min(y, 0) : mul(min(y, 0), 1 / alpha), 1));
  }),
  // where x < 0: γ α exp(x) = y + γ α
  Selu: shaped((g, x, y, attributes) => {
    const gamma = floatOf(attributes, 'gamma', 1.050701);
    const scale = gamma * floatOf(attributes, 'alpha', 1.6732632);
    return mul(g, where(greater(x, 0), gamma, add(y, scale)));
  }),
  HardSigmoid: shaped((g, _x, y, attributes) => {
    const inside = and(greater(y, 0), less(y, 1));
    return where(inside, mul(g, floatOf(attributes, 'alpha', 0.2)), zeroLike(g));
  }),
  // 0 below -3, 1 above 3, x / 3 + 1/2 between
  HardSwish: unary((g, x) => {
    const between = less(abs(x), 3);
    return mul(g, where(between, add(mul(x, 1 / 3), 0.5), maskOf(greater(x, 0), x.dtype)));
  }),
  // t + x (1 - t²) σ(x) with t = tanh(softplus(x))
  Mish: unary((g, x) => {
    const t = tanh(softplus(x));
    return mul(g, add(t, mul(mul(x, sigmoid(x)), sub(1, mul(t, t)))));
  }),
  Swish: shaped((g, x, y, attributes) => swishGradient(g, x, y, floatOf(attributes, 'alpha', 1))),
  Shrink: shaped((g, x, _y, attributes) => where(greater(abs(x), floatOf(attributes, 'lambd', 0.5)), g, zeroLike(g))),
  Gelu: (context) => {
    const approximate = context.node.attributes.approximate?.value === 'tanh';
    return [(approximate ? geluTanhGradient : geluGradient)(context.cotangent, inputAt(context, 0))];
  },
  'com.microsoft.Gelu': unary(geluGradient),
  'com.microsoft.QuickGelu': shaped((g, x, y, attributes) =>
    swishGradient(g, x, y, floatOf(attributes, 'alpha', 1.702)),
  ),
  'com.microsoft.FastGelu': (context) => biasedRule(context, geluTanhGradient),
  'com.microsoft.BiasGelu': (context) => biasedRule(context, geluGradient),
};
