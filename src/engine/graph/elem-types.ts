/** @file The numbers that stand for element types in ONNX files and in attributes such as Cast's `to` (`TensorProto.DataType`). */
import type { Dtype } from '../core/index.ts';

/** The element type by its number; those that are not listed (complex, 8-bit and 4-bit floats, 4-bit integers) are not Sensorium's. */
export const dtypeOfElemType: Readonly<Record<number, Dtype>> = {
  1: 'float32',
  2: 'uint8',
  3: 'int8',
  4: 'uint16',
  5: 'int16',
  6: 'int32',
  7: 'int64',
  8: 'string',
  9: 'bool',
  10: 'float16',
  11: 'float64',
  12: 'uint32',
  13: 'uint64',
  16: 'bfloat16',
};

/** The number by element type. */
export const elemTypeOf = Object.fromEntries(
  Object.entries(dtypeOfElemType).map(([elemType, dtype]) => [dtype, Number(elemType)]),
) as Readonly<Record<Dtype, number>>;
