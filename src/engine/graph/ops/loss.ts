/**
 * @file Losses of classification, in the fused forms that ONNX has. Letters: B batch, C classes, ... further axes (pictures, time).
 */
import {
  type Dim,
  type Dtype,
  dimsFit,
  formatShape,
  isRanked,
  type Shape,
  ShapeError,
  unknownShape,
} from '../../core/index.ts';
import { type Attributes, applyOp, applyOp1, defineOp, int, string, stringOf, type Value } from '../value.ts';
import { floats, indexTypes } from './element-types.ts';
import { requireDtype, required, requireSameDtype } from './operand.ts';

const nllTypes: readonly Dtype[] = ['float32', 'float64', 'float16'];

/** The shape of the loss. @throws ShapeError unless x is [B, C, ...], target [B, ...] and weight [C]. */
function lossShape(
  opType: string,
  inputs: readonly (Value | undefined)[],
  attributes: Attributes,
  allowed: readonly Dtype[],
): Shape {
  const [x, target, weight] = [required(opType, inputs, 0), required(opType, inputs, 1), inputs[2]];
  requireDtype(opType, 'the scores', x, ...allowed);
  requireDtype(opType, 'the classes', target, ...indexTypes);
  requireSameDtype(opType, x, weight);
  const reduction = stringOf(attributes, 'reduction', 'mean');
  if (!['none', 'sum', 'mean'].includes(reduction)) {
    throw new RangeError(`${opType}: the reduction must be none, sum or mean, got "${reduction}"`);
  }
  if (isRanked(x.shape) && isRanked(target.shape)) {
    const needed = [x.shape[0], ...x.shape.slice(2)] as Dim[];
    const fits = x.rank >= 2 && target.rank === x.rank - 1 && target.shape.every((dim, a) => dimsFit(dim, needed[a]));
    if (!fits) {
      throw new ShapeError(
        `${opType}: needs scores [B, C, ...] and classes [B, ...], got ${formatShape(x.shape)} and ${formatShape(target.shape)}`,
      );
    }
  }
  if (weight && isRanked(weight.shape)) {
    const numClasses = isRanked(x.shape) ? x.shape[1] : weight.shape[0];
    if (weight.rank !== 1 || !dimsFit(weight.shape[0], numClasses)) {
      throw new ShapeError(`${opType}: the weights must be [${numClasses}], got ${formatShape(weight.shape)}`);
    }
  }
  if (reduction !== 'none') return [];
  if (isRanked(target.shape)) return target.shape;
  return isRanked(x.shape) ? [x.shape[0]!, ...x.shape.slice(2)] : unknownShape;
}

/** The loss op definitions. */
export const lossOps = {
  NegativeLogLikelihoodLoss: defineOp('NegativeLogLikelihoodLoss', (inputs, attributes) => [
    {
      dtype: required('NegativeLogLikelihoodLoss', inputs, 0).dtype,
      shape: lossShape('NegativeLogLikelihoodLoss', inputs, attributes, nllTypes),
    },
  ]),
  /** The second output is the logarithm of the softmax over the classes. */
  SoftmaxCrossEntropyLoss: defineOp(
    'SoftmaxCrossEntropyLoss',
    (inputs, attributes) => {
      const { dtype, shape } = required('SoftmaxCrossEntropyLoss', inputs, 0);
      return [
        { dtype, shape: lossShape('SoftmaxCrossEntropyLoss', inputs, attributes, floats) },
        { dtype, shape },
      ];
    },
    '',
    { firstOptionalOutput: 1 },
  ),
} as const;

/** How a classification loss weighs and reduces. */
export interface ClassificationLossOptions {
  /** `[C]`: how much an example of each class counts; 1 if absent. */
  readonly weights?: Value;
  /** Examples of this class count nothing; it need not be one of the classes. */
  readonly ignoreIndex?: number;
  /** 'mean' divides by the sum of the weights of the examples that count. */
  readonly reduction?: 'mean' | 'sum' | 'none';
}

const lossAttributes = (options: ClassificationLossOptions): Attributes => ({
  reduction: string(options.reduction ?? 'mean'),
  ...(options.ignoreIndex === undefined ? {} : { ignore_index: int(options.ignoreIndex) }),
});

/** The negative of the logarithmic probability `[B, C, ...]` of each class in `target`, int64 `[B, ...]`. */
export function negativeLogLikelihoodLoss(
  logProbabilities: Value,
  target: Value,
  options: ClassificationLossOptions = {},
): Value {
  const inputs = [logProbabilities, target, options.weights];
  return applyOp1(lossOps.NegativeLogLikelihoodLoss, inputs, lossAttributes(options));
}

/**
 * The cross-entropy between scores `[B, C, ...]` and the classes in `target`, int64 `[B, ...]`; ln C where the scores say nothing.
 * Also the logarithm of the softmax over the classes, which the loss computes anyway.
 */
export function softmaxCrossEntropyLoss(
  scores: Value,
  target: Value,
  options: ClassificationLossOptions = {},
): { loss: Value; logProbabilities: Value } {
  const inputs = [scores, target, options.weights];
  const [loss, logProbabilities] = applyOp(lossOps.SoftmaxCrossEntropyLoss, inputs, lossAttributes(options));
  return { loss: loss!, logProbabilities: logProbabilities! };
}
