/** @file Random applications of quantization and of the ops on quantized operands. */
import fc from 'fast-check';
import type { Dtype } from '../../src/engine/core/index.ts';
import type { quantizeContribOps, quantizeOps } from '../../src/engine/graph/index.ts';
import { int, ints, string } from '../../src/engine/graph/value.ts';
import type { Make } from './makers.ts';
import { axisFor, like, nearly, of, positiveDim, positiveShape, shape } from './shapes.ts';
import type { Operand } from './verdict.ts';

const maybe = fc.boolean();
/** 1 in 7: where something is made wrong. */
const rarely = fc.integer({ min: 0, max: 6 }).map((n) => n === 0);
const stored = fc.constantFrom<Dtype>('uint8', 'int8');
const one = of([]);
const byte = (dtype: Dtype = 'uint8') => of([], dtype);
const given = (wanted: boolean, operand: Operand): Operand => (wanted ? operand : undefined);

/** Scales of one number, of an axis, or of blocks of it; quantized by `x` float32 or of 8 bits. */
const scaled =
  (isQuantizing: boolean, hasBlocks: boolean): Make =>
  (opType) =>
    positiveShape(2, 3).chain((s) =>
      fc
        .record({
          axis: axisFor(s.length),
          form: fc.integer({ min: 0, max: hasBlocks ? 3 : 2 }),
          hasZero: maybe,
          dtype: fc.constantFrom<Dtype>('uint8', 'int8', 'uint16', 'int16'),
          wrong: rarely,
        })
        .map(({ axis, form, hasZero, dtype, wrong }) => {
          const at = ((axis % s.length) + s.length) % s.length;
          const along = s[at]! + (wrong ? 1 : 0);
          const blocks = s.map((dim, a) => (a === at ? Math.ceil(dim / 2) : dim));
          const scale = [[], [1], [along], blocks][form]!;
          return {
            opType,
            operands: [of(s, isQuantizing ? 'float32' : dtype), of(scale), given(hasZero, of(scale, dtype))],
            attributes: {
              axis: int(axis),
              ...(form === 3 ? { block_size: int(2) } : {}),
            },
          };
        }),
    );

const binary: Make = (opType) =>
  shape(1, 3).chain((base) =>
    fc.tuple(like(base), like(base), stored).map(([a, b, dtype]) => ({
      opType,
      operands: [of(a, dtype), one, byte(dtype), of(b, dtype), one, byte(dtype), one, byte(dtype)],
      attributes: {},
    })),
  );

const unary: Make = (opType) =>
  fc.tuple(positiveShape(1, 3), stored).map(([s, dtype]) => ({
    opType,
    operands: [of(s, dtype), one, byte(dtype), one, byte(dtype)],
    attributes: opType === 'com.microsoft.QLinearSoftmax' ? { axis: int(-1), opset: int(13) } : {},
  }));

const pool =
  (hasKernel: boolean): Make =>
  (opType) =>
    fc
      .record({ batch: positiveDim, channels: positiveDim, sides: fc.tuple(positiveDim, positiveDim), last: maybe })
      .map(({ batch, channels, sides, last }) => ({
        opType,
        operands: [
          of(last ? [batch, ...sides, channels] : [batch, channels, ...sides], 'uint8'),
          one,
          byte(),
          one,
          byte(),
        ],
        attributes: {
          channels_last: int(last ? 1 : 0),
          ...(hasKernel ? { kernel_shape: ints([1, 1]), strides: ints([1, 2]) } : {}),
        },
      }));

const products = {
  m: positiveDim,
  k: positiveDim,
  n: positiveDim,
  lead: positiveShape(0, 1),
  wrong: rarely,
  perColumn: maybe,
};

const matMul: Make = (opType) =>
  fc.record({ ...products, dtype: stored }).map(({ m, k, n, lead, wrong, perColumn, dtype }) => {
    const vector = perColumn ? [n] : [];
    return {
      opType,
      operands: [
        of([...lead, m, k], dtype),
        one,
        byte(dtype),
        of([k + (wrong ? 1 : 0), n], 'int8'),
        of(vector),
        of(vector, 'int8'),
        one,
        byte(dtype),
      ],
      attributes: {},
    };
  });

const conv: Make = (opType) =>
  fc
    .record({
      batch: positiveDim,
      inputs: positiveDim,
      outputs: positiveDim,
      bias: maybe,
      perChannel: maybe,
      wrong: rarely,
    })
    .map(({ batch, inputs, outputs, bias, perChannel, wrong }) => {
      const vector = perChannel ? [outputs] : [];
      return {
        opType,
        operands: [
          of([batch, inputs, 4, 3], 'uint8'),
          one,
          byte(),
          of([outputs, inputs + (wrong ? 1 : 0), 2, 2], 'int8'),
          of(vector),
          of(vector, 'int8'),
          one,
          byte(),
          given(bias, of([outputs], 'int32')),
        ],
        attributes: { strides: ints([2, 1]) },
      };
    });

const concat: Make = (opType) =>
  positiveShape(1, 3).chain((s) =>
    fc.tuple(axisFor(s.length), nearly(s), positiveDim).map(([axis, other, size]) => {
      const at = ((axis % s.length) + s.length) % s.length;
      const grown = other.map((dim, a) => (a === at ? size : dim));
      const parts = [s, grown].flatMap((part) => [of(part, 'uint8'), one, byte()]);
      return { opType, operands: [of([1]), byte(), ...parts], attributes: { axis: int(axis) } };
    }),
  );

