/** @file Ops that pick elements by index. Indices are int64 (or int32) and may count from the end. */
import {
  type Dim,
  dimsFit,
  formatShape,
  isRanked,
  normalizeAxis,
  type Shape,
  ShapeError,
  unknownShape,
} from '../../core/index.ts';
import { type Attributes, applyOp1, defineOp, int, intOf, type Value } from '../value.ts';
import { indexTypes } from './element-types.ts';
import { requireDtype, required } from './operand.ts';
import { mergedShape, withShape } from './types.ts';

/** Indices have as many axes as data, none longer but the one along which they point. */
export function requireWithin(opType: string, data: Value, indices: Value, axis: number): void {
  const fits = (dim: Dim, known: Dim) =>
    dimsFit(dim, known) || (typeof dim === 'number' && typeof known === 'number' && dim < known);
  if (indices.rank !== data.rank || indices.shape.some((dim, a) => a !== axis && !fits(dim, data.shape[a]!))) {
    throw new ShapeError(
      `${opType}: indices must be within ${formatShape(data.shape)} but for axis ${axis}, got ${formatShape(indices.shape)}`,
    );
  }
}

/** How many axes of data a coordinate names, beyond the `batch` first: the size of the last axis of indices. */
function coordinateDepth(opType: string, data: Value, indices: Value, batch = 0): number | undefined {
  const depth = indices.shape.at(-1);
  if (typeof depth === 'string') return undefined;
  if (depth === undefined || depth < 1 || depth + batch > data.rank) {
    throw new ShapeError(
      `${opType}: the last axis of indices must be in [1, ${data.rank - batch}] for data ${formatShape(data.shape)}, got ${formatShape(indices.shape)}`,
    );
  }
  return depth;
}

/** The slices at coordinates: what GatherND gives and what ScatterND is given. */
export function slicesShape(opType: string, data: Value, indices: Value, batch = 0): Shape {
  if (!isRanked(data.shape) || !isRanked(indices.shape)) return unknownShape;
  const depth = coordinateDepth(opType, data, indices, batch);
  if (depth === undefined) return unknownShape;
  return [...indices.shape.slice(0, -1), ...data.shape.slice(batch + depth)];
}

function gatherNDShape(data: Value, indices: Value, attributes: Attributes): Shape {
  const batch = intOf(attributes, 'batch_dims', 0);
  if (!isRanked(data.shape) || !isRanked(indices.shape)) return unknownShape;
  const isTooMany = batch < 0 || batch >= data.rank || batch >= indices.rank;
  const common = mergedShape(data.shape.slice(0, batch), indices.shape.slice(0, batch));
  if (isTooMany || common === undefined) {
    throw new ShapeError(
      `GatherND: the first ${batch} axes must be the same, got data ${formatShape(data.shape)} and indices ${formatShape(indices.shape)}`,
    );
  }
  const slices = slicesShape('GatherND', data, indices, batch);
  return isRanked(slices) ? [...common, ...slices.slice(batch)] : unknownShape;
}

/** The gathering op definitions. */
export const gatherOps = {
  Gather: defineOp('Gather', (inputs, attributes) => {
    const [data, indices] = [required('Gather', inputs, 0), required('Gather', inputs, 1)];
    requireDtype('Gather', 'indices', indices, ...indexTypes);
    if (!isRanked(data.shape) || !isRanked(indices.shape)) return [withShape(data, unknownShape)];
    const axis = normalizeAxis(intOf(attributes, 'axis', 0), data.rank, 'Gather');
    return [withShape(data, [...data.shape.slice(0, axis), ...indices.shape, ...data.shape.slice(axis + 1)])];
  }),
  GatherElements: defineOp('GatherElements', (inputs, attributes) => {
    const [data, indices] = [required('GatherElements', inputs, 0), required('GatherElements', inputs, 1)];
    requireDtype('GatherElements', 'indices', indices, ...indexTypes);
    if (!isRanked(data.shape) || !isRanked(indices.shape)) return [withShape(data, indices.shape)];
    const axis = normalizeAxis(intOf(attributes, 'axis', 0), data.rank, 'GatherElements');
    requireWithin('GatherElements', data, indices, axis);
    return [withShape(data, indices.shape)];
  }),
  GatherND: defineOp('GatherND', (inputs, attributes) => {
    const [data, indices] = [required('GatherND', inputs, 0), required('GatherND', inputs, 1)];
    requireDtype('GatherND', 'indices', indices, 'int64');
    return [withShape(data, gatherNDShape(data, indices, attributes))];
  }),
  'com.microsoft.GatherND': defineOp(
    'GatherND',
    (inputs) => {
      const [data, indices] = [required('GatherND', inputs, 0), required('GatherND', inputs, 1)];
      requireDtype('GatherND', 'indices', indices, ...indexTypes);
      return [withShape(data, slicesShape('GatherND', data, indices))];
    },
    'com.microsoft',
  ),
} as const;

/** The slices of `data` at `indices` along `axis`: `[..., *indices.shape, ...]`. An embedding look-up is axis 0. */
export function gather(data: Value, indices: Value, axis = 0): Value {
  return applyOp1(gatherOps.Gather, [data, indices], { axis: int(axis) });
}

/** `data` at `indices` along `axis`, element by element; the result has the shape of `indices`. */
export function gatherElements(data: Value, indices: Value, axis = 0): Value {
  return applyOp1(gatherOps.GatherElements, [data, indices], { axis: int(axis) });
}

/**
 * The slices of `data` at coordinates: the last axis of `indices` (int64) holds one coordinate tuple. The first `batchDims` axes
 * are those of both, item by item.
 */
export function gatherND(data: Value, indices: Value, batchDims = 0): Value {
  return applyOp1(gatherOps.GatherND, [data, indices], batchDims === 0 ? {} : { batch_dims: int(batchDims) });
}
