/**
 * @file Multi-head attention from one sequence into another (arXiv:1706.03762). B: batch; T: queries; S: memory; D: features; H: heads.
 */
import { type Rng, ShapeError, type Tensor } from '../../engine/core/index.ts';
import { split, type Value } from '../../engine/graph/index.ts';
import { attendHeads, type KeyValue, splitHeads } from './attention-heads.ts';
import { initLinear, type Linear, linear } from './linear.ts';

/** The parameters of cross-attention. */
export interface CrossAttention<T> {
  /** `[D, D]` */
  readonly query: Linear<T>;
  /** `[D, 2 D]` */
  readonly keyValue: Linear<T>;
  /** `[D, D]` */
  readonly output: Linear<T>;
}

/** Cross-attention between sequences of features of `dim`. */
export function initCrossAttention(rng: Rng, dim: number): CrossAttention<Tensor> {
  return {
    query: initLinear(rng, dim, dim),
    keyValue: initLinear(rng, dim, 2 * dim),
    output: initLinear(rng, dim, dim),
  };
}

/** The keys and values of a memory `[B, S, D]`, to be computed once where many queries come. */
export function memoryOf(params: CrossAttention<Value>, memory: Value, numHeads: number): KeyValue<Value> {
  const dim = memory.shape[2] as number;
  const [key, value] = split(linear(params.keyValue, memory), [dim, dim], 2).map((part) => splitHeads(part, numHeads));
  return { key: key!, value: value! };
}

/**
 * Attention of x `[B, T, D]` to a memory: `[B, T, D]`.
 * @param options.memory `[B, S, D]`, or its keys and values as `memoryOf` gives them.
 * @param options.mask added to the scores, broadcast to `[B, H, T, S]`.
 * @throws ShapeError if the memory is not as wide as x.
 */
export function crossAttention(
  params: CrossAttention<Value>,
  x: Value,
  options: { readonly numHeads: number; readonly memory: Value | KeyValue<Value>; readonly mask?: Value },
): Value {
  const { numHeads, memory, mask } = options;
  if ('shape' in memory && memory.shape[2] !== x.shape[2]) {
    throw new ShapeError(
      `crossAttention: memory must be [B, S, ${x.shape[2]}] to match x, got ${memory}; project it first`,
    );
  }
  const known = 'shape' in memory ? memoryOf(params, memory, numHeads) : memory;
  return linear(params.output, attendHeads(splitHeads(linear(params.query, x), numHeads), known, mask));
}