const gemm: Make = (opType) =>
  fc.record({ ...products, quantizes: maybe, bias: maybe }).map(({ m, k, n, wrong, quantizes, bias }) => ({
    opType,
    operands: [
      of([m, k], 'uint8'),
      one,
      byte(),
      of([k + (wrong ? 1 : 0), n], 'uint8'),
      one,
      byte(),
      given(bias, of([n], 'int32')),
      given(quantizes, one),
      given(quantizes, byte()),
    ],
    attributes: {},
  }));

const dynamicMatMul: Make = (opType) =>
  fc.record({ ...products, bias: maybe }).map(({ m, k, n, lead, wrong, bias, perColumn }) => {
    const vector = perColumn ? [n] : [];
    return {
      opType,
      operands: [
        of([...lead, m, k]),
        of([k + (wrong ? 1 : 0), n], 'uint8'),
        of(vector),
        of(vector, 'uint8'),
        given(bias, of([n])),
      ],
      attributes: {},
    };
  });

const integerToFloat: Make = (opType) =>
  fc.record({ ...products, bias: maybe }).map(({ m, k, n, lead, wrong, bias }) => ({
    opType,
    operands: [
      of([...lead, m, k], 'uint8'),
      of([k + (wrong ? 1 : 0), n], 'uint8'),
      one,
      one,
      byte(),
      byte(),
      given(bias, of([n])),
    ],
    attributes: {},
  }));

const dynamicLstm: Make = (opType) =>
  fc
    .record({
      time: positiveDim,
      batch: positiveDim,
      features: positiveDim,
      hidden: positiveDim,
      both: maybe,
      wrong: rarely,
    })
    .map(({ time, batch, features, hidden, both, wrong }) => {
      const d = both ? 2 : 1;
      return {
        opType,
        operands: [
          of([time, batch, features]),
          of([d, features + (wrong ? 1 : 0), 4 * hidden], 'uint8'),
          of([d, hidden, 4 * hidden], 'uint8'),
          of([d, 8 * hidden]),
          undefined,
          undefined,
          undefined,
          undefined,
          of([d]),
          of([d], 'uint8'),
          of([d]),
          of([d], 'uint8'),
        ],
        attributes: { hidden_size: int(hidden), direction: string(both ? 'bidirectional' : 'forward') },
      };
    });

const nBits: Make = (opType) =>
  fc
    .record({
      m: positiveDim,
      n: positiveDim,
      k: fc.constantFrom(16, 32, 40),
      bits: fc.constantFrom(4, 8),
      zero: maybe,
      wrong: rarely,
    })
    .map(({ m, n, k, bits, zero, wrong }) => {
      const blocks = Math.ceil(k / 16);
      return {
        opType,
        operands: [
          of([m, k + (wrong ? 1 : 0)]),
          of([n, blocks, 2 * bits], 'uint8'),
          of([n * blocks]),
          given(zero, of([n * Math.ceil((blocks * bits) / 8)], 'uint8')),
        ],
        attributes: { K: int(k), N: int(n), bits: int(bits), block_size: int(16) },
      };
    });

const gatherBlocks: Make = (opType) =>
  fc.record({ rows: positiveDim, i: shape(1, 2), bits: fc.constantFrom(4, 8) }).map(({ rows, i, bits }) => ({
    opType,
    operands: [of([rows, 16], 'uint8'), of(i, 'int64'), of([rows, 8 / bits])],
    attributes: { gather_axis: int(0), quantize_axis: int(1), block_size: int(16), bits: int(bits) },
  }));

const where: Make = (opType) =>
  shape(1, 3).chain((base) =>
    fc.tuple(like(base), like(base), like(base)).map(([condition, a, b]) => ({
      opType,
      operands: [of(condition, 'bool'), of(a, 'uint8'), one, byte(), of(b, 'uint8'), one, byte(), one, byte()],
      attributes: {},
    })),
  );

/** Applications of quantization and of the ops on quantized operands. */
export const quantizeApplications = {
  QuantizeLinear: scaled(true, true),
  DequantizeLinear: scaled(false, true),
  'com.microsoft.QuantizeLinear': scaled(true, false),
  'com.microsoft.DequantizeLinear': scaled(false, false),
  DynamicQuantizeLinear: (opType) => positiveShape(0, 3).map((s) => ({ opType, operands: [of(s)], attributes: {} })),
  QLinearMatMul: matMul,
  QLinearConv: conv,
  'com.microsoft.QLinearAdd': binary,
  'com.microsoft.QLinearMul': binary,
  'com.microsoft.QLinearSigmoid': unary,
  'com.microsoft.QLinearLeakyRelu': unary,
  'com.microsoft.QLinearSoftmax': unary,
  'com.microsoft.QLinearWhere': where,
  'com.microsoft.QLinearConcat': concat,
  'com.microsoft.QLinearGlobalAveragePool': pool(false),
  'com.microsoft.QLinearAveragePool': pool(true),
  'com.microsoft.QGemm': gemm,
  'com.microsoft.DynamicQuantizeMatMul': dynamicMatMul,
  'com.microsoft.MatMulIntegerToFloat': integerToFloat,
  'com.microsoft.DynamicQuantizeLSTM': dynamicLstm,
  'com.microsoft.MatMulNBits': nBits,
  'com.microsoft.GatherBlockQuantized': gatherBlocks,
} as const satisfies { readonly [Op in keyof typeof quantizeOps | keyof typeof quantizeContribOps]: Make };
