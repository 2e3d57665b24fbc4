/** @file Gradient rules of the normalizations without parameters. g is the cotangent of the result. */
import { normalizeAxis, staticShape } from '../../core/index.ts';
import {
  add,
  averagePool,
  constantScalar,
  div,
  floatOf,
  intOf,
  intsOf,
  mul,
  pow,
  reduceMean,
  reshape,
  sqrt,
  square,
  sub,
  type Value,
} from '../../graph/index.ts';
import { type GradientRule, inputAt } from '../rule.ts';

/** The deviation below which ONNX Runtime's MeanVarianceNormalization does not divide. */
const leastDeviation = 1e-9;

/** r (g - mean(g) - x̂ mean(g x̂)), with r = 1 / (σ + 1e-9) and x̂ = (x - μ) / σ where the derivative of σ comes in. */
export const meanVarianceRule: GradientRule = (context) => {
  const [x, g] = [inputAt(context, 0), context.cotangent];
  const axes = intsOf(context.node.attributes, 'axes', [0, 2, 3]).map((axis) =>
    normalizeAxis(axis, x.rank, 'MeanVarianceNormalization'),
  );
  const over = { axes, keepDims: true };
  const centred = sub(x, reduceMean(x, over));
  const deviation = sqrt(reduceMean(square(centred), over));
  const inverse = div(constantScalar(1, x.dtype), add(deviation, leastDeviation));
  const y = mul(centred, inverse);
  const direction = div(centred, deviation);
  return [mul(sub(sub(g, reduceMean(g, over)), mul(direction, reduceMean(mul(g, y), over))), inverse)];
};

/** The sum over each channel of `[B, C, S]` and `reach` channels on either side. */
function sumOfNeighbours(x: Value, reach: number): Value {
  const [batch, channels, size] = staticShape(x.shape, 'gradient of LRN') as [number, number, number];
  const count = 2 * reach + 1;
  const picture = reshape(x, [batch, 1, channels, size]);
  const means = averagePool(picture, [count, 1], { pads: [reach, 0, reach, 0], countPadding: true });
  return mul(reshape(means, [batch, channels, size]), count);
}

/**
 * With n = bias + alpha / size Σ x² over the channels around and y = x n^-beta: toward x
 * g n^-beta - 2 alpha beta / size x Σ g x n^(-beta - 1) over the channels that have x among those around them.
 */
export const lrnRule: GradientRule = (context) => {
  const { attributes } = context.node;
  const shape = staticShape(inputAt(context, 0).shape, 'gradient of LRN');
  const planes = (value: Value) => reshape(value, [shape[0]!, shape[1]!, -1]);
  const [x, g] = [planes(inputAt(context, 0)), planes(context.cotangent)];
  const size = intOf(attributes, 'size', 1);
  const alpha = floatOf(attributes, 'alpha', 1e-4) / size;
  const beta = floatOf(attributes, 'beta', 0.75);
  const reach = (size - 1) / 2;
  const base = add(mul(sumOfNeighbours(mul(x, x), reach), alpha), floatOf(attributes, 'bias', 1));
  const power = pow(base, -beta);
  const around = sumOfNeighbours(mul(mul(g, x), div(power, base)), reach);
  return [reshape(sub(mul(g, power), mul(mul(x, around), 2 * alpha * beta)), shape)];
};
