/**
 * @file Between real numbers and the 8- and 16-bit ones that stand for them: x ≈ (q - zero point) · scale. One scale for all, one for
 * each place along an axis, or one for each block of an axis.
 */
import {
  type Dim,
  type Dtype,
  DtypeError,
  dimsFit,
  formatShape,
  isRanked,
  normalizeAxis,
  type Shape,
  ShapeError,
} from '../../core/index.ts';
import { dtypeOfElemType, elemTypeOf } from '../elem-types.ts';
import {
  type Attributes,
  applyOp,
  applyOp1,
  type Domain,
  defineOp,
  int,
  intOf,
  Value,
  type ValueType,
} from '../value.ts';
import { convolutionOps } from './convolution.ts';
import { linearOps } from './linear.ts';
import { requireDtype, required, requireSameDtype } from './operand.ts';

type Inputs = readonly (Value | undefined)[];

const storedTypes: readonly Dtype[] = ['uint8', 'int8', 'uint16', 'int16'];

/** The value with its numbers read as reals: what the float form of an op would be given. */
export function asReal({ shape }: { readonly shape: Shape }): Value {
  return new Value({ dtype: 'float32', shape }, { kind: 'input', name: 'real' });
}

/** @throws ShapeError unless the scale and its zero point are one number. */
export function requireOneScale(
  opType: string,
  scale: Value,
  zeroPoint: Value | undefined,
  ...allowed: readonly Dtype[]
): void {
  requireDtype(opType, 'a scale', scale, 'float32', ...allowed);
  for (const value of [scale, zeroPoint]) {
    if (value === undefined || !isRanked(value.shape)) continue;
    if (value.rank > 1 || (value.rank === 1 && !dimsFit(value.shape[0], 1))) {
      throw new ShapeError(
        `${opType}: scales and zero points must be one number here, got ${formatShape(value.shape)}`,
      );
    }
  }
}

/** Holds a scale and its zero point to one number, a vector along `axis`, or blocks of it. */
function requireScale(opType: string, inputs: Inputs, attributes: Attributes): void {
  const [x, scale] = [required(opType, inputs, 0), required(opType, inputs, 1)];
  const zeroPoint = inputs[2];
  if (!isRanked(x.shape) || !isRanked(scale.shape)) return;
  if (zeroPoint && isRanked(zeroPoint.shape)) {
    const isOne = (value: Value) => value.rank === 0 || (value.rank === 1 && value.shape[0] === 1);
    const same = zeroPoint.rank === scale.rank && zeroPoint.shape.every((dim, axis) => dimsFit(dim, scale.shape[axis]));
    if (!same && !(isOne(zeroPoint) && isOne(scale))) {
      throw new ShapeError(`${opType}: the zero point must have the shape of the scale, got ${zeroPoint} and ${scale}`);
    }
  }
  const blockSize = intOf(attributes, 'block_size', 0);
  if (blockSize < 0) throw new RangeError(`${opType}: block_size must not be negative, got ${blockSize}`);
  if (blockSize === 0 && (scale.rank === 0 || (scale.rank === 1 && dimsFit(scale.shape[0], 1)))) return;
  const axis = normalizeAxis(intOf(attributes, 'axis', 1), x.rank, opType);
  const blocks = (dim: Dim): Dim => (typeof dim === 'number' ? Math.ceil(dim / blockSize) : dim);
  const wanted = blockSize === 0 ? [x.shape[axis]!] : x.shape.map((dim, a) => (a === axis ? blocks(dim) : dim));
  if (scale.rank !== wanted.length || !wanted.every((dim, a) => dimsFit(dim, scale.shape[a]))) {
    throw new ShapeError(
      `${opType}: the scale must be one number or ${formatShape(wanted)} for ${formatShape(x.shape)}, got ${formatShape(scale.shape)}`,
    );
  }
}

