/** @file Gradient rules of ONNX's own attention and rotary positions. Letters as in `attention-core.ts`; P: keys from before. */
import { int64, staticShape, UnsupportedOpError } from '../../core/index.ts';
import {
  add,
  applyOp,
  type attentionOps,
  concat,
  constant,
  floatOf,
  intOf,
  less,
  neg,
  split,
  unsqueeze,
  type Value,
} from '../../graph/index.ts';
import { type GradientRule, inputAt, type RuleContext, sumToShape } from '../rule.ts';
import { attentionCotangents, biasWhere, causalBias, withHeads, withoutHeads } from './attention-core.ts';

type Rules = { readonly [Op in keyof typeof attentionOps]: GradientRule };

const shapeOf = (value: Value) => staticShape(value.shape, 'gradient of attention');

/** `[B, 1, 1, S]`: 0 for the keys that are not padding. */
function lengthBias(lengths: Value, like: Value, keys: number): Value {
  const places = constant(int64(Array.from({ length: keys }, (_, i) => i)));
  return unsqueeze(biasWhere(less(places, unsqueeze(lengths, [1])), like.dtype), [1, 2]);
}

/** What a past and what came after it are owed, of what both together are. */
function beforeAndAfter(whole: Value, past: Value | undefined): readonly [Value | undefined, Value] {
  if (past === undefined) return [undefined, whole];
  const kept = shapeOf(past)[2]!;
  return split(whole, [kept, shapeOf(whole)[2]! - kept], 2) as [Value, Value];
}

const attentionRule: GradientRule = (context) => {
  const [q, k, v] = [inputAt(context, 0), inputAt(context, 1), inputAt(context, 2)];
  const [mask, pastKey, pastValue, lengths] = context.inputs.slice(3);
  const { attributes } = context.node;
  const heads = intOf(attributes, 'q_num_heads', 0);
  const keyHeads = intOf(attributes, 'kv_num_heads', 0);
  const queries = withHeads(q, heads);
  const joined = (past: Value | undefined, value: Value) => {
    const own = withHeads(value, keyHeads);
    return past ? concat([past, own], 2) : own;
  };
  const [keys, values] = [joined(pastKey, k), joined(pastValue, v)];
  const [, , numQueries, features] = shapeOf(queries) as [number, number, number, number];
  const numKeys = shapeOf(keys)[2]!;
  const causal = intOf(attributes, 'is_causal', 0) === 1;
  if (causal && lengths) {
    throw new UnsupportedOpError(
      'gradients: Attention that is causal and has lengths of keys has none; give it a mask that says both',
    );
  }
  const biases = [
    causal ? causalBias(numQueries, numKeys, pastKey ? shapeOf(pastKey)[2]! : 0, q.dtype) : undefined,
    lengths ? lengthBias(lengths, q, numKeys) : undefined,
    mask?.dtype === 'bool' ? biasWhere(mask, q.dtype) : mask,
  ].filter((bias) => bias !== undefined);
  const [g, towardKeys, towardValues, towardScores] = context.cotangents;
  const stage = intOf(attributes, 'qk_matmul_output_mode', 0);
  const y = context.outputs[0]!;
  const result = attentionCotangents(
    {
      q: queries,
      k: keys,
      v: values,
      scale: floatOf(attributes, 'scale', 0) || 1 / Math.sqrt(features),
      softcap: floatOf(attributes, 'softcap', 0),
      biases,
    },
    {
      output: g && { y: withHeads(y, heads), g: withHeads(g, heads) },
      ...(towardScores ? { scores: { stage, g: towardScores } } : {}),
    },
  );
  const [ofPastKey, ofKey] = beforeAndAfter(towardKeys ? add(result.k, towardKeys) : result.k, pastKey);
  const [ofPastValue, ofValue] = beforeAndAfter(towardValues ? add(result.v, towardValues) : result.v, pastValue);
  return [
    context.needs(0) ? withoutHeads(result.q, q) : undefined,
    context.needs(1) ? withoutHeads(ofKey, k) : undefined,
    context.needs(2) ? withoutHeads(ofValue, v) : undefined,
    mask && context.needs(3) ? sumToShape(result.scores, mask) : undefined,
    ofPastKey,
    ofPastValue,
  ];
};

/** Turning back by the same angles. `sinAt`: where the sines are among the inputs. */
export const rotaryRule =
  (sinAt: number, tablesAt: readonly number[]): GradientRule =>
  (context: RuleContext) => {
    const { op, attributes, inputs } = context.node;
    if (tablesAt.some((index) => context.needs(index))) {
      throw new UnsupportedOpError(
        `gradients: ${op.opType} passes none to its angles; make the cosines and sines constants, or stop their gradient`,
      );
    }
    const back = inputs.map((value, i) => (i === 0 ? context.cotangent : i === sinAt ? value && neg(value) : value));
    return [applyOp(op, back, attributes)[0]];
  };

/** The rules of attention and rotary positions. */
export const attentionRules: Rules = {
  Attention: attentionRule,
  RotaryEmbedding: rotaryRule(2, [1, 2]),
};
