/** @file Cases of the classification losses: every reduction, with weights, ignored classes, further axes, and both outputs. */
import { int64, Tensor } from '../../src/engine/core/index.ts';
import {
  type ClassificationLossOptions,
  constant,
  type lossOps,
  negativeLogLikelihoodLoss,
  softmaxCrossEntropyLoss,
  type Value,
} from '../../src/engine/graph/index.ts';
import { type GradientCase, type OperandSpec, uniform } from './checker.ts';

type Options = Omit<ClassificationLossOptions, 'weights'>;
type Loss = (scores: Value, target: Value, options: ClassificationLossOptions) => Value | readonly Value[];

const rows = constant(int64([2, 0, 1, 2], [4]));
const withIgnored = constant(int64([2, -1, 1, -1], [4]));
const beyond = constant(int64([2, 0, 7, 2], [4]));
const small = constant(new Tensor('int32', [4], Int32Array.of(0, 2, 1, 1)));
const picture = constant(int64([0, 2, 1, 1, 2, 0], [1, 2, 3]));

const examples: readonly [string, readonly number[], Value, Options][] = [
  ['', [4, 3], rows, {}],
  [' summed', [4, 3], rows, { reduction: 'sum' }],
  [' of each', [4, 3], rows, { reduction: 'none' }],
  [' with an ignored class', [4, 3], withIgnored, { ignoreIndex: -1 }],
  [' with an ignored class beyond the others, of each', [4, 3], beyond, { ignoreIndex: 7, reduction: 'none' }],
  [' of int32 classes', [4, 3], small, { ignoreIndex: 1, reduction: 'sum' }],
  [' of pictures', [1, 3, 2, 3], picture, {}],
  [' of pictures with an ignored class', [1, 3, 2, 3], picture, { ignoreIndex: 2 }],
  [' of pictures, of each', [1, 3, 2, 3], picture, { reduction: 'none' }],
];

const weightsOf3: OperandSpec = uniform([3], 0.5, 2);

const cases = (name: string, loss: Loss): GradientCase[] =>
  examples.flatMap(([what, shape, target, options]): GradientCase[] => [
    {
      name: `${name}${what}`,
      operands: [uniform(shape)],
      apply: ([x]) => loss(x!, target, options),
    },
    {
      name: `${name}${what}, weighted`,
      operands: [uniform(shape), weightsOf3],
      apply: ([x, weights]) => loss(x!, target, { ...options, weights: weights! }),
    },
  ]);

const both: Loss = (scores, target, options) => {
  const { loss, logProbabilities } = softmaxCrossEntropyLoss(scores, target, options);
  return [loss, logProbabilities];
};

/** The cases of the losses. */
export const lossCases = {
  NegativeLogLikelihoodLoss: cases('NegativeLogLikelihoodLoss', negativeLogLikelihoodLoss),
  SoftmaxCrossEntropyLoss: [
    ...cases('SoftmaxCrossEntropyLoss', (...given) => softmaxCrossEntropyLoss(...given).loss),
    ...cases('SoftmaxCrossEntropyLoss with both outputs', both).slice(0, 6),
    {
      name: 'SoftmaxCrossEntropyLoss with only its logarithms used',
      operands: [uniform([4, 3])],
      apply: ([x]) => softmaxCrossEntropyLoss(x!, rows).logProbabilities,
    },
  ],
} as const satisfies { readonly [Op in keyof typeof lossOps]: readonly GradientCase[] };
