/**
 * @file Gradient rules of quantization. The derivative toward a quantized value is that toward the real number it stands for, counted
 * in steps of the scale; rounding is passed straight through (arXiv:1308.3432), so that a scale learns as in LSQ (arXiv:1902.08153).
 */
import { type Dtype, normalizeAxis, staticShape, UnsupportedOpError } from '../../core/index.ts';
import {
  add,
  cast,
  clip,
  concat,
  div,
  equal,
  floor,
  intOf,
  matMul,
  mul,
  neg,
  pad,
  type quantizeContribOps,
  type quantizeOps,
  reduceSum,
  reshape,
  slice,
  sub,
  unsqueeze,
  type Value,
  where,
} from '../../graph/index.ts';
import { type GradientRule, inputAt, type NotDifferentiable, type RuleContext, sumToShape, zeroLike } from '../rule.ts';

type Rules = {
  readonly [Op in keyof typeof quantizeOps | keyof typeof quantizeContribOps]: GradientRule | NotDifferentiable;
};

const ranges: Partial<Record<Dtype, readonly [number, number]>> = {
  uint8: [0, 255],
  int8: [-128, 127],
  uint16: [0, 65535],
  int16: [-32768, 32767],
};

/** Values beside their scales: how both are laid out so that they broadcast, and back. */
interface Layout {
  /** A value of the shape of x, laid out. */
  readonly wide: (value: Value) => Value;
  /** A laid out value in the shape of x again. */
  readonly narrow: (value: Value) => Value;
  /** A value of the shape of the scale, laid out. */
  readonly spread: (scale: Value) => Value;
  /** A laid out value, summed to the shape of the scale. */
  readonly sum: (value: Value) => Value;
}

function layoutOf(context: RuleContext): Layout {
  const [x, scale] = [inputAt(context, 0), inputAt(context, 1)];
  const shape = staticShape(x.shape, 'gradient of quantization');
  const scaleShape = staticShape(scale.shape, 'gradient of quantization');
  const { attributes } = context.node;
  const blockSize = intOf(attributes, 'block_size', 0);
  const same = (value: Value) => value;
  const sumTo = (axes: readonly number[]) => (value: Value) =>
    reshape(axes.length === 0 ? value : reduceSum(value, { axes }), scaleShape);
  if (blockSize === 0 && scaleShape.reduce((count, dim) => count * dim, 1) === 1) {
    return { wide: same, narrow: same, spread: (value) => reshape(value, []), sum: sumTo(shape.map((_, a) => a)) };
  }
  const axis = normalizeAxis(intOf(attributes, 'axis', 1), shape.length, context.node.op.opType);
  if (blockSize === 0) {
    const alone = shape.map((dim, a) => (a === axis ? dim : 1));
    const others = shape.flatMap((_, a) => (a === axis ? [] : [a]));
    return { wide: same, narrow: same, spread: (value) => reshape(value, alone), sum: sumTo(others) };
  }
  const [dim, numBlocks] = [shape[axis]!, scaleShape[axis]!];
  const missing = numBlocks * blockSize - dim;
  const blocked = [...shape.slice(0, axis), numBlocks, blockSize, ...shape.slice(axis + 1)];
  const whole = shape.map((size, a) => (a === axis ? numBlocks * blockSize : size));
  const none = shape.map(() => 0);
  const after = shape.map((_, a) => (a === axis ? missing : 0));
  return {
    wide: (value) => reshape(missing === 0 ? value : pad(value, none, after), blocked),
    narrow: (value) => {
      const joined = reshape(value, whole);
      return missing === 0 ? joined : slice(joined, { starts: [0], ends: [dim], axes: [axis] });
    },
    spread: (value) => reshape(value, [...scaleShape.slice(0, axis + 1), 1, ...scaleShape.slice(axis + 1)]),
    sum: sumTo([axis + 1]),
  };
}

/** y = x / scale + zero point where that is within the range of y's type: g / scale toward x, and -g x / scale² toward the scale. */
const quantizeRule: GradientRule = (context) => {
  const [x, scale, zeroPoint] = [inputAt(context, 0), inputAt(context, 1), context.inputs[2]];
  const layout = layoutOf(context);
  const step = layout.spread(scale);
  const steps = div(layout.wide(x), step);
  const at = zeroPoint ? add(steps, layout.spread(cast(zeroPoint, x.dtype))) : steps;
  const [low, high] = ranges[context.outputs[0]!.dtype]!;
  const inRange = equal(clip(at, low - 0.5, high + 0.5), at);
  const towardX = where(inRange, div(layout.wide(context.cotangent), step), zeroLike(x));
  return [
    context.needs(0) ? layout.narrow(towardX) : undefined,
    context.needs(1) ? layout.sum(neg(mul(towardX, steps))) : undefined,
  ];
};

/** y = (x - zero point) · scale. */
const dequantizeRule: GradientRule = (context) => {
  const [x, scale, zeroPoint] = [inputAt(context, 0), inputAt(context, 1), context.inputs[2]];
  const layout = layoutOf(context);
  const g = layout.wide(context.cotangent);
  const towardScale = () => {
    const real = cast(layout.wide(cast(x, 'float32')), scale.dtype);
    const centred = zeroPoint ? sub(real, layout.spread(cast(cast(zeroPoint, 'float32'), scale.dtype))) : real;
    return layout.sum(mul(g, centred));
  };
  return [
    context.needs(0) ? layout.narrow(mul(g, layout.spread(scale))) : undefined,
    context.needs(1) ? towardScale() : undefined,
  ];
};