function quantizeInfer(opType: string) {
  return (inputs: Inputs, attributes: Attributes): ValueType[] => {
    const [x, scale] = [required(opType, inputs, 0), required(opType, inputs, 1)];
    requireDtype(opType, 'x', x, 'float32', 'float16', 'bfloat16');
    requireSameDtype(opType, x, scale);
    const named = dtypeOfElemType[intOf(attributes, 'output_dtype', 0)];
    const dtype = inputs[2]?.dtype ?? named ?? 'uint8';
    if (!storedTypes.includes(dtype) || (named !== undefined && named !== dtype)) {
      throw new DtypeError(`${opType}: quantizes to ${storedTypes.join(', ')}, as its zero point says, got ${dtype}`);
    }
    requireScale(opType, inputs, attributes);
    return [{ dtype, shape: x.shape }];
  };
}

function dequantizeInfer(opType: string) {
  return (inputs: Inputs, attributes: Attributes): ValueType[] => {
    const [x, scale] = [required(opType, inputs, 0), required(opType, inputs, 1)];
    requireDtype(opType, 'x', x, ...storedTypes, 'int32');
    requireDtype(opType, 'the scale', scale, 'float32', 'float16', 'bfloat16');
    requireSameDtype(opType, x, inputs[2]);
    requireScale(opType, inputs, attributes);
    return [{ dtype: scale.dtype, shape: x.shape }];
  };
}

const both = (domain: Domain) => ({
  quantize: { quantizes: true, ...defineOp('QuantizeLinear', quantizeInfer('QuantizeLinear'), domain) } as const,
  dequantize: defineOp('DequantizeLinear', dequantizeInfer('DequantizeLinear'), domain),
});
const [onnx, microsoft] = [both(''), both('com.microsoft')];

/** The scale of a product may be one number or one for each output: `[N]`. */
function requireWeightScale(
  opType: string,
  scale: Value,
  zeroPoint: Value | undefined,
  numOutputs: Dim | undefined,
  ...allowed: readonly Dtype[]
): void {
  const isOfOutputs = scale.rank === 1 && (numOutputs === undefined || dimsFit(scale.shape[0], numOutputs));
  if (!isRanked(scale.shape) || isOfOutputs) {
    requireDtype(opType, 'a scale', scale, 'float32', ...allowed);
    return;
  }
  requireOneScale(opType, scale, zeroPoint, ...allowed);
}

/** @throws DtypeError unless the operand is of an 8-bit type and agrees with its zero point and the others. */
export function requireBytes(opType: string, ...values: Inputs): void {
  for (const value of values) if (value) requireDtype(opType, 'quantized operands', value, 'uint8', 'int8');
  requireSameDtype(opType, ...values);
}

