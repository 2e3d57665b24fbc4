/**
 * @file The dual encoder (CLIP, arXiv:2103.00020) over frozen towers: one head per modality into one unit sphere, pulled together by
 * symmetric InfoNCE with a learned logit scale. B: pairs; F: features of the picture tower; G: features of the text tower.
 */
import { type Rng, scalar, type Tensor } from '../../../engine/core/index.ts';
import type { Value } from '../../../engine/graph/index.ts';
import { clampedLogitScale, infoNce } from '../../losses/info-nce.ts';
import { type Head, head, initHead } from './head.ts';

/** The trained parameters of a dual encoder. */
export interface DualEncoder<T> {
  readonly picture: Head<T>;
  readonly text: Head<T>;
  /** `[]`, the logarithm of the logit scale. */
  readonly logLogitScale: T;
}

/** The sizes of a dual encoder. */
export interface DualEncoderOptions {
  /** F */
  readonly pictureDim: number;
  /** G */
  readonly textDim: number;
  /** D, the dimension of the shared space. */
  readonly spaceDim: number;
  /** Adapters in each head. */
  readonly numAdapters: number;
  /** The adapters' bottleneck. */
  readonly bottleneckDim: number;
}

/** A batch of pairs: standardized features, row i of one belonging to row i of the other, and dropout factors. */
export interface PairBatch<T> {
  /** `[B, F]` */
  readonly picture: T;
  /** `[B, G]` */
  readonly text: T;
  /** `[B, F]` */
  readonly pictureDropout: T;
  /** `[B, G]` */
  readonly textDropout: T;
}

/** A dual encoder with random projections, identity adapters and temperature 0.07. */
export function initDualEncoder(rng: Rng, options: DualEncoderOptions): DualEncoder<Tensor> {
  const { spaceDim, numAdapters, bottleneckDim } = options;
  return {
    picture: initHead(rng, { featureDim: options.pictureDim, spaceDim, numAdapters, bottleneckDim }),
    text: initHead(rng, { featureDim: options.textDim, spaceDim, numAdapters, bottleneckDim }),
    logLogitScale: scalar(Math.log(1 / 0.07)),
  };
}

/** The contrastive loss of a batch, with the logit scale and the share of pictures whose text ranks first in the batch. */
export function dualEncoderLoss(params: DualEncoder<Value>, batch: PairBatch<Value>) {
  const picture = head(params.picture, batch.picture, batch.pictureDropout);
  const text = head(params.text, batch.text, batch.textDropout);
  const logitScale = clampedLogitScale(params.logLogitScale);
  const { loss, accuracy } = infoNce(picture, text, logitScale);
  return { loss, metrics: { accuracy, logitScale } };
}
