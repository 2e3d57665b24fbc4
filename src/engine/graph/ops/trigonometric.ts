/** @file The circular and hyperbolic functions and their inverses, element by element; angles in radians. */
import { applyOp1, defineOp, type OpDefinition, type Value } from '../value.ts';
import { floats } from './element-types.ts';
import { elementwise } from './signature.ts';

const define = <const T extends string>(opType: T) => defineOp(opType, elementwise(opType, floats));

/** The trigonometric op definitions. */
export const trigonometricOps = {
  Sin: define('Sin'),
  Cos: define('Cos'),
  Tan: define('Tan'),
  Asin: define('Asin'),
  Acos: define('Acos'),
  Atan: define('Atan'),
  Sinh: define('Sinh'),
  Cosh: define('Cosh'),
  Tanh: define('Tanh'),
  Asinh: define('Asinh'),
  Acosh: define('Acosh'),
  Atanh: define('Atanh'),
} as const;

const unary =
  (op: OpDefinition) =>
  (x: Value): Value =>
    applyOp1(op, [x]);

/** The sine of x, in radians. */
export const sin = unary(trigonometricOps.Sin);
/** The cosine of x, in radians. */
export const cos = unary(trigonometricOps.Cos);
/** The tangent of x, in radians. */
export const tan = unary(trigonometricOps.Tan);
/** The angle in [-π/2, π/2] whose sine is x; x in [-1, 1]. */
export const asin = unary(trigonometricOps.Asin);
/** The angle in [0, π] whose cosine is x; x in [-1, 1]. */
export const acos = unary(trigonometricOps.Acos);
/** The angle in (-π/2, π/2) whose tangent is x. */
export const atan = unary(trigonometricOps.Atan);
/** The hyperbolic sine of x. */
export const sinh = unary(trigonometricOps.Sinh);
/** The hyperbolic cosine of x. */
export const cosh = unary(trigonometricOps.Cosh);
/** The hyperbolic tangent of x. */
export const tanh = unary(trigonometricOps.Tanh);
/** The number whose hyperbolic sine is x. */
export const asinh = unary(trigonometricOps.Asinh);
/** The number ≥ 0 whose hyperbolic cosine is x; x ≥ 1. */
export const acosh = unary(trigonometricOps.Acosh);
/** The number whose hyperbolic tangent is x; x in (-1, 1). */
export const atanh = unary(trigonometricOps.Atanh);
