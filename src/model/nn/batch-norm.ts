/**
 * @file Batch normalization as it is in training (arXiv:1502.03167): every channel brought to mean 0 and variance 1 over the batch and
 * the plane. Running statistics are not kept; for inference, fold them into the convolution before. B: batch; C: channels.
 */
import { full, ShapeError, type Tensor, zeros } from '../../engine/core/index.ts';
import {
  add,
  div,
  mul,
  reduceMean,
  reshape,
  sqrt,
  square,
  stopGradient,
  sub,
  type Value,
} from '../../engine/graph/index.ts';

/** The parameters of a batch normalization. */
export interface BatchNorm<T> {
  /** `[C]` */
  readonly scale: T;
  /** `[C]` */
  readonly bias: T;
}

/** Scale 1 and bias 0: the input normalized as it is. */
export function initBatchNorm(channels: number): BatchNorm<Tensor> {
  return { scale: full([channels], 1), bias: zeros([channels]) };
}

/**
 * x `[B, C, ...]` normalized by the mean and the (biased) variance of each channel in this batch, then scaled and shifted.
 * @throws ShapeError unless x has channels.
 */
export function batchNorm(params: BatchNorm<Value>, x: Value, options: { readonly epsilon?: number } = {}): Value {
  if (x.rank < 2) throw new ShapeError(`batchNorm: x must be [B, C, ...], got ${x}`);
  const perChannel = [params.scale.shape[0]!, ...new Array<number>(x.rank - 2).fill(1)];
  const overRest = { axes: x.shape.map((_, axis) => axis).filter((axis) => axis !== 1), keepDims: true };
  const mean = reduceMean(x, overRest);
  // The variance does not change with the mean to first order: its gradient need not pass there.
  const variance = reduceMean(square(sub(x, stopGradient(mean))), overRest);
  const gain = div(reshape(params.scale, perChannel), sqrt(add(variance, options.epsilon ?? 1e-5)));
  return add(mul(sub(x, mean), gain), reshape(params.bias, perChannel));
}
