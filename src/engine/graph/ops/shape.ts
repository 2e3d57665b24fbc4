/** @file Ops about shapes and positions: what a shape is, tensors of a given shape, number ranges, one-hot vectors. */
import {
  type Dim,
  type Dtype,
  DtypeError,
  formatShape,
  isRanked,
  normalizeAxis,
  ShapeError,
  unknownDim,
  unknownShape,
} from '../../core/index.ts';
import { constantOf, constantScalar } from '../constants.ts';
import { dtypeOfElemType, elemTypeOf } from '../elem-types.ts';
import { knownDims } from '../known-dims.ts';
import { subtractDims } from '../symbolic.ts';
import { type Attributes, applyOp1, defineOp, int, intOf, type Value } from '../value.ts';
import { numbers } from './element-types.ts';
import { type Operand, requireDtype, required, requireSameDtype } from './operand.ts';
import { withShape } from './types.ts';

/** The dtype that the attribute names. */
function dtypeAttribute(opType: string, attributes: Attributes, fallback: Dtype): Dtype {
  if (attributes.dtype === undefined) return fallback;
  const dtype = dtypeOfElemType[intOf(attributes, 'dtype', 0)];
  if (dtype === undefined) throw new DtypeError(`${opType}: its element type is not one of Sensorium's`);
  return dtype;
}

/** The number that a constant scalar (or vector of one) holds. */
const numberOf = (value: Value): number | undefined => {
  const tensor = constantOf(value);
  return tensor === undefined || tensor.data.length !== 1 ? undefined : Number(tensor.data[0]);
};

function requireOne(opType: string, what: string, value: Value): void {
  const isOne = value.rank === 0 || (value.rank === 1 && (value.shape[0] === 1 || typeof value.shape[0] === 'string'));
  if (!isOne) throw new ShapeError(`${opType}: ${what} must be one number, got ${value}`);
}

function rangeLength(start: Value, limit: Value, delta: Value): Dim {
  const [from, to, by] = [start, limit, delta].map(numberOf);
  if (from !== undefined && to !== undefined && by !== undefined) {
    if (by === 0) throw new RangeError('Range: the step must not be 0');
    return Math.max(0, Math.ceil((to - from) / by));
  }
  if (by !== 1 || start.dtype.startsWith('float')) return unknownDim;
  return subtractDims(knownDims(limit)?.[0] ?? unknownDim, knownDims(start)?.[0] ?? unknownDim);
}

const rangeTypes: readonly Dtype[] = ['float32', 'float64', 'int64', 'int32', 'int16'];

