/** @file The settings of the recipe `align-text-image`, as one whole value. */
import { createHash } from 'node:crypto';
import type { ImageOutput, ImageVariant } from '../../../model/index.ts';

/** Everything that decides what the recipe trains. */
export interface AlignSettings {
  readonly seed: number;
  readonly tower: { readonly variant: ImageVariant; readonly size: number; readonly outputs: readonly ImageOutput[] };
  /** Fraction of the side left free around a picture when the trained encoder is used. */
  readonly picturePadding: number;
  /** Dimension of the shared space. */
  readonly spaceDim: number;
  readonly numAdapters: number;
  readonly bottleneckDim: number;
  /** Views of each training picture, the plain one included. */
  readonly numViews: number;
  readonly batchSize: number;
  readonly numSteps: number;
  readonly warmupSteps: number;
  readonly peakLearningRate: number;
  readonly weightDecay: number;
  /** Share of the picture's features that are dropped. */
  readonly pictureDropout: number;
  /** Share of the text's features that are dropped. */
  readonly textDropout: number;
  /** How often a picture is shown with its name; otherwise with any of its texts. */
  readonly nameProbability: number;
}

/** The settings that made the default bundle, with any of them replaced. */
export function alignSettings(changes: Partial<AlignSettings> = {}): AlignSettings {
  return {
    seed: 1,
    tower: {
      variant: 'mobilenet-v2-mid',
      size: 160,
      outputs: ['block2Pooled', 'block5Pooled', 'block9Pooled', 'block12Pooled', 'block15Pooled', 'pooled'],
    },
    picturePadding: 0.15,
    spaceDim: 512,
    numAdapters: 2,
    bottleneckDim: 256,
    numViews: 4,
    batchSize: 512,
    numSteps: 1600,
    warmupSteps: 100,
    peakLearningRate: 1e-3,
    weightDecay: 0.1,
    pictureDropout: 0.5,
    textDropout: 0.3,
    nameProbability: 0.5,
    ...changes,
  };
}

/** A name for the settings: equal settings, equal name. */
export function hashSettings(settings: AlignSettings): string {
  return createHash('sha256').update(JSON.stringify(settings)).digest('hex').slice(0, 16);
}
