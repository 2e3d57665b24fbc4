/**
 * @file Stage one of the video encoder, video alone: the tower learns to name a known motion, to tell a clip from the same clip run backward
 * and from its mirror image, and to know a clip again under other colours among all others (arXiv:1807.03748).
 *
 * B: clips, two views of each instance, row 2i and row 2i + 1; M: motions; D: width of the tower.
 */
import { type Rng, ShapeError, scalar, type Tensor } from '../../../engine/core/index.ts';
import { add, logSoftmax, mul, neg, reduceSum, reshape, slice, type Value } from '../../../engine/graph/index.ts';
import { clampedLogitScale, infoNce } from '../../losses/info-nce.ts';
import { initLinear, type Linear, linear } from '../../nn/linear.ts';
import { unitVectors } from '../../nn/unit-vectors.ts';
import { type ClipInputs, initVideoTower, type VideoTower, type VideoTowerOptions, videoTower } from './video-tower.ts';

/** The tower with what only stage one needs. */
export interface ClipLearner<T> {
  readonly tower: VideoTower<T>;
  /** `[D, M]` */
  readonly motion: Linear<T>;
  /** `[D, 2]`: forward, backward. */
  readonly direction: Linear<T>;
  /** `[D, 2]`: as it is, in a mirror. */
  readonly side: Linear<T>;
  /** `[D, 64]`, for contrast between instances. */
  readonly instance: Linear<T>;
  /** `[]` */
  readonly logLogitScale: T;
}

/** A batch of stage one. A row of a target is all zero where it is not asked. */
export interface ClipBatch<T> extends ClipInputs<T> {
  /** `[B, M]`, one at the motion. */
  readonly motion: T;
  /** `[B, 2]` */
  readonly direction: T;
  /** `[B, 2]` */
  readonly side: T;
}

/** A new tower with its heads for stage one. */
export function initClipLearner(
  rng: Rng,
  options: VideoTowerOptions & { readonly numMotions: number },
): ClipLearner<Tensor> {
  const { dim, numMotions } = options;
  return {
    tower: initVideoTower(rng, options),
    motion: initLinear(rng, dim, numMotions),
    direction: initLinear(rng, dim, 2),
    side: initLinear(rng, dim, 2),
    instance: initLinear(rng, dim, 64),
    logLogitScale: scalar(Math.log(10)),
  };
}

/**
 * The sum of the four losses, each a mean over the batch.
 * @throws ShapeError if the batch is not of an even number of rows.
 */
export function clipLoss(
  params: ClipLearner<Value>,
  batch: ClipBatch<Value>,
  options: Pick<VideoTowerOptions, 'numFrames' | 'thumbnailSize' | 'numHeads'>,
) {
  const numRows = batch.motion.shape[0];
  if (typeof numRows !== 'number' || numRows % 2 !== 0) {
    throw new ShapeError(`clipLoss: the batch must hold two views of each clip, got ${batch.motion}`);
  }
  const features = videoTower(params.tower, batch, options);
  const crossEntropy = (head: Linear<Value>, target: Value) =>
    neg(mul(reduceSum(mul(logSoftmax(linear(head, features), 1), target)), 1 / numRows));
  const motion = crossEntropy(params.motion, batch.motion);
  const direction = crossEntropy(params.direction, batch.direction);
  const side = crossEntropy(params.side, batch.side);
  const pairs = reshape(unitVectors(linear(params.instance, features)), [numRows / 2, 2, 64]);
  const view = (index: number) =>
    reshape(slice(pairs, { starts: [index], ends: [index + 1], axes: [1] }), [numRows / 2, 64]);
  const { loss: instance, accuracy } = infoNce(view(0), view(1), clampedLogitScale(params.logLogitScale));
  const loss = add(add(add(motion, direction), side), mul(instance, 0.5));
  return { loss, metrics: { motion, direction, side, instance, instanceAccuracy: accuracy } };
}
