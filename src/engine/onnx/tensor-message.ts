/**
 * @file `TensorProto` and `SparseTensorProto` -> tensors. Nothing is allocated before the bytes for it have been seen; raw data
 * stays where it lies in the file if its address suits the element type, and is copied otherwise.
 */
import {
  type AnyTensor,
  type Dtype,
  DtypeError,
  dtypes,
  FormatError,
  formatShape,
  isNumeric,
  type NumericDtype,
  Tensor,
  UnsupportedOpError,
  zeros,
} from '../core/index.ts';
import { dtypeOfElemType } from '../graph/index.ts';
import type { FieldReader } from './wire.ts';

/** Gives the bytes of a file that a model keeps tensors in, by its name in the model. */
export type ExternalData = (location: string) => Uint8Array;

/** Element types of ONNX that Sensorium has no tensors of. */
const foreignTypes: Readonly<Record<number, string>> = {
  14: 'complex64',
  15: 'complex128',
  17: 'float8e4m3fn',
  18: 'float8e4m3fnuz',
  19: 'float8e5m2',
  20: 'float8e5m2fnuz',
  21: 'uint4',
  22: 'int4',
  23: 'float4e2m1',
  24: 'float8e8m0',
  25: 'uint2',
  26: 'int2',
};

/** The largest dense tensor that a sparse one is unfolded to, in elements. */
const largestDense = 2 ** 20;

/**
 * The element type with a number of `TensorProto.DataType`.
 * @throws DtypeError if Sensorium has no such tensors; FormatError if ONNX has no such number.
 */
export function dtypeNumbered(elemType: number, place: string): Dtype {
  const dtype = dtypeOfElemType[elemType];
  if (dtype !== undefined) return dtype;
  const foreign = foreignTypes[elemType];
  if (foreign !== undefined) throw new DtypeError(`importOnnx: ${place}: Sensorium has no tensors of ${foreign}`);
  throw new FormatError(`importOnnx: ${place}: there is no element type ${elemType}`);
}

interface Fields {
  readonly dims: bigint[];
  readonly floats: number[];
  readonly int32s: bigint[];
  readonly strings: string[];
  readonly int64s: bigint[];
  readonly doubles: number[];
  readonly uint64s: bigint[];
  readonly external: Map<string, string>;
  elemType: number;
  name: string;
  raw?: Uint8Array;
  isExternal: boolean;
}

/** Reads a `TensorProto`. @param place how errors name it, until its own name is known. */
export function readTensor(reader: FieldReader, externalData?: ExternalData): { name: string; tensor: AnyTensor } {
  const fields = readFields(reader);
  const place = fields.name === '' ? reader.place : `${reader.place} "${fields.name}"`;
  const dtype = dtypeNumbered(fields.elemType, place);
  const shape = dimsOf(fields.dims, place);
  const length = shape.reduce((product, dim) => product * dim, 1);
  if (fields.isExternal) {
    const raw = externalBytes(fields.external, length, dtype, externalData, place);
    return { name: fields.name, tensor: fromRaw(dtype, shape, length, raw, place) };
  }
  if (fields.raw !== undefined) return { name: fields.name, tensor: fromRaw(dtype, shape, length, fields.raw, place) };
  return { name: fields.name, tensor: fromTyped(dtype, shape, length, fields, place) };
}

function readFields(reader: FieldReader): Fields {
  const fields: Fields = {
    dims: [],
    floats: [],
    int32s: [],
    strings: [],
    int64s: [],
    doubles: [],
    uint64s: [],
    external: new Map(),
    elemType: 0,
    name: '',
    isExternal: false,
  };
  while (reader.next()) {
    if (reader.field === 1) reader.bigints(fields.dims);
    else if (reader.field === 2) fields.elemType = reader.int();
    else if (reader.field === 3) throw new FormatError(`importOnnx: ${reader.place}: tensors in segments are not read`);
    else if (reader.field === 4) reader.floats(fields.floats);
    else if (reader.field === 5) reader.bigints(fields.int32s);
    else if (reader.field === 6) fields.strings.push(reader.string());
    else if (reader.field === 7) reader.bigints(fields.int64s);
    else if (reader.field === 8) fields.name = reader.string();
    else if (reader.field === 9) fields.raw = reader.bytes();
    else if (reader.field === 10) reader.doubles(fields.doubles);
    else if (reader.field === 11) reader.bigints(fields.uint64s);
    else if (reader.field === 13) fields.external.set(...readEntry(reader.message('external data')));
    else if (reader.field === 14) fields.isExternal = reader.int() === 1;
    else reader.skip();
  }
  return fields;
}

/** A `StringStringEntryProto`. */
export function readEntry(reader: FieldReader): [key: string, value: string] {
  let [key, value] = ['', ''];
  while (reader.next()) {
    if (reader.field === 1) key = reader.string();
    else if (reader.field === 2) value = reader.string();
    else reader.skip();
  }
  return [key, value];
}

function dimsOf(dims: readonly bigint[], place: string): number[] {
  return dims.map((dim) => {
    if (dim < 0n || dim > BigInt(Number.MAX_SAFE_INTEGER)) {
      throw new FormatError(`importOnnx: ${place}: dimensions must be counts, got [${dims.join(',')}]`);
    }
    return Number(dim);
  });
}

function mismatch(place: string, dtype: Dtype, shape: readonly number[], needed: string, came: string): FormatError {
  return new FormatError(`importOnnx: ${place}: ${dtype}${formatShape(shape)} needs ${needed}, got ${came}`);
}

