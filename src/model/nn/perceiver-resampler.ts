/**
 * @file The perceiver resampler of Flamingo (arXiv:2204.14198, section 3.1.1, after Perceiver, arXiv:2103.03206): a few learned latents read any
 * number of media tokens, so that what follows costs the same for a picture and for a video. In each layer the latents attend to
 * the media tokens and to themselves, then pass a perceptron. B: batch; S: media tokens; L: latents; D: features.
 */
import { type Rng, Tensor } from '../../engine/core/index.ts';
import { add, concat, expand, mul, slice, type Value } from '../../engine/graph/index.ts';
import { type CrossAttention, crossAttention, initCrossAttention } from './cross-attention.ts';
import { type FeedForward, feedForward, initFeedForward } from './feed-forward.ts';
import { initLayerNorm, type LayerNorm, layerNorm } from './layer-norm.ts';

/** The parameters of one layer of the resampler. */
export interface ResamplerLayer<T> {
  readonly mediaNorm: LayerNorm<T>;
  readonly latentNorm: LayerNorm<T>;
  readonly attention: CrossAttention<T>;
  readonly feedForward: FeedForward<T>;
}

/** The parameters of a resampler. */
export interface PerceiverResampler<T> {
  /** `[1, L, D]` */
  readonly latents: T;
  readonly layers: readonly ResamplerLayer<T>[];
  readonly norm: LayerNorm<T>;
}

/** The sizes of a resampler. */
export interface PerceiverResamplerOptions {
  /** D */
  readonly dim: number;
  /** L */
  readonly numLatents: number;
  readonly numLayers: number;
  /** Hidden features of its perceptrons. */
  readonly hiddenDim: number;
}

/** A new resampler. */
export function initPerceiverResampler(rng: Rng, options: PerceiverResamplerOptions): PerceiverResampler<Tensor> {
  const { dim, numLatents, numLayers, hiddenDim } = options;
  return {
    latents: new Tensor('float32', [1, numLatents, dim], rng.fillNormal(new Float32Array(numLatents * dim), 1)),
    layers: Array.from({ length: numLayers }, () => ({
      mediaNorm: initLayerNorm(dim),
      latentNorm: initLayerNorm(dim),
      attention: initCrossAttention(rng, dim),
      feedForward: initFeedForward(rng, dim, hiddenDim),
    })),
    norm: initLayerNorm(dim),
  };
}

/** What the latents have read of media tokens `[B, S, D]`: `[B, L, D]`. */
export function perceiverResampler(
  params: PerceiverResampler<Value>,
  media: Value,
  { numHeads }: { readonly numHeads: number },
): Value {
  let latents = latentsLike(params.latents, media);
  for (const layer of params.layers) {
    const own = layerNorm(layer.latentNorm, latents);
    const memory = concat([layerNorm(layer.mediaNorm, media), own], 1);
    latents = add(latents, crossAttention(layer.attention, own, { numHeads, memory }));
    latents = add(latents, feedForward(layer.feedForward, latents));
  }
  return layerNorm(params.norm, latents);
}

/** The latents once for each item of the media. Where their number is only known at run time, broadcasting finds it. */
function latentsLike(latents: Value, media: Value): Value {
  const [batch, , dim] = media.shape;
  if (typeof batch === 'number') return expand(latents, [batch, latents.shape[1] as number, dim as number]);
  return add(latents, mul(slice(media, { starts: [0], ends: [1], axes: [1] }), 0));
}
