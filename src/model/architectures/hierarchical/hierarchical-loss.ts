/** @file What the hierarchical architecture is trained on: the same loss over the same batches as the joint one. */
import { add, mul, type Value } from '../../../engine/graph/index.ts';
import { clampedLogitScale, infoNce } from '../../losses/info-nce.ts';
import { captionLoss, type TextDecoder } from '../../nn/text-decoder.ts';
import type { CaptionBatch, CaptionLossOptions } from '../joint/index.ts';
import {
  type Hierarchical,
  type HierarchicalOptions,
  hierarchicalCaption,
  hierarchicalTextEmbedding,
} from './hierarchical.ts';

/** Contrast of media and texts plus the cross-entropy of the texts, with the decoder frozen: given as constants, it has no gradient. */
export function hierarchicalLoss(
  params: Hierarchical<Value>,
  decoder: TextDecoder<Value>,
  batch: CaptionBatch<Value>,
  options: HierarchicalOptions,
  { captionWeight = 1, drop }: CaptionLossOptions = {},
) {
  const training = { ...options, centring: 'batch' } as const;
  const { embedding, scores } = hierarchicalCaption(params, decoder, batch, training, drop);
  const text = hierarchicalTextEmbedding(params, decoder, batch.ids, training);
  const logitScale = clampedLogitScale(params.logLogitScale);
  const { loss: contrast, accuracy } = infoNce(embedding, text, logitScale);
  const caption = captionLoss(scores, batch.targets);
  return { loss: add(contrast, mul(caption, captionWeight)), metrics: { contrast, caption, accuracy, logitScale } };
}
