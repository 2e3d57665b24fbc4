/** @file The hierarchical architecture as it writes: as `joint-decoding.ts`, but each new token passes the frozen decoder and its bridges. */
import { reshape, type Value } from '../../../engine/graph/index.ts';
import type { KeyValue } from '../../nn/attention-heads.ts';
import { gatedCrossAttention } from '../../nn/gated-cross-attention.ts';
import { incrementalBlock } from '../../nn/incremental-block.ts';
import type { MediaBatch } from '../../nn/media-tokens.ts';
import { embedTokens, nextTokenScores, type TextDecoder } from '../../nn/text-decoder.ts';
import type { DecodedStep, DecodeStep, EncodedMedia } from '../joint/index.ts';
import { appended } from '../joint/joint-decoding.ts';
import {
  behindAllMedia,
  bridgeMemories,
  type Hierarchical,
  type HierarchicalOptions,
  hierarchicalMediaEmbedding,
  mediaLatents,
} from './hierarchical.ts';

/** Encodes media. */
export function encodeHierarchicalMedia(
  params: Hierarchical<Value>,
  media: MediaBatch<Value>,
  options: HierarchicalOptions,
): EncodedMedia<Value> {
  const latents = mediaLatents(params, media, options);
  return {
    embedding: hierarchicalMediaEmbedding(params, latents, media.present, options),
    memory: bridgeMemories(params, latents, options),
  };
}

/** The scores of the next token. */
export function decodeHierarchicalStep(
  params: Hierarchical<Value>,
  decoder: TextDecoder<Value>,
  step: DecodeStep<Value>,
  options: HierarchicalOptions,
): DecodedStep<Value> {
  const { numHeads } = options;
  const mask = behindAllMedia(step.present, options);
  const past: KeyValue<Value>[] = [];
  const x = decoder.blocks.reduce(
    (state, block, i) => {
      const before = step.past[i]!;
      const seen = gatedCrossAttention(params.bridges[i]!, state, { numHeads, memory: step.memory[i]!, mask });
      const { output, own } = incrementalBlock(block, seen, { numHeads, past: [before] });
      past.push(appended(before, own));
      return output;
    },
    embedTokens(decoder, step.ids, step.position),
  );
  return { scores: reshape(nextTokenScores(decoder, x), [-1, options.vocabularySize]), past };
}
