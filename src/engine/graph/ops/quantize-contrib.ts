/**
 * @file ONNX Runtime's own ops on quantized operands (com.microsoft), as its quantizers write them. A QLinear op is the float op of its
 * name on operands that come with a scale and a zero point each; `[B, T, D]` and the like are as there.
 */
import {
  broadcastShapes,
  type Dim,
  formatShape,
  isRanked,
  normalizeAxis,
  ShapeError,
  unknownDim,
} from '../../core/index.ts';
import { type Attributes, defineOp, intOf, type OpDefinition, stringOf, type Value, type ValueType } from '../value.ts';
import { dimOf, Letters, sumOfDims } from './letters.ts';
import { linearOps } from './linear.ts';
import { requireDtype, required, requireSameDtype } from './operand.ts';
import { poolOps } from './pool.ts';
import { asReal, requireBytes, requireOneScale } from './quantize.ts';

type Inputs = readonly (Value | undefined)[];

/** Defines an op whose result is quantized, with the scale and zero point of the result its last inputs. */
const quantized = (opType: string, infer: OpDefinition['infer']) =>
  ({ quantizes: true, ...defineOp(opType, infer, 'com.microsoft') }) as const;

/** The operands of a QLinear op, each checked with the scale and zero point that follow it. */
function operandsOf(opType: string, inputs: Inputs, places: readonly number[], resultAt: number): Value[] {
  const operands = places.map((at) => required(opType, inputs, at));
  requireBytes(opType, ...operands, ...places.map((at) => inputs[at + 2]), inputs[resultAt + 1]);
  for (const at of [...places.map((place) => place + 1), resultAt]) {
    requireOneScale(opType, required(opType, inputs, at), inputs[at + 1]);
  }
  return operands;
}

const unary = (opType: string) =>
  quantized(opType, (inputs) => {
    const [x] = operandsOf(opType, inputs, [0], 3) as [Value];
    return [{ dtype: x.dtype, shape: x.shape }];
  });

const binary = (opType: string) =>
  quantized(opType, (inputs) => {
    const [a, b] = operandsOf(opType, inputs, [0, 3], 6) as [Value, Value];
    return [{ dtype: a.dtype, shape: broadcastShapes(opType, a.shape, b.shape) }];
  });

/** A pool over `[B, C, ...]`, or `[B, ..., C]` where `channels_last` says so. */
const pool = (opType: string, float: OpDefinition) =>
  quantized(opType, (inputs, attributes) => {
    const [x] = operandsOf(opType, inputs, [0], 3) as [Value];
    const last = intOf(attributes, 'channels_last', 0) === 1;
    const front = (shape: readonly Dim[]) => [shape[0]!, shape.at(-1)!, ...shape.slice(1, -1)];
    const operand = asReal(last && isRanked(x.shape) ? { shape: front(x.shape) } : x);
    const { shape } = float.infer([operand], attributes)[0]!;
    const back = last && isRanked(shape) ? [shape[0]!, ...shape.slice(2), shape[1]!] : shape;
    return [{ dtype: x.dtype, shape: back }];
  });

function concatInfer(inputs: Inputs, attributes: Attributes): ValueType[] {
  const opType = 'QLinearConcat';
  const [scale, zeroPoint] = [required(opType, inputs, 0), required(opType, inputs, 1)];
  requireOneScale(opType, scale, zeroPoint);
  if (inputs.length < 5 || (inputs.length - 2) % 3 !== 0) {
    throw new ShapeError(`${opType}: every operand comes with its scale and zero point, got ${inputs.length} inputs`);
  }
  const places = Array.from({ length: (inputs.length - 2) / 3 }, (_, i) => 2 + 3 * i);
  const operands = places.map((at) => {
    requireOneScale(opType, required(opType, inputs, at + 1), inputs[at + 2]);
    requireBytes(opType, inputs[at], inputs[at + 2], zeroPoint);
    return required(opType, inputs, at);
  });
  const first = operands[0]!;
  if (!operands.every((value) => isRanked(value.shape))) return [{ dtype: first.dtype, shape: ['...'] }];
  const axis = normalizeAxis(intOf(attributes, 'axis', 0), first.rank, opType);
  const letters = new Letters(opType);
  const pattern = first.shape.map((_, a) => `d${a}`);
  operands.forEach((value, i) => {
    letters.match('an operand', value, ...pattern.map((letter, a) => (a === axis ? `a${i}` : letter)));
  });
  const along = sumOfDims(...operands.map((value) => value.shape[axis]!));
  return [{ dtype: first.dtype, shape: pattern.map((letter, a) => (a === axis ? along : letters.of(letter))) }];
}

