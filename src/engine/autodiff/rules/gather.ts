/** @file Gradient rules of the gathering ops: what was picked is added back where it was. */
import { int64, normalizeAxis, staticShape } from '../../core/index.ts';
import {
  cast,
  concat,
  constant,
  constantIntsOf,
  constantScalar,
  expand,
  type gatherOps,
  intOf,
  pad,
  reshape,
  scatterElements,
  scatterND,
  transpose,
  unsqueeze,
  type Value,
} from '../../graph/index.ts';

import { type GradientRule, inputAt } from '../rule.ts';

type Rules = { readonly [Op in keyof typeof gatherOps]: GradientRule };

/** Zeros of the element type of `like`. */
export function zerosLike(like: Value, shape: readonly number[] = shapeOf(like)): Value {
  return expand(constantScalar(0, like.dtype), shape);
}

const shapeOf = (value: Value) => staticShape(value.shape, 'gradient of indexing');

/** Where whole numbers that count up by one begin, with negative ones counted from the end of `dim`. */
function runStart(indices: Value, dim: number): number | undefined {
  const at = constantIntsOf(indices)?.map((index) => (index < 0 ? index + dim : index));
  return at?.length && at.every((index, i) => index === at[0]! + i) ? at[0] : undefined;
}

/**
 * The cotangent of slices taken at `indices` along an axis of `shape`, added back. Neighbours in order lie between zeros;
 * otherwise the indexed axes come to the front, for a scatter along axis 0.
 */
export function addBack(like: Value, shape: readonly number[], axis: number, indices: Value, cotangent: Value): Value {
  const start = runStart(indices, shape[axis]!);
  if (start !== undefined) {
    const count = constantIntsOf(indices)!.length;
    const sizes = shape.map((dim, a) => (a === axis ? count : dim));
    const after = shape.map((dim, a) => (a === axis ? dim - start - count : 0));
    const slices = reshape(cotangent, sizes);
    return count === shape[axis]
      ? slices
      : pad(
          slices,
          shape.map((_, a) => (a === axis ? start : 0)),
          after,
        );
  }
  const indexed = indices.shape.map((_, i) => axis + i);
  const others = cotangent.shape.map((_, a) => a).filter((a) => !indexed.includes(a));
  const g = axis === 0 ? cotangent : transpose(cotangent, [...indexed, ...others]);
  const order = [axis, ...shape.map((_, a) => a).filter((a) => a !== axis)];
  const into = zerosLike(
    like,
    order.map((a) => shape[a]!),
  );
  const sums = scatterND(into, unsqueeze(cast(indices, 'int64'), [indices.rank]), g, 'add');
  return axis === 0
    ? sums
    : transpose(
        sums,
        shape.map((_, a) => order.indexOf(a)),
      );
}

/** Coordinates within each item of a batch, with those of the item in front: `[...batch, ..., depth]` to `batch.length` more. */
function withBatch(indices: Value, numBatch: number): Value {
  const shape = shapeOf(indices);
  const [batch, rest] = [shape.slice(0, numBatch), shape.slice(numBatch, -1)];
  const count = batch.reduce((product, dim) => product * dim, 1);
  const items = Array.from({ length: count }, (_, i) => {
    let left = i;
    return batch.map((_, axis) => {
      const inner = batch.slice(axis + 1).reduce((product, dim) => product * dim, 1);
      const at = Math.floor(left / inner);
      left %= inner;
      return at;
    });
  });
  const own = constant(int64(items.flat(), [...batch, ...rest.map(() => 1), numBatch]));
  return concat([expand(own, [...batch, ...rest, numBatch]), indices], -1);
}

const gatherNDRule: GradientRule = (context) => {
  const [data, indices] = [inputAt(context, 0), cast(inputAt(context, 1), 'int64')];
  const numBatch = intOf(context.node.attributes, 'batch_dims', 0);
  const coordinates = numBatch === 0 ? indices : withBatch(indices, numBatch);
  return [scatterND(zerosLike(data), coordinates, context.cotangent, 'add')];
};

/** The rules of the gathering ops. */
export const gatherRules: Rules = {
  Gather: (context) => {
    const data = inputAt(context, 0);
    const axis = normalizeAxis(intOf(context.node.attributes, 'axis', 0), data.rank, 'gradient of Gather');
    return [addBack(data, shapeOf(data), axis, inputAt(context, 1), context.cotangent)];
  },
  GatherElements: (context) => {
    const [data, indices] = [inputAt(context, 0), inputAt(context, 1)];
    const axis = intOf(context.node.attributes, 'axis', 0);
    return [scatterElements(zerosLike(data), indices, context.cotangent, { axis, reduction: 'add' })];
  },
  GatherND: gatherNDRule,
  'com.microsoft.GatherND': gatherNDRule,
};
