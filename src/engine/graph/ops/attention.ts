/**
 * @file Scaled dot-product attention and rotary positions as single ops (operator sets 23 and 24). B: batch; N: heads of the queries;
 * K: heads of keys and values; Q: queries; S: keys; P: keys kept from before; E: features of a head of queries and keys; V: of values.
 */
import {
  type Dim,
  DtypeError,
  dimsFit,
  formatShape,
  isRanked,
  ShapeError,
  unknownDim,
  unknownShape,
} from '../../core/index.ts';
import {
  type Attributes,
  applyOp,
  applyOp1,
  defineOp,
  float,
  int,
  intOf,
  type Value,
  type ValueType,
} from '../value.ts';
import { dividedDim, Letters, sumOfDims } from './letters.ts';
import { requireDtype, required, requireSameDtype } from './operand.ts';

interface Heads {
  readonly batch: Dim;
  readonly count: Dim;
  readonly time: Dim;
  readonly features: Dim;
}

/** How a `[B, T, N E]` or `[B, N, T, E]` operand splits into heads; a 3-d one needs the count. */
function headsOf(opType: string, what: string, value: Value, numHeads: number): Heads {
  const { shape } = value;
  if (!isRanked(shape)) {
    return { batch: unknownDim, count: numHeads || unknownDim, time: unknownDim, features: unknownDim };
  }
  if (shape.length === 4) return { batch: shape[0]!, count: shape[1]!, time: shape[2]!, features: shape[3]! };
  if (shape.length !== 3 || numHeads < 1) {
    throw new ShapeError(
      `${opType}: ${what} must be [B, heads, T, E], or [B, T, heads · E] with the number of heads given, got ${formatShape(shape)}`,
    );
  }
  return {
    batch: shape[0]!,
    count: numHeads,
    time: shape[1]!,
    features: dividedDim(opType, `the last axis of ${what} (${numHeads} heads)`, shape[2]!, numHeads),
  };
}

/** The mask must be `[..., Q, S]`, its leading axes those of the scores or 1. */
function requireMask(mask: Value | undefined, query: Value, scores: readonly Dim[]): void {
  if (mask === undefined) return;
  if (mask.dtype !== 'bool' && mask.dtype !== query.dtype) {
    throw new DtypeError(`Attention: the mask must be bool or ${query.dtype}, got ${mask}`);
  }
  if (!isRanked(mask.shape)) return;
  const fits = mask.shape.every((dim, i) => {
    const axis = i + 4 - mask.rank;
    return dimsFit(dim, scores[axis]) || (axis < 2 && dim === 1);
  });
  if (mask.rank < 2 || mask.rank > 4 || !fits) {
    throw new ShapeError(
      `Attention: the mask must broadcast to ${formatShape(scores)}, got ${formatShape(mask.shape)}`,
    );
  }
}

function attentionTypes(inputs: readonly (Value | undefined)[], attributes: Attributes): ValueType[] {
  const [q, k, v] = [0, 1, 2].map((i) => required('Attention', inputs, i)) as [Value, Value, Value];
  const [mask, pastKey, pastValue, lengths] = inputs.slice(3);
  requireDtype('Attention', 'q', q, 'float32', 'float16', 'float64', 'bfloat16');
  requireSameDtype('Attention', q, k, pastKey);
  requireSameDtype('Attention', v, pastValue);
  if (lengths) requireDtype('Attention', 'nonpad_kv_seqlen', lengths, 'int64');
  const numHeads = intOf(attributes, 'q_num_heads', 0);
  const numKeyHeads = intOf(attributes, 'kv_num_heads', 0);
  const queries = headsOf('Attention', 'q', q, numHeads);
  const letters = new Letters('Attention', {
    B: queries.batch,
    N: queries.count,
    Q: queries.time,
    E: queries.features,
  });
  const keys = headsOf('Attention', 'k', k, numKeyHeads);
  const values = headsOf('Attention', 'v', v, numKeyHeads);
  const agree =
    dimsFit(keys.batch, queries.batch) &&
    dimsFit(keys.features, queries.features) &&
    dimsFit(values.batch, keys.batch) &&
    dimsFit(values.count, keys.count) &&
    dimsFit(values.time, keys.time);
  const { count } = keys;
  const isGrouped = typeof count !== 'number' || typeof queries.count !== 'number' || queries.count % count === 0;
  if (!agree || !isGrouped || (isRanked(q.shape) && isRanked(k.shape) && q.rank !== k.rank)) {
    throw new ShapeError(
      `Attention: q, k and v must agree in batch, features and keys, and the heads of k must divide those of q, got ${q}, ${k} and ${v}`,
    );
  }
  if ((pastKey === undefined) !== (pastValue === undefined)) {
    throw new ShapeError('Attention: past_key and past_value come together');
  }
  const past = new Letters('Attention', { B: queries.batch, K: keys.count, E: keys.features, V: values.features });
  past.match('past_key', pastKey, 'B', 'K', 'P', 'E');
  past.match('past_value', pastValue, 'B', 'K', 'P', 'V');
  letters.match('nonpad_kv_seqlen', lengths, 'B');
  const total = pastKey ? sumOfDims(past.of('P'), keys.time) : keys.time;
  const scores = [queries.batch, queries.count, queries.time, total];
  requireMask(mask, q, scores);
  const rank = [q, k].find((value) => isRanked(value.shape))?.rank;
  const merged =
    typeof values.features === 'number' && typeof queries.count === 'number'
      ? values.features * queries.count
      : unknownDim;
  return [
    {
      dtype: q.dtype,
      shape:
        {
          3: [queries.batch, queries.time, merged],
          4: [queries.batch, queries.count, queries.time, values.features],
        }[rank ?? 0] ?? unknownShape,
    },
    { dtype: q.dtype, shape: [queries.batch, keys.count, total, keys.features] },
    { dtype: v.dtype, shape: [queries.batch, keys.count, total, values.features] },
    { dtype: q.dtype, shape: scores },
  ];
}

