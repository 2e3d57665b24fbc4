/** @file Gradient rules of the element-wise ops. g is the cotangent of the output y = f(x). */
import {
  add,
  and,
  cast,
  constantOf,
  div,
  type elementwiseOps,
  equal,
  exp,
  greater,
  greaterOrEqual,
  less,
  lessOrEqual,
  log,
  mul,
  neg,
  not,
  or,
  pow,
  stopGradient,
  sub,
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
import { signOf, steps, truth, unary } from './pointwise.ts';

type Rules = { readonly [Op in keyof typeof elementwiseOps]: GradientRule | NotDifferentiable };

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

/** A rule of a sum over operands that broadcast, each with the same cotangent. */
const variadic =
  (towardEach: (g: Value, count: number) => Value): GradientRule =>
  (context) => {
    const g = towardEach(context.cotangent, context.inputs.length);
    return context.inputs.map((_, i) => (context.needs(i) ? sumToShape(g, inputAt(context, i)) : undefined));
  };

/**
 * The rule of an extreme of several operands: g goes to the one that was chosen, in equal shares to those that are equal. They are
 * compared with each other, not with the result, which ONNX Runtime may have rounded where it computes float16 in float32.
 */
const extreme =
  (isChosen: (a: Value, b: Value) => Value): GradientRule =>
  (context) => {
    const g = context.cotangent;
    const operands = context.inputs.map((_, i) => inputAt(context, i));
    const [first] = operands as [Value, ...Value[]];
    const chosen = operands.map((one, i) => {
      const comparisons = operands.flatMap((other, j) => (i === j ? [] : [isChosen(one, other)]));
      return comparisons.length === 0 ? undefined : maskOf(comparisons.reduce(and), first.dtype);
    });
    const total = chosen.reduce((sum, mask) => (sum && mask ? add(sum, mask) : mask));
    return operands.map((one, i) => {
      const mask = chosen[i];
      if (!context.needs(i)) return undefined;
      return sumToShape(mask && total ? mul(g, div(mask, total)) : g, one);
    });
  };

/** The number that every element of a constant is; undefined if it is none or they differ. */
function uniformOf(value: Value): number | undefined {
  const tensor = constantOf(value);
  if (tensor === undefined || tensor.dtype === 'float16' || tensor.dtype === 'bfloat16') return undefined;
  const first = tensor.data[0];
  return first !== undefined && tensor.data.every((element) => element === first) ? Number(first) : undefined;
}

/** b a^(b - 1), in the cheapest form where b is known; 0 where b is 0, also at a = 0. */
function powTowardBase(g: Value, a: Value, b: Value, y: Value): Value {
  const exponent = uniformOf(b);
  if (exponent === 1) return g;
  if (exponent === 2) return mul(g, mul(a, 2));
  if (exponent === 0.5) return div(mul(g, 0.5), y);
  if (exponent === -1) return neg(mul(g, mul(y, y)));
  if (exponent !== undefined) return mul(g, mul(pow(a, sub(b, 1)), exponent));
  const slope = mul(pow(a, sub(b, 1)), cast(b, a.dtype));
  return mul(g, where(equal(b, 0), zeroLike(slope), slope));
}

/** y log a; 0 where a is 0, where the limit is 0 for every exponent that is not negative. */
function powTowardExponent(g: Value, a: Value, b: Value, y: Value): Value {
  const isZero = equal(a, zeroLike(a));
  return cast(mul(g, mul(y, log(where(isZero, 1, a)))), b.dtype);
}

function powRule(context: RuleContext): readonly (Value | undefined)[] {
  const [a, b, g, y] = [inputAt(context, 0), inputAt(context, 1), context.cotangent, context.outputs[0]!];
  const isFlat = uniformOf(b) === 0;
  return [
    context.needs(0) && !isFlat ? sumToShape(powTowardBase(g, a, b, y), a) : undefined,
    context.needs(1) ? sumToShape(powTowardExponent(g, a, b, y), b) : undefined,
  ];
}

function clipRule(context: RuleContext): readonly (Value | undefined)[] {
  const [x, y, g] = [inputAt(context, 0), context.outputs[0]!, context.cotangent];
  const [, low, high] = context.inputs;
  const below = low && less(x, low);
  const above = high && greater(x, high);
  const outside = below && above ? or(below, above) : (below ?? above);
  const towardX = (): Value => {
    if (outside === undefined) return g;
    // one comparison tells as much, unless ONNX Runtime computes in another type and rounds the result
    const isExact = x.dtype === 'float32' || x.dtype === 'float64';
    return isExact ? where(equal(x, y), g, zeroLike(g)) : where(outside, zeroLike(g), g);
  };
  return [
    context.needs(0) ? towardX() : undefined,
    below && context.needs(1) ? sumToShape(where(below, g, zeroLike(g)), low) : undefined,
    above && context.needs(2)
      ? sumToShape(where(below ? and(above, not(below)) : above, g, zeroLike(g)), high)
      : undefined,
  ];
}

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
  // y = a - b n, where n, the whole part of a / b, is constant between its steps
  Mod: binary(
    (g) => g,
    (g, a, b, y) => mul(g, div(sub(y, a), b)),
  ),
  Pow: powRule,
  Max: extreme(greaterOrEqual),
  Min: extreme(lessOrEqual),
  Sum: variadic((g) => g),
  Mean: variadic((g, count) => mul(g, 1 / count)),
  Equal: truth,
  Greater: truth,
  GreaterOrEqual: truth,
  Less: truth,
  LessOrEqual: truth,
  And: truth,
  Or: truth,
  Xor: truth,
  Not: truth,
  IsNaN: truth,
  IsInf: truth,
  Neg: unary((g) => neg(g)),
  Abs: unary((g, x) => mul(g, signOf(stopGradient(x)))),
  Sign: steps,
  Floor: steps,
  Ceil: steps,
  Round: steps,
  Exp: unary((g, _x, y) => mul(g, y)),
  Log: unary((g, x) => div(g, x)),
  Sqrt: unary((g, _x, y) => div(mul(g, 0.5), y)),
  Reciprocal: unary((g, _x, y) => neg(mul(g, mul(y, y)))),
  Erf: unary((g, x) => mul(g, mul(exp(neg(mul(x, x))), 2 / Math.sqrt(Math.PI)))),
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
  CastLike: unary((g, x) => cast(g, x.dtype)),
};
