/**
 * @file The joint architecture as it writes: media are encoded once, then each new token passes the blocks alone, against keys and values
 * that are kept. B: batch; M: media tokens; P: tokens written; H: heads; E: features of a head; V: vocabulary.
 */
import { concat, mul, reduceSum, reshape, slice, sub, unsqueeze, type Value } from '../../../engine/graph/index.ts';
import { type KeyValue, masked } from '../../nn/attention-heads.ts';
import { incrementalBlock } from '../../nn/incremental-block.ts';
import { type MediaBatch, mediaTokenCounts, tokensPresent } from '../../nn/media-tokens.ts';
import { nextTokenScores } from '../../nn/text-decoder.ts';
import {
  expertsBeside,
  type Joint,
  type JointOptions,
  jointEmbedding,
  jointMediaTokens,
  jointTextTokens,
  presenceMask,
  segmentsOf,
} from './joint.ts';

/** Media as text will attend to them. */
export interface EncodedMedia<T> {
  /** `[B, E]`, unit vectors. */
  readonly embedding: T;
  /** Of each layer, `[B, H, M, E]`. */
  readonly memory: readonly KeyValue<T>[];
}

/** What one step of writing is given. */
export interface DecodeStep<T> {
  /** `int64[B, 1]`: the token before the one that is asked for. */
  readonly ids: T;
  /** `int64[1]`: its place in the text, 0 for the token that begins it. */
  readonly position: T;
  /** `[B, 3]`: which modalities are there. */
  readonly present: T;
  readonly memory: readonly KeyValue<T>[];
  /** Of each layer, the text so far, `[B, H, P, E]`; P is `position`. */
  readonly past: readonly KeyValue<T>[];
}

/** What one step of writing gives. */
export interface DecodedStep<T> {
  /** `[B, V]` */
  readonly scores: T;
  /** The past with the new token behind it, `[B, H, P + 1, E]`. */
  readonly past: readonly KeyValue<T>[];
}

/** Encodes media. */
export function encodeJointMedia(
  params: Joint<Value>,
  media: MediaBatch<Value>,
  options: JointOptions,
): EncodedMedia<Value> {
  const { numHeads } = options;
  const { tokens, present } = jointMediaTokens(params, media, options);
  const mask = presenceMask(present);
  const segments = segmentsOf(options, { media: true, textTokens: 0 });
  const memory: KeyValue<Value>[] = [];
  const x = params.shared.blocks.reduce((state, block, i) => {
    const beside = expertsBeside(params, i, segments, options);
    const { output, own } = incrementalBlock(block, state, { numHeads, mask, ...beside });
    memory.push(own);
    return output;
  }, tokens);
  return { embedding: jointEmbedding(params, x, present, 'media', options), memory };
}

/** The scores of the next token. */
export function decodeJointStep(
  params: Joint<Value>,
  step: DecodeStep<Value>,
  options: JointOptions,
): DecodedStep<Value> {
  const { numHeads } = options;
  const present = tokensPresent(step.present, mediaTokenCounts(options.media));
  const segments = segmentsOf(options, { media: false, textTokens: 1 });
  const mask = memoryMask(present, step.past[0]!.key);
  const past: KeyValue<Value>[] = [];
  const first = jointTextTokens(params, step.ids, step.position);
  const x = params.shared.blocks.reduce((state, block, i) => {
    const before = step.past[i]!;
    const beside = expertsBeside(params, i, segments, options);
    const { output, own } = incrementalBlock(block, state, {
      numHeads,
      mask,
      past: [step.memory[i]!, before],
      ...beside,
    });
    past.push(appended(before, own));
    return output;
  }, first);
  return { scores: reshape(nextTokenScores(params.shared, x), [-1, options.vocabularySize]), past };
}

/** Keys and values with those of new tokens behind them. */
export function appended(before: KeyValue<Value>, own: KeyValue<Value>): KeyValue<Value> {
  return { key: concat([before.key, own.key], 2), value: concat([before.value, own.value], 2) };
}

/** `[B, 1, 1, M + P + 1]`: the new token sees the media that are there, and all text before it, whose length is only known from its keys. */
function memoryMask(present: Value, pastKey: Value): Value {
  const absent = mul(sub(1, present), masked);
  const past = reduceSum(mul(pastKey, 0), { axes: [1, 3] });
  const own = mul(slice(present, { starts: [0], ends: [1], axes: [1] }), 0);
  return unsqueeze(concat([absent, past, own], 1), [1, 2]);
}
