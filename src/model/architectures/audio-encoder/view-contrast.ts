/**
 * @file What the audio encoder learns from: two views of each sound must find each other among all (SimCLR, arXiv:2002.05709). Where views may be
 * different recordings of one thing, such as a phrase by two voices, it is the supervised contrast (arXiv:2004.11362) with one partner each; nothing
 * in a batch is there twice, so that no negative is wrong. B: pairs; T: frames; M: mel bands; P: dimension of the contrast.
 */
import { type Rng, scalar, type Tensor } from '../../../engine/core/index.ts';
import { add, concat, div, mul, reduceMean, relu, slice, sqrt, sub, type Value } from '../../../engine/graph/index.ts';
import { clampedLogitScale, infoNce } from '../../losses/info-nce.ts';
import { initLinear, type Linear, linear } from '../../nn/linear.ts';
import { unitVectors } from '../../nn/unit-vectors.ts';
import { type AudioEncoder, type AudioEncoderOptions, audioEncoder, initAudioEncoder } from './audio-encoder.ts';

/** What is trained: the encoder, and a perceptron between its features and the contrast, which is thrown away afterwards. */
export interface AudioContrast<T> {
  readonly tower: AudioEncoder<T>;
  /** `[F, F]` */
  readonly hidden: Linear<T>;
  /** `[F, P]` */
  readonly projection: Linear<T>;
  /** `[]` */
  readonly logLogitScale: T;
}

/** Two views `[B, T, M]` of B sounds; row i of one belongs to row i of the other. */
export interface AudioViews<T> {
  readonly one: T;
  readonly other: T;
}

/** P */
const contrastDim = 128;

/** An encoder with a random perceptron and temperature 0.2. */
export function initAudioContrast(rng: Rng, options: AudioEncoderOptions): AudioContrast<Tensor> {
  const { featureDim } = options;
  return {
    tower: initAudioEncoder(rng, options),
    hidden: initLinear(rng, featureDim, featureDim),
    projection: initLinear(rng, featureDim, contrastDim),
    logLogitScale: scalar(Math.log(1 / 0.2)),
  };
}

/** The contrastive loss of a batch, with the logit scale and the share of views that find their partner first. */
export function audioContrast(
  params: AudioContrast<Value>,
  { one, other }: AudioViews<Value>,
  options: AudioEncoderOptions,
) {
  const features = audioEncoder(params.tower, concat([one, other], 0), options);
  const hidden = relu(acrossBatch(linear(params.hidden, acrossBatch(features))));
  const points = unitVectors(acrossBatch(linear(params.projection, hidden)));
  const numPairs = one.shape[0] as number;
  const half = (from: number) => slice(points, { starts: [from], ends: [from + numPairs], axes: [0] });
  const logitScale = clampedLogitScale(params.logLogitScale);
  const { loss, accuracy } = infoNce(half(0), half(numPairs), logitScale);
  return { loss, metrics: { accuracy, logitScale } };
}

/**
 * Columns of x `[N, F]` brought to mean 0 and deviation 1 over the batch, as in SimCLR's perceptron. Without it all sounds begin as nearly the same
 * point, where the contrast is ln B and has next to no gradient: runs stayed there.
 */
function acrossBatch(x: Value): Value {
  const centred = sub(x, reduceMean(x, { axes: [0], keepDims: true }));
  const variance = reduceMean(mul(centred, centred), { axes: [0], keepDims: true });
  return div(centred, sqrt(add(variance, 1e-5)));
}
