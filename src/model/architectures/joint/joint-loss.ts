/** @file What the joint architecture is trained on: media and their texts must find each other, and the text must be told from the media. */
import { add, mul, type Value } from '../../../engine/graph/index.ts';
import { clampedLogitScale, infoNce } from '../../losses/info-nce.ts';
import type { MediaBatch } from '../../nn/media-tokens.ts';
import { captionLoss } from '../../nn/text-decoder.ts';
import { type Joint, type JointOptions, jointCaption, jointTextEmbedding } from './joint.ts';

/** Media with their texts, for both architectures. B: items; T: tokens. */
export interface CaptionBatch<T> {
  readonly media: MediaBatch<T>;
  /** `int64[B, T]`: the token that begins a text, then the text, then padding. */
  readonly ids: T;
  /** `int64[B, T]`: the text, then the token that ends it, then padding. */
  readonly targets: T;
}

/** How a loss over captions is weighed, and what is dropped. */
export interface CaptionLossOptions {
  /** The weight of the caption's cross-entropy beside the contrast's; 1 if absent. */
  readonly captionWeight?: number;
  /** Applied to the media tokens; for dropout in training. */
  readonly drop?: (tokens: Value) => Value;
}

/** Contrast of media and texts plus the cross-entropy of the texts. */
export function jointLoss(
  params: Joint<Value>,
  batch: CaptionBatch<Value>,
  options: JointOptions,
  { captionWeight = 1, drop }: CaptionLossOptions = {},
) {
  const training = { ...options, centring: 'batch' } as const;
  const { embedding, scores } = jointCaption(params, batch, training, drop);
  const text = jointTextEmbedding(params, batch.ids, training);
  const logitScale = clampedLogitScale(params.logLogitScale);
  const { loss: contrast, accuracy } = infoNce(embedding, text, logitScale);
  const caption = captionLoss(scores, batch.targets);
  return { loss: add(contrast, mul(caption, captionWeight)), metrics: { contrast, caption, accuracy, logitScale } };
}
