/** @file Element types of tensors, under ONNX's names, and how each lies in host memory. */

/** How an element type is stored on the host: float16 as its 16 bits, bool as 0 or 1 in a byte. */
export interface HostArrays {
  float32: Float32Array;
  float64: Float64Array;
  float16: Uint16Array;
  int64: BigInt64Array;
  int32: Int32Array;
  uint8: Uint8Array;
  int8: Int8Array;
  bool: Uint8Array;
}

/** An element type, in ONNX's words. */
export type Dtype = keyof HostArrays;

/** Any typed array that can hold the elements of a tensor. */
export type HostArray = HostArrays[Dtype];

type HostArrayConstructor<D extends Dtype> = {
  new (length: number): HostArrays[D];
  new (buffer: ArrayBufferLike, byteOffset: number, length: number): HostArrays[D];
  readonly BYTES_PER_ELEMENT: number;
  readonly name: string;
};

/** What each element type is: its array class, its size in bytes, and whether gradients flow through it. */
export const dtypes: { readonly [D in Dtype]: { array: HostArrayConstructor<D>; bytes: number; isFloat: boolean } } = {
  float32: { array: Float32Array, bytes: 4, isFloat: true },
  float64: { array: Float64Array, bytes: 8, isFloat: true },
  float16: { array: Uint16Array, bytes: 2, isFloat: true },
  int64: { array: BigInt64Array, bytes: 8, isFloat: false },
  int32: { array: Int32Array, bytes: 4, isFloat: false },
  uint8: { array: Uint8Array, bytes: 1, isFloat: false },
  int8: { array: Int8Array, bytes: 1, isFloat: false },
  bool: { array: Uint8Array, bytes: 1, isFloat: false },
};

/** Whether `name` is the name of an element type. */
export function isDtype(name: string): name is Dtype {
  return Object.hasOwn(dtypes, name);
}
