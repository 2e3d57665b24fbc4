/** @file Values that are known when a function is traced. */
import { type Dtype, DtypeError, dtypes, int64, Tensor } from '../core/index.ts';
import { Value } from './value.ts';

/** A value that is `tensor`; a `name` is kept in exported graphs, so that weights can be found again. */
export function constant(tensor: Tensor, name?: string): Value {
  return new Value(tensor, { kind: 'constant', tensor, ...(name === undefined ? {} : { name }) });
}

/** A scalar `[]` of the given element type. @throws DtypeError for float16, which is made by a cast. */
export function constantScalar(value: number, dtype: Dtype = 'float32'): Value {
  if (dtype === 'float16') throw new DtypeError('constantScalar: make a float32 scalar and cast it to float16');
  if (dtype === 'int64') return constant(int64([value], []));
  const data = new dtypes[dtype].array(1);
  (data as Float32Array)[0] = value;
  return constant(new Tensor(dtype, [], data));
}

/** An `int64[n]` vector, as shape-like inputs of ops take it. */
export function constantInts(values: readonly number[]): Value {
  return constant(int64(values));
}

/** The tensor that a value is known to be, if it is a constant. */
export function constantOf(value: Value | undefined): Tensor | undefined {
  return value?.origin.kind === 'constant' ? value.origin.tensor : undefined;
}

/** The whole numbers of a constant integer value; undefined if it is not a constant. */
export function constantIntsOf(value: Value | undefined): number[] | undefined {
  const tensor = constantOf(value);
  return tensor === undefined ? undefined : Array.from(tensor.data as ArrayLike<number | bigint>, Number);
}
