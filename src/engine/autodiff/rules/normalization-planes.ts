/**
 * @file Gradient rules of the normalizations that scale and shift each channel: over the batch, the plane, or a group of channels. All are
 * sums over the rows of x `[B, C, S]`, joined in one way or another. B: batch; C: channels; S: elements of a plane; G: groups.
 */
import { numElements, staticShape } from '../../core/index.ts';
import {
  add,
  cast,
  constantScalar,
  div,
  expand,
  floatOf,
  intOf,
  mul,
  reduceMean,
  reduceSum,
  reduceSumSquare,
  reshape,
  sqrt,
  sub,
  type Value,
} from '../../graph/index.ts';
import { type GradientRule, inputAt, type RuleContext } from '../rule.ts';

/** How the rows of a picture `[B, C, S]` are joined to the sets that are each normalized. */
interface Joining {
  /** Elements in a set. */
  readonly size: number;
  /** Sums `[B, C, 1]` of rows to sums of sets, in a shape that stretches to `[B, C, 1]`. */
  join(sums: Value): Value;
}

function sizesOf(context: RuleContext): [batch: number, channels: number, size: number] {
  const [batch, channels, ...spatial] = staticShape(
    inputAt(context, 0).shape,
    `gradient of ${context.node.op.opType}`,
  ) as [number, number, ...number[]];
  return [batch, channels, numElements(spatial)];
}

const overRow = { axes: [2], keepDims: true };
const overBatch = { axes: [0], keepDims: true };

/**
 * With x̂ = (x - μ) r over a set of N elements and y = x̂ s + b: toward x s r g - r (x - μ) r² Σ s g (x - μ) / N - r Σ s g / N, where the sums
 * over a set are made of sums over rows; toward s Σ g x̂; toward b Σ g.
 */
function planeCotangents(
  context: RuleContext,
  joining: Joining,
  statistics?: { readonly mean: Value; readonly variance: Value },
): readonly (Value | undefined)[] {
  const [batch, channels, size] = sizesOf(context);
  const picture = inputAt(context, 0);
  const rows = (value: Value) => reshape(value, [batch, channels, size]);
  const perChannel = (value: Value) => cast(reshape(value, [1, channels, 1]), picture.dtype);
  const [x, g, scale] = [rows(picture), rows(context.cotangent), perChannel(inputAt(context, 1))];
  const epsilon = floatOf(context.node.attributes, 'epsilon', 1e-5);
  const share = 1 / joining.size;
  const meanOfSet = (sums: Value) => mul(joining.join(sums), share);
  const mean = statistics ? perChannel(statistics.mean) : meanOfSet(reduceSum(x, overRow));
  const centred = sub(x, mean);
  const variance = statistics ? perChannel(statistics.variance) : meanOfSet(reduceSumSquare(centred, overRow));
  const inverse = div(constantScalar(1, picture.dtype), sqrt(add(variance, epsilon)));
  const sums = reduceSum(g, overRow);
  const along = reduceSum(mul(g, centred), overRow);
  const towardX = () => {
    const factor = mul(inverse, scale);
    const pull = mul(mul(meanOfSet(mul(along, scale)), mul(inverse, mul(inverse, inverse))), -1);
    const shift = mul(meanOfSet(mul(sums, scale)), inverse);
    return reshape(add(mul(g, factor), sub(mul(centred, pull), shift)), picture.shape);
  };
  const perParameter = (value: Value, index: number) =>
    reshape(cast(reduceSum(value, overBatch), inputAt(context, index).dtype), [channels]);
  return [
    context.needs(0) ? towardX() : undefined,
    context.needs(1) ? perParameter(mul(along, inverse), 1) : undefined,
    context.needs(2) ? perParameter(sums, 2) : undefined,
  ];
}

/** Every plane is a set of its own. */
export const instanceNormalizationRule: GradientRule = (context) =>
  planeCotangents(context, { size: sizesOf(context)[2], join: (sums) => sums });

