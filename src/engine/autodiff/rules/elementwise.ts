/** @file Gradient rules of the element-wise ops. g is the cotangent of the output y = f(x). */
import {
  add,
  and,
  cast,
  cos,
  div,
  type elementwiseOps,
  equal,
  erf,
  exp,
  greater,
  log,
  mul,
  neg,
  not,
  or,
  pow,
  sigmoid,
  sign,
  sin,
  stopGradient,
  sub,
  tanh,
  type Value,
  where,
} from '../../graph/index.ts';
import {
  type GradientRule,
  inputAt,
  maskOf,
  type NotDifferentiable,
  type RuleContext,
  sumToShape,
  zeroLike,
} from '../rule.ts';

type Rules = { readonly [Op in keyof typeof elementwiseOps]: GradientRule | NotDifferentiable };

/** A rule of y = f(x): `derivative` gives g · f'(x). */
const unary =
  (derivative: (g: Value, x: Value, y: Value) => Value): GradientRule =>
  (context) => [derivative(context.cotangent, inputAt(context, 0), context.outputs[0]!)];

/** A rule of y = f(a, b) with broadcasting: one derivative per operand, computed only where it is wanted. */
const binary =
  (
    towardA: (g: Value, a: Value, b: Value, y: Value) => Value,
    towardB: (g: Value, a: Value, b: Value, y: Value) => Value,
  ): GradientRule =>
  (context) => {
    const [a, b, g, y] = [inputAt(context, 0), inputAt(context, 1), context.cotangent, context.outputs[0]!];
    return [
      context.needs(0) ? sumToShape(towardA(g, a, b, y), a) : undefined,
      context.needs(1) ? sumToShape(towardB(g, a, b, y), b) : undefined,
    ];
  };

/** The rule of an extreme of two operands: g goes to the one that was chosen, half to each of two equal ones. */
const extreme: GradientRule = binary(
  (g, a, b, y) => mul(g, shareOfChosen(a, b, y)),
  (g, a, b, y) => mul(g, shareOfChosen(b, a, y)),
);

function shareOfChosen(operand: Value, other: Value, chosen: Value): Value {
  const isChosen = maskOf(equal(operand, chosen), operand.dtype);
  return mul(isChosen, sub(1, mul(maskOf(equal(operand, other), operand.dtype), 0.5)));
}

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

function clipRule(context: RuleContext): readonly (Value | undefined)[] {
  const x = inputAt(context, 0);
  const [, low, high] = context.inputs;
  const below = low && greater(low, x);
  const above = high && greater(x, high);
  const outside = below && above ? or(below, above) : (below ?? above);
  const g = context.cotangent;
  return [
    outside ? where(outside, zeroLike(g), g) : g,
    low && below && context.needs(1) ? sumToShape(where(below, g, zeroLike(g)), low) : undefined,
    high && above && context.needs(2)
      ? sumToShape(where(below ? and(above, not(below)) : above, g, zeroLike(g)), high)
      : undefined,
  ];
}

const truth: NotDifferentiable = { notDifferentiable: 'its result is bool' };
const steps: NotDifferentiable = { notDifferentiable: 'it is constant between its steps; its derivative is zero' };

/** The rules of the element-wise ops. */
export const elementwiseRules: Rules = {
  Add: binary(
    (g) => g,
    (g) => g,
  ),
  Sub: binary(
    (g) => g,
    (g) => neg(g),
  ),
  Mul: (context) => {
    const [a, b, g] = [inputAt(context, 0), inputAt(context, 1), context.cotangent];
    if (a === b) return [mul(g, mul(a, 2)), undefined];
    return [
      context.needs(0) ? sumToShape(mul(g, b), a) : undefined,
      context.needs(1) ? sumToShape(mul(g, a), b) : undefined,
    ];
  },
  Div: binary(
    (g, _a, b) => div(g, b),
    (g, _a, b, y) => neg(mul(g, div(y, b))),
  ),
  Pow: binary(
    (g, a, b) => mul(g, mul(b, pow(a, sub(b, 1)))),
    (g, a, _b, y) => mul(g, mul(y, log(a))),
  ),
  Max: extreme,
  Min: extreme,
  Equal: truth,
  Greater: truth,
  GreaterOrEqual: truth,
  Less: truth,
  And: truth,
  Or: truth,
  Not: truth,
  Neg: unary((g) => neg(g)),
  Abs: unary((g, x) => mul(g, sign(stopGradient(x)))),
  Sign: steps,
  Floor: steps,
  Exp: unary((g, _x, y) => mul(g, y)),
  Log: unary((g, x) => div(g, x)),
  Sqrt: unary((g, _x, y) => div(mul(g, 0.5), y)),
  Reciprocal: unary((g, _x, y) => neg(mul(g, mul(y, y)))),
  Sin: unary((g, x) => mul(g, cos(x))),
  Cos: unary((g, x) => neg(mul(g, sin(x)))),
  Erf: unary((g, x) => mul(g, mul(exp(neg(mul(x, x))), 2 / Math.sqrt(Math.PI)))),
  Tanh: unary((g, _x, y) => mul(g, sub(1, mul(y, y)))),
  Sigmoid: unary((g, _x, y) => mul(g, mul(y, sub(1, y)))),
  Softplus: unary((g, x) => mul(g, sigmoid(x))),
  Relu: unary((g, _x, y) => where(greater(y, 0), g, zeroLike(g))),
  Gelu: (context) => {
    const approximate = context.node.attributes.approximate?.value === 'tanh';
    return [(approximate ? geluTanhGradient : geluGradient)(context.cotangent, inputAt(context, 0))];
  },
  Clip: clipRule,
  Where: (context) => {
    const [condition, a, b] = [inputAt(context, 0), inputAt(context, 1), inputAt(context, 2)];
    const g = context.cotangent;
    return [
      undefined,
      context.needs(1) ? sumToShape(where(condition, g, zeroLike(g)), a) : undefined,
      context.needs(2) ? sumToShape(where(condition, zeroLike(g), g), b) : undefined,
    ];
  },
  Cast: unary((g, x) => cast(g, x.dtype)),
};
