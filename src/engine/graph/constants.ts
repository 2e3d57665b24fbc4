/** @file Values that are known when a function is traced. */
import {
  type AnyTensor,
  type Dtype,
  DtypeError,
  dtypes,
  float16Bits,
  int64,
  isNumeric,
  Tensor,
} from '../core/index.ts';
import { Value } from './value.ts';

/** A value that is `tensor`; a `name` is kept in exported graphs, so that weights can be found again. */
export function constant(tensor: AnyTensor, name?: string): Value {
  return new Value(tensor, { kind: 'constant', tensor, ...(name === undefined ? {} : { name }) });
}

/**
 * A scalar `[]` of the given element type; bool from 0 or 1.
 * @throws RangeError if the type has no such number: 0.5 or 300 in a uint8, say. Floats round.
 * @throws DtypeError for text.
 */
export function constantScalar(value: number, dtype: Dtype = 'float32'): Value {
  if (dtype === 'float16') return constant(new Tensor(dtype, [], Uint16Array.of(float16Bits(value))));
  if (dtype === 'bfloat16') return constant(new Tensor(dtype, [], Uint16Array.of(bfloat16Bits(value))));
  if (!isNumeric(dtype)) throw new DtypeError(`constantScalar: ${value} is a number, and ${dtype} holds text`);
  if ((dtype === 'int64' || dtype === 'uint64') && Number.isSafeInteger(value)) {
    return constant(dtype === 'int64' ? int64([value], []) : new Tensor(dtype, [], BigUint64Array.of(BigInt(value))));
  }
  const data = new dtypes[dtype].array(1);
  if (data instanceof BigInt64Array || data instanceof BigUint64Array)
    throw new RangeError(`constantScalar: ${value} is not a whole number that ${dtype} can hold`);
  data[0] = value;
  if (!dtypes[dtype].isFloat && (data[0] !== value || (dtype === 'bool' && value > 1))) {
    throw new RangeError(`constantScalar: ${dtype} cannot hold ${value}; cast the other operand to a float type`);
  }
  return constant(new Tensor(dtype, [], data));
}

/** An `int64[n]` vector, as shape-like inputs of ops take it. */
export function constantInts(values: readonly number[]): Value {
  return constant(int64(values));
}

/** The tensor that a value is known to be, if it is a constant of numbers. */
export function constantOf(value: Value | undefined): Tensor | undefined {
  const tensor = value?.origin.kind === 'constant' ? value.origin.tensor : undefined;
  return tensor !== undefined && isNumeric(tensor.dtype) ? (tensor as Tensor) : undefined;
}

/** The whole numbers of a constant integer value; undefined if it is not a constant. */
export function constantIntsOf(value: Value | undefined): number[] | undefined {
  const tensor = constantOf(value);
  return tensor === undefined ? undefined : Array.from(tensor.data as ArrayLike<number | bigint>, Number);
}

/** The upper half of the float32 pattern, rounded to nearest, ties to even. */
function bfloat16Bits(value: number): number {
  const bits = new Uint32Array(Float32Array.of(value).buffer)[0]!;
  return Number.isNaN(value) ? 0x7fc0 : ((bits + 0x7fff + ((bits >>> 16) & 1)) >>> 16) & 0xffff;
}