/** The type of a product of quantized operands that gives floats, with an optional bias `[N]`. */
function floatProduct(opType: string, a: Value, b: Value, scale: Value, bias: Value | undefined): ValueType {
  const { shape } = linearOps.MatMul.infer([asReal(a), asReal(b)], {})[0]!;
  if (bias) {
    requireSameDtype(opType, scale, bias);
    new Letters(opType, { N: isRanked(shape) ? shape.at(-1)! : unknownDim }).match('the bias', bias, 'N');
  }
  return { dtype: scale.dtype, shape };
}

function gemmInfer(inputs: Inputs, attributes: Attributes): ValueType[] {
  const [a, b] = [required('QGemm', inputs, 0), required('QGemm', inputs, 3)];
  requireBytes('QGemm', a, inputs[2]);
  requireBytes('QGemm', b, inputs[5]);
  requireOneScale('QGemm', required('QGemm', inputs, 1), inputs[2]);
  requireDtype('QGemm', 'a scale', required('QGemm', inputs, 4), 'float32');
  if (inputs[6]) requireDtype('QGemm', 'the bias', inputs[6], 'int32');
  const { shape } = linearOps.Gemm.infer(
    [a, b, inputs[6]].map((value) => value && asReal(value)),
    attributes,
  )[0]!;
  if (inputs[8]) requireBytes('QGemm', a, inputs[8]);
  return [{ dtype: inputs[8] ? a.dtype : 'float32', shape }];
}

function nBitsInfer(inputs: Inputs, attributes: Attributes): ValueType[] {
  const opType = 'MatMulNBits';
  const [a, b, scales] = [0, 1, 2].map((i) => required(opType, inputs, i)) as [Value, Value, Value];
  requireDtype(opType, 'a', a, 'float32', 'float16');
  requireDtype(opType, 'the weights', b, 'uint8');
  requireSameDtype(opType, a, scales, inputs[5]);
  const [rows, columns] = [intOf(attributes, 'K', 0), intOf(attributes, 'N', 0)];
  const [bits, block] = [intOf(attributes, 'bits', 4), intOf(attributes, 'block_size', 0)];
  if (rows < 1 || columns < 1 || block < 16 || (block & (block - 1)) !== 0) {
    throw new RangeError(
      `${opType}: K and N must be positive and block_size a power of two from 16 on, got ${rows}, ${columns}, ${block}`,
    );
  }
  const blocks = Math.ceil(rows / block);
  new Letters(opType).match('the weights', b, columns, blocks, (block * bits) / 8);
  if (isRanked(scales.shape) && !['', `${columns},${blocks}`].includes(scales.rank === 1 ? '' : scales.shape.join())) {
    throw new ShapeError(`${opType}: the scales must be [${columns * blocks}], got ${formatShape(scales.shape)}`);
  }
  if (scales.rank === 1) new Letters(opType).match('the scales', scales, columns * blocks);
  if (isRanked(a.shape)) new Letters(opType).match('a', a, ...a.shape.slice(0, -1).map((_, i) => `d${i}`), rows);
  new Letters(opType).match('the bias', inputs[5], columns);
  const shape = isRanked(a.shape) ? [...a.shape.slice(0, -1), columns] : a.shape;
  return [{ dtype: a.dtype, shape }];
}

function dynamicLstmInfer(inputs: Inputs, attributes: Attributes): ValueType[] {
  const opType = 'DynamicQuantizeLSTM';
  const [x, w, r] = [0, 1, 2].map((i) => required(opType, inputs, i)) as [Value, Value, Value];
  requireDtype(opType, 'x', x, 'float32');
  requireBytes(opType, w, inputs[9]);
  requireBytes(opType, r, inputs[11]);
  const hidden = intOf(attributes, 'hidden_size', 0);
  const numDirections = stringOf(attributes, 'direction', 'forward') === 'bidirectional' ? 2 : 1;
  const letters = new Letters(opType, { D: numDirections });
  letters.match('x', x, 'T', 'B', 'I');
  letters.match('w', w, 'D', 'I', 4 * hidden);
  letters.match('r', r, 'D', hidden, 4 * hidden);
  letters.match('the bias', inputs[3], 'D', 8 * hidden);
  letters.match('initial_h', inputs[5], 'D', 'B', hidden);
  letters.match('initial_c', inputs[6], 'D', 'B', hidden);
  const last = { dtype: x.dtype, shape: [numDirections, letters.of('B'), hidden] };
  return [{ dtype: x.dtype, shape: [letters.of('T'), numDirections, letters.of('B'), hidden] }, last, last];
}

