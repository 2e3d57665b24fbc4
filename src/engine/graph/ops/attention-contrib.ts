/**
 * @file The attention ops that ONNX Runtime's optimizers and exporters write (com.microsoft), as its CPU provider runs them: packed
 * projections and 4-d masks are not among what it takes. B: batch; T: queries; S: keys; P: keys kept from before; D: features of the
 * input; N: heads; K: heads of keys and values; E: features of a head.
 */
import { type Dim, formatShape, isRanked, ShapeError, unknownDim } from '../../core/index.ts';
import { constantIntsOf } from '../constants.ts';
import { type Attributes, defineOp, intOf, intsOf, type Value, type ValueType } from '../value.ts';
import { dimOf, dividedDim, Letters, sumOfDims } from './letters.ts';
import { requireDtype, required, requireRank, requireSameDtype } from './operand.ts';

type Inputs = readonly (Value | undefined)[];

const times = (a: Dim, b: Dim): Dim => (typeof a === 'number' && typeof b === 'number' ? a * b : unknownDim);

/** Holds a mask to one of the forms that an op takes. @throws ShapeError if none fits. */
function matchOneOf(opType: string, what: string, mask: Value | undefined, forms: readonly (readonly Dim[])[]): void {
  if (mask === undefined || !isRanked(mask.shape)) return;
  const fits = forms.some(
    (form) =>
      form.length === mask.rank &&
      form.every(
        (dim, axis) => typeof dim !== 'number' || typeof mask.shape[axis] !== 'number' || dim === mask.shape[axis],
      ),
  );
  if (!fits) {
    throw new ShapeError(
      `${opType}: ${what} must be ${forms.map(formatShape).join(' or ')}, got ${formatShape(mask.shape)}`,
    );
  }
}

const biasForms = (batch: Dim, heads: Dim, queries: Dim, keys: Dim): Dim[][] =>
  [batch, 1].flatMap((b) => [heads, 1].map((h) => [b, h, queries, keys]));

function requireHeads(opType: string, attributes: Attributes, name = 'num_heads'): number {
  const heads = intOf(attributes, name, 0);
  if (heads < 1) throw new RangeError(`${opType}: ${name} must be 1 or more, got ${heads}`);
  return heads;
}

/** The features of queries, keys and values after a projection to `[..., total]` features together. */
function projectedSizes(opType: string, attributes: Attributes, total: Dim): [Dim, Dim, Dim] {
  const given = intsOf(attributes, 'qkv_hidden_sizes', []);
  if (given.length === 3) return [given[0]!, given[1]!, given[2]!];
  const each = dividedDim(opType, 'the features after the projection', total, 3);
  return [each, each, each];
}

function projectedAttention(
  opType: string,
  inputs: Inputs,
  attributes: Attributes,
  at: { mask: number; past: number },
) {
  const [x, w] = [required(opType, inputs, 0), required(opType, inputs, 1)];
  const bias = required(opType, inputs, 2);
  const [mask, past] = [inputs[at.mask], inputs[at.past]];
  const heads = requireHeads(opType, attributes);
  const letters = new Letters(opType, { N: heads });
  letters.match('x', x, 'B', 'T', 'D');
  letters.match('the weights', w, 'D', 'O');
  letters.match('the bias', bias, 'O');
  const [queryDim, keyDim, valueDim] = projectedSizes(opType, attributes, letters.of('O'));
  const total = letters.of('O');
  const sum = sumOfDims(queryDim, keyDim, valueDim);
  if (queryDim !== keyDim || (typeof total === 'number' && typeof sum === 'number' && sum !== total)) {
    throw new ShapeError(`${opType}: qkv_hidden_sizes [${queryDim},${keyDim},${valueDim}] must add up to ${total}`);
  }
  const features = dividedDim(opType, 'the features of queries', queryDim, heads);
  const valueFeatures = dividedDim(opType, 'the features of values', valueDim, heads);
  const kept = new Letters(opType, { B: letters.of('B'), N: heads, E: features });
  kept.match('the past', past, 2, 'B', 'N', 'P', 'E');
  const [batch, time] = [letters.of('B'), letters.of('T')];
  const keys = past ? sumOfDims(kept.of('P'), time) : time;
  if (mask) requireDtype(opType, 'the mask', mask, 'int32');
  const lengths: Dim[][] = [[batch], [times(2, batch)], [sumOfDims(times(3, batch), 2)]];
  matchOneOf(opType, 'the mask', mask, [...lengths, [batch, keys], [batch, time, keys]]);
  return {
    letters,
    keys,
    types: (like: Value): ValueType[] => [
      { dtype: like.dtype, shape: [batch, time, valueDim] },
      { dtype: like.dtype, shape: [2, batch, heads, keys, valueFeatures] },
    ],
  };
}

