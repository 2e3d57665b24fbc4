/** @file Ops that move elements without changing them: reshape, transpose, concat, split, slice, expand, pad. */
import {
  broadcastShapes,
  type Dim,
  formatShape,
  isRanked,
  isStatic,
  normalizeAxis,
  type Shape,
  ShapeError,
  unknownDim,
  unknownShape,
} from '../../core/index.ts';
import { constantInts, constantScalar } from '../constants.ts';
import { knownDims } from '../known-dims.ts';
import { addDims, divideDims, elementsOf } from '../symbolic.ts';
import { applyOp, applyOp1, defineOp, int, intOf, ints, intsOf, string, Value } from '../value.ts';
import { requireDtype, required, requireSameDtype } from './operand.ts';
import { padInfer, sliceInfer } from './slice-pad.ts';
import { knownInts, mergedShape, typeOf, unknownDims, withShape } from './types.ts';

/**
 * The shape that ONNX's Reshape gives: 0 copies the dimension at the same place (unless `allowZero`), one -1 takes what is left,
 * and so does one that is unknown.
 */
function reshapedShape(from: Shape, target: Shape, allowZero: boolean): Shape {
  const subject = `Reshape: ${formatShape(from)} to ${formatShape(target)}`;
  const inferred = target.filter((dim) => dim === -1).length;
  if (inferred > 1 || target.some((dim) => typeof dim === 'number' && dim < -1)) {
    throw new ShapeError(`${subject}: one dimension may be -1 and the others must not be negative`);
  }
  if (allowZero && inferred > 0 && target.includes(0)) {
    throw new ShapeError(`${subject}: with allowzero, there must not be both 0 and -1`);
  }
  const result: Dim[] = target.map((dim, axis) => {
    if (dim !== 0 || allowZero) return dim;
    if (!isRanked(from)) return unknownDim;
    const copied = from[axis];
    if (copied === undefined) throw new ShapeError(`${subject}: there is no axis ${axis} to copy`);
    return copied;
  });
  const missing = result.flatMap((dim, axis) => (dim === -1 || dim === unknownDim ? [axis] : []));
  if (!isRanked(from) || from.includes(unknownDim) || missing.length > 1) {
    return result.map((dim) => (dim === -1 ? unknownDim : dim));
  }
  const rest = result.filter((_, axis) => axis !== missing[0]);
  const left = dividedElements(from, rest, missing.length === 1, subject);
  if (missing.length === 1) result[missing[0]!] = left;
  else if (left !== 1) throw new ShapeError(`${subject}: the number of elements does not fit`);
  return result;
}

/** The elements of `from` divided by those of `by`. */
function dividedElements(from: Shape, by: Shape, isLeft: boolean, subject: string): Dim {
  const [all, part] = [elementsOf(from), elementsOf(by)];
  if (all === 0 && part === 0 && !isLeft) return 1;
  const quotient = divideDims(all, part);
  if (quotient !== unknownDim) return quotient;
  if (typeof all === 'string' && typeof part === 'number' && part !== 0 && isLeft) return unknownDim;
  throw new ShapeError(`${subject}: the number of elements does not fit`);
}

function concatenated(values: readonly Value[], axis: number): Shape {
  const came = () => values.map((value) => formatShape(value.shape)).join(' and ');
  const fail = () => new ShapeError(`Concat: shapes must be equal on all axes but ${axis}, got ${came()}`);
  let merged: Shape = unknownShape;
  let total: Dim = 0;
  for (const { shape } of values) {
    total = addDims(total, isRanked(shape) ? shape[axis]! : unknownDim);
    const others = isRanked(shape) ? shape.filter((_, a) => a !== axis) : unknownShape;
    const agreed = mergedShape(merged, others);
    if (agreed === undefined) throw fail();
    merged = agreed;
  }
  return [...merged.slice(0, axis), total, ...merged.slice(axis)];
}

