/** @file The settings of the recipe `train-vision-transformer`, as one whole value. */
import type { VisionTransformerOptions } from '../../../model/index.ts';

/** Everything that decides what the recipe trains. */
export interface VisionTransformerSettings {
  readonly seed: number;
  readonly tower: VisionTransformerOptions;
  /** Fraction of the side left free around a picture when the trained encoder is used. */
  readonly picturePadding: number;
  /** Views of each emoji, the plain one included. */
  readonly numViews: number;
  /** Views of each icon. */
  readonly numIconViews: number;
  readonly batchSize: number;
  /** Texts beside those of the pairs, which each picture must tell from its own. */
  readonly numExtraTexts: number;
  readonly numSteps: number;
  readonly warmupSteps: number;
  readonly peakLearningRate: number;
  readonly weightDecay: number;
  /** Share of the picture's features that are dropped. */
  readonly pictureDropout: number;
  readonly nameProbability: number;
  /** Threads of a step; all cores if absent. */
  readonly numThreads?: number;
}

/** The settings of the run that decision 0040 reports, with any of them replaced. */
export function visionTransformerSettings(changes: Partial<VisionTransformerSettings> = {}): VisionTransformerSettings {
  return {
    seed: 1,
    tower: { size: 160, patchSize: 20, dim: 192, numLayers: 6, numHeads: 3 },
    picturePadding: 0.15,
    numViews: 8,
    numIconViews: 3,
    batchSize: 64,
    numExtraTexts: 1024,
    numSteps: 600,
    warmupSteps: 60,
    peakLearningRate: 1e-3,
    weightDecay: 0.1,
    pictureDropout: 0.1,
    nameProbability: 0.5,
    ...changes,
  };
}
