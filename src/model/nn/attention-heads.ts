/**
 * @file What every multi-head attention here does between its projections (arXiv:1706.03762). B: batch; T: queries; S: keys; H: heads;
 * E: features of a head; D = H · E.
 */
import { ShapeError } from '../../engine/core/index.ts';
import { add, fusedMatMul, matMul, reshape, softmax, transpose, type Value } from '../../engine/graph/index.ts';

/** Keys and values that queries attend to, both `[B, H, S, E]`. */
export interface KeyValue<T> {
  readonly key: T;
  readonly value: T;
}

/** Where attention may look: 0 where it may, very negative where not; added to scores `[B, H, T, S]`. */
export const masked = -1e9;

/** `[B, T, D]` to `[B, H, T, E]`. @throws ShapeError if the heads do not divide D. */
export function splitHeads(x: Value, numHeads: number): Value {
  const [batch, time, dim] = x.shape as [number, number, number];
  if (x.rank !== 3 || dim % numHeads !== 0) {
    throw new ShapeError(`splitHeads: x must be [B, T, D] with D divisible by ${numHeads} heads, got ${x}`);
  }
  return transpose(reshape(x, [batch, time, numHeads, dim / numHeads]), [0, 2, 1, 3]);
}

/** softmax(q kᵀ / √E + mask) v with q `[B, H, T, E]`: the heads side by side again, `[B, T, D]`. */
export function attendHeads(query: Value, { key, value }: KeyValue<Value>, mask?: Value): Value {
  const [batch, numHeads, time, headDim] = query.shape as [number, number, number, number];
  const scores = fusedMatMul(query, key, { transB: true, alpha: 1 / Math.sqrt(headDim) });
  const weights = softmax(mask ? add(scores, mask) : scores);
  const mixed = transpose(matMul(weights, value), [0, 2, 1, 3]);
  return reshape(mixed, [batch, time, numHeads * headDim]);
}
