/**
 * @file A causal language model over subword tokens: the decoder that the hierarchical architecture freezes, and the part of the joint one that
 * writes. Input and output share one table of token vectors (arXiv:1608.05859). B: batch; T: tokens; V: vocabulary; D: features.
 */
import { type Rng, Tensor } from '../../engine/core/index.ts';
import {
  add,
  cast,
  constant,
  equal,
  fusedMatMul,
  gather,
  gatherElements,
  logSoftmax,
  mul,
  not,
  reduceSum,
  reshape,
  slice,
  softmaxCrossEntropyLoss,
  squeeze,
  unsqueeze,
  type Value,
} from '../../engine/graph/index.ts';
import { masked } from './attention-heads.ts';
import { incrementalBlock } from './incremental-block.ts';
import { initLayerNorm, type LayerNorm, layerNorm } from './layer-norm.ts';
import { initTransformerBlock, type TransformerBlock } from './transformer-block.ts';

/** The token that fills texts to one length; it is never seen nor written. */
export const paddingId = 0;

/** The parameters of a text decoder. */
export interface TextDecoder<T> {
  /** `[V, D]` */
  readonly tokens: T;
  /** `[T, D]` */
  readonly positions: T;
  readonly blocks: readonly TransformerBlock<T>[];
  readonly norm: LayerNorm<T>;
}

/** The sizes of a text decoder. */
export interface TextDecoderOptions {
  /** D */
  readonly dim: number;
  readonly numHeads: number;
  readonly numLayers: number;
  /** V */
  readonly vocabularySize: number;
  /** The longest text, T. */
  readonly maxTokens: number;
}

/** A new decoder. */
export function initTextDecoder(rng: Rng, options: TextDecoderOptions): TextDecoder<Tensor> {
  const { dim, numLayers, vocabularySize, maxTokens } = options;
  const table = (rows: number, deviation: number) =>
    new Tensor('float32', [rows, dim], rng.fillNormal(new Float32Array(rows * dim), deviation));
  return {
    tokens: table(vocabularySize, 0.05),
    positions: table(maxTokens, 0.02),
    blocks: Array.from({ length: numLayers }, () => initTransformerBlock(rng, dim)),
    norm: initLayerNorm(dim),
  };
}

/** The vectors of tokens `int64[B, T]` at the first T positions, or at those given as `int64[T]`: `[B, T, D]`. */
export function embedTokens(
  params: Pick<TextDecoder<Value>, 'tokens' | 'positions'>,
  ids: Value,
  positions?: Value,
): Value {
  const places = positions
    ? gather(params.positions, positions)
    : slice(params.positions, { starts: [0], ends: [ids.shape[1] as number] });
  return add(gather(params.tokens, ids), places);
}

/** The scores `[B, T, V]` of every next token, after the last block. */
export function nextTokenScores(params: Pick<TextDecoder<Value>, 'tokens' | 'norm'>, x: Value): Value {
  const [batch, time, dim] = x.shape as [number, number, number];
  const rows = reshape(layerNorm(params.norm, x), [-1, dim]);
  const scores = fusedMatMul(rows, params.tokens, { transB: true });
  return reshape(scores, [batch, time, params.tokens.shape[0] as number]);
}

/** `[1, 1, T, T]`, added to scores: a token sees itself and what stands before it. */
export function causalMask(numTokens: number): Value {
  const data = new Float32Array(numTokens * numTokens);
  for (let row = 0; row < numTokens; row++) data.fill(masked, row * numTokens + row + 1, (row + 1) * numTokens);
  return constant(new Tensor('float32', [1, 1, numTokens, numTokens], data));
}

/** 1 where a token is no padding, else 0: float32 in the shape of the ids. */
export function isToken(ids: Value): Value {
  return cast(not(equal(ids, paddingId)), 'float32');
}

/** The features `[B, T, D]` of texts `int64[B, T]` read from left to right, before the last normalization. */
export function textStates(
  params: TextDecoder<Value>,
  ids: Value,
  { numHeads }: Pick<TextDecoderOptions, 'numHeads'>,
): Value {
  const mask = causalMask(ids.shape[1] as number);
  return params.blocks.reduce(
    (x, block) => incrementalBlock(block, x, { numHeads, mask }).output,
    embedTokens(params, ids),
  );
}

/**
 * The mean cross-entropy of the targets `int64[B, T]` under scores `[B, T, V]`; padding does not count. Scores that say nothing give ln V.
 */
export function captionLoss(scores: Value, targets: Value): Value {
  const vocabularySize = scores.shape[2] as number;
  return softmaxCrossEntropyLoss(reshape(scores, [-1, vocabularySize]), reshape(targets, [-1]), {
    ignoreIndex: paddingId,
  }).loss;
}

/**
 * The sum over each text of the logarithms of its tokens' probabilities under scores `[B, T, V]`, `[B]`; padding among the targets `int64[B, T]` does
 * not count.
 */
export function captionLogLikelihood(scores: Value, targets: Value): Value {
  const each = squeeze(gatherElements(logSoftmax(scores), unsqueeze(targets, [2]), 2), [2]);
  return reduceSum(mul(each, isToken(targets)), { axes: [1] });
}

/** The language-model loss of texts: inputs `int64[B, T]`, and the same a token further as targets. */
export function languageModelLoss(
  params: TextDecoder<Value>,
  batch: { readonly ids: Value; readonly targets: Value },
  options: Pick<TextDecoderOptions, 'numHeads'>,
): Value {
  return captionLoss(nextTokenScores(params, textStates(params, batch.ids, options)), batch.targets);
}
