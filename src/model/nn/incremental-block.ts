/**
 * @file The transformer block of `transformer-block.ts`, with keys and values that were computed before: a decoder that writes token after token
 * computes each token once. Without any, it is that block. B: batch; T: new tokens; P: tokens before; D: features; H: heads.
 */
import { add, concat, gelu, split, type Value } from '../../engine/graph/index.ts';
import { attendHeads, type KeyValue, splitHeads } from './attention-heads.ts';
import { layerNorm } from './layer-norm.ts';
import { linear } from './linear.ts';
import type { TransformerBlock } from './transformer-block.ts';

/** How a block runs. */
export interface IncrementalOptions {
  readonly numHeads: number;
  /** Added to the scores, broadcast to `[B, H, T, P + T]`. */
  readonly mask?: Value;
  /** What stands before the new tokens, in order; each `[B, H, P, E]`. */
  readonly past?: readonly KeyValue<Value>[];
  /** Added beside the block's own perceptron, from the same normalized tokens. */
  readonly beside?: (normalized: Value) => Value;
}

/** `[B, T, D]` to `[B, T, D]`, with the keys and values of the new tokens alone. */
export function incrementalBlock(
  params: TransformerBlock<Value>,
  x: Value,
  { numHeads, mask, past = [], beside }: IncrementalOptions,
): { readonly output: Value; readonly own: KeyValue<Value> } {
  const dim = x.shape[2] as number;
  const projected = linear(params.attention.queryKeyValue, layerNorm(params.attentionNorm, x));
  const [query, key, value] = split(projected, [dim, dim, dim], 2).map((part) => splitHeads(part, numHeads)) as [
    Value,
    Value,
    Value,
  ];
  const all = {
    key: concat([...past.map((one) => one.key), key], 2),
    value: concat([...past.map((one) => one.value), value], 2),
  };
  const attended = add(x, linear(params.attention.output, attendHeads(query, all, mask)));
  const normalized = layerNorm(params.feedForwardNorm, attended);
  const hidden = linear(params.down, gelu(linear(params.up, normalized)));
  const output = add(attended, beside === undefined ? hidden : add(hidden, beside(normalized)));
  return { output, own: { key, value } };
}
