/** @file Ops that work element by element, with NumPy broadcasting where they take two operands or more. */
import {
  broadcastShapes,
  type Dtype,
  DtypeError,
  dtypes,
  formatShape,
  isRanked,
  ShapeError,
  sameShape,
} from '../../core/index.ts';
import { constantScalar } from '../constants.ts';
import { elemTypeOf } from '../elem-types.ts';
import { applyOp1, defineOp, int, intOf, type OpDefinition, Value } from '../value.ts';
import { floats, numbers, signed } from './element-types.ts';
import { type Operand, operands, requireDtype, required, requireSameDtype } from './operand.ts';
import { broadcasting, dtypeAttribute, elementwise } from './signature.ts';

type Infer = OpDefinition['infer'];

/** The base decides the element type; the exponent may have another. */
const inferPow: Infer = (inputs) => {
  const [base, exponent] = [required('Pow', inputs, 0), required('Pow', inputs, 1)];
  requireDtype('Pow', 'the base', base, ...floats, 'int64', 'int32');
  requireDtype('Pow', 'the exponent', exponent, ...numbers);
  return [{ dtype: base.dtype, shape: broadcastShapes('Pow', base.shape, exponent.shape) }];
};

const inferMod: Infer = (inputs, attributes) => {
  const x = required('Mod', inputs, 0);
  if (dtypes[x.dtype].isFloat && intOf(attributes, 'fmod', 0) !== 1) {
    throw new DtypeError(`Mod: takes whole numbers unless fmod is 1, got ${x}`);
  }
  return broadcasting('Mod', numbers)(inputs, attributes);
};

const inferClip: Infer = (inputs) => {
  const x = required('Clip', inputs, 0);
  requireDtype('Clip', 'the operand', x, ...numbers);
  requireSameDtype('Clip', ...inputs);
  for (const bound of inputs.slice(1)) {
    if (bound && isRanked(bound.shape) && bound.rank !== 0) {
      throw new ShapeError(`Clip: bounds must be scalars, got ${bound}`);
    }
  }
  return [{ dtype: x.dtype, shape: x.shape }];
};

const inferWhere: Infer = (inputs) => {
  const [condition, a, b] = [0, 1, 2].map((i) => required('Where', inputs, i)) as [Value, Value, Value];
  requireDtype('Where', 'the condition', condition, 'bool');
  requireSameDtype('Where', a, b);
  return [{ dtype: a.dtype, shape: broadcastShapes('Where', condition.shape, a.shape, b.shape) }];
};

/** The element-wise op definitions. */
export const elementwiseOps = {
  Add: defineOp('Add', broadcasting('Add', numbers)),
  Sub: defineOp('Sub', broadcasting('Sub', numbers)),
  Mul: defineOp('Mul', broadcasting('Mul', numbers)),
  Div: defineOp('Div', broadcasting('Div', numbers)),
  Mod: defineOp('Mod', inferMod),
  Pow: defineOp('Pow', inferPow),
  Max: defineOp('Max', broadcasting('Max', numbers)),
  Min: defineOp('Min', broadcasting('Min', numbers)),
  Sum: defineOp('Sum', broadcasting('Sum', floats)),
  Mean: defineOp('Mean', broadcasting('Mean', floats)),
  Equal: defineOp('Equal', broadcasting('Equal', [...numbers, 'bool', 'string'], 'bool')),
  Greater: defineOp('Greater', broadcasting('Greater', numbers, 'bool')),
  GreaterOrEqual: defineOp('GreaterOrEqual', broadcasting('GreaterOrEqual', numbers, 'bool')),
  Less: defineOp('Less', broadcasting('Less', numbers, 'bool')),
  LessOrEqual: defineOp('LessOrEqual', broadcasting('LessOrEqual', numbers, 'bool')),
  And: defineOp('And', broadcasting('And', ['bool'])),
  Or: defineOp('Or', broadcasting('Or', ['bool'])),
  Xor: defineOp('Xor', broadcasting('Xor', ['bool'])),
  Not: defineOp('Not', elementwise('Not', ['bool'])),
  IsNaN: defineOp('IsNaN', elementwise('IsNaN', floats, 'bool')),
  IsInf: defineOp('IsInf', elementwise('IsInf', floats, 'bool')),
  Neg: defineOp('Neg', elementwise('Neg', signed)),
  Abs: defineOp('Abs', elementwise('Abs', numbers)),
  Sign: defineOp('Sign', elementwise('Sign', numbers)),
  Floor: defineOp('Floor', elementwise('Floor', floats)),
  Ceil: defineOp('Ceil', elementwise('Ceil', floats)),
  Round: defineOp('Round', elementwise('Round', floats)),
  Exp: defineOp('Exp', elementwise('Exp', floats)),
  Log: defineOp('Log', elementwise('Log', floats)),
  Sqrt: defineOp('Sqrt', elementwise('Sqrt', floats)),
  Reciprocal: defineOp('Reciprocal', elementwise('Reciprocal', floats)),
  Erf: defineOp('Erf', elementwise('Erf', floats)),
  Clip: defineOp('Clip', inferClip),
  Where: defineOp('Where', inferWhere),
  Cast: defineOp('Cast', (inputs, attributes) => [
    { dtype: dtypeAttribute('Cast', attributes, 'to', 'float32'), shape: required('Cast', inputs, 0).shape },
  ]),
  CastLike: defineOp('CastLike', (inputs) => [
    { dtype: required('CastLike', inputs, 1).dtype, shape: required('CastLike', inputs, 0).shape },
  ]),
} as const;

