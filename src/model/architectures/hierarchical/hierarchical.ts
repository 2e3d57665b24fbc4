/**
 * @file The hierarchical architecture (Flamingo, arXiv:2204.14198): features of frozen towers are read by a perceiver resampler into a few latents
 * a medium; a text decoder that has learned a language before, and stays frozen, looks at them through gated cross-attention before
 * each of its blocks. Only what connects the two is trained. Media and text may be interleaved: text looks at media before it.
 *
 * For retrieval, the mean of a medium's latents is set against the mean state of the frozen decoder over the text alone, each through a head.
 *
 * B: batch; M: media (here one of each modality); L: latents of a medium; T: text tokens; V: vocabulary; D: features; E: dimension of the
 * space.
 */
import { float32, type Rng, scalar, type Tensor, zeros } from '../../../engine/core/index.ts';
import {
  add,
  concat,
  constant,
  div,
  mul,
  reduceMean,
  reduceSum,
  reshape,
  unsqueeze,
  type Value,
} from '../../../engine/graph/index.ts';
import type { KeyValue } from '../../nn/attention-heads.ts';
import { type CrossAttention, memoryOf } from '../../nn/cross-attention.ts';
import { type FeedForward, feedForward, initFeedForward } from '../../nn/feed-forward.ts';
import {
  type GatedCrossAttention,
  gatedCrossAttention,
  initGatedCrossAttention,
} from '../../nn/gated-cross-attention.ts';
import { incrementalBlock } from '../../nn/incremental-block.ts';
import { layerNorm } from '../../nn/layer-norm.ts';
import { initLinear, type Linear, linear } from '../../nn/linear.ts';
import { type MediaMask, mediaMask } from '../../nn/media-mask.ts';
import {
  initMediaTokens,
  type MediaBatch,
  type MediaTokens,
  type MediaTokensOptions,
  mediaModalities,
  mediaTokens,
} from '../../nn/media-tokens.ts';
import { initPerceiverResampler, type PerceiverResampler, perceiverResampler } from '../../nn/perceiver-resampler.ts';
import { type Centring, spaceVectors } from '../../nn/space-vectors.ts';
import {
  causalMask,
  embedTokens,
  isToken,
  nextTokenScores,
  type TextDecoder,
  type TextDecoderOptions,
  textStates,
} from '../../nn/text-decoder.ts';

/** What the hierarchical architecture trains. */
export interface Hierarchical<T> {
  readonly media: MediaTokens<T>;
  readonly resampler: PerceiverResampler<T>;
  /** One before each block of the decoder. */
  readonly bridges: readonly GatedCrossAttention<T>[];
  readonly mediaHead: SpaceHead<T>;
  readonly textHead: SpaceHead<T>;
  /** `[]`, the logarithm of the logit scale. */
  readonly logLogitScale: T;
}

/** From a mean of features to the space: a residual perceptron, then a projection. */
export interface SpaceHead<T> {
  readonly feedForward: FeedForward<T>;
  /** `[D, E]` */
  readonly projection: Linear<T>;
  /** `[E]`: what all vectors have in common; zeros until training has ended. */
  readonly centre: T;
}

/** The sizes of the hierarchical architecture; those of the decoder are the frozen one's. */
export interface HierarchicalOptions extends TextDecoderOptions {
  readonly media: Omit<MediaTokensOptions, 'dim'>;
  /** E */
  readonly spaceDim: number;
  /** L */
  readonly numLatents: number;
  readonly numResamplerLayers: number;
  /** What is taken off vectors of the space; the kept centre if absent. */
  readonly centring?: Centring;
  /** Hidden features of every perceptron that is trained. */
  readonly hiddenDim: number;
}

/** New connections to a frozen decoder; at the start, the decoder writes as if they were not there. */
export function initHierarchical(rng: Rng, options: HierarchicalOptions): Hierarchical<Tensor> {
  const { dim, numLayers, spaceDim, hiddenDim } = options;
  const head = () => ({
    feedForward: initFeedForward(rng, dim, hiddenDim),
    projection: initLinear(rng, dim, spaceDim),
    centre: zeros([spaceDim]),
  });
  return {
    media: initMediaTokens(rng, { dim, ...options.media }),
    resampler: initPerceiverResampler(rng, { ...options, numLayers: options.numResamplerLayers }),
    bridges: Array.from({ length: numLayers }, () => initGatedCrossAttention(rng, dim, hiddenDim)),
    mediaHead: head(),
    textHead: head(),
    // Vectors that tell nothing apart yet are noise, which a large scale would only amplify; CLIP's 1 / 0.07 suits trained towers.
    logLogitScale: scalar(Math.log(5)),
  };
}

