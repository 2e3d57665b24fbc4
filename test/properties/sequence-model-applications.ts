/** @file Random applications of the recurrent layers and of attention. */
import fc from 'fast-check';
import type { Dtype } from '../../src/engine/core/index.ts';
import type { attentionContribOps, attentionOps, recurrentOps } from '../../src/engine/graph/index.ts';
import { int, ints, string } from '../../src/engine/graph/value.ts';
import type { Make } from './makers.ts';
import { nearly, of, positiveDim } from './shapes.ts';
import type { Operand } from './verdict.ts';

const maybe = fc.boolean();
/** 1 in 7: where something is made wrong. */
const rarely = fc.integer({ min: 0, max: 6 }).map((n) => n === 0);
const numbers = (
  ints: readonly number[],
  shape: readonly number[] = [ints.length],
  dtype: Dtype = 'int32',
): Operand => ({
  dtype,
  shape,
  ints,
});
const given = (wanted: boolean, operand: Operand): Operand => (wanted ? operand : undefined);

const recurrent =
  (numGates: number): Make =>
  (opType) =>
    fc
      .record({
        dims: fc.tuple(positiveDim, positiveDim, positiveDim, positiveDim),
        direction: fc.constantFrom('forward', 'reverse', 'bidirectional'),
        bias: maybe,
        lengths: maybe,
        state: maybe,
        more: maybe,
      })
      .chain(({ dims: [time, batch, features, hidden], direction, bias, lengths, state, more }) => {
        const d = direction === 'bidirectional' ? 2 : 1;
        return fc.tuple(nearly([d, numGates * hidden, features]), nearly([d, batch, hidden])).map(([w, h]) => ({
          opType,
          operands: [
            of([time, batch, features]),
            of(w),
            of([d, numGates * hidden, hidden]),
            given(bias, of([d, 2 * numGates * hidden])),
            given(lengths, numbers(new Array<number>(batch).fill(1))),
            given(state, of(h)),
            ...(opType === 'LSTM' ? [given(more, of([d, batch, hidden])), given(more, of([d, 3 * hidden]))] : []),
          ],
          attributes: { hidden_size: int(hidden), direction: string(direction) },
        }));
      });

const attention: Make = (opType) =>
  fc
    .record({
      dims: fc.tuple(positiveDim, positiveDim, positiveDim, positiveDim, positiveDim, positiveDim),
      perHead: fc.integer({ min: 1, max: 2 }),
      flat: maybe,
      past: maybe,
      mask: fc.option(fc.tuple(fc.integer({ min: 2, max: 4 }), maybe, rarely), { nil: undefined }),
      causal: maybe,
      wrong: rarely,
    })
    .map(({ dims: [batch, keyHeads, queries, keys, e, v], perHead, flat, past, mask, causal, wrong }) => {
      const heads = keyHeads * perHead;
      const before = past ? 2 : 0;
      const scores = [batch, heads, queries, keys + before];
      const [rank, stretched, short] = mask ?? [0, false, false];
      const maskShape = scores.map((dim, axis) => (axis < 2 && stretched ? 1 : dim - (axis === 3 && short ? 1 : 0)));
      const laid = (count: number, time: number, size: number) =>
        flat ? [batch, time, count * size] : [batch, count, time, size];
      return {
        opType,
        operands: [
          of(laid(heads, queries, e)),
          of(laid(keyHeads, keys, e + (wrong ? 1 : 0))),
          of(laid(keyHeads, keys, v)),
          given(mask !== undefined, of(maskShape.slice(4 - rank))),
          given(past, of([batch, keyHeads, before, e])),
          given(past, of([batch, keyHeads, before, v])),
        ],
        attributes: {
          is_causal: int(causal ? 1 : 0),
          ...(flat ? { q_num_heads: int(heads), kv_num_heads: int(keyHeads) } : {}),
        },
      };
    });

const rotary: Make = (opType) =>
  fc
    .record({
      dims: fc.tuple(positiveDim, positiveDim, positiveDim, positiveDim),
      flat: maybe,
      positions: maybe,
      part: maybe,
      wrong: rarely,
    })
    .map(({ dims: [batch, heads, time, half], flat, positions, part, wrong }) => {
      const rotated = part ? 1 : half;
      const table = [...(positions ? [5] : [batch, time]), rotated + (wrong ? 1 : 0)];
      return {
        opType,
        operands: [
          of(flat ? [batch, time, heads * 2 * half] : [batch, heads, time, 2 * half]),
          of(table),
          of(table),
          given(positions, of([batch, time], 'int64')),
        ],
        attributes: {
          ...(part ? { rotary_embedding_dim: int(2) } : {}),
          ...(flat ? { num_heads: int(heads) } : {}),
        },
      };
    });

const sizes = { batch: positiveDim, time: positiveDim, heads: fc.integer({ min: 1, max: 2 }), features: positiveDim };

/** A mask of keys in one of the forms, or none. */
function maskOf(form: number, batch: number, time: number, keys: number): Operand {
  const shapes = [undefined, [batch], [batch, keys], [batch, time, keys]];
  const shape = shapes[form];
  return shape && numbers(new Array<number>(shape.reduce((a, b) => a * b, 1)).fill(1), shape);
}

