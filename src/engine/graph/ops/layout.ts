/** @file Ops that move elements without changing them: reshape, transpose, concat, split, slice, expand, pad. */
import {
  broadcastShapes,
  type Dim,
  formatShape,
  isStatic,
  normalizeAxis,
  numElements,
  type Shape,
  ShapeError,
} from '../../core/index.ts';
import { constantInts, constantIntsOf, constantScalar } from '../constants.ts';
import { applyOp, applyOp1, defineOp, int, intOf, ints, intsOf, type Value } from '../value.ts';
import { required, requireSameDtype } from './operand.ts';

function requireInts(opType: string, what: string, value: Value | undefined): number[] {
  const values = constantIntsOf(value);
  if (values === undefined) throw new ShapeError(`${opType}: ${what} must be known when the function is traced`);
  return values;
}

/** The shape that ONNX's Reshape gives: 0 copies the dimension at the same place, one -1 takes what is left. */
function reshapedShape(from: Shape, target: readonly number[]): Shape {
  const subject = `Reshape: ${formatShape(from)} to ${formatShape(target)}`;
  if (target.filter((dim) => dim === -1).length > 1 || target.some((dim) => dim < -1)) {
    throw new ShapeError(`${subject}: one dimension may be -1 and the others must not be negative`);
  }
  const result: Dim[] = target.map((dim, axis) => {
    if (dim !== 0) return dim;
    const copied = from[axis];
    if (copied === undefined) throw new ShapeError(`${subject}: there is no axis ${axis} to copy`);
    return copied;
  });
  const unknown = result.indexOf(-1);
  const rest = result.filter((_, axis) => axis !== unknown);
  const left = dividedElements(from, rest, subject);
  if (unknown >= 0) result[unknown] = left;
  else if (left !== 1) throw new ShapeError(`${subject}: the number of elements does not fit`);
  return result;
}

/** The elements of `from` divided by those of `by`: a number, or the one symbolic dimension that is left. */
function dividedElements(from: Shape, by: Shape, subject: string): Dim {
  const symbols = from.filter((dim) => typeof dim === 'string');
  for (const dim of by.filter((d) => typeof d === 'string')) {
    const at = symbols.indexOf(dim);
    if (at < 0) throw new ShapeError(`${subject}: the dimension "${dim}" is not in the input`);
    symbols.splice(at, 1);
  }
  const numbers = (shape: Shape) => numElements(shape.filter((dim) => typeof dim === 'number'));
  const quotient = numbers(by) === 0 ? (numbers(from) === 0 ? 1 : Number.NaN) : numbers(from) / numbers(by);
  if (symbols.length === 0 && Number.isInteger(quotient)) return quotient;
  if (symbols.length === 1 && quotient === 1) return symbols[0]!;
  if (symbols.length > 0 && Number.isInteger(quotient))
    return [...(quotient === 1 ? [] : [quotient]), ...symbols].join('*');
  throw new ShapeError(`${subject}: the number of elements does not fit`);
}