/** A set holds the planes of a group of channels. */
export const groupNormalizationRule: GradientRule = (context) => {
  const [batch, channels, size] = sizesOf(context);
  const numGroups = intOf(context.node.attributes, 'num_groups', 1);
  const each = channels / numGroups;
  return planeCotangents(context, {
    size: each * size,
    join: (sums) => {
      const groups = reduceSum(reshape(sums, [batch, numGroups, each]), { axes: [2], keepDims: true });
      return reshape(expand(groups, [batch, numGroups, each]), [batch, channels, 1]);
    },
  });
};

/**
 * In training a set holds the planes of a channel over the batch; the running statistics pass (1 - momentum) of what arrives at them to
 * the current ones. At inference the statistics are parameters: toward x g s r, toward s Σ g x̂, toward b Σ g, toward the mean -s r Σ g, toward
 * the variance -s r² Σ g x̂ / 2.
 */
export const batchNormalizationRule: GradientRule = (context) => {
  const { attributes } = context.node;
  return intOf(attributes, 'training_mode', 0) === 1 ? trainingRule(context) : inferenceRule(context);
};

const trainingRule: GradientRule = (context) => {
  const [batch, channels, size] = sizesOf(context);
  const momentum = floatOf(context.node.attributes, 'momentum', 0.9);
  const joining: Joining = { size: batch * size, join: (sums) => reduceSum(sums, overBatch) };
  const [, mean, variance] = context.outputs;
  const current = momentum === 0 ? { mean: mean!, variance: variance! } : undefined;
  const [towardX, towardScale, towardBias] = planeCotangents(context, joining, current);
  const [, towardMean, towardVariance] = context.cotangents;
  const kept = (index: number, arrived: Value | undefined) =>
    arrived && context.needs(index) ? mul(arrived, momentum) : undefined;
  let total = towardX;
  if (total && (towardMean || towardVariance)) {
    const x = reshape(inputAt(context, 0), [batch, channels, size]);
    const perChannel = (value: Value) => cast(reshape(value, [1, channels, 1]), x.dtype);
    const share = (1 - momentum) / (batch * size);
    let slope: Value | undefined = towardMean && mul(perChannel(towardMean), share);
    if (towardVariance) {
      const centred = sub(x, reduceMean(x, { axes: [0, 2], keepDims: true }));
      const spread = mul(centred, mul(perChannel(towardVariance), 2 * share));
      slope = slope ? add(spread, slope) : spread;
    }
    total = reshape(add(reshape(total, [batch, channels, size]), slope!), inputAt(context, 0).shape);
  }
  return [total, towardScale, towardBias, kept(3, towardMean), kept(4, towardVariance)];
};

const inferenceRule: GradientRule = (context) => {
  const [batch, channels, size] = sizesOf(context);
  const picture = inputAt(context, 0);
  const rows = (value: Value) => reshape(value, [batch, channels, size]);
  const perChannel = (index: number) => cast(reshape(inputAt(context, index), [1, channels, 1]), picture.dtype);
  const [g, scale, mean, variance] = [rows(context.cotangent), perChannel(1), perChannel(3), perChannel(4)];
  const deviation = sqrt(add(variance, floatOf(context.node.attributes, 'epsilon', 1e-5)));
  const inverse = div(constantScalar(1, picture.dtype), deviation);
  const all = { axes: [0, 2], keepDims: true };
  const needsSums = [2, 3].some((index) => context.needs(index));
  const needsProducts = [1, 4].some((index) => context.needs(index));
  const sums = needsSums ? reduceSum(g, all) : undefined;
  const along = needsProducts ? mul(reduceSum(mul(g, sub(rows(picture), mean)), all), inverse) : undefined;
  const factor = mul(scale, inverse);
  const parameter = (index: number, value: Value | undefined) =>
    value && context.needs(index) ? reshape(cast(value, inputAt(context, index).dtype), [channels]) : undefined;
  return [
    context.needs(0) ? reshape(mul(g, factor), picture.shape) : undefined,
    parameter(1, along),
    parameter(2, sums),
    parameter(3, sums && mul(mul(sums, factor), -1)),
    parameter(4, along && mul(mul(along, mul(factor, inverse)), -0.5)),
  ];
};
