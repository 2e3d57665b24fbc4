/** @file Ops that work element by element, with NumPy broadcasting where they take two operands. */
import { broadcastShapes, type Dtype, DtypeError, formatShape, ShapeError, sameShape } from '../../core/index.ts';
import { constantScalar } from '../constants.ts';
import { dtypeOfElemType, elemTypeOf } from '../elem-types.ts';
import { applyOp1, defineOp, int, intOf, type OpDefinition, string, Value } from '../value.ts';
import { type Operand, operands, requireDtype, required, requireFloat, requireSameDtype } from './operand.ts';

type Infer = OpDefinition['infer'];

const broadcasting =
  (opType: string, resultDtype?: Dtype, allowed?: readonly Dtype[]): Infer =>
  (inputs) => {
    const first = required(opType, inputs, 0);
    const present = inputs.map((_, i) => required(opType, inputs, i));
    requireSameDtype(opType, ...present);
    if (allowed) requireDtype(opType, 'operands', first, ...allowed);
    else if (first.dtype === 'bool' && opType !== 'Equal')
      throw new DtypeError(`${opType}: takes numbers, got ${first}`);
    return [
      { dtype: resultDtype ?? first.dtype, shape: broadcastShapes(opType, ...present.map((value) => value.shape)) },
    ];
  };

const floatUnary =
  (opType: string): Infer =>
  (inputs) => {
    const x = required(opType, inputs, 0);
    requireFloat(opType, x);
    return [{ dtype: x.dtype, shape: x.shape }];
  };

const numberUnary =
  (opType: string, refused?: Dtype): Infer =>
  (inputs) => {
    const x = required(opType, inputs, 0);
    if (x.dtype === 'bool' || x.dtype === refused) throw new DtypeError(`${opType}: takes numbers, got ${x}`);
    return [{ dtype: x.dtype, shape: x.shape }];
  };

/** The element-wise op definitions. */
export const elementwiseOps = {
  Add: defineOp('Add', broadcasting('Add')),
  Sub: defineOp('Sub', broadcasting('Sub')),
  Mul: defineOp('Mul', broadcasting('Mul')),
  Div: defineOp('Div', broadcasting('Div')),
  Pow: defineOp('Pow', broadcasting('Pow', undefined, ['float32', 'float64', 'float16', 'int64', 'int32'])),
  Max: defineOp('Max', broadcasting('Max')),
  Min: defineOp('Min', broadcasting('Min')),
  Equal: defineOp('Equal', broadcasting('Equal', 'bool')),
  Greater: defineOp('Greater', broadcasting('Greater', 'bool')),
  GreaterOrEqual: defineOp('GreaterOrEqual', broadcasting('GreaterOrEqual', 'bool')),
  Less: defineOp('Less', broadcasting('Less', 'bool')),
  And: defineOp('And', broadcasting('And', 'bool', ['bool'])),
  Or: defineOp('Or', broadcasting('Or', 'bool', ['bool'])),
  Not: defineOp('Not', (inputs) => {
    const x = required('Not', inputs, 0);
    requireDtype('Not', 'the operand', x, 'bool');
    return [{ dtype: 'bool', shape: x.shape }];
  }),
  Neg: defineOp('Neg', numberUnary('Neg', 'uint8')),
  Abs: defineOp('Abs', numberUnary('Abs')),
  Sign: defineOp('Sign', numberUnary('Sign')),
  Floor: defineOp('Floor', floatUnary('Floor')),
  Exp: defineOp('Exp', floatUnary('Exp')),
  Log: defineOp('Log', floatUnary('Log')),
  Sqrt: defineOp('Sqrt', floatUnary('Sqrt')),
  Reciprocal: defineOp('Reciprocal', floatUnary('Reciprocal')),
  Sin: defineOp('Sin', floatUnary('Sin')),
  Cos: defineOp('Cos', floatUnary('Cos')),
  Erf: defineOp('Erf', floatUnary('Erf')),
  Tanh: defineOp('Tanh', floatUnary('Tanh')),
  Sigmoid: defineOp('Sigmoid', floatUnary('Sigmoid')),
  Softplus: defineOp('Softplus', floatUnary('Softplus')),
  Relu: defineOp('Relu', floatUnary('Relu')),
  Gelu: defineOp('Gelu', floatUnary('Gelu')),
  Clip: defineOp('Clip', (inputs) => {
    const x = required('Clip', inputs, 0);
    if (x.dtype === 'bool') throw new DtypeError(`Clip: takes numbers, got ${x}`);
    requireSameDtype('Clip', ...inputs);
    for (const bound of inputs.slice(1)) {
      if (bound && bound.rank !== 0) throw new ShapeError(`Clip: bounds must be scalars, got ${bound}`);
    }
    return [{ dtype: x.dtype, shape: x.shape }];
  }),
  Where: defineOp('Where', (inputs) => {
    const [condition, a, b] = [0, 1, 2].map((i) => required('Where', inputs, i)) as [Value, Value, Value];
    requireDtype('Where', 'the condition', condition, 'bool');
    requireSameDtype('Where', a, b);
    return [{ dtype: a.dtype, shape: broadcastShapes('Where', condition.shape, a.shape, b.shape) }];
  }),
  Cast: defineOp('Cast', (inputs, attributes) => {
    const x = required('Cast', inputs, 0);
    const to = intOf(attributes, 'to', 0);
    const dtype = dtypeOfElemType[to];
    if (dtype === undefined) throw new DtypeError(`Cast: element type ${to} is not one of Sensorium's`);
    return [{ dtype, shape: x.shape }];
  }),
} as const;