const binary =
  (op: OpDefinition) =>
  (a: Operand, b: Operand): Value =>
    applyOp1(op, operands(op.opType, a, b));
const unary =
  (op: OpDefinition) =>
  (x: Value): Value =>
    applyOp1(op, [x]);
const variadic =
  (op: OpDefinition) =>
  (values: readonly Value[]): Value =>
    values.length === 1 ? values[0]! : applyOp1(op, values);
/** Two operands of any kind, or more values. */
const extreme =
  (op: OpDefinition) =>
  (a: Operand, b: Operand, ...more: readonly Value[]): Value =>
    applyOp1(op, [...operands(op.opType, a, b), ...more]);

/** a + b */
export const add = binary(elementwiseOps.Add);
/** a - b */
export const sub = binary(elementwiseOps.Sub);
/** a · b, element by element */
export const mul = binary(elementwiseOps.Mul);
/** a / b */
export const div = binary(elementwiseOps.Div);
/** a to the power b. The gradient toward b needs a ≥ 0. */
export const pow = binary(elementwiseOps.Pow);
/** The largest of the operands, element by element. Where several are it, the gradient goes to each in equal shares. */
export const max = extreme(elementwiseOps.Max);
/** The smallest of the operands, element by element. Where several are it, the gradient goes to each in equal shares. */
export const min = extreme(elementwiseOps.Min);
/** The sum of values that broadcast. */
export const sum = variadic(elementwiseOps.Sum);
/** The mean of values that broadcast. */
export const mean = variadic(elementwiseOps.Mean);
/** Where a = b, as bool. */
export const equal = binary(elementwiseOps.Equal);
/** Where a > b, as bool. */
export const greater = binary(elementwiseOps.Greater);
/** Where a ≥ b, as bool. */
export const greaterOrEqual = binary(elementwiseOps.GreaterOrEqual);
/** Where a < b, as bool. */
export const less = binary(elementwiseOps.Less);
/** Where a ≤ b, as bool. */
export const lessOrEqual = binary(elementwiseOps.LessOrEqual);
/** Where both hold. */
export const and = binary(elementwiseOps.And);
/** Where one or both hold. */
export const or = binary(elementwiseOps.Or);
/** Where exactly one holds. */
export const xor = binary(elementwiseOps.Xor);
/** Where x does not hold. */
export const not = unary(elementwiseOps.Not);
/** Where x is not a number. */
export const isNan = unary(elementwiseOps.IsNaN);
/** -x */
export const neg = unary(elementwiseOps.Neg);
/** |x|; the gradient at 0 is 0. */
export const abs = unary(elementwiseOps.Abs);
/** -1, 0 or 1 by the sign of x. */
export const sign = unary(elementwiseOps.Sign);
/** The largest whole number not above x. */
export const floor = unary(elementwiseOps.Floor);
/** The smallest whole number not below x. */
export const ceil = unary(elementwiseOps.Ceil);
/** The nearest whole number; halves go to the even one. */
export const round = unary(elementwiseOps.Round);
/** e to the power x. */
export const exp = unary(elementwiseOps.Exp);
/** The natural logarithm of x. */
export const log = unary(elementwiseOps.Log);
/** The square root of x. */
export const sqrt = unary(elementwiseOps.Sqrt);
/** 1 / x */
export const reciprocal = unary(elementwiseOps.Reciprocal);
/** The error function of x. */
export const erf = unary(elementwiseOps.Erf);

/** What is left of a divided by b: with the sign of b, or, for floats, with that of a (C's fmod). */
export function mod(a: Operand, b: Operand): Value {
  const [x, y] = operands('Mod', a, b);
  return applyOp1(elementwiseOps.Mod, [x, y], { fmod: int(dtypes[x.dtype].isFloat ? 1 : 0) });
}

/** Where x is infinite; only +∞ or only -∞ counts if the other is turned off. */
export function isInf(x: Value, options: { positive?: boolean; negative?: boolean } = {}): Value {
  const attributes = {
    detect_positive: int(options.positive === false ? 0 : 1),
    detect_negative: int(options.negative === false ? 0 : 1),
  };
  return applyOp1(elementwiseOps.IsInf, [x], attributes);
}

/** x kept within [low, high]; the gradient is 0 outside. */
export function clip(x: Value, low: Operand | undefined, high: Operand | undefined): Value {
  const bound = (operand: Operand | undefined) =>
    operand === undefined || operand instanceof Value ? operand : constantScalar(operand, x.dtype);
  return applyOp1(elementwiseOps.Clip, [x, bound(low), bound(high)]);
}

/** `a` where the condition holds, else `b`. */
export function where(condition: Value, a: Operand, b: Operand): Value {
  return applyOp1(elementwiseOps.Where, [condition, ...operands('Where', a, b)]);
}

/** x in another element type; x itself if it has it already. */
export function cast(x: Value, dtype: Dtype): Value {
  return x.dtype === dtype ? x : applyOp1(elementwiseOps.Cast, [x], { to: int(elemTypeOf[dtype]) });
}

/** x · x */
export function square(x: Value): Value {
  return mul(x, x);
}

/** @throws ShapeError unless a and b have one shape; for losses, where silent broadcasting hides mistakes. */
export function requireSameShape(subject: string, a: Value, b: Value): void {
  if (!sameShape(a.shape, b.shape)) {
    throw new ShapeError(`${subject}: needs equal shapes, got ${formatShape(a.shape)} and ${formatShape(b.shape)}`);
  }
}
