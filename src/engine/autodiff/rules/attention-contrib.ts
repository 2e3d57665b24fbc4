/**
 * @file Gradient rules of ONNX Runtime's own attention ops: their masks become numbers added to the scores, and the rest is
 * `attention-core.ts`. B: batch; T: queries; S: keys, those from before (P) and the new ones; D: features of the input; N: heads; K:
 * heads of keys and values.
 */
import { int64, staticShape, UnsupportedOpError } from '../../core/index.ts';
import {
  add,
  and,
  applyOp,
  attentionContribOps,
  cast,
  concat,
  constant,
  floatOf,
  gemm,
  greaterOrEqual,
  intOf,
  intsOf,
  less,
  mul,
  neg,
  reduceSum,
  reshape,
  split,
  sub,
  unsqueeze,
  type Value,
} from '../../graph/index.ts';
import { type GradientRule, inputAt, type NotDifferentiable, type RuleContext, sumToShape } from '../rule.ts';
import { rotaryRule } from './attention.ts';
import { attentionCotangents, biasWhere, causalBias, withHeads, withoutHeads } from './attention-core.ts';

type Rules = { readonly [Op in keyof typeof attentionContribOps]: GradientRule | NotDifferentiable };

const shapeOf = (value: Value) => staticShape(value.shape, 'gradient of attention');

function refuse(context: RuleContext, what: string): never {
  throw new UnsupportedOpError(
    `gradients: ${context.node.op.opType} ${what} has none; use Attention of ONNX's operator set 24 instead`,
  );
}

/** What a mask adds to the scores: the op's filter value for the keys that it hides. */
function maskBias(context: RuleContext, mask: Value, like: Value, batch: number, keys: number): Value {
  const low = floatOf(context.node.attributes, 'mask_filter_value', -10000);
  const shape = shapeOf(mask);
  const place = constant(int64(Array.from({ length: keys }, (_, i) => i)));
  const column = (value: Value) => unsqueeze(cast(value, 'int64'), [1]);
  if (shape.length === 1) {
    if (shape[0] === batch) return unsqueeze(biasWhere(less(place, column(mask)), like.dtype, low), [1, 2]);
    if (shape[0] !== 2 * batch) return refuse(context, 'with a mask of cumulated lengths');
    const [ends, starts] = split(mask, [batch, batch], 0) as [Value, Value];
    const visible = and(less(place, column(ends)), greaterOrEqual(place, column(starts)));
    return unsqueeze(biasWhere(visible, like.dtype, low), [1, 2]);
  }
  const shown = cast(mask, like.dtype);
  const axes = shape.length === 2 ? [1, 2] : [1];
  return unsqueeze(mul(sub(1, shown), low), axes);
}

interface Projected {
  readonly q: Value;
  readonly k: Value;
  readonly v: Value;
}

interface ContribResult extends Projected {
  readonly scores: Value;
  readonly pastKey: Value | undefined;
  readonly pastValue: Value | undefined;
}

/** The derivative toward q, k and v `[B, T, N E]`, or with heads, of the first three outputs' cotangents. */
function differentiate(
  context: RuleContext,
  operands: Projected,
  options: {
    readonly heads: number;
    readonly keyHeads: number;
    readonly past?: { readonly key: Value; readonly value: Value } | undefined;
    readonly mask?: Value | undefined;
    readonly scoreBias?: Value | undefined;
    readonly causal: boolean;
    readonly window?: number;
    readonly softcap?: number;
    /** What reaches keys and values with those from before. */
    readonly present: readonly [Value | undefined, Value | undefined];
  },
): ContribResult {
  const { heads, keyHeads, past } = options;
  const q = withHeads(operands.q, heads);
  const [ownKeys, ownValues] = [withHeads(operands.k, keyHeads), withHeads(operands.v, keyHeads)];
  const keys = past ? concat([past.key, ownKeys], 2) : ownKeys;
  const values = past ? concat([past.value, ownValues], 2) : ownValues;
  const [batch, , numQueries, features] = shapeOf(q) as [number, number, number, number];
  const numKeys = shapeOf(keys)[2]!;
  const numPast = numKeys - shapeOf(ownKeys)[2]!;
  const biases = [
    options.causal ? causalBias(numQueries, numKeys, numPast, q.dtype, options.window) : undefined,
    options.mask && maskBias(context, options.mask, q, batch, numKeys),
    options.scoreBias,
  ].filter((bias) => bias !== undefined);
  const g = context.cotangents[0];
  const scale = floatOf(context.node.attributes, 'scale', 0) || 1 / Math.sqrt(features);
  const y = context.outputs[0]!;
  const result = attentionCotangents(
    { q, k: keys, v: values, scale, softcap: options.softcap ?? 0, biases },
    { output: g && { y: withHeads(y, heads), g: withHeads(g, heads) } },
  );
  const cut = (whole: Value, arrived: Value | undefined) => {
    const all = arrived ? add(whole, arrived) : whole;
    return past ? (split(all, [numPast, numKeys - numPast], 2) as [Value, Value]) : ([undefined, all] as const);
  };
  const [[pastKey, k], [pastValue, v]] = [cut(result.k, options.present[0]), cut(result.v, options.present[1])];
  return {
    q: withoutHeads(result.q, operands.q),
    k: withoutHeads(k, operands.k),
    v: withoutHeads(v, operands.v),
    scores: result.scores,
    pastKey,
    pastValue,
  };
}

