/** @file Gradient rules of the activations. g is the cotangent of the output y = f(x). */
import {
  type Attributes,
  abs,
  type activationOps,
  add,
  and,
  clip,
  div,
  erf,
  exp,
  floatOf,
  greater,
  hardSigmoid,
  less,
  min,
  mul,
  sigmoid,
  sub,
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

/**
 * g · (Φ(x) + x φ(x)), with Φ and φ of the standard normal distribution. With u = x / √2 it is (1 + erf u) / 2 + u exp(-u²) / √π: a
 * HardSigmoid halves and shifts in one pass over memory, and a quotient, which is 0 where exp(u²) is infinite, spares the sign.
 */
function geluGradient(g: Value, x: Value): Value {
  const u = mul(x, Math.SQRT1_2);
  const distribution = hardSigmoid(erf(u), { alpha: 0.5, beta: 0.5 });
  return mul(g, add(distribution, mul(div(u, exp(mul(u, u))), 1 / Math.sqrt(Math.PI))));
}

/**
 * The derivative of y = x σ(2u) with u = √(2/π) (x + 0.044715 x³), which is 0.5 x (1 + tanh(u)): with r = σ(-2u) and the slope s of 2u
 * it is 1 + r (y s - 1).
 */
function geluTanhGradient(g: Value, x: Value, y: Value): Value {
  const [linear, cubic] = [2 * Math.sqrt(2 / Math.PI), 2 * Math.sqrt(2 / Math.PI) * 0.044715];
  const squared = mul(mul(x, -cubic), x);
  const rest = sigmoid(mul(x, sub(squared, linear)));
  const slope = sub(linear, mul(squared, 3));
  return mul(g, add(mul(rest, sub(mul(y, slope), 1)), 1));
}

/** y = x s with s = σ(αx), so that y' = s + α s (1 - s) x = s (1 - α y) + α y. */
function swishGradient(g: Value, x: Value, y: Value, alpha: number): Value {
  const [scaledX, scaledY] = alpha === 1 ? [x, y] : [mul(x, alpha), mul(y, alpha)];
  return mul(g, add(mul(sigmoid(scaledX), sub(1, scaledY)), scaledY));
}

/** The rule of f(x + bias), where the bias runs along the last axis. */
function biasedRule(
  context: RuleContext,
  derivative: (g: Value, x: Value, y: Value) => Value,
): readonly (Value | undefined)[] {
  const [x, bias] = [inputAt(context, 0), context.inputs[1]];
  const towardSum = derivative(context.cotangent, bias ? add(x, bias) : x, context.outputs[0]!);
  return [context.needs(0) ? towardSum : undefined, bias && context.needs(1) ? sumToShape(towardSum, bias) : undefined];
}

/** A factor that makes every normal float32 larger than 1 in absolute value, or infinite. */
const steep = 3e38;

/** 1 where x > 0, else 0: one pass over memory for float32, after which a product takes half the time of a choice between values. */
function positiveMask(x: Value): Value {
  return x.dtype === 'float32' ? hardSigmoid(x, { alpha: steep, beta: 0 }) : maskOf(greater(x, zeroLike(x)), x.dtype);
}

/** The rules of the activations. */
export const activationRules: Rules = {
  Sigmoid: unary((g, _x, y) => mul(g, mul(y, sub(1, y)))),
  Softplus: unary((g, x) => mul(g, sigmoid(x))),
  Softsign: unary((g, _x, y) => {
    const rest = sub(1, abs(y));
    return mul(g, mul(rest, rest));
  }),
  Relu: unary((g, _x, y) => mul(g, positiveMask(y))),
  LeakyRelu: shaped((g, x, _y, attributes) => {
    const alpha = floatOf(attributes, 'alpha', 0.01);
    const fits = x.dtype === 'float32' && alpha > 0 && alpha <= 1;
    return fits ? mul(g, clip(mul(x, steep), alpha, 1)) : where(greater(x, 0), g, mul(g, alpha));
  }),
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
  // t + x (1 - t²) σ(x), where t = tanh(softplus(x)) is n / (n + 2) with n = exp(x) (exp(x) + 2), and 1 before n overflows
  Mish: unary((g, x) => {
    const e = exp(min(x, x.dtype === 'float16' ? 5 : 20));
    const n = mul(e, add(e, 2));
    const t = div(n, add(n, 2));
    return mul(g, add(t, mul(mul(x, sigmoid(x)), sub(1, mul(t, t)))));
  }),
  Swish: shaped((g, x, y, attributes) => swishGradient(g, x, y, floatOf(attributes, 'alpha', 1))),
  Shrink: shaped((g, x, _y, attributes) => where(greater(abs(x), floatOf(attributes, 'lambd', 0.5)), g, zeroLike(g))),
  Gelu: (context) => {
    const approximate = context.node.attributes.approximate?.value === 'tanh';
    const [g, x, y] = [context.cotangent, inputAt(context, 0), context.outputs[0]!];
    return [approximate ? geluTanhGradient(g, x, y) : geluGradient(g, x)];
  },
  'com.microsoft.Gelu': unary(geluGradient),
  'com.microsoft.QuickGelu': shaped((g, x, y, attributes) =>
    swishGradient(g, x, y, floatOf(attributes, 'alpha', 1.702)),
  ),
  'com.microsoft.FastGelu': (context) => biasedRule(context, geluTanhGradient),
  'com.microsoft.BiasGelu': (context) => biasedRule(context, geluGradient),
};