function multiHeadAttention(inputs: Inputs, attributes: Attributes): ValueType[] {
  const opType = 'MultiHeadAttention';
  const q = required(opType, inputs, 0);
  const [k, v] = [required(opType, inputs, 1), required(opType, inputs, 2)];
  const [bias, mask, scoreBias, pastKey, pastValue] = inputs.slice(3);
  requireDtype(opType, 'q', q, 'float32', 'float16');
  requireSameDtype(opType, q, k, v, bias, scoreBias, pastKey, pastValue);
  const heads = requireHeads(opType, attributes);
  const letters = new Letters(opType, { N: heads });
  letters.match('q', q, 'B', 'T', 'D');
  const batch = letters.of('B');
  const features = dividedDim(opType, 'the features of q', letters.of('D'), heads);
  const head = typeof features === 'number' ? features : 'E';
  let valueDim: Dim;
  if (isRanked(k.shape) && k.rank === 4) {
    letters.match('k', k, 'B', 'N', 'S', head);
    letters.match('v', v, 'B', 'N', 'S', 'F');
    valueDim = times(heads, letters.of('F'));
  } else {
    letters.match('k', k, 'B', 'S', 'D');
    letters.match('v', v, 'B', 'S', 'V');
    valueDim = letters.of('V');
  }
  const valueFeatures = dividedDim(opType, 'the features of v', valueDim, heads);
  matchOneOf(opType, 'the bias', bias, [[sumOfDims(letters.of('D'), letters.of('D'), valueDim)]]);
  letters.match('past_key', pastKey, 'B', 'N', 'P', head);
  letters.match('past_value', pastValue, 'B', 'N', 'P', typeof valueFeatures === 'number' ? valueFeatures : 'F');
  const keys = pastKey ? sumOfDims(letters.of('P'), letters.of('S')) : letters.of('S');
  if (mask) requireDtype(opType, 'the mask', mask, 'int32');
  const time = letters.of('T');
  matchOneOf(opType, 'the mask', mask, [
    [batch],
    [sumOfDims(times(3, batch), 2)],
    [batch, letters.of('S')],
    [batch, keys],
    [batch, time, keys],
  ]);
  matchOneOf(opType, 'the attention bias', scoreBias, biasForms(batch, heads, time, keys));
  return [
    { dtype: q.dtype, shape: [batch, time, valueDim] },
    { dtype: q.dtype, shape: [batch, heads, keys, features] },
    { dtype: q.dtype, shape: [batch, heads, keys, valueFeatures] },
    { dtype: q.dtype, shape: [batch, heads, time, keys] },
  ];
}

function groupQueryAttention(inputs: Inputs, attributes: Attributes): ValueType[] {
  const opType = 'GroupQueryAttention';
  const q = required(opType, inputs, 0);
  const [k, v, pastKey, pastValue, lengths, total] = inputs.slice(1);
  requireDtype(opType, 'q', q, 'float32', 'float16');
  requireSameDtype(opType, q, k, v, pastKey, pastValue, inputs[7], inputs[8], inputs[10], inputs[11]);
  for (const index of [5, 6]) requireDtype(opType, 'lengths', required(opType, inputs, index), 'int32');
  const heads = requireHeads(opType, attributes);
  const keyHeads = requireHeads(opType, attributes, 'kv_num_heads');
  if (heads % keyHeads !== 0) {
    throw new RangeError(`${opType}: kv_num_heads must divide num_heads, got ${keyHeads} and ${heads}`);
  }
  const letters = new Letters(opType, { K: keyHeads });
  letters.match('q', q, 'B', 'T', 'D');
  const isPacked = k === undefined;
  const numTogether = isPacked ? heads + 2 * keyHeads : heads;
  const features = dividedDim(opType, 'the features of q', letters.of('D'), numTogether);
  const head = typeof features === 'number' ? features : 'E';
  const keyDim = typeof features === 'number' ? features * keyHeads : 'M';
  letters.match('k', k, 'B', 'T', keyDim);
  letters.match('v', v, 'B', 'T', keyDim);
  letters.match('past_key', pastKey, 'B', 'K', 'P', head);
  letters.match('past_value', pastValue, 'B', 'K', 'P', head);
  letters.match('the lengths', lengths, 'B');
  const longest = constantIntsOf(total)?.[0];
  const before = pastKey ? letters.of('P') : 0;
  const keys =
    longest !== undefined && typeof before === 'number'
      ? Math.max(longest, before)
      : before === 0
        ? letters.of('T')
        : unknownDim;
  const cache = { dtype: q.dtype, shape: [letters.of('B'), keyHeads, keys, features] };
  const scores = { dtype: q.dtype, shape: [letters.of('B'), heads, letters.of('T'), unknownDim] };
  return [{ dtype: q.dtype, shape: [letters.of('B'), letters.of('T'), times(heads, features)] }, cache, cache, scores];
}