/** The attention op definitions. */
export const attentionOps = {
  /**
   * The outputs after the first: keys and values with those from before in front, and the scores at one of four stages. ONNX
   * Runtime insists on the second and third where there are keys from before.
   */
  Attention: defineOp('Attention', attentionTypes, '', {
    since: 24,
    firstOptionalOutput: (inputs) => (inputs[4] ? 3 : 1),
  }),
  RotaryEmbedding: defineOp(
    'RotaryEmbedding',
    (inputs, attributes) => {
      const opType = 'RotaryEmbedding';
      const [x, cos, sin] = [0, 1, 2].map((i) => required(opType, inputs, i)) as [Value, Value, Value];
      requireDtype(opType, 'x', x, 'float32', 'float16', 'bfloat16');
      requireSameDtype(opType, x, cos, sin);
      const positions = inputs[3];
      if (positions) requireDtype(opType, 'the positions', positions, 'int64');
      const { batch, time, features } = headsOf(opType, 'x', x, intOf(attributes, 'num_heads', 0));
      const rotated = intOf(attributes, 'rotary_embedding_dim', 0) || features;
      if (typeof rotated === 'number' && typeof features === 'number' && (rotated % 2 !== 0 || rotated > features)) {
        throw new ShapeError(`${opType}: an even number of at most ${features} features can turn, got ${rotated}`);
      }
      const letters = new Letters(opType, { B: batch, T: time });
      const half = typeof rotated === 'number' ? rotated / 2 : 'R';
      const table = positions ? ['M', half] : ['B', 'T', half];
      letters.match('the positions', positions, 'B', 'T');
      letters.match('the cosines', cos, ...table);
      letters.match('the sines', sin, ...table);
      return [{ dtype: x.dtype, shape: x.shape }];
    },
    '',
    { since: 23 },
  ),
} as const;

/** How attention is computed. */
export interface AttentionOptions {
  /** Added to the scores (float), or true where a query may look (bool); broadcast to `[B, N, Q, S]`. */
  readonly mask?: Value;
  /** Whether a query sees only the keys up to its own place, the first query the first key. */
  readonly causal?: boolean;
  /** Multiplies the scores; 1 / √E if absent. */
  readonly scale?: number;
  /** Bends scores x to softcap · tanh(x / softcap). */
  readonly softcap?: number;
  /** The number of heads, where q, k and v are `[B, T, heads · E]`. */
  readonly numHeads?: number;
  /** The number of heads of k and v; that of the queries if absent. Each serves as many heads of queries (arXiv:2305.13245). */
  readonly numKeyHeads?: number;
}

/**
 * softmax(scale · q kᵀ + mask) v over heads (arXiv:1706.03762): q `[B, N, Q, E]`, k `[B, K, S, E]`, v `[B, K, S, V]` give
 * `[B, N, Q, V]`; or q `[B, Q, N E]`, k `[B, S, K E]`, v `[B, S, K V]` give `[B, Q, N V]`, with the heads in `options`. One op of
 * operator set 24; ONNX Runtime's CPU provider runs it in float32 and float16.
 */
export function attention(q: Value, k: Value, v: Value, options: AttentionOptions = {}): Value {
  const { numHeads } = options;
  const numKeyHeads = options.numKeyHeads ?? numHeads;
  return applyOp(attentionOps.Attention, [q, k, v, options.mask], {
    is_causal: int(options.causal ? 1 : 0),
    ...(options.scale === undefined ? {} : { scale: float(options.scale) }),
    ...(options.softcap === undefined ? {} : { softcap: float(options.softcap) }),
    ...(numHeads === undefined ? {} : { q_num_heads: int(numHeads), kv_num_heads: int(numKeyHeads!) }),
  })[0]!;
}

/**
 * x `[B, N, T, E]` (or `[B, T, N E]` with `numHeads`) with pairs of its features turned by the angles of their position (RoPE,
 * arXiv:2104.09864). `cos` and `sin` are `[B, T, E / 2]`, or `[M, E / 2]` looked up by `positions`, `int64[B, T]`.
 * @param options.interleaved whether features 2i and 2i + 1 make a pair; i and i + E / 2 if not.
 */
export function rotaryEmbedding(
  x: Value,
  cos: Value,
  sin: Value,
  options: {
    readonly positions?: Value;
    readonly interleaved?: boolean;
    readonly numHeads?: number;
    /** How many of the features turn; all if absent. */
    readonly rotaryDim?: number;
  } = {},
): Value {
  return applyOp1(attentionOps.RotaryEmbedding, [x, cos, sin, options.positions], {
    interleaved: int(options.interleaved ? 1 : 0),
    ...(options.numHeads === undefined ? {} : { num_heads: int(options.numHeads) }),
    ...(options.rotaryDim === undefined ? {} : { rotary_embedding_dim: int(options.rotaryDim) }),
  });
}