/** The sizes that Split cuts: given, or as equal as `num_outputs` parts can be. */
function splitSizes(x: Value, axis: number, sizes: Value | undefined, count: number): readonly Dim[] {
  const dim = x.shape[axis]!;
  if (sizes !== undefined) {
    const known = knownDims(sizes);
    if (known === undefined)
      throw new ShapeError('Split: the number of its parts must be known when the graph is made');
    return known;
  }
  if (count < 1) throw new ShapeError('Split: needs sizes, or num_outputs of 1 at least');
  if (typeof dim !== 'number') return new Array<Dim>(count).fill(divideDims(dim, count));
  const size = Math.ceil(dim / count);
  if (size * (count - 1) >= dim) {
    throw new ShapeError(`Split: axis ${axis} of ${formatShape(x.shape)} cannot be cut into ${count} equal parts`);
  }
  return Array.from({ length: count }, (_, i) => Math.max(0, Math.min(size, dim - i * size)));
}

const flattened = (shape: Shape, axis: number): Shape => [
  elementsOf(shape.slice(0, axis)),
  elementsOf(shape.slice(axis)),
];

/** The layout op definitions. */
export const layoutOps = {
  Identity: defineOp('Identity', (inputs) => [typeOf(required('Identity', inputs, 0))]),
  Reshape: defineOp('Reshape', (inputs, attributes) => {
    const [x, shape] = [required('Reshape', inputs, 0), required('Reshape', inputs, 1)];
    requireDtype('Reshape', 'the shape', shape, 'int64');
    const target = knownDims(shape);
    const allowZero = intOf(attributes, 'allowzero', 0) === 1;
    return [withShape(x, target === undefined ? unknownShape : reshapedShape(x.shape, target, allowZero))];
  }),
  Flatten: defineOp('Flatten', (inputs, attributes) => {
    const x = required('Flatten', inputs, 0);
    const axis = intOf(attributes, 'axis', 1);
    if (!isRanked(x.shape)) return [withShape(x, unknownDims(2))];
    const counted = axis === x.rank ? axis : normalizeAxis(axis, x.rank, 'Flatten');
    return [withShape(x, flattened(x.shape, counted))];
  }),
  Transpose: defineOp('Transpose', (inputs, attributes) => {
    const x = required('Transpose', inputs, 0);
    const perm = intsOf(
      attributes,
      'perm',
      x.shape.map((_, axis) => x.rank - 1 - axis),
    );
    if (!isRanked(x.shape)) return [withShape(x, attributes.perm ? unknownDims(perm.length) : unknownShape)];
    if ([...perm].sort((a, b) => a - b).join() !== x.shape.map((_, axis) => axis).join()) {
      throw new ShapeError(`Transpose: perm must order the axes of ${formatShape(x.shape)}, got [${perm}]`);
    }
    return [
      withShape(
        x,
        perm.map((axis) => x.shape[axis]!),
      ),
    ];
  }),
  Expand: defineOp('Expand', (inputs) => {
    const [x, shape] = [required('Expand', inputs, 0), required('Expand', inputs, 1)];
    requireDtype('Expand', 'the shape', shape, 'int64');
    return [withShape(x, broadcastShapes('Expand', x.shape, knownDims(shape) ?? unknownShape))];
  }),
  Unsqueeze: defineOp('Unsqueeze', (inputs) => {
    const [x, given] = [required('Unsqueeze', inputs, 0), required('Unsqueeze', inputs, 1)];
    const axes = knownInts(given);
    const count = axes?.length ?? given.shape[0];
    if (!isRanked(x.shape) || typeof count !== 'number') return [withShape(x, unknownShape)];
    const rank = x.rank + count;
    if (axes === undefined) return [withShape(x, unknownDims(rank))];
    const inserted = new Set(axes.map((axis) => normalizeAxis(axis, rank, 'Unsqueeze')));
    if (inserted.size < axes.length) throw new ShapeError(`Unsqueeze: axes must differ, got [${axes}]`);
    const rest = [...x.shape];
    return [
      withShape(
        x,
        Array.from({ length: rank }, (_, axis) => (inserted.has(axis) ? 1 : rest.shift()!)),
      ),
    ];
  }),
  Squeeze: defineOp('Squeeze', (inputs) => {
    const x = required('Squeeze', inputs, 0);
    const given = knownInts(inputs[1]);
    if (!isRanked(x.shape)) return [withShape(x, unknownShape)];
    if (given === undefined) {
      if (inputs[1] === undefined && isStatic(x.shape))
        return [
          withShape(
            x,
            x.shape.filter((dim) => dim !== 1),
          ),
        ];
      const count = inputs[1]?.shape[0];
      return [withShape(x, typeof count === 'number' ? unknownDims(Math.max(0, x.rank - count)) : unknownShape)];
    }
    const axes = given.map((axis) => normalizeAxis(axis, x.rank, 'Squeeze'));
    for (const axis of axes) {
      const dim = x.shape[axis];
      if (dim !== 1 && dim !== unknownDim) {
        throw new ShapeError(`Squeeze: axis ${axis} of ${formatShape(x.shape)} must be 1`);
      }
    }
    return [
      withShape(
        x,
        x.shape.filter((_, axis) => !axes.includes(axis)),
      ),
    ];
  }),
  Concat: defineOp('Concat', (inputs, attributes) => {
    required('Concat', inputs, 0);
    const values = inputs.map((_, i) => required('Concat', inputs, i));
    requireSameDtype('Concat', ...values);
    const ranked = values.find((value) => isRanked(value.shape));
    if (ranked === undefined) return [withShape(values[0]!, unknownShape)];
    const axis = normalizeAxis(intOf(attributes, 'axis', 0), ranked.rank, 'Concat');
    const strange = values.find((value) => isRanked(value.shape) && value.rank !== ranked.rank);
    if (strange) throw new ShapeError(`Concat: needs equal numbers of axes, got ${ranked} and ${strange}`);
    return [withShape(ranked, concatenated(values, axis))];
  }),
  Split: defineOp('Split', (inputs, attributes) => {
    const x = required('Split', inputs, 0);
    const count = intOf(attributes, 'num_outputs', 0);
    if (!isRanked(x.shape)) {
      const number = knownDims(inputs[1] ?? x)?.length ?? count;
      return Array.from({ length: inputs[1] ? number : count }, () => withShape(x, unknownShape));
    }
    const axis = normalizeAxis(intOf(attributes, 'axis', 0), x.rank, 'Split');
    const sizes = splitSizes(x, axis, inputs[1], count);
    const total = sizes.reduce(addDims, 0);
    const isWrong = typeof total === 'number' && typeof x.shape[axis] === 'number' && total !== x.shape[axis];
    if (isWrong || sizes.some((size) => typeof size === 'number' && size < 0)) {
      throw new ShapeError(`Split: sizes [${sizes}] must add up to axis ${axis} of ${formatShape(x.shape)}`);
    }
    return sizes.map((size) =>
      withShape(
        x,
        x.shape.map((dim, a) => (a === axis ? size : dim)),
      ),
    );
  }),
  Slice: defineOp('Slice', sliceInfer),
  Pad: defineOp('Pad', padInfer),
} as const;