/** The op definitions about shapes and positions. */
export const shapeOps = {
  Shape: defineOp('Shape', (inputs, attributes) => {
    const { shape } = required('Shape', inputs, 0);
    if (!isRanked(shape)) return [{ dtype: 'int64', shape: [unknownDim] }];
    const taken = shape.slice(intOf(attributes, 'start', 0), intOf(attributes, 'end', shape.length));
    return [{ dtype: 'int64', shape: [taken.length] }];
  }),
  Size: defineOp('Size', (inputs) => {
    required('Size', inputs, 0);
    return [{ dtype: 'int64', shape: [] }];
  }),
  ConstantOfShape: defineOp('ConstantOfShape', (inputs, attributes) => {
    const given = required('ConstantOfShape', inputs, 0);
    requireDtype('ConstantOfShape', 'the shape', given, 'int64');
    if (isRanked(given.shape) && given.rank !== 1) {
      throw new ShapeError(`ConstantOfShape: the shape must be a vector, got ${given}`);
    }
    const shape = knownDims(given) ?? unknownShape;
    if (shape.some((dim) => typeof dim === 'number' && dim < 0)) {
      throw new ShapeError(`ConstantOfShape: dimensions must not be negative, got ${formatShape(shape)}`);
    }
    const value = attributes.value?.kind === 'tensor' ? attributes.value.value : undefined;
    return [{ dtype: value?.dtype ?? 'float32', shape }];
  }),
  Range: defineOp('Range', (inputs) => {
    const [start, limit, delta] = [0, 1, 2].map((i) => required('Range', inputs, i)) as [Value, Value, Value];
    requireSameDtype('Range', start, limit, delta);
    requireDtype('Range', 'start, limit and step', start, ...rangeTypes);
    for (const value of [start, limit, delta]) {
      requireOne('Range', 'each of start, limit and step', value);
      if (constantOf(value) && value.rank > 0) throw new ShapeError(`Range: constants must be scalars, got ${value}`);
    }
    return [{ dtype: start.dtype, shape: [rangeLength(start, limit, delta)] }];
  }),
  EyeLike: defineOp('EyeLike', (inputs, attributes) => {
    const x = required('EyeLike', inputs, 0);
    if (isRanked(x.shape) && x.rank !== 2) throw new ShapeError(`EyeLike: needs a matrix, got ${x}`);
    return [{ dtype: dtypeAttribute('EyeLike', attributes, x.dtype), shape: x.shape }];
  }),
  OneHot: defineOp('OneHot', (inputs, attributes) => {
    const [indices, depth, values] = [0, 1, 2].map((i) => required('OneHot', inputs, i)) as [Value, Value, Value];
    requireDtype('OneHot', 'indices', indices, ...numbers);
    requireDtype('OneHot', 'the depth', depth, ...numbers);
    requireOne('OneHot', 'the depth', depth);
    if (
      isRanked(values.shape) &&
      (values.rank !== 1 || (typeof values.shape[0] === 'number' && values.shape[0] !== 2))
    ) {
      throw new ShapeError(`OneHot: needs two values, [off, on], got ${values}`);
    }
    if (!isRanked(indices.shape)) return [withShape(values, unknownShape)];
    if (indices.rank === 0) throw new ShapeError('OneHot: indices need an axis at least, got a scalar');
    const axis = normalizeAxis(intOf(attributes, 'axis', -1), indices.rank + 1, 'OneHot');
    const size = knownDims(depth)?.[0] ?? unknownDim;
    if (typeof size === 'number' && size <= 0) throw new RangeError(`OneHot: the depth must be 1 or more, got ${size}`);
    return [withShape(values, [...indices.shape.slice(0, axis), size, ...indices.shape.slice(axis)])];
  }),
} as const;

/** The shape of x as an `int64[rank]` vector; of the axes from `start` up to, not including, `end`. */
export function shapeOf(x: Value, options: { start?: number; end?: number } = {}): Value {
  return applyOp1(shapeOps.Shape, [x], {
    ...(options.start === undefined ? {} : { start: int(options.start) }),
    ...(options.end === undefined ? {} : { end: int(options.end) }),
  });
}

/** The number of elements of x, an `int64` scalar. */
export function sizeOf(x: Value): Value {
  return applyOp1(shapeOps.Size, [x]);
}

/** The numbers from `start` up to, not including, `limit`, by `delta`; all scalars of one element type. */
export function range(start: Operand, limit: Value, delta: Operand = 1): Value {
  const number = (operand: Operand) => (typeof operand === 'number' ? constantScalar(operand, limit.dtype) : operand);
  return applyOp1(shapeOps.Range, [number(start), limit, number(delta)]);
}

/** Ones on the diagonal `k` steps to the right of the main one, zeros elsewhere, in the shape of the matrix x. */
export function eyeLike(x: Value, options: { dtype?: Dtype; k?: number } = {}): Value {
  return applyOp1(shapeOps.EyeLike, [x], {
    k: int(options.k ?? 0),
    ...(options.dtype === undefined ? {} : { dtype: int(elemTypeOf[options.dtype]) }),
  });
}

/**
 * `values[1]` where the new axis is at the index and `values[0]` elsewhere: `[N]` to `[N, depth]`. Indices in [-depth, depth);
 * others give a row of `values[0]` alone.
 */
export function oneHot(indices: Value, depth: number, values: Value, axis = -1): Value {
  return applyOp1(shapeOps.OneHot, [indices, constantScalar(depth, 'int64'), values], { axis: int(axis) });
}
