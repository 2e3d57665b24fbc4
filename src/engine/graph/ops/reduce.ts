/** @file Ops that reduce axes: sums, means, extremes, and their positions; cumulative sums; softmax, which normalizes along one. */
import { type Dim, type Dtype, formatShape, normalizeAxis, type Shape, ShapeError } from '../../core/index.ts';
import { constantInts, constantIntsOf, constantScalar } from '../constants.ts';
import { type Attributes, applyOp, applyOp1, defineOp, int, intOf, type OpDefinition, type Value } from '../value.ts';
import { requireDtype, required, requireFloat } from './operand.ts';

/** The axes a reduction runs over, counted from the front: its second input, or all of them. */
export function reducedAxes(x: Value, axes: Value | undefined): number[] {
  const given = constantIntsOf(axes) ?? [];
  return (given.length === 0 ? x.shape.map((_, axis) => axis) : given)
    .map((axis) => normalizeAxis(axis, x.rank, 'reduce'))
    .sort((a, b) => a - b);
}

function withoutAxes(shape: Shape, axes: readonly number[], keepDims: boolean): Dim[] {
  return keepDims
    ? shape.map((dim, axis) => (axes.includes(axis) ? 1 : dim))
    : shape.filter((_, axis) => !axes.includes(axis));
}

const summable: readonly Dtype[] = ['float32', 'float64', 'float16', 'int64', 'int32'];
const ordered: readonly Dtype[] = [...summable, 'uint8', 'int8'];

const reduction =
  (opType: string, allowed: readonly Dtype[]): OpDefinition['infer'] =>
  (inputs, attributes: Attributes) => {
    const x = required(opType, inputs, 0);
    requireDtype(opType, 'the operand', x, ...allowed);
    const shape = withoutAxes(x.shape, reducedAxes(x, inputs[1]), intOf(attributes, 'keepdims', 1) === 1);
    return [{ dtype: x.dtype, shape }];
  };

const alongAxis =
  (opType: string): OpDefinition['infer'] =>
  (inputs, attributes) => {
    const x = required(opType, inputs, 0);
    requireFloat(opType, x);
    normalizeAxis(intOf(attributes, 'axis', -1), x.rank, opType);
    return [{ dtype: x.dtype, shape: x.shape }];
  };

/** The reducing op definitions. */
export const reduceOps = {
  ReduceSum: defineOp('ReduceSum', reduction('ReduceSum', summable)),
  ReduceMean: defineOp('ReduceMean', reduction('ReduceMean', summable)),
  ReduceMax: defineOp('ReduceMax', reduction('ReduceMax', [...ordered, 'bool'])),
  ReduceMin: defineOp('ReduceMin', reduction('ReduceMin', [...ordered, 'bool'])),
  ReduceSumSquare: defineOp('ReduceSumSquare', reduction('ReduceSumSquare', summable)),
  ArgMax: defineOp('ArgMax', (inputs, attributes) => {
    const x = required('ArgMax', inputs, 0);
    requireDtype('ArgMax', 'the operand', x, ...ordered);
    const axis = normalizeAxis(intOf(attributes, 'axis', 0), x.rank, 'ArgMax');
    return [{ dtype: 'int64', shape: withoutAxes(x.shape, [axis], intOf(attributes, 'keepdims', 1) === 1) }];
  }),
  TopK: defineOp('TopK', (inputs, attributes) => {
    const x = required('TopK', inputs, 0);
    const axis = normalizeAxis(intOf(attributes, 'axis', -1), x.rank, 'TopK');
    requireDtype('TopK', 'the operand', x, ...ordered);
    const k = constantIntsOf(inputs[1])?.[0];
    const dim = x.shape[axis]!;
    if (k === undefined) throw new ShapeError('TopK: k must be known when the function is traced');
    if (k < 0 || (typeof dim === 'number' && k > dim)) {
      throw new ShapeError(
        `TopK: k must be in [0, ${dim}], the size of axis ${axis} of ${formatShape(x.shape)}, got ${k}`,
      );
    }
    const shape = x.shape.map((size, a) => (a === axis ? k : size));
    return [
      { dtype: x.dtype, shape },
      { dtype: 'int64', shape },
    ];
  }),
  CumSum: defineOp('CumSum', (inputs) => {
    const x = required('CumSum', inputs, 0);
    requireDtype('CumSum', 'the operand', x, ...summable);
    const axis = constantIntsOf(inputs[1])?.[0];
    if (axis !== undefined) normalizeAxis(axis, x.rank, 'CumSum');
    return [{ dtype: x.dtype, shape: x.shape }];
  }),
  Softmax: defineOp('Softmax', alongAxis('Softmax')),
  LogSoftmax: defineOp('LogSoftmax', alongAxis('LogSoftmax')),
} as const;

/** Which axes to reduce (default: all) and whether they stay as axes of size 1 (default: no). */
export interface ReduceOptions {
  readonly axes?: readonly number[];
  readonly keepDims?: boolean;
}

const reduce =
  (op: OpDefinition) =>
  (x: Value, options: ReduceOptions = {}): Value =>
    applyOp1(op, [x, options.axes === undefined ? undefined : constantInts(options.axes)], {
      keepdims: int(options.keepDims ? 1 : 0),
    });

/** The sum over axes. */
export const reduceSum = reduce(reduceOps.ReduceSum);
/** The mean over axes. */
export const reduceMean = reduce(reduceOps.ReduceMean);
/** The largest element over axes (of bools: whether any holds); equal largest ones share the gradient. */
export const reduceMax = reduce(reduceOps.ReduceMax);
/** The smallest element over axes (of bools: whether all hold); equal smallest ones share the gradient. */
export const reduceMin = reduce(reduceOps.ReduceMin);
/** The sum of squares over axes. */
export const reduceSumSquare = reduce(reduceOps.ReduceSumSquare);

/** The index of the largest element along `axis`, `int64`; the first of equals. */
export function argMax(x: Value, axis: number, options: { keepDims?: boolean } = {}): Value {
  return applyOp1(reduceOps.ArgMax, [x], { axis: int(axis), keepdims: int(options.keepDims ? 1 : 0) });
}

/** The `k` largest elements along `axis`, in falling order, and their indices (`int64`). */
export function topK(x: Value, k: number, axis = -1): { values: Value; indices: Value } {
  const [values, indices] = applyOp(reduceOps.TopK, [x, constantInts([k])], { axis: int(axis) });
  return { values: values!, indices: indices! };
}

/** Running sums along `axis`. `exclusive` leaves the element itself out; `reverse` runs from the end. */
export function cumSum(x: Value, axis: number, options: { exclusive?: boolean; reverse?: boolean } = {}): Value {
  return applyOp1(reduceOps.CumSum, [x, constantScalar(normalizeAxis(axis, x.rank, 'cumSum'), 'int64')], {
    exclusive: int(options.exclusive ? 1 : 0),
    reverse: int(options.reverse ? 1 : 0),
  });
}

/** exp(x) divided by its sum along `axis`. */
export function softmax(x: Value, axis = -1): Value {
  return applyOp1(reduceOps.Softmax, [x], { axis: int(axis) });
}

/** The logarithm of the softmax along `axis`, computed without overflow. */
export function logSoftmax(x: Value, axis = -1): Value {
  return applyOp1(reduceOps.LogSoftmax, [x], { axis: int(axis) });
}
