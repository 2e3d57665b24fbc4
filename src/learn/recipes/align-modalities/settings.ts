/** @file The settings of the recipe `align-modalities`, as one whole value. */
import { createHash } from 'node:crypto';
import type { PictureSource } from '../../data/index.ts';
import type { SamplingStrategy } from '../../data/sampler.ts';

/** How long a stage trains, and how. */
export interface StageSettings {
  /** Samples in a batch. */
  readonly batchSize: number;
  readonly numSteps: number;
  readonly warmupSteps: number;
  readonly peakLearningRate: number;
  readonly weightDecay: number;
  /** Decay of the moving average of the parameters, which is what is kept. */
  readonly averageDecay: number;
}

/** Everything that decides what the recipe trains, the parts that it starts from left out. */
export interface AlignModalitiesSettings {
  readonly seed: number;
  readonly sampling: SamplingStrategy;
  /** How often a sample shows its name; otherwise any of its texts. */
  readonly nameProbability: number;
  /** Stage one: the heads of pictures and texts go on from English alone to both languages. */
  readonly stageOne: StageSettings & {
    /** The pictures to learn from. */
    readonly sources: readonly PictureSource[];
    /** Views of each of them, the plain one included. */
    readonly numViews: number;
    /** Share of the picture's features that are dropped. */
    readonly pictureDropout: number;
    /** Share of the text's features that are dropped. */
    readonly textDropout: number;
  };
  /** Stage two: a little paired data of all modalities; what stage one made stays as it is, but for an adapter of texts. */
  readonly stageTwo: StageSettings & {
    /** Share of the features of sounds that are dropped. */
    readonly dropout: number;
    /** Adapters in the head of sounds, and their bottleneck. */
    readonly numAdapters: number;
    readonly bottleneckDim: number;
  };
}

/** The settings that made the default bundle, with any of them replaced. */
export function alignModalitiesSettings(changes: Partial<AlignModalitiesSettings> = {}): AlignModalitiesSettings {
  return {
    seed: 1,
    sampling: 'logarithmic',
    nameProbability: 0.5,
    stageOne: {
      sources: ['noto', 'fluent-3d', 'fluent-color', 'fluent-flat'],
      numViews: 4,
      batchSize: 256,
      numSteps: 300,
      warmupSteps: 30,
      peakLearningRate: 2e-4,
      weightDecay: 0.1,
      averageDecay: 0.98,
      pictureDropout: 0.5,
      textDropout: 0.3,
    },
    stageTwo: {
      batchSize: 192,
      numSteps: 600,
      warmupSteps: 50,
      peakLearningRate: 1e-3,
      weightDecay: 0.1,
      averageDecay: 0.98,
      dropout: 0.3,
      numAdapters: 1,
      bottleneckDim: 128,
    },
    ...changes,
  };
}

/** A name for what a run depends on: equal values, equal name. */
export function hashSettings(...parts: readonly unknown[]): string {
  return createHash('sha256').update(JSON.stringify(parts)).digest('hex').slice(0, 16);
}
