/**
 * @file Shapes: lists of dimensions. A dimension is a number, or a name ("batch") in a graph that is exported for inference.
 * Broadcasting is NumPy's, as in ONNX.
 */
import { ShapeError } from './errors.ts';

/** The size of one axis: a count, or a symbolic name that stands for the same unknown count wherever it appears. */
export type Dim = number | string;

/** The dimensions of a value in a graph; `[]` is a scalar. */
export type Shape = readonly Dim[];

/**
 * The dimension of which nothing is known, in imported graphs: it fits any other and is written to files without a name. A
 * name ("batch") says more: the same count wherever it stands.
 */
export const unknownDim = '?';

/** The shape of a value of which not even the number of axes is known, in imported graphs. */
export const unknownShape: Shape = ['...'];

/** Whether the number of axes is known. */
export function isRanked(shape: Shape): boolean {
  return shape[0] !== '...';
}

/** Whether two dimensions may be equal: they are the same, or one of them is unknown. */
export function dimsFit(a: Dim | undefined, b: Dim | undefined): boolean {
  return a === b || a === unknownDim || b === unknownDim;
}

/** `[2,batch,3]`, as error messages print it. */
export function formatShape(shape: Shape): string {
  return `[${shape.join(',')}]`;
}

/** Whether two shapes are the same, name by name and number by number. */
export function sameShape(a: Shape, b: Shape): boolean {
  return a.length === b.length && a.every((dim, axis) => dim === b[axis]);
}

/** Whether every dimension is a number. */
export function isStatic(shape: Shape): shape is readonly number[] {
  return shape.every((dim) => typeof dim === 'number');
}

/**
 * The shape as numbers.
 * @throws ShapeError if a dimension is symbolic; `subject` says who needed it.
 */
export function staticShape(shape: Shape, subject: string): readonly number[] {
  if (!isStatic(shape)) throw new ShapeError(`${subject}: needs a static shape, got ${formatShape(shape)}`);
  return shape;
}

/** The number of elements of a static shape; 1 for a scalar. */
export function numElements(shape: readonly number[]): number {
  return shape.reduce((product, dim) => product * dim, 1);
}

/**
 * `axis` counted from the front, for a value of `rank` axes; -1 is the last.
 * @throws RangeError outside [-rank, rank).
 */
export function normalizeAxis(axis: number, rank: number, subject: string): number {
  if (!Number.isInteger(axis) || axis < -rank || axis >= rank) {
    throw new RangeError(`${subject}: axis must be an integer in [${-rank}, ${rank}), got ${axis}`);
  }
  return axis < 0 ? axis + rank : axis;
}

/**
 * The common shape of operands under NumPy broadcasting: axes are matched from the last, and 1 stretches.
 * @throws ShapeError if two dimensions differ and neither is 1.
 */
export function broadcastShapes(subject: string, ...shapes: readonly Shape[]): Shape {
  if (!shapes.every(isRanked)) return unknownShape;
  const rank = Math.max(0, ...shapes.map((shape) => shape.length));
  const result: Dim[] = new Array<Dim>(rank).fill(1);
  for (const shape of shapes) {
    for (let i = 1; i <= shape.length; i++) {
      const dim = shape[shape.length - i] as Dim;
      const known = result[rank - i] as Dim;
      if (known === 1 || (known === unknownDim && dim !== 1)) result[rank - i] = dim;
      else if (dim !== 1 && !dimsFit(dim, known)) {
        throw new ShapeError(`${subject}: shapes must broadcast, got ${shapes.map(formatShape).join(' and ')}`);
      }
    }
  }
  return result;
}

/** Row-major strides of a static shape, in elements. */
export function stridesOf(shape: readonly number[]): number[] {
  const strides = new Array<number>(shape.length).fill(1);
  for (let axis = shape.length - 2; axis >= 0; axis--) strides[axis] = strides[axis + 1]! * shape[axis + 1]!;
  return strides;
}
