/** @file Ops that write elements at indices into a copy of a tensor. */
import { formatShape, isRanked, normalizeAxis, type Shape, ShapeError } from '../../core/index.ts';
import { type Attributes, applyOp1, defineOp, int, intOf, string, stringOf, type Value } from '../value.ts';
import { indexTypes } from './element-types.ts';
import { cast } from './elementwise.ts';
import { requireWithin, slicesShape } from './gather.ts';
import { requireDtype, required, requireSameDtype } from './operand.ts';
import { mergedShape, typeOf } from './types.ts';

/** What happens where an index meets an element: it is replaced, or the update is added, multiplied, or compared with it. */
export type ScatterReduction = 'none' | 'add' | 'mul' | 'max' | 'min';

const reductions: readonly string[] = ['none', 'add', 'mul', 'max', 'min'];

function requireUpdates(opType: string, updates: Value, needed: Shape): void {
  if (mergedShape(updates.shape, needed) === undefined) {
    throw new ShapeError(`${opType}: updates must be ${formatShape(needed)}, got ${formatShape(updates.shape)}`);
  }
}

function requireReduction(opType: string, attributes: Attributes): void {
  const reduction = stringOf(attributes, 'reduction', 'none');
  if (!reductions.includes(reduction)) {
    throw new RangeError(`${opType}: the reduction must be one of ${reductions.join(', ')}, got ${reduction}`);
  }
}

function operandsOf(opType: string, inputs: readonly (Value | undefined)[]): [Value, Value, Value] {
  const [data, indices, updates] = [0, 1, 2].map((i) => required(opType, inputs, i)) as [Value, Value, Value];
  requireSameDtype(opType, data, updates);
  return [data, indices, updates];
}

/** The size of a cache along the axis that is written, and of what is written there. */
function requireCache(cache: Value, update: Value, axis: number): void {
  const fits = (dim: string | number, a: number) => {
    const known = cache.shape[a]!;
    if (typeof dim !== 'number' || typeof known !== 'number') return true;
    return a === axis ? dim <= known : dim === known;
  };
  if (update.rank !== cache.rank || !update.shape.every(fits)) {
    throw new ShapeError(
      `TensorScatter: the update must fit into ${formatShape(cache.shape)} along axis ${axis}, got ${formatShape(update.shape)}`,
    );
  }
}

/** The scattering op definitions. */
export const scatterOps = {
  ScatterElements: defineOp('ScatterElements', (inputs, attributes) => {
    const [data, indices, updates] = operandsOf('ScatterElements', inputs);
    requireDtype('ScatterElements', 'indices', indices, ...indexTypes);
    requireReduction('ScatterElements', attributes);
    if (!isRanked(data.shape) || !isRanked(indices.shape)) return [typeOf(data)];
    const axis = normalizeAxis(intOf(attributes, 'axis', 0), data.rank, 'ScatterElements');
    requireWithin('ScatterElements', data, indices, axis);
    requireUpdates('ScatterElements', updates, indices.shape);
    return [typeOf(data)];
  }),
  ScatterND: defineOp('ScatterND', (inputs, attributes) => {
    const [data, indices, updates] = operandsOf('ScatterND', inputs);
    requireDtype('ScatterND', 'indices', indices, 'int64');
    requireReduction('ScatterND', attributes);
    requireUpdates('ScatterND', updates, slicesShape('ScatterND', data, indices));
    return [typeOf(data)];
  }),
  TensorScatter: defineOp(
    'TensorScatter',
    (inputs, attributes) => {
      const [cache, update] = [required('TensorScatter', inputs, 0), required('TensorScatter', inputs, 1)];
      requireSameDtype('TensorScatter', cache, update);
      if (inputs[2]) requireDtype('TensorScatter', 'the places', inputs[2], 'int64');
      if (!isRanked(cache.shape) || !isRanked(update.shape)) return [typeOf(cache)];
      const axis = normalizeAxis(intOf(attributes, 'axis', -2), cache.rank, 'TensorScatter');
      if (axis === 0) throw new RangeError('TensorScatter: axis 0 is the batch, it cannot be written along');
      requireCache(cache, update, axis);
      return [typeOf(cache)];
    },
    '',
    { since: 24 },
  ),
} as const;

/**
 * A copy of `data` with `updates` written (or reduced with what is there) at `indices` along `axis`. Without a reduction, no
 * index may be there twice.
 */
export function scatterElements(
  data: Value,
  indices: Value,
  updates: Value,
  options: { axis?: number; reduction?: ScatterReduction } = {},
): Value {
  const { axis = 0, reduction = 'none' } = options;
  return reducedInFloat32(data, updates, reduction, (target, values) =>
    applyOp1(scatterOps.ScatterElements, [target, indices, values], { axis: int(axis), reduction: string(reduction) }),
  );
}

/** ONNX Runtime reduces no half floats while it scatters on the CPU: they are widened for it, and the result is rounded once. */
function reducedInFloat32(
  data: Value,
  updates: Value,
  reduction: ScatterReduction,
  scatter: (data: Value, updates: Value) => Value,
): Value {
  if (reduction === 'none' || (data.dtype !== 'float16' && data.dtype !== 'bfloat16')) return scatter(data, updates);
  return cast(scatter(cast(data, 'float32'), cast(updates, 'float32')), data.dtype);
}

/** A copy of `data` with `updates` written (or reduced with what is there) at the coordinates in the last axis of `indices`. */
export function scatterND(data: Value, indices: Value, updates: Value, reduction: ScatterReduction = 'none'): Value {
  return reducedInFloat32(data, updates, reduction, (target, values) =>
    applyOp1(scatterOps.ScatterND, [target, indices, values], { reduction: string(reduction) }),
  );
}

/**
 * A copy of `cache` with `update` written from `places[b]` (`int64[B]`, 0 if absent) on along `axis`, for every item b of the
 * batch; beyond the end it goes on at the front if `mode` is circular.
 */
export function tensorScatter(
  cache: Value,
  update: Value,
  places?: Value,
  options: { axis?: number; mode?: 'linear' | 'circular' } = {},
): Value {
  return applyOp1(scatterOps.TensorScatter, [cache, update, places], {
    axis: int(options.axis ?? -2),
    mode: string(options.mode ?? 'linear'),
  });
}