const projected: Make = (opType) =>
  fc
    .record({ ...sizes, form: fc.integer({ min: 0, max: 3 }), past: maybe, bias: maybe, unequal: maybe, wrong: rarely })
    .map(({ batch, time, heads, features, form, past, bias, unequal, wrong }) => {
      const each = 2 * heads;
      const values = unequal && !past ? heads : each;
      const total = 2 * each + values;
      const keys = time + (past ? 1 : 0);
      return {
        opType,
        operands: [
          of([batch, time, features]),
          of([features + (wrong ? 1 : 0), total]),
          of([total]),
          maskOf(form, batch, time, keys),
          given(past, of([2, batch, heads, 1, 2])),
          given(bias && !past, of([1, heads, time, keys])),
        ],
        attributes: {
          num_heads: int(heads),
          ...(unequal && !past ? { qkv_hidden_sizes: ints([each, each, values]) } : {}),
        },
      };
    });

const multiHead: Make = (opType) =>
  fc
    .record({
      ...sizes,
      keys: positiveDim,
      form: fc.integer({ min: 0, max: 3 }),
      past: maybe,
      bias: maybe,
      wrong: rarely,
    })
    .map(({ batch, time, heads, features, keys, form, past, bias, wrong }) => {
      const dim = heads * features;
      const before = past ? 2 : 0;
      const seen = keys + before;
      return {
        opType,
        operands: [
          of([batch, time, dim]),
          of([batch, keys, dim + (wrong ? heads : 0)]),
          of([batch, keys, past ? dim : 2 * dim]),
          given(bias, of([2 * dim + (past ? dim : 2 * dim)])),
          maskOf(form, batch, time, seen),
          given(bias, of([1, heads, time, seen])),
          given(past, of([batch, heads, before, features])),
          given(past, of([batch, heads, before, features])),
        ],
        attributes: { num_heads: int(heads) },
      };
    });

const grouped: Make = (opType) =>
  fc
    .record({
      batch: positiveDim,
      time: positiveDim,
      perHead: fc.integer({ min: 1, max: 2 }),
      packed: maybe,
      past: maybe,
      wrong: rarely,
    })
    .map(({ batch, time, perHead, packed, past, wrong }) => {
      const before = past ? 5 : 0;
      const cache = of([batch, 1, before, 8]);
      return {
        opType,
        operands: [
          of([batch, time, 8 * (packed ? perHead + 2 : perHead)]),
          given(!packed, of([batch, time, 8 + (wrong ? 8 : 0)])),
          given(!packed, of([batch, time, 8])),
          given(past, cache),
          given(past, cache),
          numbers(new Array<number>(batch).fill(time - 1)),
          numbers([time]),
        ],
        attributes: { num_heads: int(perHead), kv_num_heads: int(1) },
      };
    });

const turned: Make = (opType) =>
  fc
    .record({ ...sizes, flat: maybe, one: maybe, wrong: rarely })
    .map(({ batch, time, heads, features, flat, one, wrong }) => ({
      opType,
      operands: [
        of(flat ? [batch, time, 2 * features] : [batch, heads, time, 2 * features]),
        of(one ? [1] : [batch, time + (wrong ? 1 : 0)], 'int64'),
        of([5, features]),
        of([5, features]),
      ],
      attributes: {},
    }));

const oneToken: Make = (opType) =>
  fc
    .record({ batch: positiveDim, heads: fc.integer({ min: 1, max: 2 }), past: positiveDim })
    .map(({ batch, heads, past }) => {
      const token = of([batch, 1, 4 * heads]);
      const cache = of([batch, heads, past, 4]);
      return {
        opType,
        operands: [token, token, token, undefined, undefined, cache, cache, of([1], 'int32')],
        attributes: { num_heads: int(heads), past_present_share_buffer: int(1) },
      };
    });

const quantized: Make = (opType) =>
  fc
    .record({ ...sizes, form: fc.integer({ min: 0, max: 2 }), wrong: rarely })
    .map(({ batch, time, heads, features, form, wrong }) => ({
      opType,
      operands: [
        of([batch, time, features], 'uint8'),
        of([features + (wrong ? 1 : 0), 6 * heads], 'uint8'),
        of([6 * heads]),
        of([]),
        of([]),
        maskOf(form, batch, time, time),
        of([], 'uint8'),
        of([], 'uint8'),
      ],
      attributes: { num_heads: int(heads) },
    }));

/** Applications of the recurrent layers and of attention. */
export const sequenceModelApplications = {
  RNN: recurrent(1),
  GRU: recurrent(3),
  LSTM: recurrent(4),
  Attention: attention,
  RotaryEmbedding: rotary,
  'com.microsoft.Attention': projected,
  'com.microsoft.MultiHeadAttention': multiHead,
  'com.microsoft.DecoderMaskedMultiHeadAttention': oneToken,
  'com.microsoft.GroupQueryAttention': grouped,
  'com.microsoft.RotaryEmbedding': turned,
  'com.microsoft.QAttention': quantized,
} as const satisfies {
  readonly [Op in keyof typeof recurrentOps | keyof typeof attentionOps | keyof typeof attentionContribOps]: Make;
};
