/** @file Ops that pick elements by index, and those that put them back. Indices are int64 (or int32) and may count from the end. */
import { type Dim, type Dtype, formatShape, normalizeAxis, type Shape, ShapeError } from '../../core/index.ts';
import { applyOp1, defineOp, int, intOf, string, type Value } from '../value.ts';
import { requireDtype, required, requireSameDtype } from './operand.ts';

const indexTypes: readonly Dtype[] = ['int64', 'int32'];

function requireScatterShapes(opType: string, updates: Value, needed: Shape): void {
  if (updates.shape.join() !== needed.join()) {
    throw new ShapeError(`${opType}: updates must be ${formatShape(needed)}, got ${formatShape(updates.shape)}`);
  }
}

/** Indices have as many axes as data, none longer but the one along which they point. */
function requireWithin(opType: string, data: Value, indices: Value, axis: number): void {
  const fits = (dim: Dim, known: Dim) =>
    dim === known || (typeof dim === 'number' && typeof known === 'number' && dim < known);
  if (indices.rank !== data.rank || indices.shape.some((dim, a) => a !== axis && !fits(dim, data.shape[a]!))) {
    throw new ShapeError(
      `${opType}: indices must be within ${formatShape(data.shape)} but for axis ${axis}, got ${formatShape(indices.shape)}`,
    );
  }
}

/** How many axes of data a coordinate names: the size of the last axis of indices. */
function coordinateDepth(opType: string, data: Value, indices: Value): number {
  const depth = indices.shape[indices.rank - 1];
  if (typeof depth !== 'number' || depth < 1 || depth > data.rank) {
    throw new ShapeError(
      `${opType}: the last axis of indices must be in [1, ${data.rank}] for data ${formatShape(data.shape)}, got ${formatShape(indices.shape)}`,
    );
  }
  return depth;
}

/** The indexing op definitions. */
export const gatherOps = {
  Gather: defineOp('Gather', (inputs, attributes) => {
    const [data, indices] = [required('Gather', inputs, 0), required('Gather', inputs, 1)];
    requireDtype('Gather', 'indices', indices, ...indexTypes);
    const axis = normalizeAxis(intOf(attributes, 'axis', 0), data.rank, 'Gather');
    return [
      { dtype: data.dtype, shape: [...data.shape.slice(0, axis), ...indices.shape, ...data.shape.slice(axis + 1)] },
    ];
  }),
  GatherElements: defineOp('GatherElements', (inputs, attributes) => {
    const [data, indices] = [required('GatherElements', inputs, 0), required('GatherElements', inputs, 1)];
    requireDtype('GatherElements', 'indices', indices, ...indexTypes);
    const axis = normalizeAxis(intOf(attributes, 'axis', 0), data.rank, 'GatherElements');
    requireWithin('GatherElements', data, indices, axis);
    return [{ dtype: data.dtype, shape: indices.shape }];
  }),
  GatherND: defineOp('GatherND', (inputs) => {
    const [data, indices] = [required('GatherND', inputs, 0), required('GatherND', inputs, 1)];
    requireDtype('GatherND', 'indices', indices, 'int64');
    const depth = coordinateDepth('GatherND', data, indices);
    return [{ dtype: data.dtype, shape: [...indices.shape.slice(0, -1), ...data.shape.slice(depth)] }];
  }),
  ScatterElements: defineOp('ScatterElements', (inputs, attributes) => {
    const [data, indices, updates] = [0, 1, 2].map((i) => required('ScatterElements', inputs, i)) as [
      Value,
      Value,
      Value,
    ];
    requireDtype('ScatterElements', 'indices', indices, ...indexTypes);
    requireSameDtype('ScatterElements', data, updates);
    const axis = normalizeAxis(intOf(attributes, 'axis', 0), data.rank, 'ScatterElements');
    requireWithin('ScatterElements', data, indices, axis);
    requireScatterShapes('ScatterElements', updates, indices.shape);
    return [{ dtype: data.dtype, shape: data.shape }];
  }),
  ScatterND: defineOp('ScatterND', (inputs) => {
    const [data, indices, updates] = [0, 1, 2].map((i) => required('ScatterND', inputs, i)) as [Value, Value, Value];
    requireDtype('ScatterND', 'indices', indices, 'int64');
    requireSameDtype('ScatterND', data, updates);
    const depth = coordinateDepth('ScatterND', data, indices);
    requireScatterShapes('ScatterND', updates, [...indices.shape.slice(0, -1), ...data.shape.slice(depth)]);
    return [{ dtype: data.dtype, shape: data.shape }];
  }),
} as const;

/** The slices of `data` at `indices` along `axis`: `[..., *indices.shape, ...]`. An embedding look-up is axis 0. */
export function gather(data: Value, indices: Value, axis = 0): Value {
  return applyOp1(gatherOps.Gather, [data, indices], { axis: int(axis) });
}

/** `data` at `indices` along `axis`, element by element; the result has the shape of `indices`. */
export function gatherElements(data: Value, indices: Value, axis = 0): Value {
  return applyOp1(gatherOps.GatherElements, [data, indices], { axis: int(axis) });
}

/** The slices of `data` at coordinates: the last axis of `indices` (int64) holds one coordinate tuple. */
export function gatherND(data: Value, indices: Value): Value {
  return applyOp1(gatherOps.GatherND, [data, indices]);
}

/** A copy of `data` with `updates` written (or added) at `indices` along `axis`. */
export function scatterElements(
  data: Value,
  indices: Value,
  updates: Value,
  options: { axis?: number; reduction?: 'none' | 'add' } = {},
): Value {
  return applyOp1(gatherOps.ScatterElements, [data, indices, updates], {
    axis: int(options.axis ?? 0),
    reduction: string(options.reduction ?? 'none'),
  });
}

/** A copy of `data` with `updates` written (or added) at the coordinates in the last axis of `indices` (int64). */
export function scatterND(data: Value, indices: Value, updates: Value, reduction: 'none' | 'add' = 'none'): Value {
  return applyOp1(gatherOps.ScatterND, [data, indices, updates], { reduction: string(reduction) });
}
