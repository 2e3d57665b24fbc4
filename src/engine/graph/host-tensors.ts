/** @file Small tensors on the host, as folding works on them: made, broadcast and indexed element by element. */
import { type AnyTensor, type Dtype, dtypes, isNumeric, numElements, stridesOf, Tensor } from '../core/index.ts';

/** An element, as typed arrays give it. */
export type Element = number | bigint | string;

/** A tensor whose element at each row-major position is `at(position)`. */
export function tabulate(dtype: Dtype, shape: readonly number[], at: (position: number) => Element): AnyTensor {
  const data = new dtypes[dtype].array(numElements(shape)) as Element[];
  for (let i = 0; i < data.length; i++) data[i] = at(i);
  return new Tensor(dtype, shape, data as never);
}

/** The elements, whatever holds them. */
export function elementsOfTensor(tensor: AnyTensor): ArrayLike<Element> {
  return tensor.data as unknown as ArrayLike<Element>;
}

/** The elements as numbers. */
export function numbersOf(tensor: AnyTensor): number[] {
  return Array.from(elementsOfTensor(tensor), Number);
}

/** The same elements under another shape. */
export function underShape(tensor: AnyTensor, shape: readonly number[]): AnyTensor {
  return new Tensor(tensor.dtype, shape, tensor.data);
}

/** Element type whose arithmetic the host does as the runtime does: 16-bit floats and text are not. */
export function isArithmetic(dtype: Dtype): boolean {
  return isNumeric(dtype) && dtype !== 'float16' && dtype !== 'bfloat16';
}

/** The coordinates of a row-major position. */
export function coordinatesOf(position: number, shape: readonly number[]): number[] {
  const coordinates = new Array<number>(shape.length);
  let rest = position;
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    coordinates[axis] = rest % shape[axis]!;
    rest = Math.floor(rest / shape[axis]!);
  }
  return coordinates;
}

/** The row-major position of coordinates. */
function positionOf(coordinates: readonly number[], shape: readonly number[]): number {
  const strides = stridesOf(shape);
  return coordinates.reduce((sum, coordinate, axis) => sum + coordinate * strides[axis]!, 0);
}

/** Where an operand of shape `from` has the element that broadcasting to `to` puts at each position. */
export function broadcastPosition(from: readonly number[], to: readonly number[]): (position: number) => number {
  const lead = to.length - from.length;
  return (position) => {
    const coordinates = coordinatesOf(position, to).slice(lead);
    return positionOf(
      coordinates.map((coordinate, axis) => (from[axis] === 1 ? 0 : coordinate)),
      from,
    );
  };
}

/** The elements of `tensor` picked for every position of `shape`; `from` gives the coordinates in the tensor. */
export function pick(
  tensor: AnyTensor,
  shape: readonly number[],
  from: (coordinates: readonly number[]) => readonly number[],
): AnyTensor {
  const data = elementsOfTensor(tensor);
  return tabulate(tensor.dtype, shape, (i) => data[positionOf(from(coordinatesOf(i, shape)), tensor.shape)]!);
}