function fromRaw(dtype: Dtype, shape: readonly number[], length: number, raw: Uint8Array, place: string): AnyTensor {
  if (!isNumeric(dtype)) throw new FormatError(`importOnnx: ${place}: text cannot lie in raw data`);
  const { array, bytes } = dtypes[dtype];
  if (raw.byteLength !== length * bytes) {
    throw mismatch(place, dtype, shape, `${length * bytes} bytes`, `${raw.byteLength}`);
  }
  const aligned = raw.byteOffset % bytes === 0 ? raw : raw.slice();
  return new Tensor<NumericDtype>(dtype, shape, new array(aligned.buffer, aligned.byteOffset, length));
}

/** Which typed field holds the elements of a type. Types of 16 bits and less lie in `int32_data`, as their bits. */
const typedFields: {
  readonly [D in Dtype]: keyof Pick<Fields, 'floats' | 'int32s' | 'strings' | 'int64s' | 'doubles' | 'uint64s'>;
} = {
  float32: 'floats',
  float64: 'doubles',
  float16: 'int32s',
  bfloat16: 'int32s',
  int64: 'int64s',
  int32: 'int32s',
  int16: 'int32s',
  int8: 'int32s',
  uint64: 'uint64s',
  uint32: 'uint64s',
  uint16: 'int32s',
  uint8: 'int32s',
  bool: 'int32s',
  string: 'strings',
};

function fromTyped(dtype: Dtype, shape: readonly number[], length: number, fields: Fields, place: string): AnyTensor {
  const items = fields[typedFields[dtype]];
  if (items.length !== length) throw mismatch(place, dtype, shape, `${length} elements`, `${items.length}`);
  if (dtype === 'string') return new Tensor(dtype, shape, [...fields.strings]);
  if (dtype === 'int64') return new Tensor(dtype, shape, BigInt64Array.from(fields.int64s));
  if (dtype === 'uint64') return new Tensor(dtype, shape, BigUint64Array.from(fields.uint64s));
  const tensor = zeros<NumericDtype>(shape, dtype);
  for (let i = 0; i < length; i++) (tensor.data as Float64Array)[i] = Number(items[i]);
  return tensor;
}

function externalBytes(
  entries: ReadonlyMap<string, string>,
  length: number,
  dtype: Dtype,
  externalData: ExternalData | undefined,
  place: string,
): Uint8Array {
  const location = entries.get('location');
  if (location === undefined)
    throw new FormatError(`importOnnx: ${place}: its data is outside the file, nobody says where`);
  if (externalData === undefined) {
    throw new FormatError(
      `importOnnx: ${place}: its data is in the file ${JSON.stringify(location)}; load the model by its path, or give externalData`,
    );
  }
  const file = externalData(location);
  const count = (key: string, fallback: number): number => {
    const text = entries.get(key);
    if (text === undefined) return fallback;
    const value = /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN;
    if (Number.isNaN(value)) {
      throw new FormatError(
        `importOnnx: ${place}: the ${key} of its data must be a count of bytes, got ${JSON.stringify(text)}`,
      );
    }
    return value;
  };
  const offset = count('offset', 0);
  const size = count('length', length * dtypes[dtype].bytes);
  if (offset + size > file.byteLength) {
    throw new FormatError(
      `importOnnx: ${place}: its data is bytes ${offset} to ${offset + size} of ${JSON.stringify(location)}, which has ${file.byteLength}`,
    );
  }
  return file.subarray(offset, offset + size);
}

/**
 * Reads a `SparseTensorProto` as a dense tensor.
 * @throws UnsupportedOpError if it would be large.
 */
export function readSparseTensor(
  reader: FieldReader,
  externalData?: ExternalData,
): { name: string; tensor: AnyTensor } {
  const { place } = reader;
  let values: { name: string; tensor: AnyTensor } | undefined;
  let indices: AnyTensor | undefined;
  const dims: bigint[] = [];
  while (reader.next()) {
    if (reader.field === 1) values = readTensor(reader.message('values'), externalData);
    else if (reader.field === 2) indices = readTensor(reader.message('indices'), externalData).tensor;
    else if (reader.field === 3) reader.bigints(dims);
    else reader.skip();
  }
  const shape = dimsOf(dims, place);
  const length = shape.reduce((product, dim) => product * dim, 1);
  if (values === undefined || indices?.dtype !== 'int64' || values.tensor.shape.length !== 1) {
    throw new FormatError(`importOnnx: ${place}: a sparse tensor needs a list of values and int64 indices`);
  }
  if (length > largestDense) {
    throw new UnsupportedOpError(
      `importOnnx: ${place}: sparse tensors are made dense, up to ${largestDense} elements, got ${formatShape(shape)}`,
    );
  }
  const count = values.tensor.data.length;
  const isLinear = indices.shape.length === 1 && indices.shape[0] === count;
  const isCoordinates = indices.shape.length === 2 && indices.shape[0] === count && indices.shape[1] === shape.length;
  if (!isLinear && !isCoordinates) {
    throw new FormatError(
      `importOnnx: ${place}: indices must be [${count}] or [${count},${shape.length}], got ${formatShape(indices.shape)}`,
    );
  }
  const dense = zeros<Dtype>(shape, values.tensor.dtype);
  const at = Array.from(indices.data as BigInt64Array, Number);
  for (let i = 0; i < count; i++) {
    const coordinates = isLinear ? [] : at.slice(i * shape.length, (i + 1) * shape.length);
    const outside = coordinates.some((index, axis) => index < 0 || index >= shape[axis]!);
    const position = isLinear ? at[i]! : coordinates.reduce((sum, index, axis) => sum * shape[axis]! + index, 0);
    if (outside || position < 0 || position >= length) {
      throw new FormatError(`importOnnx: ${place}: an index points outside ${formatShape(shape)}`);
    }
    (dense.data as unknown[])[position] = values.tensor.data[i];
  }
  return { name: values.name, tensor: dense };
}
