/** @file Cases of normalizations, convolutions and pools. */
import {
  averagePool,
  conv,
  type convolutionOps,
  convTranspose,
  globalAveragePool,
  layerNormalization,
  maxPool,
  type normalizationOps,
} from '../../src/engine/graph/index.ts';
import { distinct, type GradientCase, uniform } from './checker.ts';

type Shape = readonly number[];

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
  ],
} as const satisfies { readonly [Op in keyof typeof normalizationOps]: readonly GradientCase[] };

interface ConvolutionCase {
  readonly x: Shape;
  readonly w: Shape;
  readonly options: NonNullable<Parameters<typeof convTranspose>[3]>;
  readonly bias?: boolean;
}

const convolutions: Readonly<Record<string, ConvolutionCase>> = {
  plain: { x: [2, 2, 4, 4], w: [3, 2, 3, 3], options: {}, bias: true },
  'with strides that leave a rest': { x: [1, 2, 6, 5], w: [2, 2, 3, 2], options: { strides: [2, 2] } },
  'with asymmetric pads': { x: [1, 1, 4, 3], w: [2, 1, 3, 3], options: { pads: [1, 0, 2, 1], strides: [2, 1] } },
  'with dilations': { x: [1, 2, 6, 5], w: [2, 2, 2, 2], options: { dilations: [2, 3], pads: [1, 1, 0, 1] } },
  'in two groups': { x: [2, 4, 3, 3], w: [6, 2, 2, 2], options: { group: 2 }, bias: true },
  depthwise: {
    x: [2, 3, 5, 5],
    w: [3, 1, 3, 3],
    options: { group: 3, strides: [2, 2], pads: [0, 0, 1, 1] },
    bias: true,
  },
  'over one axis': { x: [2, 2, 7], w: [3, 2, 3], options: { strides: [2], dilations: [2], pads: [2, 1] }, bias: true },
  'over three axes': { x: [1, 1, 3, 3, 3], w: [2, 1, 2, 2, 2], options: { strides: [1, 2, 1] } },
};

const transposed: Readonly<Record<string, ConvolutionCase>> = {
  plain: { x: [2, 2, 3, 3], w: [2, 3, 2, 2], options: {}, bias: true },
  'with strides and output padding': {
    x: [1, 2, 3, 2],
    w: [2, 2, 3, 3],
    options: { strides: [2, 2], outputPadding: [1, 1], pads: [1, 1, 1, 1] },
  },
  'with asymmetric pads': { x: [1, 1, 3, 3], w: [1, 2, 3, 3], options: { strides: [2, 1], pads: [1, 0, 0, 2] } },
  'with dilations': { x: [1, 2, 3, 3], w: [2, 1, 2, 2], options: { dilations: [2, 3] } },
  'in groups': { x: [2, 4, 3, 2], w: [4, 2, 2, 2], options: { group: 2, strides: [2, 1] }, bias: true },
  'over one axis': { x: [2, 2, 4], w: [2, 3, 3], options: { strides: [3], outputPadding: [2] }, bias: true },
};

function convolutionCases(
  opType: string,
  apply: typeof convTranspose,
  table: Readonly<Record<string, ConvolutionCase>>,
  numOutputs: (one: ConvolutionCase) => number,
): GradientCase[] {
  return Object.entries(table).map(([what, one]) => ({
    name: `${opType} ${what}`,
    operands: [uniform(one.x), uniform(one.w), ...(one.bias ? [uniform([numOutputs(one)])] : [])],
    apply: ([x, w, b]) => apply(x!, w!, b, one.options),
    dtype: 'float32',
  }));
}

/** The cases of the convolutions and pools. */
export const convolutionCasesByOp = {
  Conv: convolutionCases('Conv', conv, convolutions, (one) => one.w[0]!),
  ConvTranspose: convolutionCases(
    'ConvTranspose',
    convTranspose,
    transposed,
    (one) => one.w[1]! * (one.options.group ?? 1),
  ),
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
} as const satisfies { readonly [Op in keyof typeof convolutionOps]: readonly GradientCase[] };