/** x itself, under a new name. */
export function identity(x: Value): Value {
  return applyOp1(layoutOps.Identity, [x]);
}

/** Identity in every graph; differentiation ends at this one. */
export const stopGradientOp = defineOp('Identity', layoutOps.Identity.infer);

/** x, through which no derivative flows. */
export function stopGradient(x: Value): Value {
  return applyOp1(stopGradientOp, [x]);
}

/**
 * The same elements, row-major, under another shape. One dimension may be -1: what is left. A symbolic dimension must stand at
 * the same axis as in x, or be the only one that does not. A value of such numbers may give the shape as well, with 0 for the
 * dimension of x at the same place, as ONNX has it.
 */
export function reshape(x: Value, shape: Shape | Value): Value {
  if (shape instanceof Value) return applyOp1(layoutOps.Reshape, [x, shape]);
  if (shape.includes(0)) return reshapeEmpty(x, shape);
  let inferred = shape.includes(-1);
  const target = shape.map((dim, axis) => {
    if (typeof dim === 'number') return dim;
    if (x.shape[axis] === dim) return 0;
    if (inferred) throw new ShapeError(`reshape: ${formatShape(x.shape)} to ${formatShape(shape)} is ambiguous`);
    inferred = true;
    return -1;
  });
  if (target.length === x.rank && target.every((dim, axis) => dim === 0 || dim === x.shape[axis])) return x;
  return applyOp1(layoutOps.Reshape, [x, constantInts(target)]);
}

