/** @file What op constructors share: numbers as operands, and the checks that many ops make. */
import { type Dtype, DtypeError, dtypes, formatShape, ShapeError } from '../../core/index.ts';
import { constantScalar } from '../constants.ts';
import { Value } from '../value.ts';

/** A value, or a number that stands for a scalar constant of the other operand's element type. */
export type Operand = Value | number;

/** Both operands as values. @throws TypeError if both are plain numbers: there is nothing to trace. */
export function operands(opType: string, a: Operand, b: Operand): [Value, Value] {
  if (a instanceof Value) return [a, b instanceof Value ? b : constantScalar(b, a.dtype)];
  if (b instanceof Value) return [constantScalar(a, b.dtype), b];
  throw new TypeError(`${opType}: at least one operand must be a Value, got the numbers ${a} and ${b}`);
}

/** The input at `index`. @throws TypeError if it is absent. */
export function required(opType: string, inputs: readonly (Value | undefined)[], index: number): Value {
  const value = inputs[index];
  if (value === undefined) throw new TypeError(`${opType}: input ${index} is missing`);
  return value;
}

/** @throws DtypeError unless every present value has the same element type. */
export function requireSameDtype(opType: string, ...values: readonly (Value | undefined)[]): void {
  const present = values.filter((value) => value !== undefined);
  if (present.some((value) => value.dtype !== present[0]!.dtype)) {
    throw new DtypeError(
      `${opType}: operands must have one element type, got ${present.join(' and ')}; cast one of them`,
    );
  }
}

/** @throws DtypeError unless the value is a float. */
export function requireFloat(opType: string, value: Value): void {
  if (!dtypes[value.dtype].isFloat) throw new DtypeError(`${opType}: needs a float type, got ${value}`);
}

/** @throws DtypeError unless the value has one of the element types. */
export function requireDtype(opType: string, what: string, value: Value, ...allowed: readonly Dtype[]): void {
  if (!allowed.includes(value.dtype)) {
    throw new DtypeError(`${opType}: ${what} must be ${allowed.join(' or ')}, got ${value}`);
  }
}

/** @throws ShapeError unless the value has `rank` axes. */
export function requireRank(opType: string, what: string, value: Value, rank: number): void {
  if (value.rank !== rank) {
    throw new ShapeError(`${opType}: ${what} must have ${rank} axes, got ${formatShape(value.shape)}`);
  }
}
