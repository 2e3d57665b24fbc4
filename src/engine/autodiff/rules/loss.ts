/**
 * @file Gradient rules of the classification losses. An example counts w = weights[class] (1 without weights, 0 if its class is the
 * ignored one) and the loss is Σ -w log p(class), over Σ w for the mean. Toward the logarithms only the elements of the classes
 * have a derivative, which a scatter puts in place.
 */
import { numElements, staticShape } from '../../core/index.ts';
import {
  add,
  constantScalar,
  div,
  equal,
  exp,
  expand,
  gather,
  gatherElements,
  intOf,
  type lossOps,
  mul,
  neg,
  reduceSum,
  reshape,
  scatterElements,
  stringOf,
  sub,
  unsqueeze,
  type Value,
  where,
} from '../../graph/index.ts';
import { type GradientRule, inputAt, type RuleContext, zeroLike } from '../rule.ts';

type Rules = { readonly [Op in keyof typeof lossOps]: GradientRule };

/** What both losses need of their examples. */
interface Examples {
  /** `[B, 1, ...]`: the class of each as an index that exists. */
  readonly classes: Value;
  /** `[B, ...]`: which of them count nothing; undefined where no class is ignored. */
  readonly ignored: Value | undefined;
  /** g, divided by the sum of the weights for the mean: `[B, ...]` or a scalar. */
  readonly share: Value;
  /** w · share: the derivative by -log p of each; a scalar where it is the same for all. */
  readonly slopes: Value;
}

const isMean = (context: RuleContext): boolean => stringOf(context.node.attributes, 'reduction', 'mean') === 'mean';

function examplesOf(context: RuleContext): Examples {
  const [x, target, classWeights] = [inputAt(context, 0), inputAt(context, 1), context.inputs[2]];
  const { attributes } = context.node;
  const ignored =
    attributes.ignore_index === undefined ? undefined : equal(target, intOf(attributes, 'ignore_index', 0));
  const classes = ignored ? where(ignored, zeroLike(target), target) : target;
  const picked = classWeights ? gather(classWeights, classes) : constantScalar(1, x.dtype);
  const weights = ignored ? where(ignored, zeroLike(x), picked) : picked;
  const areEqual = weights.rank === 0 && target.rank > 0;
  let share = context.cotangent;
  if (isMean(context)) {
    const count = numElements(staticShape(target.shape, 'gradient of a loss'));
    share = areEqual ? mul(share, 1 / count) : div(share, reduceSum(weights));
  }
  return { classes: unsqueeze(classes, [1]), ignored, share, slopes: areEqual ? share : mul(share, weights) };
}

/** `[B, 1, ...]`: a value for every example. */
function perExample(value: Value, examples: Examples): Value {
  const [batch, , ...rest] = staticShape(examples.classes.shape, 'gradient of a loss');
  return unsqueeze(expand(value, [batch!, ...rest]), [1]);
}

/** Toward the weight of each class: its examples' -log p, less the loss itself for the mean, which the sum of weights divides. */
function towardWeights(context: RuleContext, logProbabilities: Value, examples: Examples): Value {
  const weights = inputAt(context, 2);
  const picked = gatherElements(logProbabilities, examples.classes, 1);
  const each = isMean(context) ? add(picked, context.outputs[0]!) : picked;
  const slopes = neg(mul(each, perExample(examples.share, examples)));
  const { ignored } = examples;
  const kept = ignored ? where(unsqueeze(ignored, [1]), zeroLike(slopes), slopes) : slopes;
  const zeros = expand(zeroLike(weights), staticShape(weights.shape, 'gradient of a loss'));
  const flat = (value: Value) => reshape(value, [-1]);
  return scatterElements(zeros, flat(examples.classes), flat(kept), { axis: 0, reduction: 'add' });
}

/** p · slope, less the slope at the class, which is written in place of what stands there. */
function towardScores(probabilities: Value, examples: Examples): Value {
  const { classes, slopes } = examples;
  const scaled = mul(probabilities, slopes.rank === 0 ? slopes : unsqueeze(slopes, [1]));
  const updates = sub(gatherElements(scaled, classes, 1), perExample(slopes, examples));
  return scatterElements(scaled, classes, updates, { axis: 1 });
}

/** The rules of the losses. */
export const lossRules: Rules = {
  NegativeLogLikelihoodLoss: (context) => {
    const x = inputAt(context, 0);
    const examples = examplesOf(context);
    const zeros = expand(zeroLike(x), staticShape(x.shape, 'gradient of a loss'));
    return [
      context.needs(0)
        ? scatterElements(zeros, examples.classes, perExample(neg(examples.slopes), examples), { axis: 1 })
        : undefined,
      undefined,
      context.needs(2) ? towardWeights(context, x, examples) : undefined,
    ];
  },
  SoftmaxCrossEntropyLoss: (context) => {
    const logProbabilities = context.outputs[1]!;
    const probabilities = exp(logProbabilities);
    const [towardLoss, towardLogs] = context.cotangents;
    const examples = towardLoss && examplesOf(context);
    const fromLoss = () => examples && towardScores(probabilities, examples);
    const fromLogs = () =>
      towardLogs && sub(towardLogs, mul(probabilities, reduceSum(towardLogs, { axes: [1], keepDims: true })));
    const total = (a: Value | undefined, b: Value | undefined) => (a && b ? add(a, b) : (a ?? b));
    return [
      context.needs(0) ? total(fromLoss(), fromLogs()) : undefined,
      undefined,
      examples && context.needs(2) ? towardWeights(context, logProbabilities, examples) : undefined,
    ];
  },
};