function gatherBlockInfer(inputs: Inputs, attributes: Attributes): ValueType[] {
  const opType = 'GatherBlockQuantized';
  const [data, indices, scales] = [0, 1, 2].map((i) => required(opType, inputs, i)) as [Value, Value, Value];
  requireDtype(opType, 'the data', data, 'uint8');
  requireDtype(opType, 'the indices', indices, 'int32', 'int64');
  requireDtype(opType, 'the scales', scales, 'float32', 'float16');
  if (!isRanked(data.shape) || !isRanked(indices.shape)) return [{ dtype: scales.dtype, shape: ['...'] }];
  const axis = normalizeAxis(intOf(attributes, 'gather_axis', 0), data.rank, opType);
  const perByte = 8 / intOf(attributes, 'bits', 4);
  const lastDim = dimOf(data.shape, data.rank - 1);
  const unpacked = [...data.shape.slice(0, -1), typeof lastDim === 'number' ? lastDim * perByte : unknownDim];
  return [{ dtype: scales.dtype, shape: [...unpacked.slice(0, axis), ...indices.shape, ...unpacked.slice(axis + 1)] }];
}

/** ONNX Runtime's own op definitions on quantized operands. */
export const quantizeContribOps = {
  'com.microsoft.QLinearAdd': binary('QLinearAdd'),
  'com.microsoft.QLinearMul': binary('QLinearMul'),
  'com.microsoft.QLinearSigmoid': unary('QLinearSigmoid'),
  'com.microsoft.QLinearLeakyRelu': unary('QLinearLeakyRelu'),
  'com.microsoft.QLinearSoftmax': unary('QLinearSoftmax'),
  'com.microsoft.QLinearWhere': quantized('QLinearWhere', (inputs) => {
    const condition = required('QLinearWhere', inputs, 0);
    requireDtype('QLinearWhere', 'the condition', condition, 'bool');
    const [a, b] = operandsOf('QLinearWhere', inputs, [1, 4], 7) as [Value, Value];
    return [{ dtype: a.dtype, shape: broadcastShapes('QLinearWhere', condition.shape, a.shape, b.shape) }];
  }),
  'com.microsoft.QLinearConcat': quantized('QLinearConcat', concatInfer),
  'com.microsoft.QLinearGlobalAveragePool': pool('QLinearGlobalAveragePool', poolOps.GlobalAveragePool),
  'com.microsoft.QLinearAveragePool': pool('QLinearAveragePool', poolOps.AveragePool),
  'com.microsoft.QGemm': quantized('QGemm', gemmInfer),
  'com.microsoft.DynamicQuantizeMatMul': defineOp(
    'DynamicQuantizeMatMul',
    (inputs) => {
      const opType = 'DynamicQuantizeMatMul';
      const [a, b, scale] = [0, 1, 2].map((i) => required(opType, inputs, i)) as [Value, Value, Value];
      requireDtype(opType, 'a', a, 'float32');
      requireBytes(opType, b, inputs[3]);
      requireDtype(opType, 'the scale', scale, 'float32');
      return [floatProduct(opType, a, b, scale, inputs[4])];
    },
    'com.microsoft',
  ),
  'com.microsoft.MatMulIntegerToFloat': defineOp(
    'MatMulIntegerToFloat',
    (inputs) => {
      const opType = 'MatMulIntegerToFloat';
      const [a, b, aScale, bScale] = [0, 1, 2, 3].map((i) => required(opType, inputs, i)) as [
        Value,
        Value,
        Value,
        Value,
      ];
      requireBytes(opType, a, inputs[4]);
      requireBytes(opType, b, inputs[5]);
      requireOneScale(opType, aScale, inputs[4], 'float16');
      requireSameDtype(opType, aScale, bScale);
      return [floatProduct(opType, a, b, aScale, inputs[6])];
    },
    'com.microsoft',
  ),
  'com.microsoft.DynamicQuantizeLSTM': defineOp('DynamicQuantizeLSTM', dynamicLstmInfer, 'com.microsoft', {
    firstOptionalOutput: 0,
  }),
  /** a times weights `[N, K]` packed in blocks of 2, 4 or 8 bits along K. */
  'com.microsoft.MatMulNBits': defineOp('MatMulNBits', nBitsInfer, 'com.microsoft'),
  'com.microsoft.GatherBlockQuantized': defineOp('GatherBlockQuantized', gatherBlockInfer, 'com.microsoft'),
} as const;