/** The layout op definitions. */
export const layoutOps = {
  Identity: defineOp('Identity', (inputs) => {
    const x = required('Identity', inputs, 0);
    return [{ dtype: x.dtype, shape: x.shape }];
  }),
  Reshape: defineOp('Reshape', (inputs) => {
    const x = required('Reshape', inputs, 0);
    return [{ dtype: x.dtype, shape: reshapedShape(x.shape, requireInts('Reshape', 'the shape', inputs[1])) }];
  }),
  Transpose: defineOp('Transpose', (inputs, attributes) => {
    const x = required('Transpose', inputs, 0);
    const perm = intsOf(
      attributes,
      'perm',
      x.shape.map((_, axis) => x.rank - 1 - axis),
    );
    if ([...perm].sort((a, b) => a - b).join() !== x.shape.map((_, axis) => axis).join()) {
      throw new ShapeError(`Transpose: perm must order the axes of ${formatShape(x.shape)}, got [${perm}]`);
    }
    return [{ dtype: x.dtype, shape: perm.map((axis) => x.shape[axis]!) }];
  }),
  Expand: defineOp('Expand', (inputs) => {
    const x = required('Expand', inputs, 0);
    return [
      { dtype: x.dtype, shape: broadcastShapes('Expand', x.shape, requireInts('Expand', 'the shape', inputs[1])) },
    ];
  }),
  Unsqueeze: defineOp('Unsqueeze', (inputs) => {
    const x = required('Unsqueeze', inputs, 0);
    const axes = requireInts('Unsqueeze', 'axes', inputs[1]);
    const rank = x.rank + axes.length;
    const inserted = new Set(axes.map((axis) => normalizeAxis(axis, rank, 'Unsqueeze')));
    if (inserted.size < axes.length) throw new ShapeError(`Unsqueeze: axes must differ, got [${axes}]`);
    const rest = [...x.shape];
    return [
      { dtype: x.dtype, shape: Array.from({ length: rank }, (_, axis) => (inserted.has(axis) ? 1 : rest.shift()!)) },
    ];
  }),
  Squeeze: defineOp('Squeeze', (inputs) => {
    const x = required('Squeeze', inputs, 0);
    const axes = requireInts('Squeeze', 'axes', inputs[1]).map((axis) => normalizeAxis(axis, x.rank, 'Squeeze'));
    for (const axis of axes) {
      if (x.shape[axis] !== 1) throw new ShapeError(`Squeeze: axis ${axis} of ${formatShape(x.shape)} must be 1`);
    }
    return [{ dtype: x.dtype, shape: x.shape.filter((_, axis) => !axes.includes(axis)) }];
  }),
  Concat: defineOp('Concat', (inputs, attributes) => {
    const first = required('Concat', inputs, 0);
    const values = inputs.map((_, i) => required('Concat', inputs, i));
    requireSameDtype('Concat', ...values);
    const axis = normalizeAxis(intOf(attributes, 'axis', 0), first.rank, 'Concat');
    const sameElsewhere = values.every(
      (value) => value.rank === first.rank && value.shape.every((dim, a) => a === axis || dim === first.shape[a]),
    );
    const dims = values.map((value) => value.shape[axis]);
    if (!sameElsewhere || !dims.every((dim) => typeof dim === 'number')) {
      const came = values.map((value) => formatShape(value.shape)).join(' and ');
      throw new ShapeError(`Concat: shapes must be static on axis ${axis} and equal on the others, got ${came}`);
    }
    const total = dims.reduce((sum, dim) => sum + dim, 0);
    return [{ dtype: first.dtype, shape: first.shape.map((dim, a) => (a === axis ? total : dim)) }];
  }),
  Split: defineOp('Split', (inputs, attributes) => {
    const x = required('Split', inputs, 0);
    const axis = normalizeAxis(intOf(attributes, 'axis', 0), x.rank, 'Split');
    const sizes = requireInts('Split', 'the sizes', inputs[1]);
    const total = sizes.reduce((sum, size) => sum + size, 0);
    if (total !== x.shape[axis] || sizes.some((size) => size < 0)) {
      throw new ShapeError(`Split: sizes [${sizes}] must add up to axis ${axis} of ${formatShape(x.shape)}`);
    }
    return sizes.map((size) => ({ dtype: x.dtype, shape: x.shape.map((dim, a) => (a === axis ? size : dim)) }));
  }),
  Slice: defineOp('Slice', (inputs) => {
    const x = required('Slice', inputs, 0);
    const starts = requireInts('Slice', 'starts', inputs[1]);
    const ends = requireInts('Slice', 'ends', inputs[2]);
    const axes = constantIntsOf(inputs[3]) ?? starts.map((_, i) => i);
    const steps = constantIntsOf(inputs[4]) ?? starts.map(() => 1);
    if ([ends, axes, steps].some((list) => list.length !== starts.length)) {
      throw new ShapeError(
        `Slice: starts, ends, axes and steps must be as many, got ${[starts, ends, axes, steps].map(formatShape).join(' ')}`,
      );
    }
    const shape = [...x.shape];
    axes.forEach((rawAxis, i) => {
      const axis = normalizeAxis(rawAxis, x.rank, 'Slice');
      const dim = x.shape[axis]!;
      if (typeof dim !== 'number') throw new ShapeError(`Slice: axis ${axis} of ${formatShape(x.shape)} is symbolic`);
      shape[axis] = sliceLength(dim, starts[i]!, ends[i]!, steps[i]!);
    });
    return [{ dtype: x.dtype, shape }];
  }),
  Pad: defineOp('Pad', (inputs) => {
    const x = required('Pad', inputs, 0);
    const pads = requireInts('Pad', 'the widths', inputs[1]);
    if (pads.length !== 2 * x.rank) {
      throw new ShapeError(`Pad: needs ${2 * x.rank} widths for ${formatShape(x.shape)}, got ${pads.length}`);
    }
    const shape = x.shape.map((dim, axis) => {
      const grown = pads[axis]! + pads[axis + x.rank]!;
      if (grown === 0) return dim;
      if (typeof dim !== 'number') throw new ShapeError(`Pad: axis ${axis} of ${formatShape(x.shape)} is symbolic`);
      if (dim + grown < 0)
        throw new ShapeError(`Pad: [${pads}] cut more than axis ${axis} of ${formatShape(x.shape)} has`);
      return dim + grown;
    });
    return [{ dtype: x.dtype, shape }];
  }),
} as const;

/** How many elements a slice takes from an axis of `dim`, under ONNX's clamping rules. */
function sliceLength(dim: number, start: number, end: number, step: number): number {
  if (step === 0) throw new ShapeError('Slice: a step must not be 0');
  const clamp = (index: number, low: number, high: number) =>
    Math.min(Math.max(index < 0 ? index + dim : index, low), high);
  const first = step > 0 ? clamp(start, 0, dim) : clamp(start, 0, dim - 1);
  const last = step > 0 ? clamp(end, 0, dim) : clamp(end, -1, dim - 1);
  return Math.max(0, Math.ceil((last - first) / step));
}

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
 * the same axis as in x, or be the only one that does not.
 */
export function reshape(x: Value, shape: Shape): Value {
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

/** The axes in another order: axis i of the result is axis `perm[i]` of x; without `perm`, all reversed. */
export function transpose(x: Value, perm?: readonly number[]): Value {
  return applyOp1(layoutOps.Transpose, [x], perm === undefined ? {} : { perm: ints(perm) });
}

/** x stretched to `shape` by broadcasting. */
export function expand(x: Value, shape: readonly number[]): Value {
  return isStatic(x.shape) && x.shape.join() === shape.join()
    ? x
    : applyOp1(layoutOps.Expand, [x, constantInts(shape)]);
}

/** x with axes of size 1 inserted; `axes` count in the result. */
export function unsqueeze(x: Value, axes: readonly number[]): Value {
  return applyOp1(layoutOps.Unsqueeze, [x, constantInts(axes)]);
}

/** x without the given axes, each of size 1. */
export function squeeze(x: Value, axes: readonly number[]): Value {
  return applyOp1(layoutOps.Squeeze, [x, constantInts(axes)]);
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

/** x with `before[axis]` and `after[axis]` elements of `value` added around it; negative widths cut. */
export function pad(x: Value, before: readonly number[], after: readonly number[], value = 0): Value {
  return applyOp1(layoutOps.Pad, [x, constantInts([...before, ...after]), constantScalar(value, x.dtype)]);
}
