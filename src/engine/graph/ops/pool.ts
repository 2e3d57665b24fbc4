/** @file Pools: one number for each window of a picture `[B, C, ...spatial]`, or for each of its planes. */
import {
  type Dim,
  type Dtype,
  formatShape,
  isRanked,
  type Shape,
  ShapeError,
  unknownDim,
  unknownShape,
} from '../../core/index.ts';
import { constantInts } from '../constants.ts';
import { knownDims } from '../known-dims.ts';
import { addDims, multiplyDims, subtractDims } from '../symbolic.ts';
import {
  type Attributes,
  applyOp,
  applyOp1,
  defineOp,
  int,
  intOf,
  ints,
  intsOf,
  type OpDefinition,
  type Value,
  type ValueType,
} from '../value.ts';
import { floats } from './element-types.ts';
import { requireDtype, required } from './operand.ts';
import { mergedShape, unknownDims } from './types.ts';
import {
  isCeilMode,
  requireCovering,
  requirePicture,
  requireWindow,
  statedWindow,
  type WindowOptions,
  windowAttributes,
  windowedDims,
} from './window.ts';

const bytes: readonly Dtype[] = ['int8', 'uint8'];

function pooledType(opType: string, x: Value, attributes: Attributes, allowed: readonly Dtype[]): ValueType {
  requireDtype(opType, 'x', x, ...allowed);
  requirePicture(opType, x);
  const kernel = intsOf(attributes, 'kernel_shape', []);
  if (kernel.length === 0) throw new ShapeError(`${opType}: needs a kernel_shape`);
  const shape = isRanked(x.shape) ? x.shape : unknownDims(kernel.length + 2);
  const spatial = windowedDims(opType, shape.slice(2), kernel, attributes, isCeilMode(attributes));
  requireCovering(opType, shape.slice(2), kernel, attributes);
  return { dtype: x.dtype, shape: [...shape.slice(0, 2), ...spatial] };
}

const pooling =
  (opType: string, allowed: readonly Dtype[] = floats): OpDefinition['infer'] =>
  (inputs, attributes) => [pooledType(opType, required(opType, inputs, 0), attributes, allowed)];

const overPlane =
  (opType: string): OpDefinition['infer'] =>
  (inputs) => {
    const x = required(opType, inputs, 0);
    requireDtype(opType, 'x', x, ...floats);
    requirePicture(opType, x);
    return [{ dtype: x.dtype, shape: isRanked(x.shape) ? x.shape.map((dim, axis) => (axis < 2 ? dim : 1)) : x.shape }];
  };

/** The shape of what MaxPool was given, if its windows cover it without a rest, or as an input says. */
function unpooledShape(x: Value, indices: Value, given: Value | undefined, attributes: Attributes): Shape {
  const opType = 'MaxUnpool';
  const merged = mergedShape(x.shape, indices.shape);
  if (merged === undefined) {
    throw new ShapeError(
      `${opType}: indices must be ${formatShape(x.shape)} like x, got ${formatShape(indices.shape)}`,
    );
  }
  if (given) return knownDims(given) ?? (isRanked(merged) ? unknownDims(merged.length) : unknownShape);
  if (!isRanked(merged)) return unknownShape;
  const kernel = intsOf(attributes, 'kernel_shape', []);
  const window = statedWindow(attributes, merged.length - 2);
  requireWindow(opType, window, kernel, merged.length - 2);
  const spatial = merged.slice(2).map((dim, i): Dim => {
    const padding = window.pads[i]! + window.pads[i + kernel.length]!;
    return addDims(multiplyDims(subtractDims(dim, 1), window.strides[i]!), kernel[i]! - padding);
  });
  if (spatial.some((dim) => typeof dim === 'number' && dim < 1)) {
    throw new ShapeError(`${opType}: pads [${window.pads}] leave nothing of ${formatShape(x.shape)}`);
  }
  return [...merged.slice(0, 2), ...spatial];
}

