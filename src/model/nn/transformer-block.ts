/** @file A pre-norm transformer block (arXiv:2002.04745): attention and a two-layer perceptron, each added to its input. */
import type { Rng, Tensor } from '../../engine/core/index.ts';
import { add, gelu, type Value } from '../../engine/graph/index.ts';
import { initLayerNorm, type LayerNorm, layerNorm } from './layer-norm.ts';
import { initLinear, type Linear, linear } from './linear.ts';
import { initMultiheadAttention, type MultiheadAttention, multiheadAttention } from './multihead-attention.ts';

/** The parameters of a transformer block. */
export interface TransformerBlock<T> {
  readonly attentionNorm: LayerNorm<T>;
  readonly attention: MultiheadAttention<T>;
  readonly feedForwardNorm: LayerNorm<T>;
  readonly up: Linear<T>;
  readonly down: Linear<T>;
}

/**
 * A block over features of `dim`, with a hidden layer of `4 · dim`.
 * @param residualGain scales what each half adds to its input; with 0 the block begins as the identity (arXiv:1901.09321).
 */
export function initTransformerBlock(rng: Rng, dim: number, residualGain = 1): TransformerBlock<Tensor> {
  return {
    attentionNorm: initLayerNorm(dim),
    attention: initMultiheadAttention(rng, dim, residualGain),
    feedForwardNorm: initLayerNorm(dim),
    up: initLinear(rng, dim, 4 * dim),
    down: initLinear(rng, 4 * dim, dim, residualGain),
  };
}

/** `[B, T, D]` to `[B, T, D]`. */
export function transformerBlock(
  params: TransformerBlock<Value>,
  x: Value,
  options: { readonly numHeads: number; readonly mask?: Value },
): Value {
  const attended = add(x, multiheadAttention(params.attention, layerNorm(params.attentionNorm, x), options));
  const hidden = gelu(linear(params.up, layerNorm(params.feedForwardNorm, attended)));
  return add(attended, linear(params.down, hidden));
}
