/** @file Cases of pools. */
import {
  applyOp,
  averagePool,
  constantInts,
  globalAveragePool,
  globalLpPool,
  globalMaxPool,
  lpPool,
  maxPool,
  maxPoolWithIndices,
  maxUnpool,
  ops,
  type poolOps,
  reshape,
} from '../../src/engine/graph/index.ts';
import { int, ints, string } from '../../src/engine/graph/value.ts';
import { awayFromZero, distinct, type GradientCase, uniform } from './checker.ts';

/** The cases of the pools. */
export const poolCases = {
  MaxPool: [
    {
      name: 'MaxPool with windows that overlap',
      operands: [distinct([2, 2, 4, 4])],
      apply: ([x]) => maxPool(x!, [3, 3], { strides: [1, 1], pads: [1, 1, 0, 0] }),
    },
    {
      name: 'MaxPool with steps and dilations',
      operands: [distinct([1, 2, 6, 5])],
      apply: ([x]) => maxPool(x!, [2, 2], { strides: [2, 1], dilations: [2, 1] }),
    },
    {
      name: 'MaxPool that counts columns first, in ceil mode',
      operands: [distinct([1, 2, 4, 5])],
      apply: ([x]) =>
        applyOp(ops.MaxPool, [x], {
          kernel_shape: ints([2, 2]),
          strides: ints([2, 2]),
          storage_order: int(1),
          ceil_mode: int(1),
        }).slice(0, 1),
    },
    {
      name: 'MaxPool that counts columns first, over three axes',
      operands: [distinct([1, 2, 2, 3, 4])],
      apply: ([x]) => applyOp(ops.MaxPool, [x], { kernel_shape: ints([2, 2, 2]), storage_order: int(1) }).slice(0, 1),
    },
    {
      name: 'MaxPool padded to the same size',
      operands: [distinct([1, 1, 4, 5])],
      apply: ([x]) =>
        applyOp(ops.MaxPool, [x], {
          kernel_shape: ints([3, 2]),
          strides: ints([2, 2]),
          auto_pad: string('SAME_LOWER'),
        }).slice(0, 1),
    },
    {
      name: 'MaxPool over one axis',
      operands: [distinct([2, 1, 6])],
      apply: ([x]) => maxPool(x!, [2], { strides: [2] }),
    },
  ],
  AveragePool: [
    {
      name: 'AveragePool that does not count padding',
      operands: [uniform([1, 2, 4, 5])],
      apply: ([x]) => averagePool(x!, [3, 2], { pads: [1, 1, 1, 0], strides: [1, 2] }),
      dtype: 'float32',
    },
    {
      name: 'AveragePool that counts padding',
      operands: [uniform([2, 1, 4, 4])],
      apply: ([x]) => averagePool(x!, [2, 2], { pads: [1, 0, 0, 1], strides: [2, 2], countPadding: true }),
      dtype: 'float32',
    },
    {
      name: 'AveragePool of tiles',
      operands: [uniform([2, 2, 4, 6])],
      apply: ([x]) => averagePool(x!, [2, 3], { strides: [2, 3] }),
      dtype: 'float32',
    },
    {
      name: 'AveragePool in ceil mode',
      operands: [uniform([1, 2, 5, 4])],
      apply: ([x]) => averagePool(x!, [2, 3], { strides: [2, 2], pads: [0, 1, 0, 0], ceilMode: true }),
      dtype: 'float32',
    },
    {
      name: 'AveragePool in ceil mode that counts padding',
      operands: [uniform([1, 2, 5, 4])],
      apply: ([x]) =>
        averagePool(x!, [2, 3], { strides: [2, 2], pads: [1, 1, 0, 1], ceilMode: true, countPadding: true }),
      dtype: 'float32',
    },
    {
      name: 'AveragePool with dilations',
      operands: [uniform([1, 2, 5, 6])],
      apply: ([x]) => averagePool(x!, [2, 3], { dilations: [2, 2], pads: [1, 0, 1, 1] }),
      dtype: 'float32',
    },
    {
      name: 'AveragePool padded to the same size',
      operands: [uniform([1, 1, 4, 5])],
      apply: ([x]) =>
        applyOp(ops.AveragePool, [x], {
          kernel_shape: ints([3, 2]),
          strides: ints([2, 2]),
          auto_pad: string('SAME_UPPER'),
        }),
      dtype: 'float32',
    },
    {
      name: 'AveragePool over one axis',
      operands: [uniform([1, 2, 7])],
      apply: ([x]) => averagePool(x!, [3], { strides: [2] }),
      dtype: 'float32',
    },
  ],
  GlobalAveragePool: [
    {
      name: 'GlobalAveragePool of pictures',
      operands: [uniform([2, 3, 2, 2])],
      apply: ([x]) => globalAveragePool(x!),
      dtype: 'float32',
    },
    {
      name: 'GlobalAveragePool over one axis',
      operands: [uniform([1, 2, 5])],
      apply: ([x]) => globalAveragePool(x!),
      dtype: 'float32',
    },
  ],
  LpPool: [
    {
      name: 'LpPool by lengths',
      operands: [awayFromZero([1, 2, 4, 5])],
      apply: ([x]) => lpPool(x!, [2, 2], { pads: [1, 0, 0, 1], strides: [1, 2] }),
      dtype: 'float32',
    },
    {
      name: 'LpPool by absolute values, with dilations',
      operands: [awayFromZero([1, 2, 5, 4])],
      apply: ([x]) => lpPool(x!, [2, 2], { p: 1, dilations: [2, 1] }),
      dtype: 'float32',
    },
    {
      name: 'LpPool with an exponent of 3, in ceil mode',
      operands: [awayFromZero([1, 2, 5, 4])],
      apply: ([x]) => lpPool(x!, [2, 2], { p: 3, strides: [2, 2], ceilMode: true }),
      dtype: 'float32',
    },
  ],
  GlobalMaxPool: [
    {
      name: 'GlobalMaxPool of pictures',
      operands: [distinct([2, 2, 3, 2])],
      apply: ([x]) => globalMaxPool(x!),
      dtype: 'float32',
    },
    {
      name: 'GlobalMaxPool over one axis',
      operands: [distinct([2, 3, 4])],
      apply: ([x]) => globalMaxPool(x!),
      dtype: 'float32',
    },
  ],
  GlobalLpPool: [
    {
      name: 'GlobalLpPool by lengths',
      operands: [awayFromZero([2, 2, 3, 2])],
      apply: ([x]) => globalLpPool(x!),
      dtype: 'float32',
    },
    {
      name: 'GlobalLpPool with an exponent of 3',
      operands: [awayFromZero([1, 2, 5])],
      apply: ([x]) => globalLpPool(x!, 3),
      dtype: 'float32',
    },
    {
      name: 'GlobalLpPool by absolute values',
      operands: [awayFromZero([1, 2, 5])],
      apply: ([x]) => globalLpPool(x!, 1),
      dtype: 'float32',
    },
  ],
  MaxUnpool: [
    {
      name: 'MaxUnpool of what MaxPool has found',
      operands: [distinct([1, 2, 4, 4])],
      apply: ([x]) => {
        const { values, indices } = maxPoolWithIndices(x!, [2, 2], { strides: [2, 2] });
        return maxUnpool(values, indices, [2, 2], { strides: [2, 2] });
      },
      dtype: 'float32',
    },
    {
      name: 'MaxUnpool to a size',
      operands: [uniform([1, 1, 2, 2])],
      apply: ([x]) =>
        maxUnpool(x!, reshape(constantInts([1, 8, 13, 24]), [1, 1, 2, 2]), [2, 2], {
          strides: [2, 2],
          outputShape: [1, 1, 5, 5],
        }),
      dtype: 'float32',
    },
  ],
} as const satisfies { readonly [Op in keyof typeof poolOps]?: readonly GradientCase[] };