const binary =
  (op: OpDefinition) =>
  (a: Operand, b: Operand): Value =>
    applyOp1(op, operands(op.opType, a, b));
const unary =
  (op: OpDefinition) =>
  (x: Value): Value =>
    applyOp1(op, [x]);

/** a + b */
export const add = binary(elementwiseOps.Add);
/** a - b */
export const sub = binary(elementwiseOps.Sub);
/** a · b, element by element */
export const mul = binary(elementwiseOps.Mul);
/** a / b */
export const div = binary(elementwiseOps.Div);
/** a to the power b. The gradient toward b needs a > 0. */
export const pow = binary(elementwiseOps.Pow);
/** The larger of a and b, element by element. Where they are equal the gradient goes half to each. */
export const max = binary(elementwiseOps.Max);
/** The smaller of a and b, element by element. Where they are equal the gradient goes half to each. */
export const min = binary(elementwiseOps.Min);
/** Where a = b, as bool. */
export const equal = binary(elementwiseOps.Equal);
/** Where a > b, as bool. */
export const greater = binary(elementwiseOps.Greater);
/** Where a ≥ b, as bool. */
export const greaterOrEqual = binary(elementwiseOps.GreaterOrEqual);
/** Where a < b, as bool. */
export const less = binary(elementwiseOps.Less);
/** Where both hold. */
export const and = binary(elementwiseOps.And);
/** Where one or both hold. */
export const or = binary(elementwiseOps.Or);
/** Where x does not hold. */
export const not = unary(elementwiseOps.Not);
/** -x */
export const neg = unary(elementwiseOps.Neg);
/** |x|; the gradient at 0 is 0. */
export const abs = unary(elementwiseOps.Abs);
/** -1, 0 or 1 by the sign of x. */
export const sign = unary(elementwiseOps.Sign);
/** The largest whole number not above x. */
export const floor = unary(elementwiseOps.Floor);
/** e to the power x. */
export const exp = unary(elementwiseOps.Exp);
/** The natural logarithm of x. */
export const log = unary(elementwiseOps.Log);
/** The square root of x. */
export const sqrt = unary(elementwiseOps.Sqrt);
/** 1 / x */
export const reciprocal = unary(elementwiseOps.Reciprocal);
/** The sine of x, in radians. */
export const sin = unary(elementwiseOps.Sin);
/** The cosine of x, in radians. */
export const cos = unary(elementwiseOps.Cos);
/** The error function of x. */
export const erf = unary(elementwiseOps.Erf);
/** The hyperbolic tangent of x. */
export const tanh = unary(elementwiseOps.Tanh);
/** 1 / (1 + exp(-x)) */
export const sigmoid = unary(elementwiseOps.Sigmoid);
/** log(1 + exp(x)) */
export const softplus = unary(elementwiseOps.Softplus);
/** max(x, 0); the gradient at 0 is 0. */
export const relu = unary(elementwiseOps.Relu);

/** x · Φ(x), the Gaussian error linear unit (arXiv:1606.08415), exact or by its tanh approximation. */
export function gelu(x: Value, options: { approximate?: 'none' | 'tanh' } = {}): Value {
  return applyOp1(elementwiseOps.Gelu, [x], { approximate: string(options.approximate ?? 'none') });
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
