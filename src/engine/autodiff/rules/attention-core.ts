/**
 * @file The derivative of softmax(scale · q kᵀ + bias) v, whichever op it stands in: the weights are computed again from q and k, and
 * heads of queries that share one of keys lie below each other, so that products run over `[B, K, N / K · Q, ...]` without a copy.
 * B: batch; N: heads of queries; K: of keys and values; Q: queries; S: keys; E: features of queries and keys; V: of values.
 */
import { type Dtype, float32, staticShape } from '../../core/index.ts';
import {
  add,
  cast,
  constant,
  constantScalar,
  fusedMatMul,
  mul,
  reduceSum,
  reshape,
  softmax,
  square,
  sub,
  tanh,
  transpose,
  type Value,
  where,
} from '../../graph/index.ts';

/** What attention is computed from. */
export interface AttentionOperands {
  /** `[B, N, Q, E]` */
  readonly q: Value;
  /** `[B, K, S, E]` */
  readonly k: Value;
  /** `[B, K, S, V]` */
  readonly v: Value;
  readonly scale: number;
  /** Scores x are bent to softcap · tanh(x / softcap); 0 leaves them. */
  readonly softcap: number;
  /** Added to the scores after that, broadcast to `[B, N, Q, S]`. */
  readonly biases: readonly Value[];
}

/** What reaches the outputs of attention. */
export interface AttentionArrivals {
  /** `[B, N, Q, V]` of both the output and its cotangent, where one arrives. */
  readonly output: { readonly y: Value; readonly g: Value } | undefined;
  /** `[B, N, Q, S]`: what reaches the scores as they are computed (0), bent (1), biased (2) and normalized (3). */
  readonly scores?: { readonly stage: number; readonly g: Value };
}

/** What attention owes to its operands. */
export interface AttentionCotangents {
  readonly q: Value;
  readonly k: Value;
  readonly v: Value;
  /** `[B, N, Q, S]`: toward the biases before they were broadcast. */
  readonly scores: Value;
}

const shapeOf = (value: Value) => staticShape(value.shape, 'gradient of attention');

/** Differentiates attention. */
export function attentionCotangents(operands: AttentionOperands, arrivals: AttentionArrivals): AttentionCotangents {
  const { q, k, v, scale, softcap, biases } = operands;
  const [batch, heads, queries, features] = shapeOf(q) as [number, number, number, number];
  const [, keyHeads, keys, valueFeatures] = shapeOf(v) as [number, number, number, number];
  const rows = (heads / keyHeads) * queries;
  const grouped = (value: Value, last: number) => reshape(value, [batch, keyHeads, rows, last]);
  const whole = (value: Value, last = keys) => reshape(value, [batch, heads, queries, last]);
  const q2 = grouped(q, features);
  const raw = whole(fusedMatMul(q2, k, { transB: true, alpha: scale }));
  const bent = softcap === 0 ? undefined : tanh(mul(raw, 1 / softcap));
  const weights = softmax([bent ? mul(bent, softcap) : raw, ...biases].reduce(add));
  const at = (stage: number) => (arrivals.scores?.stage === stage ? arrivals.scores.g : undefined);
  const plus = (value: Value | undefined, more: Value | undefined) =>
    value && more ? add(value, more) : (value ?? more);

  const g = arrivals.output && grouped(arrivals.output.g, valueFeatures);
  const throughValues = g && whole(fusedMatMul(g, v, { transB: true }));
  const towardWeights = plus(throughValues, at(3));
  let scores: Value | undefined;
  if (towardWeights) {
    // Σₛ (weights · their cotangent) is Σᵥ (y · g), over fewer elements, where nothing else reaches the weights.
    const pair = at(3) || !arrivals.output ? mul(weights, towardWeights) : mul(arrivals.output.y, arrivals.output.g);
    scores = mul(weights, sub(towardWeights, reduceSum(pair, { axes: [-1], keepDims: true })));
  }
  scores = plus(scores, at(2)) ?? mul(raw, 0);
  const unbent = plus(scores, at(1))!;
  const straight = plus(bent ? mul(unbent, sub(1, square(bent))) : unbent, at(0))!;
  const towardRaw = grouped(straight, keys);
  return {
    q: reshape(fusedMatMul(towardRaw, k, { alpha: scale }), shapeOf(q)),
    k: fusedMatMul(towardRaw, q2, { transA: true, alpha: scale }),
    v: g ? fusedMatMul(grouped(weights, keys), g, { transA: true }) : mul(v, 0),
    scores,
  };
}

/** `[B, T, N E]` as heads, `[B, N, T, E]`; a value that has heads already as it is. */
export function withHeads(value: Value, heads: number): Value {
  if (value.rank === 4) return value;
  const [batch, time, all] = shapeOf(value) as [number, number, number];
  return transpose(reshape(value, [batch, time, heads, all / heads]), [0, 2, 1, 3]);
}

/** `[B, N, T, E]` in the shape of `like`, which may be `[B, T, N E]`. */
export function withoutHeads(value: Value, like: Value): Value {
  return like.rank === 4 ? value : reshape(transpose(value, [0, 2, 1, 3]), shapeOf(like));
}

/** The lowest number of a float type. */
function lowestOf(dtype: Dtype): number {
  return dtype === 'float16' ? -65504 : dtype === 'bfloat16' ? -3.38e38 : -3.4028234e38;
}

/** 0 where a condition holds and `low` where it does not. */
export function biasWhere(condition: Value, dtype: Dtype, low = lowestOf(dtype)): Value {
  return where(condition, constantScalar(0, dtype), constantScalar(low, dtype));
}

/** `[Q, S]`: 0 where query i may see key j: j ≤ i + `past`, and j > i + past - `window` where there is a window. */
export function causalBias(queries: number, keys: number, past: number, dtype: Dtype, window = -1): Value {
  const low = lowestOf(dtype);
  const numbers = Float32Array.from({ length: queries * keys }, (_, at) => {
    const [i, j] = [Math.floor(at / keys) + past, at % keys];
    return j <= i && (window < 0 || j > i - window) ? 0 : low;
  });
  return cast(constant(float32(numbers, [queries, keys])), dtype);
}
