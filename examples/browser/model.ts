/**
 * @file The model that the page trains, and that the tests train in Node from the same lines: is a point on the first spiral or on the
 * second? B: points in a batch; H: hidden units.
 */
import {
  float32,
  gemm,
  type MapLeaves,
  mul,
  type Rng,
  reduceMean,
  relu,
  sigmoid,
  softplus,
  sub,
  type Tensor,
  type Value,
} from '../../src/engine/browser.ts';

/** How many points make a batch. */
export const batchSize = 256;
const numHidden = 48;

/** Parameters drawn from a seed: three layers. */
export function initParams(rng: Rng) {
  const layer = (numIn: number, numOut: number) => ({
    weight: float32(
      rng.fillNormal(new Float32Array(numIn * numOut)).map((draw) => draw * Math.sqrt(2 / numIn)),
      [numIn, numOut],
    ),
    bias: float32(new Float32Array(numOut)),
  });
  return { first: layer(2, numHidden), second: layer(numHidden, numHidden), third: layer(numHidden, 1) };
}

/** The parameters of the model. */
export type Params = ReturnType<typeof initParams>;

/** The parameters as values of a graph. */
export type ParamValues = MapLeaves<Params, Tensor, Value>;

/** The logarithm of the odds that a point `[B, 2]` is on the second spiral: `[B, 1]`. */
function logits(params: ParamValues, points: Value): Value {
  const first = relu(gemm(points, params.first.weight, params.first.bias));
  const second = relu(gemm(first, params.second.weight, params.second.bias));
  return gemm(second, params.third.weight, params.third.bias);
}

/** The probability that a point is on the second spiral. */
export function probability(params: ParamValues, points: Value): Value {
  return sigmoid(logits(params, points));
}

/** Binary cross-entropy of the points `[B, 2]` against labels 0 or 1 `[B, 1]`; ln 2 = 0.693 for a model that knows nothing. */
export function loss(params: ParamValues, batch: { readonly points: Value; readonly labels: Value }): Value {
  const z = logits(params, batch.points);
  return reduceMean(sub(softplus(z), mul(z, batch.labels)));
}

/** Points on two spirals with a little noise. */
export function drawBatch(rng: Rng): { points: Tensor; labels: Tensor } {
  const [points, labels] = [new Float32Array(batchSize * 2), new Float32Array(batchSize)];
  for (let i = 0; i < batchSize; i++) {
    const label = i % 2;
    const turn = Math.sqrt(rng.uniform()) * 3 * Math.PI;
    const radius = turn / (3 * Math.PI);
    points[2 * i] = radius * Math.cos(turn + label * Math.PI) + 0.02 * rng.normal();
    points[2 * i + 1] = radius * Math.sin(turn + label * Math.PI) + 0.02 * rng.normal();
    labels[i] = label;
  }
  return { points: float32(points, [batchSize, 2]), labels: float32(labels, [batchSize, 1]) };
}
