/** @file Cases of normalizations. */

import { full, Tensor } from '../../src/engine/core/index.ts';
import {
  applyOp,
  batchNormalization,
  batchNormalizationInTraining,
  constant,
  groupNormalization,
  instanceNormalization,
  layerNormalization,
  lrn,
  meanVarianceNormalization,
  type normalizationContribOps,
  type normalizationOps,
  ops,
  rmsNormalization,
  type Value,
} from '../../src/engine/graph/index.ts';
import { float, int } from '../../src/engine/graph/value.ts';
import { type GradientCase, uniform } from './checker.ts';

const channels = (count: number) => uniform([count]);
const positive = (count: number) => uniform([count], 0.5, 2);

const ids = (rows: number, elements: readonly number[]) =>
  constant(new Tensor('int32', [rows, elements.length / rows], Int32Array.from(elements)));

/** The cases of the normalizations. */
export const normalizationCases = {
  LayerNormalization: [
    {
      name: 'LayerNormalization over the last axis',
      operands: [uniform([2, 5]), uniform([5]), uniform([5])],
      apply: ([x, s, b]) => layerNormalization(x!, s!, b!),
    },
    {
      name: 'LayerNormalization over two axes, with a large epsilon',
      operands: [uniform([2, 2, 3]), uniform([2, 3]), uniform([2, 3])],
      apply: ([x, s, b]) => layerNormalization(x!, s!, b!, { axis: 1, epsilon: 0.5 }),
    },
    {
      name: 'LayerNormalization without bias',
      operands: [uniform([3, 1, 4]), uniform([4])],
      apply: ([x, s]) => layerNormalization(x!, s!),
    },
    {
      name: 'LayerNormalization with a scale of ones',
      operands: [uniform([3, 4])],
      apply: ([x]) => layerNormalization(x!, constant(full([4], 1))),
      dtype: 'float32',
    },
    {
      name: 'LayerNormalization with a scale that stretches along the rows',
      operands: [uniform([2, 3, 4]), uniform([1]), uniform([3, 1])],
      apply: (operands) => applyOp(ops.LayerNormalization, operands, { axis: int(1) }).slice(0, 1),
    },
    {
      name: 'LayerNormalization with a scale that differs by row',
      operands: [uniform([2, 3, 4]), uniform([2, 1, 4])],
      apply: (operands) => applyOp(ops.LayerNormalization, operands, {}).slice(0, 1),
    },
  ],
  RMSNormalization: [
    {
      name: 'RMSNormalization over the last axis',
      operands: [uniform([2, 5]), uniform([5])],
      apply: ([x, s]) => rmsNormalization(x!, s!),
    },
    {
      name: 'RMSNormalization over two axes, with a large epsilon',
      operands: [uniform([2, 2, 3]), uniform([2, 3])],
      apply: ([x, s]) => rmsNormalization(x!, s!, { axis: 1, epsilon: 0.5 }),
    },
    {
      name: 'RMSNormalization with a scale that stretches',
      operands: [uniform([2, 3, 4]), uniform([3, 1])],
      apply: (operands) => applyOp(ops.RMSNormalization, operands, { axis: int(-2) }),
    },
  ],
  SimplifiedLayerNormalization: [
    {
      name: 'SimplifiedLayerNormalization over the last axis',
      operands: [uniform([2, 5]), uniform([5])],
      apply: (operands) => applyOp(ops.SimplifiedLayerNormalization, operands, { epsilon: float(0.1) }).slice(0, 1),
      dtype: 'float32',
    },
    {
      name: 'SimplifiedLayerNormalization with both outputs, over two axes',
      operands: [uniform([2, 2, 3]), uniform([2, 3])],
      apply: (operands) => applyOp(ops.SimplifiedLayerNormalization, operands, { axis: int(1) }),
      dtype: 'float32',
    },
  ],
  BatchNormalization: [
    {
      name: 'BatchNormalization by given statistics',
      operands: [uniform([2, 3, 2, 2]), channels(3), channels(3), channels(3), positive(3)],
      apply: ([x, scale, bias, mean, variance]) =>
        batchNormalization(x!, { scale: scale!, bias: bias!, mean: mean!, variance: variance! }, { epsilon: 0.1 }),
    },
    {
      name: 'BatchNormalization of vectors by given statistics',
      operands: [uniform([3, 2]), channels(2), channels(2), channels(2), positive(2)],
      apply: ([x, scale, bias, mean, variance]) =>
        batchNormalization(x!, { scale: scale!, bias: bias!, mean: mean!, variance: variance! }),
    },
    {
      name: 'BatchNormalization in training, with running statistics',
      operands: [uniform([3, 2, 2, 2]), channels(2), channels(2), channels(2), positive(2)],
      apply: ([x, scale, bias, mean, variance]) => {
        const parameters = { scale: scale!, bias: bias!, mean: mean!, variance: variance! };
        const results = batchNormalizationInTraining(x!, parameters, { momentum: 0.7 });
        return [results.output, results.mean, results.variance];
      },
    },
    {
      name: 'BatchNormalization in training, with the current statistics',
      operands: [uniform([2, 3, 4]), channels(3), channels(3), channels(3), positive(3)],
      apply: ([x, scale, bias, mean, variance]) => {
        const parameters = { scale: scale!, bias: bias!, mean: mean!, variance: variance! };
        return batchNormalizationInTraining(x!, parameters, { momentum: 0, epsilon: 0.1 }).output;
      },
    },
  ],
  InstanceNormalization: [
    {
      name: 'InstanceNormalization of pictures',
      operands: [uniform([2, 3, 2, 3]), channels(3), channels(3)],
      apply: ([x, s, b]) => instanceNormalization(x!, s!, b!),
      dtype: 'float32',
    },
    {
      name: 'InstanceNormalization over one axis, with a large epsilon',
      operands: [uniform([2, 2, 5]), channels(2), channels(2)],
      apply: ([x, s, b]) => instanceNormalization(x!, s!, b!, { epsilon: 0.5 }),
      dtype: 'float32',
    },
  ],
  GroupNormalization: [
    {
      name: 'GroupNormalization in two groups',
      operands: [uniform([2, 4, 2, 3]), channels(4), channels(4)],
      apply: ([x, s, b]) => groupNormalization(x!, s!, b!, { numGroups: 2 }),
      dtype: 'float32',
    },
    {
      name: 'GroupNormalization in one group',
      operands: [uniform([2, 3, 4]), channels(3), channels(3)],
      apply: ([x, s, b]) => groupNormalization(x!, s!, b!, { numGroups: 1, epsilon: 0.2 }),
      dtype: 'float32',
    },
  ],
  LRN: [
    {
      name: 'LRN over an odd number of channels',
      operands: [uniform([1, 5, 2, 2])],
      apply: ([x]) => lrn(x!, { size: 3, alpha: 0.5, beta: 0.75, bias: 1 }),
      dtype: 'float32',
    },
    {
      name: 'LRN over five channels, more than there are on one side',
      operands: [uniform([2, 4, 1, 3])],
      apply: ([x]) => lrn(x!, { size: 5, alpha: 0.3, beta: 0.5, bias: 2 }),
      dtype: 'float32',
    },
  ],
  MeanVarianceNormalization: [
    {
      name: 'MeanVarianceNormalization over batch and plane',
      operands: [uniform([2, 2, 2, 2])],
      apply: ([x]) => meanVarianceNormalization(x!),
      dtype: 'float32',
    },
    {
      name: 'MeanVarianceNormalization over the last axis',
      operands: [uniform([2, 5])],
      apply: ([x]) => meanVarianceNormalization(x!, [-1]),
      dtype: 'float32',
    },
  ],
} as const satisfies { readonly [Op in keyof typeof normalizationOps]: readonly GradientCase[] };

