/**
 * @file The joint architecture (Uni-Perceiver, arXiv:2112.01522): one transformer whose parameters all modalities share. Pictures, moving
 * pictures, sounds and texts enter as tokens of one width that carry their modality. The same blocks encode media (every token sees every other)
 * and write text (each token sees the media and what stands before it): a prefix language model (arXiv:1905.03197, arXiv:1910.10683)
 * with one set of weights, in place of an encoder and a decoder. One set of weights so retrieves, captions and classifies.
 *
 * Optionally each block has conditional experts beside its perceptron, against interference of modalities (arXiv:2206.04674).
 *
 * B: batch; M: media tokens; T: text tokens; V: vocabulary; D: features; E: dimension of the space.
 */
import { type Rng, scalar, Tensor, zeros } from '../../../engine/core/index.ts';
import {
  add,
  concat,
  constant,
  div,
  mul,
  reduceSum,
  slice,
  sub,
  unsqueeze,
  type Value,
} from '../../../engine/graph/index.ts';
import { masked } from '../../nn/attention-heads.ts';
import {
  type ConditionalExperts,
  conditionalExperts,
  initConditionalExperts,
  type TokenSegment,
} from '../../nn/conditional-experts.ts';
import { incrementalBlock } from '../../nn/incremental-block.ts';
import { layerNorm } from '../../nn/layer-norm.ts';
import { initLinear, type Linear, linear } from '../../nn/linear.ts';
import {
  initMediaTokens,
  type MediaBatch,
  type MediaTokens,
  type MediaTokensOptions,
  mediaModalities,
  mediaTokenCounts,
  mediaTokens,
  tokensPresent,
} from '../../nn/media-tokens.ts';
import { type Centring, spaceVectors } from '../../nn/space-vectors.ts';
import {
  embedTokens,
  initTextDecoder,
  isToken,
  nextTokenScores,
  type TextDecoder,
  type TextDecoderOptions,
} from '../../nn/text-decoder.ts';

/** The parameters of the joint architecture. */
export interface Joint<T> {
  readonly media: MediaTokens<T>;
  /** The blocks that all modalities share, with the table of text tokens. */
  readonly shared: TextDecoder<T>;
  /** `[1, D]`: added to each text token, as media tokens carry their modality. */
  readonly textModality: T;
  /** Experts of each block; none where the architecture has none. */
  readonly experts: readonly ConditionalExperts<T>[];
  /** `[D, E]` */
  readonly projection: Linear<T>;
  /** `[E]` each: what all media, and all texts, have in common; zeros until training has ended. */
  readonly centres: { readonly media: T; readonly text: T };
  /** `[]`, the logarithm of the logit scale. */
  readonly logLogitScale: T;
}

/** The sizes of the joint architecture. */
export interface JointOptions extends TextDecoderOptions {
  readonly media: Omit<MediaTokensOptions, 'dim'>;
  /** E */
  readonly spaceDim: number;
  /** What is taken off vectors of the space; the kept centre if absent. */
  readonly centring?: Centring;
  /** Experts beside each block's perceptron; none if absent. */
  readonly experts?: { readonly numExperts: number; readonly numActive: number; readonly hiddenDim: number };
}

const textAttribute = mediaModalities.length;

/**
 * A new joint model.
 * @param shared blocks that have learned a language already; new ones if absent.
 */
export function initJoint(rng: Rng, options: JointOptions, shared?: TextDecoder<Tensor>): Joint<Tensor> {
  const { dim, numLayers, spaceDim, experts } = options;
  return {
    media: initMediaTokens(rng, { dim, ...options.media }),
    shared: shared ?? initTextDecoder(rng, options),
    textModality: new Tensor('float32', [1, dim], new Float32Array(dim)),
    experts: experts
      ? Array.from({ length: numLayers }, () =>
          initConditionalExperts(rng, { dim, ...experts, numAttributes: textAttribute + 1 }),
        )
      : [],
    projection: initLinear(rng, dim, spaceDim),
    centres: { media: zeros([spaceDim]), text: zeros([spaceDim]) },
    // Vectors that tell nothing apart yet are noise, which a large scale would only amplify; CLIP's 1 / 0.07 suits trained towers.
    logLogitScale: scalar(Math.log(5)),
  };
}

/** Which runs of tokens stand in a sequence of media, or of text, or of both. */
export function segmentsOf(options: JointOptions, what: { readonly media: boolean; readonly textTokens: number }) {
  const media = mediaTokenCounts(options.media).map((numTokens, attribute): TokenSegment => ({ attribute, numTokens }));
  const text: TokenSegment = { attribute: textAttribute, numTokens: what.textTokens };
  return [...(what.media ? media : []), ...(what.textTokens > 0 ? [text] : [])];
}