/** The op definitions that quantize, and the products of quantized operands that are ONNX's own. */
export const quantizeOps = {
  QuantizeLinear: onnx.quantize,
  DequantizeLinear: onnx.dequantize,
  'com.microsoft.QuantizeLinear': microsoft.quantize,
  'com.microsoft.DequantizeLinear': microsoft.dequantize,
  /** To uint8 by a scale and a zero point of its own choice, which are the second and third outputs. */
  DynamicQuantizeLinear: {
    quantizes: true,
    ...defineOp('DynamicQuantizeLinear', (inputs) => {
      const x = required('DynamicQuantizeLinear', inputs, 0);
      requireDtype('DynamicQuantizeLinear', 'x', x, 'float32');
      return [
        { dtype: 'uint8', shape: x.shape },
        { dtype: 'float32', shape: [] },
        { dtype: 'uint8', shape: [] },
      ];
    }),
  },
  QLinearMatMul: {
    quantizes: true,
    ...defineOp('QLinearMatMul', (inputs) => {
      const opType = 'QLinearMatMul';
      const [a, aScale, aZero, b, bScale, bZero, yScale, yZero] = Array.from({ length: 8 }, (_, i) =>
        required(opType, inputs, i),
      ) as [Value, Value, Value, Value, Value, Value, Value, Value];
      requireBytes(opType, a, aZero, yZero);
      requireBytes(opType, b, bZero);
      if (a.dtype === 'int8') requireSameDtype(opType, a, b);
      const [type] = linearOps.MatMul.infer([asReal(a), asReal(b)], {});
      requireSameDtype(opType, aScale, bScale, yScale);
      requireOneScale(opType, aScale, aZero, 'float16', 'bfloat16');
      requireWeightScale(opType, bScale, bZero, isRanked(b.shape) ? b.shape.at(-1) : undefined, 'float16', 'bfloat16');
      requireOneScale(opType, yScale, yZero, 'float16', 'bfloat16');
      return [{ dtype: a.dtype, shape: type!.shape }];
    }),
  },
  QLinearConv: {
    quantizes: true,
    ...defineOp('QLinearConv', (inputs, attributes) => {
      const opType = 'QLinearConv';
      const [x, xScale, xZero, w, wScale, wZero, yScale, yZero] = Array.from({ length: 8 }, (_, i) =>
        required(opType, inputs, i),
      ) as [Value, Value, Value, Value, Value, Value, Value, Value];
      requireBytes(opType, x, xZero, yZero);
      requireBytes(opType, w, wZero);
      if (x.dtype === 'int8') requireSameDtype(opType, x, w);
      if (inputs[8]) requireDtype(opType, 'the bias', inputs[8], 'int32');
      const operands = [x, w, inputs[8]].map((value) => value && asReal(value));
      const [type] = convolutionOps.Conv.infer(operands, attributes);
      requireOneScale(opType, xScale, xZero);
      requireWeightScale(opType, wScale, wZero, isRanked(w.shape) ? w.shape[0] : undefined);
      requireOneScale(opType, yScale, yZero);
      return [{ dtype: x.dtype, shape: type!.shape }];
    }),
  },
} as const;

/** Where scales lie. */
export interface QuantizeOptions {
  /** The axis that a vector of scales, or blocks, run along; 1 if absent. */
  readonly axis?: number;
  /** How many elements of the axis share a scale. */
  readonly blockSize?: number;
}

const scaleAttributes = (options: QuantizeOptions): Attributes => ({
  axis: int(options.axis ?? 1),
  ...(options.blockSize === undefined ? {} : { block_size: int(options.blockSize) }),
});

/**
 * x / scale, rounded half to even, plus the zero point, kept within the type of the zero point (or `dtype`; uint8 if neither says).
 * Derivatives pass straight through where the result is within the type's range (arXiv:1308.3432), and reach the scale as LSQ does
 * (arXiv:1902.08153) once dequantized.
 * @param scale `[]`, `[N]` along the axis, or one for each block of it.
 */
export function quantizeLinear(
  x: Value,
  scale: Value,
  zeroPoint?: Value,
  options: QuantizeOptions & { readonly dtype?: 'uint8' | 'int8' | 'uint16' | 'int16' } = {},
): Value {
  return applyOp1(quantizeOps.QuantizeLinear, [x, scale, zeroPoint], {
    ...scaleAttributes(options),
    ...(options.dtype === undefined ? {} : { output_dtype: int(elemTypeOf[options.dtype]) }),
  });
}

/** (x - zero point) · scale, in the type of the scale. */
export function dequantizeLinear(x: Value, scale: Value, zeroPoint?: Value, options: QuantizeOptions = {}): Value {
  return applyOp1(quantizeOps.DequantizeLinear, [x, scale, zeroPoint], scaleAttributes(options));
}

/** x as uint8 over the range of its elements and 0, with the scale and zero point that were chosen. */
export function dynamicQuantizeLinear(x: Value): { y: Value; scale: Value; zeroPoint: Value } {
  const [y, scale, zeroPoint] = applyOp(quantizeOps.DynamicQuantizeLinear, [x]);
  return { y: y!, scale: scale!, zeroPoint: zeroPoint! };
}
