/** @file Cases of convolutions: every form that their gradients take. */
import { applyOp, constantInts, conv, type convolutionOps, convTranspose, ops } from '../../src/engine/graph/index.ts';
import { floats, ints, string } from '../../src/engine/graph/value.ts';
import { type GradientCase, uniform } from './checker.ts';

type Shape = readonly number[];

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
  'of four channels, summed over the batch': {
    x: [2, 4, 3, 3],
    w: [2, 4, 2, 2],
    options: { pads: [1, 0, 0, 1] },
    bias: true,
  },
  'of four channels on a large plane': { x: [1, 4, 10, 10], w: [1, 4, 2, 2], options: { strides: [2, 1] } },
  'of single elements': { x: [2, 4, 3, 4], w: [3, 4, 1, 1], options: {}, bias: true },
  'of single elements, with steps': { x: [2, 4, 3, 4], w: [3, 4, 1, 1], options: { strides: [2, 2] } },
  'depthwise on a wide plane': { x: [2, 2, 3, 27], w: [2, 1, 2, 2], options: { group: 2 } },
  'depthwise over one axis': { x: [2, 2, 6], w: [2, 1, 3], options: { group: 2, dilations: [2], pads: [1, 1] } },
  'depthwise in whole blocks': { x: [2, 8, 3, 3], w: [8, 1, 2, 2], options: { group: 8, pads: [1, 0, 0, 1] } },
  'depthwise in whole blocks, with steps': {
    x: [1, 16, 4, 4],
    w: [16, 1, 2, 2],
    options: { group: 16, strides: [2, 2], dilations: [2, 1] },
  },
  'of patches': { x: [1, 2, 4, 4], w: [3, 2, 2, 2], options: { strides: [2, 2] } },
  'with more padding than kernel': { x: [1, 2, 3, 2], w: [1, 2, 2, 2], options: { pads: [2, 2, 1, 1] } },
  'padded to the same size, more above': {
    x: [1, 2, 4, 5],
    w: [2, 2, 3, 2],
    options: { autoPad: 'SAME_LOWER', strides: [2, 2] },
  },
  'padded to the same size, more below': {
    x: [1, 2, 4, 5],
    w: [2, 2, 2, 4],
    options: { autoPad: 'SAME_UPPER' },
  },
  'without padding, by name': { x: [1, 2, 4, 3], w: [2, 2, 3, 2], options: { autoPad: 'VALID' } },
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
  'over three axes': { x: [1, 1, 2, 2, 2], w: [1, 2, 2, 2, 2], options: { strides: [1, 2, 1] } },
  'to a size': {
    x: [1, 2, 3, 3],
    w: [2, 2, 3, 3],
    options: { strides: [2, 2], outputShape: [6, 5] },
    bias: true,
  },
  'to a size, more above': {
    x: [1, 2, 3, 3],
    w: [2, 1, 3, 3],
    options: { strides: [2, 2], outputShape: [5, 6], autoPad: 'SAME_UPPER' },
  },
  'padded to the same size': { x: [1, 2, 3, 2], w: [2, 2, 3, 2], options: { strides: [2, 2], autoPad: 'SAME_LOWER' } },
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

function fused(activation: string, numbers: readonly number[]): GradientCase {
  return {
    name: `FusedConv with ${activation} and a summand`,
    operands: [uniform([1, 2, 4, 3]), uniform([2, 2, 2, 2]), uniform([2]), uniform([1, 2, 3, 2])],
    apply: (operands) =>
      applyOp(ops['com.microsoft.FusedConv'], operands, {
        activation: string(activation),
        activation_params: floats(numbers),
      }),
    dtype: 'float32',
  };
}

/** The cases of the convolutions. */
export const convolutionCasesByOp = {
  Conv: convolutionCases('Conv', conv, convolutions, (one) => one.w[0]!),
  ConvTranspose: convolutionCases(
    'ConvTranspose',
    convTranspose,
    transposed,
    (one) => one.w[1]! * (one.options.group ?? 1),
  ),
  'com.microsoft.FusedConv': [
    fused('Relu', []),
    fused('LeakyRelu', [0.2]),
    fused('Tanh', []),
    {
      name: 'FusedConv without a summand',
      operands: [uniform([2, 1, 4]), uniform([2, 1, 2])],
      apply: ([x, w]) =>
        applyOp(ops['com.microsoft.FusedConv'], [x, w], { activation: string('Sigmoid'), strides: ints([2]) }),
      dtype: 'float32',
    },
  ],
  'com.microsoft.ConvTransposeWithDynamicPads': [
    {
      name: 'ConvTransposeWithDynamicPads with its pads',
      operands: [uniform([1, 2, 3, 3]), uniform([2, 2, 3, 2]), uniform([2])],
      apply: ([x, w, b]) =>
        applyOp(ops['com.microsoft.ConvTransposeWithDynamicPads'], [x, w, constantInts([1, 0, 0, 1]), b], {
          strides: ints([2, 1]),
        }),
      dtype: 'float32',
    },
    {
      name: 'ConvTransposeWithDynamicPads with pads of zero',
      operands: [uniform([2, 2, 2, 3]), uniform([2, 1, 2, 2])],
      apply: ([x, w]) =>
        applyOp(ops['com.microsoft.ConvTransposeWithDynamicPads'], [x, w, constantInts([0, 0, 0, 0])], {}),
      dtype: 'float32',
    },
  ],
} as const satisfies { readonly [Op in keyof typeof convolutionOps]?: readonly GradientCase[] };