function headVectors(params: SpaceHead<Value>, mean: Value, centring: Centring | undefined): Value {
  const projected = linear(params.projection, add(mean, feedForward(params.feedForward, mean)));
  return spaceVectors(projected, params.centre, centring);
}

/**
 * The latents `[B, M L, D]` of media, medium after medium, those of absent media too.
 * @param drop applied to the media tokens; for dropout in training.
 */
export function mediaLatents(
  params: Hierarchical<Value>,
  media: MediaBatch<Value>,
  options: HierarchicalOptions,
  drop: (tokens: Value) => Value = (tokens) => tokens,
): Value {
  const read = mediaTokens(params.media, media).map((tokens) =>
    perceiverResampler(params.resampler, drop(tokens), options),
  );
  return concat(read, 1);
}

/** The unit vectors `[B, E]` of media from their latents: the mean over the media that are there. */
export function hierarchicalMediaEmbedding(
  params: Hierarchical<Value>,
  latents: Value,
  present: Value,
  { numLatents, dim, centring }: HierarchicalOptions,
): Value {
  const perMedium = reshape(latents, [latents.shape[0]!, mediaModalities.length, numLatents, dim]);
  const means = reduceMean(perMedium, { axes: [2] });
  const weights = div(present, add(reduceSum(present, { axes: [1], keepDims: true }), 1e-6));
  return headVectors(params.mediaHead, reduceSum(mul(means, unsqueeze(weights, [2])), { axes: [1] }), centring);
}

/** The unit vectors `[B, E]` of texts `int64[B, T]`, from the states of the frozen decoder over the text alone. */
export function hierarchicalTextEmbedding(
  params: Hierarchical<Value>,
  decoder: TextDecoder<Value>,
  ids: Value,
  options: HierarchicalOptions,
): Value {
  const present = isToken(ids);
  const weights = unsqueeze(div(present, add(reduceSum(present, { axes: [1], keepDims: true }), 1e-6)), [2]);
  const states = layerNorm(decoder.norm, textStates(decoder, ids, options));
  return headVectors(params.textHead, reduceSum(mul(states, weights), { axes: [1] }), options.centring);
}

/** Latents as keys and values of each bridge, to be computed once where text is written token after token. */
export function bridgeMemories(
  params: Hierarchical<Value>,
  latents: Value,
  { numHeads }: HierarchicalOptions,
): KeyValue<Value>[] {
  return params.bridges.map(({ attention }: { attention: CrossAttention<Value> }) =>
    memoryOf(attention, latents, numHeads),
  );
}

/** The mask of text that stands behind all media. */
export function behindAllMedia(present: Value, { numLatents }: HierarchicalOptions): MediaMask {
  const all = constant(float32([mediaModalities.length], [1, 1]));
  return mediaMask(present, all, { tokensPerMedium: numLatents });
}

/**
 * The scores `[B, T, V]` of each next token of a text `int64[B, T]` that stands among media.
 * @param latents `[B, M L, D]`, medium after medium.
 * @param mask which token sees which medium, as `mediaMask` makes it.
 */
export function hierarchicalScores(
  params: Hierarchical<Value>,
  decoder: TextDecoder<Value>,
  input: { readonly ids: Value; readonly latents: Value; readonly mask: MediaMask },
  { numHeads }: HierarchicalOptions,
): Value {
  const { ids, latents, mask } = input;
  const causal = causalMask(ids.shape[1] as number);
  const x = decoder.blocks.reduce(
    (state, block, i) => {
      const seen = gatedCrossAttention(params.bridges[i]!, state, { numHeads, memory: latents, mask });
      return incrementalBlock(block, seen, { numHeads, mask: causal }).output;
    },
    embedTokens(decoder, ids),
  );
  return nextTokenScores(decoder, x);
}

/** Media and a text behind them: the unit vectors `[B, E]` of the media, and the scores `[B, T, V]` of each next token. */
export function hierarchicalCaption(
  params: Hierarchical<Value>,
  decoder: TextDecoder<Value>,
  batch: { readonly media: MediaBatch<Value>; readonly ids: Value },
  options: HierarchicalOptions,
  drop?: (tokens: Value) => Value,
): { readonly embedding: Value; readonly scores: Value } {
  const { present } = batch.media;
  const latents = mediaLatents(params, batch.media, options, drop);
  const mask = behindAllMedia(present, options);
  return {
    embedding: hierarchicalMediaEmbedding(params, latents, present, options),
    scores: hierarchicalScores(params, decoder, { ids: batch.ids, latents, mask }, options),
  };
}
