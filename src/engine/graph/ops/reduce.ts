/** @file Ops that reduce axes: sums, products, norms, extremes, and the positions of extremes. */
import {
  type Dim,
  type Dtype,
  isRanked,
  normalizeAxis,
  type Shape,
  ShapeError,
  unknownDim,
  unknownShape,
} from '../../core/index.ts';
import { constantInts, constantIntsOf } from '../constants.ts';
import { type Attributes, applyOp1, defineOp, int, intOf, type OpDefinition, type Value } from '../value.ts';
import { numbers, summable } from './element-types.ts';
import { requireDtype, required } from './operand.ts';

/**
 * The axes a reduction runs over, counted from the front: its second input; where that is absent or empty all of them, or none
 * if the attributes say so.
 * @throws ShapeError if the axes are computed: which they are is only known when the graph runs.
 */
export function reducedAxes(x: Value, axes: Value | undefined, attributes: Attributes = {}): number[] {
  const given = axes === undefined ? [] : constantIntsOf(axes);
  if (given === undefined) throw new ShapeError('reduce: the axes must be known when the function is traced');
  const all = intOf(attributes, 'noop_with_empty_axes', 0) === 1 ? [] : x.shape.map((_, axis) => axis);
  return (given.length === 0 ? all : given).map((axis) => normalizeAxis(axis, x.rank, 'reduce')).sort((a, b) => a - b);
}

function withoutAxes(shape: Shape, axes: readonly number[], keepDims: boolean): Dim[] {
  return keepDims
    ? shape.map((dim, axis) => (axes.includes(axis) ? 1 : dim))
    : shape.filter((_, axis) => !axes.includes(axis));
}

/** The shape of a reduction over axes that only a run knows: as many of them as their vector is long. */
function withUnknownAxes(x: Value, axes: Value, keepDims: boolean): Shape {
  if (keepDims) return x.shape.map(() => unknownDim);
  const numAxes = axes.shape[0];
  if (!isRanked(axes.shape) || typeof numAxes !== 'number' || numAxes === 0 || numAxes > x.rank) return unknownShape;
  return new Array<Dim>(x.rank - numAxes).fill(unknownDim);
}

const reduction =
  (opType: string, allowed: readonly Dtype[]): OpDefinition['infer'] =>
  (inputs, attributes: Attributes) => {
    const x = required(opType, inputs, 0);
    requireDtype(opType, 'the operand', x, ...allowed);
    const axes = inputs[1];
    if (axes) requireDtype(opType, 'the axes', axes, 'int64');
    const keepDims = intOf(attributes, 'keepdims', 1) === 1;
    if (!isRanked(x.shape)) {
      const reducesAll = axes === undefined && intOf(attributes, 'noop_with_empty_axes', 0) === 0;
      return [{ dtype: x.dtype, shape: reducesAll && !keepDims ? [] : unknownShape }];
    }
    const known = axes === undefined || constantIntsOf(axes) !== undefined;
    const shape = known
      ? withoutAxes(x.shape, reducedAxes(x, axes, attributes), keepDims)
      : withUnknownAxes(x, axes, keepDims);
    return [{ dtype: x.dtype, shape }];
  };

const position =
  (opType: string): OpDefinition['infer'] =>
  (inputs, attributes) => {
    const x = required(opType, inputs, 0);
    requireDtype(opType, 'the operand', x, ...numbers);
    if (!isRanked(x.shape)) return [{ dtype: 'int64', shape: unknownShape }];
    const axis = normalizeAxis(intOf(attributes, 'axis', 0), x.rank, opType);
    return [{ dtype: 'int64', shape: withoutAxes(x.shape, [axis], intOf(attributes, 'keepdims', 1) === 1) }];
  };

const ordered: readonly Dtype[] = [...summable, 'uint8', 'int8', 'bool'];

/** The reducing op definitions. */
export const reduceOps = {
  ReduceSum: defineOp('ReduceSum', reduction('ReduceSum', summable)),
  ReduceMean: defineOp('ReduceMean', reduction('ReduceMean', summable)),
  ReduceProd: defineOp('ReduceProd', reduction('ReduceProd', summable)),
  ReduceMax: defineOp('ReduceMax', reduction('ReduceMax', ordered)),
  ReduceMin: defineOp('ReduceMin', reduction('ReduceMin', ordered)),
  ReduceSumSquare: defineOp('ReduceSumSquare', reduction('ReduceSumSquare', summable)),
  ReduceL1: defineOp('ReduceL1', reduction('ReduceL1', summable)),
  ReduceL2: defineOp('ReduceL2', reduction('ReduceL2', summable)),
  ReduceLogSum: defineOp('ReduceLogSum', reduction('ReduceLogSum', summable)),
  ReduceLogSumExp: defineOp('ReduceLogSumExp', reduction('ReduceLogSumExp', summable)),
  ArgMax: defineOp('ArgMax', position('ArgMax')),
  ArgMin: defineOp('ArgMin', position('ArgMin')),
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
/** The product over axes. */
export const reduceProd = reduce(reduceOps.ReduceProd);
/** The largest element over axes (of bools: whether any holds); equal largest ones share the gradient. */
export const reduceMax = reduce(reduceOps.ReduceMax);
/** The smallest element over axes (of bools: whether all hold); equal smallest ones share the gradient. */
export const reduceMin = reduce(reduceOps.ReduceMin);
/** The sum of squares over axes. */
export const reduceSumSquare = reduce(reduceOps.ReduceSumSquare);
/** The sum of absolute values over axes. */
export const reduceL1 = reduce(reduceOps.ReduceL1);
/** The square root of the sum of squares over axes; the gradient at 0 is 0. */
export const reduceL2 = reduce(reduceOps.ReduceL2);
/** The logarithm of the sum over axes. */
export const reduceLogSum = reduce(reduceOps.ReduceLogSum);
/** The logarithm of the sum of exponentials over axes, computed without overflow. */
export const reduceLogSumExp = reduce(reduceOps.ReduceLogSumExp);

/** How positions of extremes are told. */
export interface PositionOptions {
  readonly keepDims?: boolean;
  /** The last of equals instead of the first. */
  readonly selectLast?: boolean;
}

const locate =
  (op: OpDefinition) =>
  (x: Value, axis: number, options: PositionOptions = {}): Value =>
    applyOp1(op, [x], {
      axis: int(axis),
      keepdims: int(options.keepDims ? 1 : 0),
      ...(options.selectLast ? { select_last_index: int(1) } : {}),
    });

/** The index of the largest element along `axis`, `int64`; the first of equals. */
export const argMax = locate(reduceOps.ArgMax);
/** The index of the smallest element along `axis`, `int64`; the first of equals. */
export const argMin = locate(reduceOps.ArgMin);
