/** @file What a gradient rule is, and the small steps that many rules share. */
import { type Dtype, dtypes, numElements, ShapeError, staticShape, Tensor } from '../core/index.ts';
import {
  cast,
  constant,
  constantIntsOf,
  constantScalar,
  matMul,
  type Node,
  reduceSum,
  reshape,
  type Value,
} from '../graph/index.ts';

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

/**
 * The whole numbers that the input at `index` holds.
 * @throws ShapeError if they are not known when the graph is differentiated; `what` names them.
 */
export function knownIntsAt(context: RuleContext, index: number, what: string): readonly number[] {
  const values = constantIntsOf(context.inputs[index]);
  if (values !== undefined) return values;
  throw new ShapeError(`gradient of ${context.node.op.opType}: ${what} must be known when the graph is differentiated`);
}

/** The cotangent of an operand that was broadcast: summed over the axes it was stretched along. */
export function sumToShape(cotangent: Value, operand: Value): Value {
  const from = staticShape(cotangent.shape, 'gradient of a broadcast');
  const to = staticShape(operand.shape, 'gradient of a broadcast');
  const lead = from.length - to.length;
  const axes = from.flatMap((dim, axis) => (axis < lead || (to[axis - lead] === 1 && dim !== 1) ? [axis] : []));
  if (axes.length === 0) return reshape(cotangent, to);
  const areFirst = axes.every((axis, i) => axis === i);
  if (areFirst) return reshape(sumRows(cotangent, axes.length), to);
  return reshape(reduceSum(cotangent, { axes, keepDims: true }), to);
}

/**
 * The sum over the first `numAxes` axes. A matrix of float32 or float64 is multiplied by a row of ones from the left, which ONNX Runtime does
 * two to three times as fast as ReduceSum (1,024 x 1,024: 0.13 against 0.30 ms on two threads); the row should not be large itself.
 */
function sumRows(value: Value, numAxes: number): Value {
  const shape = staticShape(value.shape, 'sum of rows');
  const [numRows, kept] = [numElements(shape.slice(0, numAxes)), shape.slice(numAxes)];
  const [ones, dim] = [onesOf(value.dtype, numRows), numElements(kept)];
  if (ones === undefined || numRows < 8 || numRows > 16384 || dim < 8) {
    return reduceSum(value, { axes: Array.from({ length: numAxes }, (_, axis) => axis) });
  }
  return reshape(matMul(ones, reshape(value, [numRows, dim])), kept);
}

/** A row of ones, in the types that have fast products. */
function onesOf(dtype: Dtype, length: number): Value | undefined {
  if (dtype === 'float32') return constant(new Tensor(dtype, [1, length], new Float32Array(length).fill(1)));
  if (dtype === 'float64') return constant(new Tensor(dtype, [1, length], new Float64Array(length).fill(1)));
  return undefined;
}

/** A bool mask as numbers of a float type. */
export function maskOf(condition: Value, dtype: Dtype): Value {
  return cast(condition, dtypes[dtype].isFloat ? dtype : 'float32');
}

/** Zero, of the element type of `like`. */
export function zeroLike(like: Value): Value {
  return constantScalar(0, like.dtype);
}
