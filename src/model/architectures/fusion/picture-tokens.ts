/**
 * @file A small convolutional encoder from scratch, for pictures that no pretrained tower knows: each stage halves the side. B: batch; I: channels of the picture;
 * S: its side; D: channels of the last stage; N: stages.
 */
import type { Rng, Tensor } from '../../../engine/core/index.ts';
import { reshape, transpose, type Value } from '../../../engine/graph/index.ts';
import { type Conv2d, conv2d, initConv2d } from '../../nn/conv2d.ts';
import { type GroupNorm, groupNorm, initGroupNorm } from '../../nn/group-norm.ts';
import { silu } from '../../nn/silu.ts';

/** The parameters of one stage. */
interface Stage<T> {
  readonly convolution: Conv2d<T>;
  readonly norm: GroupNorm<T>;
}

/** The parameters of the encoder. */
export interface PictureTokens<T> {
  readonly stages: readonly Stage<T>[];
}

/** Groups of channels that are normalized together. */
const numGroups = 4;

/** An encoder whose stages have the given channels, all divisible by 4. */
export function initPictureTokens(rng: Rng, inChannels: number, channels: readonly number[]): PictureTokens<Tensor> {
  return {
    stages: channels.map((width, i) => ({
      convolution: initConv2d(rng, channels[i - 1] ?? inChannels, width, 3, { bias: false, gain: Math.sqrt(3) }),
      norm: initGroupNorm(width),
    })),
  };
}

/** Pictures `[B, I, S, S]` to tokens `[B, (S / 2^N)², D]`, row by row. */
export function pictureTokens(params: PictureTokens<Value>, pictures: Value): Value {
  const map = params.stages.reduce(
    (x, { convolution, norm }) => silu(groupNorm(norm, conv2d(convolution, x, { stride: 2 }), { numGroups })),
    pictures,
  );
  const [batch, width, height, breadth] = map.shape as [number, number, number, number];
  return transpose(reshape(map, [batch, width, height * breadth]), [0, 2, 1]);
}
