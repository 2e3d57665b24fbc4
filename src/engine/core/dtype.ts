/** @file Element types of tensors, under ONNX's names, and how each lies in host memory. */

/** How an element type is stored on the host: the 16-bit floats as their bits, bool as 0 or 1 in a byte, text as an array of strings. */
export interface HostArrays {
  float32: Float32Array;
  float64: Float64Array;
  float16: Uint16Array;
  bfloat16: Uint16Array;
  int64: BigInt64Array;
  int32: Int32Array;
  int16: Int16Array;
  int8: Int8Array;
  uint64: BigUint64Array;
  uint32: Uint32Array;
  uint16: Uint16Array;
  uint8: Uint8Array;
  bool: Uint8Array;
  string: string[];
}

/** An element type, in ONNX's words. */
export type Dtype = keyof HostArrays;

/** The element types of numbers and truth values: all but text. */
export type NumericDtype = Exclude<Dtype, 'string'>;

/** Any typed array that can hold the elements of a numeric tensor. */
export type HostArray = HostArrays[NumericDtype];

type HostArrayConstructor<D extends Dtype> = {
  new (length: number): HostArrays[D];
  new (buffer: ArrayBufferLike, byteOffset: number, length: number): HostArrays[D];
  readonly BYTES_PER_ELEMENT: number;
  readonly name: string;
};

/** An array of strings, made empty: text has no bytes to look at. */
const stringArray = Array as unknown as HostArrayConstructor<'string'>;

/** What each element type is: its array class, its size in bytes (0 for text), and whether gradients flow through it. */
export const dtypes: { readonly [D in Dtype]: { array: HostArrayConstructor<D>; bytes: number; isFloat: boolean } } = {
  float32: { array: Float32Array, bytes: 4, isFloat: true },
  float64: { array: Float64Array, bytes: 8, isFloat: true },
  float16: { array: Uint16Array, bytes: 2, isFloat: true },
  bfloat16: { array: Uint16Array, bytes: 2, isFloat: true },
  int64: { array: BigInt64Array, bytes: 8, isFloat: false },
  int32: { array: Int32Array, bytes: 4, isFloat: false },
  int16: { array: Int16Array, bytes: 2, isFloat: false },
  int8: { array: Int8Array, bytes: 1, isFloat: false },
  uint64: { array: BigUint64Array, bytes: 8, isFloat: false },
  uint32: { array: Uint32Array, bytes: 4, isFloat: false },
  uint16: { array: Uint16Array, bytes: 2, isFloat: false },
  uint8: { array: Uint8Array, bytes: 1, isFloat: false },
  bool: { array: Uint8Array, bytes: 1, isFloat: false },
  string: { array: stringArray, bytes: 0, isFloat: false },
};

/** Whether `name` is the name of an element type. */
export function isDtype(name: string): name is Dtype {
  return Object.hasOwn(dtypes, name);
}

/** Whether the elements are numbers or truth values, whose bytes can be read and written. */
export function isNumeric(dtype: Dtype): dtype is NumericDtype {
  return dtype !== 'string';
}