/** The two halves of `[2, B, N, S, E]`. */
function halvesOf(value: Value | undefined): readonly [Value | undefined, Value | undefined] {
  if (value === undefined) return [undefined, undefined];
  const shape = shapeOf(value).slice(1);
  const [keys, values] = split(value, [1, 1], 0) as [Value, Value];
  return [reshape(keys, shape), reshape(values, shape)];
}

const attentionRule: GradientRule = (context) => {
  const [x, w, bias] = [inputAt(context, 0), inputAt(context, 1), inputAt(context, 2)];
  const [mask, past, scoreBias] = context.inputs.slice(3);
  const { attributes } = context.node;
  if (intOf(attributes, 'do_rotary', 0) === 1) refuse(context, 'that turns positions');
  if (intOf(attributes, 'past_present_share_buffer', 0) === 1) refuse(context, 'that shares a buffer');
  const [batch, time, features] = shapeOf(x) as [number, number, number];
  const total = shapeOf(w)[1]!;
  const heads = intOf(attributes, 'num_heads', 1);
  const sizes = intsOf(attributes, 'qkv_hidden_sizes', [total / 3, total / 3, total / 3]);
  const rows = reshape(x, [batch * time, features]);
  const projected = reshape(gemm(rows, w, bias), [batch, time, total]);
  const [q, k, v] = split(projected, sizes, 2) as [Value, Value, Value];
  const [pastKey, pastValue] = halvesOf(past);
  const result = differentiate(
    context,
    { q, k, v },
    {
      heads,
      keyHeads: heads,
      past: past && { key: pastKey!, value: pastValue! },
      mask,
      scoreBias,
      causal: intOf(attributes, 'unidirectional', 0) === 1,
      present: halvesOf(context.cotangents[1]),
    },
  );
  const g = reshape(concat([result.q, result.k, result.v], 2), [batch * time, total]);
  return [
    context.needs(0) ? reshape(gemm(g, w, undefined, { transB: true }), shapeOf(x)) : undefined,
    context.needs(1) ? gemm(rows, g, undefined, { transA: true }) : undefined,
    context.needs(2) ? reduceSum(g, { axes: [0] }) : undefined,
    undefined,
    past && context.needs(4)
      ? concat([unsqueeze(result.pastKey!, [0]), unsqueeze(result.pastValue!, [0])], 0)
      : undefined,
    scoreBias && context.needs(5) ? sumToShape(result.scores, scoreBias) : undefined,
  ];
};

const multiHeadRule: GradientRule = (context) => {
  const [q, k, v] = [inputAt(context, 0), inputAt(context, 1), inputAt(context, 2)];
  const [bias, mask, scoreBias, pastKey, pastValue] = context.inputs.slice(3);
  const { attributes } = context.node;
  if (context.cotangents[3]) refuse(context, 'through its scores');
  const heads = intOf(attributes, 'num_heads', 1);
  const values = [q, k, v];
  const sizes = values.map((value) => (value.rank === 4 ? heads * shapeOf(value)[3]! : shapeOf(value)[2]!));
  const parts = bias ? split(bias, sizes, 0) : undefined;
  const biased = values.map((value, i) => {
    if (parts === undefined) return value;
    if (value.rank === 4) refuse(context, 'with a bias of keys that have heads');
    return add(value, parts[i]!);
  }) as [Value, Value, Value];
  const result = differentiate(
    context,
    { q: biased[0], k: biased[1], v: biased[2] },
    {
      heads,
      keyHeads: heads,
      past: pastKey && { key: pastKey, value: pastValue! },
      mask,
      scoreBias,
      causal: intOf(attributes, 'unidirectional', 0) === 1,
      present: [context.cotangents[1], context.cotangents[2]],
    },
  );
  const results = [result.q, result.k, result.v];
  const ofBias = () => results.map((value) => reduceSum(value, { axes: [0, 1] }));
  return [
    ...results,
    bias && context.needs(3) ? concat(ofBias(), 0) : undefined,
    undefined,
    scoreBias && context.needs(5) ? sumToShape(result.scores, scoreBias) : undefined,
    result.pastKey,
    result.pastValue,
  ];
};