/** To a shape with an axis of size 0, which ONNX writes with another reading of 0; nothing else may be left open then. */
function reshapeEmpty(x: Value, shape: Shape): Value {
  if (!isStatic(shape) || shape.includes(-1)) {
    throw new ShapeError(
      `reshape: ${formatShape(x.shape)} to ${formatShape(shape)}: beside 0, every dimension must be given`,
    );
  }
  if (isStatic(x.shape) && x.shape.join() === shape.join()) return x;
  return applyOp1(layoutOps.Reshape, [x, constantInts(shape)], { allowzero: int(1) });
}

/** x as a matrix: the axes before `axis` in one, the rest in the other. */
export function flatten(x: Value, axis = 1): Value {
  return applyOp1(layoutOps.Flatten, [x], { axis: int(axis) });
}

/** The axes in another order: axis i of the result is axis `perm[i]` of x; without `perm`, all reversed. */
export function transpose(x: Value, perm?: readonly number[]): Value {
  return applyOp1(layoutOps.Transpose, [x], perm === undefined ? {} : { perm: ints(perm) });
}

/** x stretched to `shape` by broadcasting; the shape may be a value. */
export function expand(x: Value, shape: readonly number[] | Value): Value {
  if (shape instanceof Value) return applyOp1(layoutOps.Expand, [x, shape]);
  return isStatic(x.shape) && x.shape.join() === shape.join()
    ? x
    : applyOp1(layoutOps.Expand, [x, constantInts(shape)]);
}

/** x with axes of size 1 inserted; `axes` count in the result. */
export function unsqueeze(x: Value, axes: readonly number[]): Value {
  return applyOp1(layoutOps.Unsqueeze, [x, constantInts(axes)]);
}

/** x without the given axes, each of size 1; without any of size 1, if no axes are given. */
export function squeeze(x: Value, axes?: readonly number[]): Value {
  return applyOp1(layoutOps.Squeeze, [x, axes && constantInts(axes)]);
}

/** The values one after another along `axis`. */
export function concat(values: readonly Value[], axis: number): Value {
  return values.length === 1 ? values[0]! : applyOp1(layoutOps.Concat, values, { axis: int(axis) });
}

/** x cut along `axis` into parts of the given sizes. */
export function split(x: Value, sizes: readonly number[], axis: number): readonly Value[] {
  return applyOp(layoutOps.Split, [x, constantInts(sizes)], { axis: int(axis) });
}

/** The elements from `starts` up to, not including, `ends`, along `axes` (default: the first ones), every `steps`-th. */
export function slice(
  x: Value,
  options: { starts: readonly number[]; ends: readonly number[]; axes?: readonly number[]; steps?: readonly number[] },
): Value {
  const axes = options.axes ?? options.starts.map((_, i) => i);
  const steps = options.steps ?? options.starts.map(() => 1);
  return applyOp1(layoutOps.Slice, [x, ...[options.starts, options.ends, axes, steps].map(constantInts)]);
}

/** How Pad fills: with one value, mirrored at the edge, with the edge itself, or from the other end. */
export type PadMode = 'constant' | 'reflect' | 'edge' | 'wrap';

/**
 * x with `before[axis]` and `after[axis]` elements of `value` added around it, or of x's own by another mode; negative widths
 * cut.
 */
export function pad(
  x: Value,
  before: readonly number[],
  after: readonly number[],
  value = 0,
  mode: PadMode = 'constant',
): Value {
  const widths = constantInts([...before, ...after]);
  if (mode !== 'constant') return applyOp1(layoutOps.Pad, [x, widths], { mode: string(mode) });
  return applyOp1(layoutOps.Pad, [x, widths, constantScalar(value, x.dtype)]);
}
