/**
 * @file Multi-head scaled dot-product attention (arXiv:1706.03762). B: batch; T: queries; S: keys; D: features; H: heads.
 */
import { type Rng, ShapeError, type Tensor } from '../../engine/core/index.ts';
import { add, fusedMatMul, matMul, reshape, softmax, split, transpose, type Value } from '../../engine/graph/index.ts';
import { initLinear, type Linear, linear } from './linear.ts';

/** The parameters of self-attention: queries, keys and values from one projection. */
export interface MultiheadAttention<T> {
  /** `[D, 3 D]` */
  readonly queryKeyValue: Linear<T>;
  /** `[D, D]` */
  readonly output: Linear<T>;
}

/** Self-attention over features of `dim`; `outputGain` scales the weights that what was attended to goes out by. */
export function initMultiheadAttention(rng: Rng, dim: number, outputGain = 1): MultiheadAttention<Tensor> {
  return { queryKeyValue: initLinear(rng, dim, 3 * dim), output: initLinear(rng, dim, dim, outputGain) };
}

/**
 * Self-attention of x `[B, T, D]`: `[B, T, D]`.
 * @param mask added to the scores, broadcast to `[B, H, T, T]`: 0 where a query may look, very negative where not.
 * @throws ShapeError if `numHeads` does not divide D.
 */
export function multiheadAttention(
  params: MultiheadAttention<Value>,
  x: Value,
  options: { readonly numHeads: number; readonly mask?: Value },
): Value {
  const { numHeads } = options;
  const [batch, time, dim] = x.shape as [number, number, number];
  if (x.rank !== 3 || dim % numHeads !== 0) {
    throw new ShapeError(`multiheadAttention: x must be [B, T, D] with D divisible by ${numHeads} heads, got ${x}`);
  }
  const headDim = dim / numHeads;
  const [query, key, value] = split(linear(params.queryKeyValue, x), [dim, dim, dim], 2).map((part) =>
    transpose(reshape(part, [batch, time, numHeads, headDim]), [0, 2, 1, 3]),
  ) as [Value, Value, Value];
  const scores = fusedMatMul(query, key, { transB: true, alpha: 1 / Math.sqrt(headDim) });
  const weights = softmax(options.mask ? add(scores, options.mask) : scores);
  const mixed = transpose(matMul(weights, value), [0, 2, 1, 3]);
  return linear(params.output, reshape(mixed, [batch, time, dim]));
}
