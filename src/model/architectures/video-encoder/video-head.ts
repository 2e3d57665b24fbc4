/**
 * @file The video head: a clip is the mean of its frames in the shared space, moved by what the video tower says. The move passes a tanh gate
 * that starts at 0 (as in arXiv:2204.14198), so that what frames alone know is never lost: an untrained head gives their mean.
 *
 * B: clips; T: frames; D: dimension of the space; V: features of the video tower; H: hidden width.
 */
import { type Rng, ShapeError, scalar, type Tensor } from '../../../engine/core/index.ts';
import { add, concat, gelu, mul, reduceMean, tanh, type Value } from '../../../engine/graph/index.ts';
import { initLayerNorm, type LayerNorm, layerNorm } from '../../nn/layer-norm.ts';
import { initLinear, type Linear, linear } from '../../nn/linear.ts';
import { unitVectors } from '../../nn/unit-vectors.ts';

/** The parameters of a video head. */
export interface VideoHead<T> {
  readonly norm: LayerNorm<T>;
  /** `[V + D, H]` */
  readonly up: Linear<T>;
  /** `[H, D]` */
  readonly down: Linear<T>;
  /** `[]`; its tanh is how far features move a clip. */
  readonly gate: T;
}

/** A video head that gives the mean of the frames until it is trained. */
export function initVideoHead(
  rng: Rng,
  options: { readonly featureDim: number; readonly spaceDim: number; readonly hiddenDim: number },
): VideoHead<Tensor> {
  const { featureDim, spaceDim, hiddenDim } = options;
  return {
    norm: initLayerNorm(featureDim),
    up: initLinear(rng, featureDim + spaceDim, hiddenDim),
    down: initLinear(rng, hiddenDim, spaceDim),
    gate: scalar(0),
  };
}

/**
 * Unit vectors `[B, D]` of clips.
 * @param frameVectors `[B, T, D]`: each frame in the shared space.
 * @param features `[B, V]` of the video tower.
 * @throws ShapeError unless they are that.
 */
export function videoHead(params: VideoHead<Value>, frameVectors: Value, features: Value): Value {
  if (frameVectors.rank !== 3 || features.rank !== 2) {
    throw new ShapeError(`videoHead: needs frames [B, T, D] and features [B, V], got ${frameVectors} and ${features}`);
  }
  const appearance = unitVectors(reduceMean(frameVectors, { axes: [1] }));
  const seen = concat([layerNorm(params.norm, features), appearance], 1);
  const move = linear(params.down, gelu(linear(params.up, seen)));
  return unitVectors(add(appearance, mul(move, tanh(params.gate))));
}
