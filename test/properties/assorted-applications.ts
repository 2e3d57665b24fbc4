/** @file Random applications of ONNX Runtime's remaining ops. */
import fc from 'fast-check';
import type { Dtype } from '../../src/engine/core/index.ts';
import { type assortedContribOps, elemTypeOf } from '../../src/engine/graph/index.ts';
import { float, int, ints, string } from '../../src/engine/graph/value.ts';
import type { Make } from './makers.ts';
import { of, positiveDim, positiveShape, shape } from './shapes.ts';

const maybe = fc.boolean();
/** 0, or 1 in 1 of 7. */
const off = fc.integer({ min: 0, max: 6 }).map((n) => (n === 0 ? 1 : 0));
const dims = fc.tuple(positiveDim, positiveDim, positiveDim, positiveDim);
const [one, byte] = [of([]), of([], 'uint8')];

/** Applications of the ops that no family of their own holds. */
export const assortedApplications = {
  BitCast: (opType) =>
    fc.tuple(shape(), fc.constantFrom<Dtype>('int32', 'uint32', 'float32', 'int64')).map(([s, dtype]) => ({
      opType,
      operands: [of(s, 'uint32')],
      attributes: { to: int(elemTypeOf[dtype]) },
    })),
  'com.microsoft.QLinearConv': (opType) =>
    fc.tuple(dims, maybe, off).map(([[batch, inputs, outputs], last, wrong]) => ({
      opType,
      operands: [
        of(last ? [batch, 4, 3, inputs] : [batch, inputs, 4, 3], 'uint8'),
        one,
        byte,
        of([outputs, inputs + wrong, 2, 2], 'uint8'),
        one,
        byte,
        one,
        byte,
      ],
      attributes: { channels_last: int(last ? 1 : 0), strides: ints([2, 1]) },
    })),
  'com.microsoft.CDist': (opType) =>
    fc.tuple(dims, off).map(([[m, n, k], wrong]) => ({
      opType,
      operands: [of([m, k]), of([n, k + wrong])],
      attributes: { metric: string('sqeuclidean') },
    })),
  'com.microsoft.MoE': (opType) =>
    fc.tuple(dims, maybe).map(([[batch, time, features, hidden], stacked]) => ({
      opType,
      operands: [
        of(stacked ? [batch, time, 4 * features] : [batch * time, 4 * features]),
        of([batch * time, 2]),
        of([2, 4 * hidden, 4 * features]),
        of([2, 4 * hidden]),
        of([2, 4 * features, 4 * hidden]),
        of([2, 4 * features]),
      ],
      attributes: { k: int(1), activation_type: string('relu') },
    })),
  'com.microsoft.MatMulBnb4': (opType) =>
    fc.tuple(positiveDim, positiveDim).map(([m, n]) => ({
      opType,
      operands: [of([m, 32]), of([16 * n], 'uint8'), of([2 * n])],
      attributes: { K: int(32), N: int(n), block_size: int(16), quant_type: int(1) },
    })),
  'com.microsoft.GridSample': (opType) =>
    fc.tuple(dims, off).map(([[batch, channels, height, width], wrong]) => ({
      opType,
      operands: [of([batch, channels, 3, 2]), of([batch, height, width, 2 + wrong])],
      attributes: {},
    })),
  'com.microsoft.Range': (opType) =>
    fc.integer({ min: 1, max: 5 }).map((limit) => ({
      opType,
      operands: [0, limit, 1].map((value) => ({ dtype: 'int64' as const, shape: [], ints: [value] })),
      attributes: {},
    })),
  'com.microsoft.UnfoldTensor': (opType) =>
    fc.tuple(positiveShape(1, 3), positiveDim, positiveDim).map(([s, size, step]) => ({
      opType,
      operands: [of(s)],
      attributes: { dim: int(-1), size: int(Math.min(size, s.at(-1)!)), step: int(step) },
    })),
  'com.microsoft.CausalConvWithState': (opType) =>
    fc.tuple(dims, maybe, maybe).map(([[batch, channels, time, kernel], bias, state]) => ({
      opType,
      operands: [
        of([batch, channels, time]),
        of([channels, 1, kernel + 1]),
        bias ? of([channels]) : undefined,
        state ? of([batch, channels, kernel]) : undefined,
      ],
      attributes: {},
    })),
  'com.microsoft.LinearAttention': (opType) =>
    fc.tuple(dims).map(([[batch, time, heads, features]]) => ({
      opType,
      operands: ['q', 'k', 'v'].map(() => of([batch, time, heads * features])),
      attributes: {
        q_num_heads: int(heads),
        kv_num_heads: int(heads),
        update_rule: string('linear'),
        scale: float(1),
      },
    })),
  'com.microsoft.MurmurHash3': (opType) =>
    fc.tuple(shape(), maybe).map(([s, positive]) => ({
      opType,
      operands: [of(s, 'int32')],
      attributes: { positive: int(positive ? 1 : 0) },
    })),
  'com.microsoft.NGramRepeatBlock': (opType) =>
    fc.tuple(positiveDim, positiveDim).map(([batch, time]) => ({
      opType,
      operands: [of([batch, time], 'int64'), of([batch, 4])],
      attributes: { ngram_size: int(2) },
    })),
} as const satisfies { readonly [Op in keyof typeof assortedContribOps]: Make };
