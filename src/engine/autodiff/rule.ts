/** @file What a gradient rule is, and the small steps that many rules share. */
import { type Dtype, dtypes, staticShape } from '../core/index.ts';
import { cast, constantScalar, type Node, reduceSum, reshape, type Value } from '../graph/index.ts';

/** What a rule is given. */
export interface RuleContext {
  readonly node: Node;
  readonly inputs: readonly (Value | undefined)[];
  readonly outputs: readonly Value[];
  /** The derivative of the loss with respect to each output; undefined where it is zero. */
  readonly cotangents: readonly (Value | undefined)[];
  /** The cotangent of the first output, which every op with a rule has. */
  readonly cotangent: Value;
  /** Whether the derivative with respect to the input is wanted; a rule may skip the others. */
  needs(index: number): boolean;
}

/** The derivatives with respect to the inputs, given those with respect to the outputs; undefined is zero. */
export type GradientRule = (context: RuleContext) => readonly (Value | undefined)[];

/** Why an op has no gradient. */
export interface NotDifferentiable {
  readonly notDifferentiable: string;
}

/** The input at `index`, which the op cannot lack. */
export function inputAt(context: RuleContext, index: number): Value {
  const value = context.inputs[index];
  if (value === undefined) throw new TypeError(`${context.node.op.opType}: input ${index} is missing`);
  return value;
}

/** The cotangent of an operand that was broadcast: summed over the axes it was stretched along. */
export function sumToShape(cotangent: Value, operand: Value): Value {
  const from = staticShape(cotangent.shape, 'gradient of a broadcast');
  const to = staticShape(operand.shape, 'gradient of a broadcast');
  const lead = from.length - to.length;
  const axes = from.flatMap((dim, axis) => (axis < lead || (to[axis - lead] === 1 && dim !== 1) ? [axis] : []));
  const summed = axes.length === 0 ? cotangent : reduceSum(cotangent, { axes, keepDims: true });
  return reshape(summed, to);
}

/** A bool mask as numbers of a float type. */
export function maskOf(condition: Value, dtype: Dtype): Value {
  return cast(condition, dtypes[dtype].isFloat ? dtype : 'float32');
}

/** Zero, of the element type of `like`. */
export function zeroLike(like: Value): Value {
  return constantScalar(0, like.dtype);
}