/** The same heads at positions 0, 1, ..., turned by `cos` and `sin`. */
function turned(context: RuleContext, value: Value, heads: number, cos: Value, sin: Value): Value {
  const { attributes } = context.node;
  const dim = 2 * shapeOf(cos)[1]!;
  const features = shapeOf(value)[2]! / heads;
  const first = constant(int64([0]));
  const [result] = applyOp(attentionContribOps['com.microsoft.RotaryEmbedding'], [value, first, cos, sin], {
    interleaved: { kind: 'int', value: intOf(attributes, 'rotary_interleaved', 0) },
    num_heads: { kind: 'int', value: heads },
    rotary_embedding_dim: { kind: 'int', value: dim === features ? 0 : dim },
  });
  return result!;
}

/** Of a whole prompt: with keys from before in a cache, nothing is trained. Rows beyond a sequence's length must not reach the loss. */
const groupedRule: GradientRule = (context) => {
  const [given, keysGiven, valuesGiven, pastKey] = context.inputs;
  const { attributes } = context.node;
  const [cos, sin, positions, scoreBias, sink] = context.inputs.slice(7);
  if (pastKey && shapeOf(pastKey)[2] !== 0) refuse(context, 'with keys from before');
  if (positions || sink || intOf(attributes, 'smooth_softmax', 0) === 1) refuse(context, 'with positions or a sink');
  if (context.cotangents[3] || context.inputs.slice(12).some((input) => input)) refuse(context, 'of this form');
  const [heads, keyHeads] = [intOf(attributes, 'num_heads', 1), intOf(attributes, 'kv_num_heads', 1)];
  const packed = given!;
  const each = shapeOf(packed)[2]! / (keysGiven ? heads : heads + 2 * keyHeads);
  const parts = keysGiven
    ? [packed, keysGiven, valuesGiven!]
    : split(packed, [heads * each, keyHeads * each, keyHeads * each], 2);
  const [q, k, v] = parts as [Value, Value, Value];
  const turns = intOf(attributes, 'do_rotary', 0) === 1 && cos && sin;
  const turn = (value: Value, count: number, back = false) =>
    turns ? turned(context, value, count, cos, back ? neg(sin) : sin) : value;
  const window = intOf(attributes, 'local_window_size', -1);
  const result = differentiate(
    context,
    { q: turn(q, heads), k: turn(k, keyHeads), v },
    {
      heads,
      keyHeads,
      scoreBias,
      causal: intOf(attributes, 'causal', 1) === 1,
      window,
      softcap: floatOf(attributes, 'softcap', 0),
      present: [context.cotangents[1], context.cotangents[2]],
    },
  );
  const [ofQ, ofK, ofV] = [turn(result.q, heads, true), turn(result.k, keyHeads, true), result.v];
  const own = keysGiven ? [ofQ, ofK, ofV] : [concat([ofQ, ofK, ofV], 2), undefined, undefined];
  const ofBias = scoreBias && context.needs(10) ? sumToShape(result.scores, scoreBias) : undefined;
  return [...own, ...new Array<undefined>(7).fill(undefined), ofBias];
};

/** The rules of ONNX Runtime's own attention ops. */
export const attentionContribRules: Rules = {
  'com.microsoft.Attention': attentionRule,
  'com.microsoft.MultiHeadAttention': multiHeadRule,
  'com.microsoft.GroupQueryAttention': groupedRule,
  'com.microsoft.RotaryEmbedding': rotaryRule(3, [2, 3]),
  'com.microsoft.DecoderMaskedMultiHeadAttention': {
    notDifferentiable: 'it decodes one token over a cache that it writes in place; train with MultiHeadAttention',
  },
  'com.microsoft.QAttention': {
    notDifferentiable: 'it computes on whole numbers; train with Attention, and quantize afterwards',
  },
};
