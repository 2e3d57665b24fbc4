/**
 * @file Group normalization (arXiv:1803.08494): the channels of an input in groups, each group brought to mean 0 and variance 1 over its
 * channels and the plane. B: batch; C: channels; G: groups.
 */
import { full, ShapeError, staticShape, type Tensor, zeros } from '../../engine/core/index.ts';
import { add, constant, layerNormalization, mul, reshape, type Value } from '../../engine/graph/index.ts';

/** The parameters of a group normalization. */
export interface GroupNorm<T> {
  /** `[C]` */
  readonly scale: T;
  /** `[C]` */
  readonly bias: T;
}

/** Scale 1 and bias 0: the input normalized as it is. */
export function initGroupNorm(channels: number): GroupNorm<Tensor> {
  return { scale: full([channels], 1), bias: zeros([channels]) };
}

/**
 * x `[B, C, ...]` normalized within each of `numGroups` groups of neighbouring channels, then scaled and shifted by channel.
 * @throws ShapeError unless G divides C.
 */
export function groupNorm(
  params: GroupNorm<Value>,
  x: Value,
  options: { readonly numGroups: number; readonly epsilon?: number },
): Value {
  const { numGroups, epsilon = 1e-5 } = options;
  const [batch, channels, ...spatial] = staticShape(x.shape, 'groupNorm') as [number, number, ...number[]];
  if (x.rank < 2 || channels % numGroups !== 0) {
    throw new ShapeError(`groupNorm: x must be [B, C, ...] with C divisible by ${numGroups} groups, got ${x}`);
  }
  const size = spatial.reduce((product, dim) => product * dim, channels / numGroups);
  const grouped = reshape(x, [batch, numGroups, size]);
  const normalized = reshape(layerNormalization(grouped, constant(full([size], 1)), undefined, { epsilon }), x.shape);
  const perChannel = [channels, ...spatial.map(() => 1)];
  return add(mul(normalized, reshape(params.scale, perChannel)), reshape(params.bias, perChannel));
}