/** The experts of a block as something beside its perceptron; nothing where there are none. */
export function expertsBeside(
  params: Joint<Value>,
  layer: number,
  segments: readonly TokenSegment[],
  { experts }: JointOptions,
): { beside?: (normalized: Value) => Value } {
  const own = params.experts[layer];
  if (own === undefined || experts === undefined) return {};
  const { numActive } = experts;
  return { beside: (normalized) => conditionalExperts(own, normalized, { segments, numActive }) };
}

function throughBlocks(
  params: Joint<Value>,
  x: Value,
  mask: Value,
  segments: readonly TokenSegment[],
  options: JointOptions,
): Value {
  const { numHeads } = options;
  return params.shared.blocks.reduce(
    (state, block, i) =>
      incrementalBlock(block, state, { numHeads, mask, ...expertsBeside(params, i, segments, options) }).output,
    x,
  );
}

/** The tokens `[B, M, D]` of media and which of them are there, `[B, M]`. */
export function jointMediaTokens(params: Joint<Value>, media: MediaBatch<Value>, options: JointOptions) {
  return {
    tokens: concat(mediaTokens(params.media, media), 1),
    present: tokensPresent(media.present, mediaTokenCounts(options.media)),
  };
}

/** `[B, 1, 1, S]`, added to scores: nothing looks at what is not there. `present` is `[B, S]`, of 1 and 0. */
export function presenceMask(present: Value): Value {
  return unsqueeze(mul(sub(1, present), masked), [1, 2]);
}

/** Text tokens `int64[B, T]` as the blocks take them, `[B, T, D]`. */
export function jointTextTokens(params: Joint<Value>, ids: Value, positions?: Value): Value {
  return add(embedTokens(params.shared, ids, positions), params.textModality);
}

/** The unit vectors `[B, E]` of tokens `[B, S, D]` after the last block: their mean over those that are there, projected. */
export function jointEmbedding(
  params: Joint<Value>,
  x: Value,
  present: Value,
  kind: keyof Joint<Value>['centres'],
  { centring }: Pick<JointOptions, 'centring'>,
): Value {
  const weights = unsqueeze(div(present, add(reduceSum(present, { axes: [1], keepDims: true }), 1e-6)), [2]);
  const mean = reduceSum(mul(layerNorm(params.shared.norm, x), weights), { axes: [1] });
  return spaceVectors(linear(params.projection, mean), params.centres[kind], centring);
}

/** The unit vectors `[B, E]` of texts `int64[B, T]`, every token of which sees every other. */
export function jointTextEmbedding(params: Joint<Value>, ids: Value, options: JointOptions): Value {
  const present = isToken(ids);
  const segments = segmentsOf(options, { media: false, textTokens: ids.shape[1] as number });
  const x = throughBlocks(params, jointTextTokens(params, ids), presenceMask(present), segments, options);
  return jointEmbedding(params, x, present, 'text', options);
}

/**
 * Media and the text that begins to describe them, in one pass: the unit vectors `[B, E]` of the media, which no text token can change, and
 * the scores `[B, T, V]` of each next token of the text.
 * @param drop applied to the media tokens; for dropout in training.
 */
export function jointCaption(
  params: Joint<Value>,
  batch: { readonly media: MediaBatch<Value>; readonly ids: Value },
  options: JointOptions,
  drop: (tokens: Value) => Value = (tokens) => tokens,
): { readonly embedding: Value; readonly scores: Value } {
  const { tokens, present } = jointMediaTokens(params, batch.media, options);
  const numMedia = tokens.shape[1] as number;
  const numText = batch.ids.shape[1] as number;
  const sequence = concat([drop(tokens), jointTextTokens(params, batch.ids)], 1);
  const mask = add(prefixMask(numMedia, numText), presenceMask(withText(present, numText)));
  const segments = segmentsOf(options, { media: true, textTokens: numText });
  const x = throughBlocks(params, sequence, mask, segments, options);
  const part = (from: number, to: number) => slice(x, { starts: [from], ends: [to], axes: [1] });
  return {
    embedding: jointEmbedding(params, part(0, numMedia), present, 'media', options),
    scores: nextTokenScores(params.shared, part(numMedia, numMedia + numText)),
  };
}

/** `[B, M]` with ones for T text tokens behind it. */
function withText(present: Value, numText: number): Value {
  const first = slice(present, { starts: [0], ends: [1], axes: [1] });
  const ones = constant(new Tensor('float32', [1, numText], new Float32Array(numText).fill(1)));
  return concat([present, add(mul(first, 0), ones)], 1);
}

/** `[1, 1, M + T, M + T]`: media see media; a text token sees media, itself and the text before it. */
function prefixMask(numMedia: number, numText: number): Value {
  const size = numMedia + numText;
  const data = new Float32Array(size * size);
  for (let row = 0; row < size; row++) {
    const seen = Math.max(numMedia, row + 1);
    data.fill(masked, row * size + seen, (row + 1) * size);
  }
  return constant(new Tensor('float32', [1, 1, size, size], data));
}