const embedded = (operands: readonly Value[], segments: boolean, positions?: Value) => {
  const [words, places, table, scale, shift] = segments
    ? operands
    : [operands[0], operands[1], undefined, operands[2], operands[3]];
  const tokens = ids(2, [0, 3, 1, 3, 2, 0]);
  const inputs = [tokens, segments ? ids(2, [0, 0, 1, 1, 0, 1]) : undefined, words, places, table, scale, shift];
  return applyOp(ops['com.microsoft.EmbedLayerNormalization'], [...inputs, undefined, positions], {});
};

/** The cases of the fused normalizations. */
export const normalizationContribCases = {
  'com.microsoft.SkipLayerNormalization': [
    {
      name: 'SkipLayerNormalization with every input',
      operands: [uniform([2, 2, 4]), uniform([2, 2, 4]), uniform([4]), uniform([4]), uniform([4])],
      apply: (operands) => applyOp(ops['com.microsoft.SkipLayerNormalization'], operands, {}).slice(0, 1),
      dtype: 'float32',
    },
    {
      name: 'SkipLayerNormalization with a skip that stretches, and the sum',
      operands: [uniform([2, 2, 4]), uniform([1, 2, 4]), uniform([4])],
      apply: (operands) => {
        const results = applyOp(ops['com.microsoft.SkipLayerNormalization'], operands, { epsilon: float(0.1) });
        return [results[0]!, results[3]!];
      },
      dtype: 'float32',
    },
  ],
  'com.microsoft.SkipSimplifiedLayerNormalization': [
    {
      name: 'SkipSimplifiedLayerNormalization with every input',
      operands: [uniform([2, 2, 4]), uniform([2, 2, 4]), uniform([4]), uniform([4])],
      apply: (operands) => applyOp(ops['com.microsoft.SkipSimplifiedLayerNormalization'], operands, {}).slice(0, 1),
      dtype: 'float32',
    },
    {
      name: 'SkipSimplifiedLayerNormalization without a bias, and the sum',
      operands: [uniform([3, 4]), uniform([3, 4]), uniform([4])],
      apply: (operands) => {
        const results = applyOp(ops['com.microsoft.SkipSimplifiedLayerNormalization'], operands, {});
        return [results[0]!, results[3]!];
      },
      dtype: 'float32',
    },
  ],
  'com.microsoft.EmbedLayerNormalization': [
    {
      name: 'EmbedLayerNormalization with segments',
      operands: [uniform([4, 5]), uniform([6, 5]), uniform([2, 5]), uniform([5]), uniform([5])],
      apply: (operands) => embedded(operands, true)[0]!,
      dtype: 'float32',
    },
    {
      name: 'EmbedLayerNormalization with given positions',
      operands: [uniform([4, 5]), uniform([4, 5]), uniform([5]), uniform([5])],
      apply: (operands) => embedded(operands, false, ids(2, [3, 0, 1, 2, 2, 0]))[0]!,
      dtype: 'float32',
    },
  ],
} as const satisfies { readonly [Op in keyof typeof normalizationContribOps]: readonly GradientCase[] };