function rotaryEmbedding(inputs: Inputs): ValueType[] {
  const opType = 'RotaryEmbedding';
  const [x, positions, cos, sin] = [0, 1, 2, 3].map((i) => required(opType, inputs, i)) as [Value, Value, Value, Value];
  requireDtype(opType, 'x', x, 'float32', 'float16');
  requireSameDtype(opType, x, cos, sin);
  requireDtype(opType, 'the positions', positions, 'int64');
  const letters = new Letters(opType);
  if (isRanked(x.shape) && x.rank === 4) letters.match('x', x, 'B', 'N', 'T', 'E');
  else letters.match('x', x, 'B', 'T', 'D');
  letters.match('the cosines', cos, 'M', 'R');
  letters.match('the sines', sin, 'M', 'R');
  matchOneOf(opType, 'the positions', positions, [[1], [letters.of('B'), letters.of('T')]]);
  return [{ dtype: x.dtype, shape: x.shape }];
}

/** ONNX Runtime's own attention op definitions. Keys from before are ignored unless the outputs that go on with them are there. */
export const attentionContribOps = {
  /** Projects x `[B, T, D]` to queries, keys and values first; the second output is the keys and values with those of before. */
  'com.microsoft.Attention': defineOp(
    'Attention',
    (inputs, attributes) => {
      const x = required('Attention', inputs, 0);
      requireDtype('Attention', 'x', x, 'float32', 'float16');
      requireSameDtype('Attention', x, inputs[1], inputs[2], inputs[4], inputs[5]);
      const { letters, keys, types } = projectedAttention('Attention', inputs, attributes, { mask: 3, past: 4 });
      const heads = intOf(attributes, 'num_heads', 0);
      const forms = biasForms(letters.of('B'), heads, letters.of('T'), keys);
      matchOneOf('Attention', 'the attention bias', inputs[5], forms);
      if (inputs[4] && inputs[5]) throw new ShapeError('Attention: takes a past or an attention bias, not both');
      return types(x);
    },
    'com.microsoft',
    { firstOptionalOutput: (inputs) => (inputs[4] ? 2 : 1) },
  ),
  'com.microsoft.MultiHeadAttention': defineOp('MultiHeadAttention', multiHeadAttention, 'com.microsoft', {
    firstOptionalOutput: (inputs) => (inputs[6] ? 3 : 1),
  }),
  'com.microsoft.DecoderMaskedMultiHeadAttention': defineOp(
    'DecoderMaskedMultiHeadAttention',
    (inputs, attributes) => {
      const opType = 'DecoderMaskedMultiHeadAttention';
      const [q, pastKey] = [required(opType, inputs, 0), inputs[5]];
      requireDtype(opType, 'q', q, 'float32', 'float16');
      if (isRanked(q.shape)) requireRank(opType, 'q', q, 3);
      const heads = requireHeads(opType, attributes);
      const features = dividedDim(opType, 'the features of q', dimOf(q.shape, 2), inputs[1] ? heads : 3 * heads);
      const batch = dimOf(q.shape, 0);
      if (pastKey && intOf(attributes, 'past_present_share_buffer', 0) !== 1) {
        throw new ShapeError(`${opType}: past and present must share a buffer (past_present_share_buffer 1)`);
      }
      const kept = pastKey ? dimOf(pastKey.shape, 2) : unknownDim;
      const cache = { dtype: q.dtype, shape: [batch, heads, kept, features] };
      return [
        { dtype: q.dtype, shape: [batch, 1, times(heads, features)] },
        cache,
        cache,
        { dtype: 'float32', shape: [batch, heads, 1, unknownDim] },
      ];
    },
    'com.microsoft',
    { firstOptionalOutput: (inputs) => (inputs[5] ? 3 : 1) },
  ),
  'com.microsoft.GroupQueryAttention': defineOp('GroupQueryAttention', groupQueryAttention, 'com.microsoft', {
    firstOptionalOutput: (inputs) => (inputs[3] ? 3 : 1),
  }),
  'com.microsoft.RotaryEmbedding': defineOp('RotaryEmbedding', rotaryEmbedding, 'com.microsoft'),
  /** The integer form of com.microsoft.Attention. */
  'com.microsoft.QAttention': defineOp(
    'QAttention',
    (inputs, attributes) => {
      const [x, w] = [required('QAttention', inputs, 0), required('QAttention', inputs, 1)];
      const bias = required('QAttention', inputs, 2);
      requireDtype('QAttention', 'x', x, 'uint8', 'int8');
      requireDtype('QAttention', 'the weights', w, 'uint8', 'int8');
      requireDtype('QAttention', 'the bias', bias, 'float32', 'float16');
      requireSameDtype('QAttention', bias, inputs[3], inputs[4], inputs[8]);
      return projectedAttention('QAttention', inputs, attributes, { mask: 5, past: 8 }).types(bias);
    },
    'com.microsoft',
    { firstOptionalOutput: (inputs) => (inputs[8] ? 2 : 1) },
  ),
} as const;
