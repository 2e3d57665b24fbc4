/**
 * @file The gated cross-attention block that Flamingo (arXiv:2204.14198, section 3.1.2) puts before the blocks of a frozen language model: text
 * attends to media and passes a perceptron, each times tanh of a learned gate that starts at 0, so that a new block changes nothing.
 *
 * B: batch; T: text tokens; S: media tokens; D: features.
 */
import { type Rng, scalar, type Tensor } from '../../engine/core/index.ts';
import { add, mul, tanh, type Value } from '../../engine/graph/index.ts';
import type { KeyValue } from './attention-heads.ts';
import { type CrossAttention, crossAttention, initCrossAttention } from './cross-attention.ts';
import { type FeedForward, feedForward, initFeedForward } from './feed-forward.ts';
import { initLayerNorm, type LayerNorm, layerNorm } from './layer-norm.ts';
import type { MediaMask } from './media-mask.ts';

/** The parameters of a gated cross-attention block. */
export interface GatedCrossAttention<T> {
  readonly norm: LayerNorm<T>;
  readonly attention: CrossAttention<T>;
  /** `[]` */
  readonly attentionGate: T;
  readonly feedForward: FeedForward<T>;
  /** `[]` */
  readonly feedForwardGate: T;
}

/** A block that is the identity until it is trained. */
export function initGatedCrossAttention(rng: Rng, dim: number, hiddenDim: number): GatedCrossAttention<Tensor> {
  return {
    norm: initLayerNorm(dim),
    attention: initCrossAttention(rng, dim),
    attentionGate: scalar(0),
    feedForward: initFeedForward(rng, dim, hiddenDim),
    feedForwardGate: scalar(0),
  };
}

/**
 * `[B, T, D]` to `[B, T, D]`.
 * @param options.memory the media `[B, S, D]`, or their keys and values.
 * @param options.mask which text token may look at which media token; one that may look at none takes nothing from them.
 */
export function gatedCrossAttention(
  params: GatedCrossAttention<Value>,
  x: Value,
  options: { readonly numHeads: number; readonly memory: Value | KeyValue<Value>; readonly mask: MediaMask },
): Value {
  const { numHeads, memory, mask } = options;
  const seen = crossAttention(params.attention, layerNorm(params.norm, x), { numHeads, memory, mask: mask.scores });
  const attended = add(x, mul(mul(seen, mask.seesAny), tanh(params.attentionGate)));
  const changed = mul(mul(feedForward(params.feedForward, attended), mask.seesAny), tanh(params.feedForwardGate));
  return add(attended, changed);
}
