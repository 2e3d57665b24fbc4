/** @file Ops that pick elements by their values: the largest ones, those that are not 0, those that differ. */
import {
  type Dim,
  formatShape,
  isRanked,
  normalizeAxis,
  numElements,
  type Shape,
  ShapeError,
  unknownDim,
  unknownShape,
} from '../../core/index.ts';
import { constantInts, constantIntsOf } from '../constants.ts';
import { type Attributes, applyOp, applyOp1, defineOp, int, intOf, type OpDefinition, type Value } from '../value.ts';
import { numbers } from './element-types.ts';
import { requireDtype, required } from './operand.ts';

const inferTopK: OpDefinition['infer'] = (inputs, attributes) => {
  const [x, count] = [required('TopK', inputs, 0), required('TopK', inputs, 1)];
  requireDtype('TopK', 'the operand', x, ...numbers);
  requireDtype('TopK', 'k', count, 'int64');
  const shape = isRanked(x.shape) ? topKShape(x, constantIntsOf(count)?.[0], attributes) : unknownShape;
  return [
    { dtype: x.dtype, shape },
    { dtype: 'int64', shape },
  ];
};

function topKShape(x: Value, k: number | undefined, attributes: Attributes): Shape {
  const axis = normalizeAxis(intOf(attributes, 'axis', -1), x.rank, 'TopK');
  const dim = x.shape[axis]!;
  if (k !== undefined && (k < 0 || (typeof dim === 'number' && k > dim))) {
    throw new ShapeError(
      `TopK: k must be in [0, ${dim}], the size of axis ${axis} of ${formatShape(x.shape)}, got ${k}`,
    );
  }
  return x.shape.map((size, a) => (a === axis ? (k ?? unknownDim) : size));
}

/** How many elements differ only a run can tell; where each of them went is as long as x itself. */
const inferUnique: OpDefinition['infer'] = (inputs, attributes) => {
  const x = required('Unique', inputs, 0);
  const axis = attributes.axis === undefined ? undefined : intOf(attributes, 'axis', 0);
  let shape: Shape = [unknownDim];
  let length: Dim = unknownDim;
  if (!isRanked(x.shape)) shape = axis === undefined ? shape : unknownShape;
  else if (axis !== undefined) {
    const from = normalizeAxis(axis, x.rank, 'Unique');
    shape = x.shape.map((dim, a) => (a === from ? unknownDim : dim));
    length = x.shape[from]!;
  } else if (x.shape.every((dim) => typeof dim === 'number')) length = numElements(x.shape);
  return [
    { dtype: x.dtype, shape },
    { dtype: 'int64', shape: [unknownDim] },
    { dtype: 'int64', shape: [length] },
    { dtype: 'int64', shape: [unknownDim] },
  ];
};

/** The selecting op definitions. */
export const selectionOps = {
  TopK: defineOp('TopK', inferTopK),
  NonZero: defineOp('NonZero', (inputs) => {
    const x = required('NonZero', inputs, 0);
    requireDtype('NonZero', 'the operand', x, ...numbers, 'bool');
    return [
      { dtype: 'int64', shape: isRanked(x.shape) ? [Math.max(1, x.rank), unknownDim] : [unknownDim, unknownDim] },
    ];
  }),
  /** The elements; where each first stands; which of them each element of x is; how often each occurs. */
  Unique: defineOp('Unique', inferUnique, '', { firstOptionalOutput: 1 }),
} as const;

/** The `k` largest elements along `axis`, or with `largest: false` the smallest, in order, and their indices (`int64`). */
export function topK(
  x: Value,
  k: number,
  axis = -1,
  options: { largest?: boolean } = {},
): { values: Value; indices: Value } {
  const [values, indices] = applyOp(selectionOps.TopK, [x, constantInts([k])], {
    axis: int(axis),
    ...(options.largest === false ? { largest: int(0) } : {}),
  });
  return { values: values!, indices: indices! };
}

/** The coordinates of the elements that are not 0, `int64[rank, n]`: one column for each, in row-major order. */
export function nonZero(x: Value): Value {
  return applyOp1(selectionOps.NonZero, [x]);
}

/** The different elements of x, or slices along `axis`, sorted or in order of first appearance, with what Unique knows of them. */
export function unique(
  x: Value,
  options: { axis?: number; sorted?: boolean } = {},
): { values: Value; indices: Value; inverseIndices: Value; counts: Value } {
  const [values, indices, inverseIndices, counts] = applyOp(selectionOps.Unique, [x], {
    sorted: int(options.sorted === false ? 0 : 1),
    ...(options.axis === undefined ? {} : { axis: int(options.axis) }),
  });
  return { values: values!, indices: indices!, inverseIndices: inverseIndices!, counts: counts! };
}