/** The pooling op definitions. */
export const poolOps = {
  /** The second output is where each largest element lies in x, counted over all of its elements. */
  MaxPool: {
    firstOptionalOutput: 1,
    ...defineOp('MaxPool', (inputs, attributes) => {
      const type = pooledType('MaxPool', required('MaxPool', inputs, 0), attributes, [...floats, ...bytes]);
      return [type, { dtype: 'int64', shape: type.shape }];
    }),
  },
  AveragePool: defineOp('AveragePool', pooling('AveragePool')),
  LpPool: defineOp('LpPool', pooling('LpPool')),
  GlobalAveragePool: defineOp('GlobalAveragePool', overPlane('GlobalAveragePool')),
  GlobalMaxPool: defineOp('GlobalMaxPool', overPlane('GlobalMaxPool')),
  GlobalLpPool: defineOp('GlobalLpPool', overPlane('GlobalLpPool')),
  MaxUnpool: defineOp('MaxUnpool', (inputs, attributes) => {
    const [x, indices] = [required('MaxUnpool', inputs, 0), required('MaxUnpool', inputs, 1)];
    requireDtype('MaxUnpool', 'x', x, ...floats);
    requireDtype('MaxUnpool', 'indices', indices, 'int64');
    if (inputs[2]) requireDtype('MaxUnpool', 'the output shape', inputs[2], 'int64');
    return [{ dtype: x.dtype, shape: unpooledShape(x, indices, inputs[2], attributes) }];
  }),
  /** MaxPool over elements whose mask, `int32` of the shape of x, is not 0. */
  'com.microsoft.MaxpoolWithMask': defineOp(
    'MaxpoolWithMask',
    (inputs, attributes) => {
      const [x, mask] = [required('MaxpoolWithMask', inputs, 0), required('MaxpoolWithMask', inputs, 1)];
      requireDtype('MaxpoolWithMask', 'the mask', mask, 'int32');
      return [pooledType('MaxpoolWithMask', x, attributes, ['float32'])];
    },
    'com.microsoft',
  ),
  /** MaxPool of bytes whose channels are the last axis. */
  'com.microsoft.NhwcMaxPool': defineOp(
    'NhwcMaxPool',
    (inputs, attributes) => {
      const x = required('NhwcMaxPool', inputs, 0);
      requireDtype('NhwcMaxPool', 'x', x, ...bytes);
      if (!isRanked(x.shape)) return [{ dtype: x.dtype, shape: unknownShape }];
      requirePicture('NhwcMaxPool', x);
      const kernel = intsOf(attributes, 'kernel_shape', []);
      const spatial = windowedDims('NhwcMaxPool', x.shape.slice(1, -1), kernel, attributes, isCeilMode(attributes));
      return [{ dtype: x.dtype, shape: [x.shape[0]!, ...spatial, x.shape.at(-1) ?? unknownDim] }];
    },
    'com.microsoft',
  ),
} as const;

/** How the window of a pool moves. */
export interface PoolOptions extends WindowOptions {
  /** Let the last window reach beyond the padding, as long as it begins before it; no if absent. */
  readonly ceilMode?: boolean;
}

const poolAttributes = (kernel: readonly number[], options: PoolOptions): Attributes => ({
  kernel_shape: ints(kernel),
  ...windowAttributes(options),
  ...(options.ceilMode ? { ceil_mode: int(1) } : {}),
});

/** The largest element of each window of `kernel`. */
export function maxPool(x: Value, kernel: readonly number[], options: PoolOptions = {}): Value {
  return applyOp1(poolOps.MaxPool, [x], poolAttributes(kernel, options));
}

/** The largest element of each window and its place in x, counted over all elements of x (`int64`). */
export function maxPoolWithIndices(
  x: Value,
  kernel: readonly number[],
  options: PoolOptions = {},
): { values: Value; indices: Value } {
  const [values, indices] = applyOp(poolOps.MaxPool, [x], poolAttributes(kernel, options));
  return { values: values!, indices: indices! };
}

/** The mean of each window of `kernel`; padding does not count unless `countPadding`. */
export function averagePool(
  x: Value,
  kernel: readonly number[],
  options: PoolOptions & { readonly countPadding?: boolean } = {},
): Value {
  const attributes = { ...poolAttributes(kernel, options), count_include_pad: int(options.countPadding ? 1 : 0) };
  return applyOp1(poolOps.AveragePool, [x], attributes);
}

/** The p-norm of each window of `kernel`: the p-th root of the sum of p-th powers of absolute values; p is 2 if absent. */
export function lpPool(
  x: Value,
  kernel: readonly number[],
  options: PoolOptions & { readonly p?: number } = {},
): Value {
  return applyOp1(poolOps.LpPool, [x], { ...poolAttributes(kernel, options), p: int(options.p ?? 2) });
}

/** The mean over the spatial axes, which stay as axes of size 1. */
export function globalAveragePool(x: Value): Value {
  return applyOp1(poolOps.GlobalAveragePool, [x]);
}

/** The largest element over the spatial axes, which stay as axes of size 1. */
export function globalMaxPool(x: Value): Value {
  return applyOp1(poolOps.GlobalMaxPool, [x]);
}

/** The p-norm over the spatial axes, which stay as axes of size 1; p is 2 if absent. */
export function globalLpPool(x: Value, p = 2): Value {
  return applyOp1(poolOps.GlobalLpPool, [x], { p: int(p) });
}

/**
 * The elements of x at the places that `maxPool` took them from (the second result of `maxPoolWithIndices`), zeros between them.
 * Without `outputShape` the result is as large as windows without a rest make it.
 */
export function maxUnpool(
  x: Value,
  indices: Value,
  kernel: readonly number[],
  options: Omit<WindowOptions, 'dilations'> & { readonly outputShape?: readonly number[] } = {},
): Value {
  const shape = options.outputShape && constantInts(options.outputShape);
  return applyOp1(poolOps.MaxUnpool, [x, indices, shape], { kernel_shape: ints(kernel), ...windowAttributes(options) });
}

/** The exponent of a p-norm. */
export function exponentOf(attributes: Attributes): number {
  return intOf(attributes, 'p', 2);
}
