/** @file Types of values as inference puts them together: another shape, something around, what two types have in common. */
import { type Dim, DtypeError, dimsFit, isRanked, type Shape, unknownDim, unknownShape } from '../../core/index.ts';
import { knownDims } from '../known-dims.ts';
import type { Container, Value, ValueType } from '../value.ts';

/** A value's type without the value. */
export function typeOf({ dtype, shape, containers }: ValueType): ValueType {
  return containers === undefined ? { dtype, shape } : { dtype, shape, containers };
}

/** The element type and containers of `type` with another shape. */
export function withShape(type: ValueType, shape: Shape): ValueType {
  return { ...typeOf(type), shape };
}

/** A type inside one more container. */
export function inside(container: Container, type: ValueType): ValueType {
  return { dtype: type.dtype, shape: type.shape, containers: [container, ...(type.containers ?? [])] };
}

/** A type without its outermost container. */
export function unwrapped({ dtype, shape, containers }: ValueType): ValueType {
  const [, ...inner] = containers ?? [];
  return inner.length === 0 ? { dtype, shape } : { dtype, shape, containers: inner };
}

/** As many dimensions, nothing known of any. */
export function unknownDims(rank: number): Shape {
  return new Array<Dim>(rank).fill(unknownDim);
}

/** What two shapes agree on. */
export function commonShape(a: Shape, b: Shape): Shape {
  if (!isRanked(a) || !isRanked(b) || a.length !== b.length) return unknownShape;
  return a.map((dim, axis) => (dim === b[axis] ? dim : unknownDim));
}

/** What two types agree on. @throws DtypeError if they differ in element type or in what surrounds the tensor. */
export function commonType(subject: string, a: ValueType, b: ValueType): ValueType {
  if (a.dtype !== b.dtype || (a.containers ?? []).join() !== (b.containers ?? []).join()) {
    const text = ({ dtype, containers }: ValueType) => [...(containers ?? []), dtype].join(' of ');
    throw new DtypeError(`${subject}: needs one element type, got ${text(a)} and ${text(b)}`);
  }
  return withShape(a, commonShape(a.shape, b.shape));
}

/** Two shapes that are the same one: what either knows; undefined where they contradict each other. */
export function mergedShape(a: Shape, b: Shape): Shape | undefined {
  if (!isRanked(a)) return b;
  if (!isRanked(b)) return a;
  if (a.length !== b.length || !a.every((dim, axis) => dimsFit(dim, b[axis]))) return undefined;
  return a.map((dim, axis) => (dim === unknownDim ? b[axis]! : dim));
}

/** The numbers that a vector or scalar is known to hold; undefined if one of them is not known. */
export function knownInts(value: Value | undefined): readonly number[] | undefined {
  const dims = value && knownDims(value);
  return dims?.every((dim) => typeof dim === 'number') ? dims : undefined;
}
