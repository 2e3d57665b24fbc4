/** @file The sets of element types that ONNX names in the signatures of its ops. */
import type { Dtype } from '../../core/index.ts';

/** Floating-point numbers. */
export const floats: readonly Dtype[] = ['float32', 'float64', 'float16', 'bfloat16'];
/** Whole numbers of every size. */
export const integers: readonly Dtype[] = ['int64', 'int32', 'int16', 'int8', 'uint64', 'uint32', 'uint16', 'uint8'];
/** Numbers of every kind. */
export const numbers: readonly Dtype[] = [...floats, ...integers];
/** The numbers that sums and products are taken of. */
export const summable: readonly Dtype[] = [...floats, 'int64', 'int32', 'uint64', 'uint32'];
/** Numbers that may be negative. */
export const signed: readonly Dtype[] = [...floats, 'int64', 'int32', 'int16', 'int8'];
/** Whole numbers that are used as positions. */
export const indexTypes: readonly Dtype[] = ['int64', 'int32'];
