/** @file The shape of a rule of y = f(x), element by element, and why some such functions have none. */
import { clip, mul, sign, type Value } from '../../graph/index.ts';
import { type GradientRule, inputAt, type NotDifferentiable } from '../rule.ts';

/** A rule of y = f(x): `derivative` gives g · f'(x). */
export const unary =
  (derivative: (g: Value, x: Value, y: Value) => Value): GradientRule =>
  (context) => [derivative(context.cotangent, inputAt(context, 0), context.outputs[0]!)];

/** The sign of x; for float32 by a clipped product, which ONNX Runtime computes in less than half the time of Sign. */
export function signOf(x: Value): Value {
  return x.dtype === 'float32' ? clip(mul(x, 3e38), -1, 1) : sign(x);
}

/** The reason of comparisons and of logic. */
export const truth: NotDifferentiable = { notDifferentiable: 'its result is bool' };
/** The reason of roundings. */
export const steps: NotDifferentiable = {
  notDifferentiable: 'it is constant between its steps; its derivative is zero',
};
/** The reason of whole-number arithmetic. */
export const wholeNumbers: NotDifferentiable = { notDifferentiable: 'it computes with whole numbers' };
