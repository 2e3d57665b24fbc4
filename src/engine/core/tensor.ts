/** @file Tensors in host memory: an element type, a shape, and a row-major typed array. */
import { type Dtype, dtypes, type HostArrays, isNumeric, type NumericDtype } from './dtype.ts';
import { DtypeError, ShapeError } from './errors.ts';
import { formatShape, numElements } from './shape.ts';

/** Values in host memory, row-major. The array is shared, not copied: whoever writes to it changes the tensor. */
export class Tensor<D extends Dtype = NumericDtype> {
  readonly dtype: D;
  readonly shape: readonly number[];
  readonly data: HostArrays[D];

  /**
   * @throws ShapeError if `data` does not hold exactly the elements of `shape`.
   * @throws DtypeError if it is not the kind of array that `dtypes` names for the element type.
   */
  constructor(dtype: D, shape: readonly number[], data: HostArrays[D]) {
    if (shape.some((dim) => !Number.isInteger(dim) || dim < 0)) {
      throw new ShapeError(`Tensor: dimensions must be non-negative integers, got ${formatShape(shape)}`);
    }
    if (data.length !== numElements(shape)) {
      throw new ShapeError(`Tensor: ${formatShape(shape)} needs ${numElements(shape)} elements, got ${data.length}`);
    }
    // Another view of the same 16 bits (Float16Array where the platform has it) is not taken: half of our code would misread it.
    if (!(data instanceof dtypes[dtype].array)) {
      throw new DtypeError(
        `Tensor: ${dtype} lies in a ${dtypes[dtype].array.name}, got a ${(data as object).constructor.name}`,
      );
    }
    this.dtype = dtype;
    this.shape = shape;
    this.data = data;
  }
}

/** A tensor of any element type, text included. */
export type AnyTensor = Tensor<Dtype>;

/** A tensor of zeros (or `false`, or empty texts). */
export function zeros<D extends Dtype = 'float32'>(shape: readonly number[], dtype?: D): Tensor<D> {
  const type = (dtype ?? 'float32') as D;
  const data = new dtypes[type].array(numElements(shape));
  if (!isNumeric(type)) (data as string[]).fill('');
  return new Tensor(type, shape, data);
}

/** A tensor with every element equal to `value`. */
export function full<D extends Exclude<NumericDtype, 'int64' | 'uint64' | 'float16' | 'bfloat16'> = 'float32'>(
  shape: readonly number[],
  value: number,
  dtype?: D,
): Tensor<D> {
  const tensor = zeros(shape, (dtype ?? 'float32') as D);
  (tensor.data as Float32Array).fill(value);
  return tensor;
}

/** A float32 tensor over `values`; without a shape, a vector. */
export function float32(values: ArrayLike<number>, shape: readonly number[] = [values.length]): Tensor<'float32'> {
  return new Tensor('float32', shape, values instanceof Float32Array ? values : Float32Array.from(values));
}

/** An int64 tensor over whole numbers; without a shape, a vector. */
export function int64(values: ArrayLike<number>, shape: readonly number[] = [values.length]): Tensor<'int64'> {
  return new Tensor('int64', shape, BigInt64Array.from(Array.from(values), BigInt));
}

/** A scalar of shape `[]`. */
export function scalar(value: number, dtype: 'float32' | 'float64' | 'int32' | 'int64' = 'float32'): Tensor {
  if (dtype === 'int64') return int64([value], []);
  return full([], value, dtype);
}

/** The same elements under another shape, without a copy. */
export function reshaped<D extends Dtype>(tensor: Tensor<D>, shape: readonly number[]): Tensor<D> {
  return new Tensor(tensor.dtype, shape, tensor.data);
}

/** The elements as a Float32Array, for code that only takes float32. @throws DtypeError otherwise. */
export function float32Data(tensor: Tensor, subject: string): Float32Array {
  if (tensor.dtype !== 'float32') throw new DtypeError(`${subject}: needs float32, got ${tensor.dtype}`);
  return tensor.data as Float32Array;
}

/** The raw bytes of the elements, little-endian, shared with the tensor. */
export function bytesOf(tensor: Tensor): Uint8Array {
  return new Uint8Array(tensor.data.buffer, tensor.data.byteOffset, tensor.data.byteLength);
}

/**
 * A tensor over a copy of little-endian bytes.
 * @throws ShapeError if the bytes are not exactly the elements of `shape`.
 */
export function tensorFromBytes<D extends NumericDtype>(
  dtype: D,
  shape: readonly number[],
  bytes: Uint8Array,
): Tensor<D> {
  const expected = numElements(shape) * dtypes[dtype].bytes;
  if (bytes.byteLength !== expected) {
    throw new ShapeError(
      `tensorFromBytes: ${dtype}${formatShape(shape)} needs ${expected} bytes, got ${bytes.byteLength}`,
    );
  }
  const copy = new Uint8Array(bytes);
  return new Tensor(dtype, shape, new dtypes[dtype].array(copy.buffer, 0, numElements(shape)));
}