const wholeNumbers: NotDifferentiable = {
  notDifferentiable:
    'it computes on whole numbers; train with QuantizeLinear and DequantizeLinear around the float op, and quantize afterwards',
};

/** The rules of quantization, and why the ops on quantized operands have none. */
export const quantizeRules: Rules = {
  QuantizeLinear: quantizeRule,
  DequantizeLinear: dequantizeRule,
  'com.microsoft.QuantizeLinear': quantizeRule,
  'com.microsoft.DequantizeLinear': dequantizeRule,
  // What the scale's derivative and the quantized values' own owe to the scale cancel but for rounding.
  DynamicQuantizeLinear: (context) => {
    const g = context.cotangents[0];
    return [g && div(g, context.outputs[1]!)];
  },
  QLinearMatMul: wholeNumbers,
  QLinearConv: wholeNumbers,
  'com.microsoft.QLinearAdd': wholeNumbers,
  'com.microsoft.QLinearMul': wholeNumbers,
  'com.microsoft.QLinearSigmoid': wholeNumbers,
  'com.microsoft.QLinearLeakyRelu': wholeNumbers,
  'com.microsoft.QLinearSoftmax': wholeNumbers,
  'com.microsoft.QLinearWhere': wholeNumbers,
  'com.microsoft.QLinearConcat': wholeNumbers,
  'com.microsoft.QLinearGlobalAveragePool': wholeNumbers,
  'com.microsoft.QLinearAveragePool': wholeNumbers,
  'com.microsoft.QGemm': wholeNumbers,
  'com.microsoft.DynamicQuantizeMatMul': wholeNumbers,
  'com.microsoft.MatMulIntegerToFloat': wholeNumbers,
  'com.microsoft.DynamicQuantizeLSTM': wholeNumbers,
  'com.microsoft.MatMulNBits': matMulNBitsRule,
  'com.microsoft.GatherBlockQuantized': {
    notDifferentiable: 'it looks rows up by index in weights that are packed, so nothing that it is given can learn',
  },
};

/** The numbers of 2, 4 or 8 bits in bytes `[..., M]`, the lowest first: `[..., M · 8 / bits]`. */
function unpacked(bytes: Value, bits: number, dtype: Dtype): Value {
  const shape = staticShape(bytes.shape, 'gradient of MatMulNBits');
  const perByte = 8 / bits;
  const real = cast(bytes, dtype);
  if (perByte === 1) return real;
  const shifted = Array.from({ length: perByte }, (_, i) => (i === 0 ? real : floor(mul(real, 2 ** (-bits * i)))));
  const parts = shifted.map((value, i) => {
    const rest = shifted[i + 1];
    return unsqueeze(rest === undefined ? value : sub(value, mul(rest, 2 ** bits)), [shape.length]);
  });
  return reshape(concat(parts, shape.length), [...shape.slice(0, -1), shape.at(-1)! * perByte]);
}

/** a times packed weights W `[N, K]`: g W toward a. The weights, their scales and zero points are not trained. */
function matMulNBitsRule(context: RuleContext): readonly (Value | undefined)[] {
  const [a, b, scales] = [inputAt(context, 0), inputAt(context, 1), inputAt(context, 2)];
  const [zeroPoints, bias] = [context.inputs[3], context.inputs[5]];
  if (context.needs(2) || context.needs(3)) {
    throw new UnsupportedOpError(
      'gradients: MatMulNBits passes none to its scales and zero points; make them constants, or unpack the weights',
    );
  }
  const { attributes } = context.node;
  const [rows, columns] = [intOf(attributes, 'K', 0), intOf(attributes, 'N', 0)];
  const [bits, block] = [intOf(attributes, 'bits', 4), intOf(attributes, 'block_size', 0)];
  const numBlocks = Math.ceil(rows / block);
  const perBlock = (value: Value) => reshape(value, [columns, numBlocks, 1]);
  const zeroOf = (packed: Value) => {
    if (packed.dtype !== 'uint8') return perBlock(packed);
    const row = unpacked(reshape(packed, [columns, Math.ceil((numBlocks * bits) / 8)]), bits, a.dtype);
    return perBlock(slice(row, { starts: [0], ends: [numBlocks], axes: [1] }));
  };
  const stored = reshape(unpacked(b, bits, a.dtype), [columns, numBlocks, block]);
  const centred = sub(stored, zeroPoints ? zeroOf(zeroPoints) : 2 ** (bits - 1));
  const whole = reshape(mul(centred, perBlock(scales)), [columns, numBlocks * block]);
  const weights = numBlocks * block === rows ? whole : slice(whole, { starts: [0], ends: [rows], axes: [1] });
  return [
    context.needs(0) ? matMul(context.cotangent, weights) : undefined,
    undefined,
    undefined,
    undefined,
    undefined,
    bias && context.needs(5) ? sumToShape(context.cotangent, bias) : undefined,
  ];
}
