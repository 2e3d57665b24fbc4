/** @file The settings of the recipe `train-video-tower`, as one whole value. */
import { createHash } from 'node:crypto';
import type { ImageOutput, ImageVariant } from '../../../model/index.ts';

/** How long one of the two stages trains, and how. */
export interface StageSettings {
  readonly batchSize: number;
  readonly numSteps: number;
  readonly warmupSteps: number;
  readonly peakLearningRate: number;
  readonly weightDecay: number;
}

/** Everything that decides what the recipe trains. */
export interface VideoSettings {
  readonly seed: number;
  /** The frozen picture tower that sees every frame. */
  readonly tower: { readonly variant: ImageVariant; readonly size: number; readonly outputs: readonly ImageOutput[] };
  /** Fraction of the side left free around the frames of an animated picture. */
  readonly picturePadding: number;
  /** Frames that a clip is seen through. */
  readonly numFrames: number;
  /** How many pictures are set in motion: for training, and of each held-out split for measuring. */
  readonly corpus: { readonly maxComposed: number; readonly numHeldOut: number };
  /** Width of the video tower, and of its features. */
  readonly dim: number;
  readonly numLayers: number;
  readonly numHeads: number;
  /** Stage one: video alone. */
  readonly stageOne: StageSettings & {
    /** Share of a frame's picture features that are dropped. */
    readonly dropout: number;
    /** Share of the batch's clips that are real animations. */
    readonly animatedShare: number;
  };
  /** Stage two: video and texts, the tower frozen. */
  readonly stageTwo: StageSettings & {
    readonly hiddenDim: number;
    readonly dropout: number;
    /** Weight of animated pictures staying near the mean of their frames: a head trained on few names finds unseen things worse than frames do. */
    readonly keepAppearance: number;
  };
}

/** The settings that made the video part of the default bundle, with any of them replaced. */
export function videoSettings(changes: Partial<VideoSettings> = {}): VideoSettings {
  return {
    seed: 1,
    tower: {
      variant: 'mobilenet-v2-mid',
      size: 160,
      outputs: ['block2Pooled', 'block5Pooled', 'block9Pooled', 'block12Pooled', 'block15Pooled', 'pooled'],
    },
    picturePadding: 0.15,
    numFrames: 8,
    corpus: { maxComposed: 3328, numHeldOut: 60 },
    dim: 256,
    numLayers: 2,
    numHeads: 4,
    stageOne: {
      batchSize: 64,
      numSteps: 450,
      warmupSteps: 40,
      peakLearningRate: 1e-3,
      weightDecay: 0.05,
      dropout: 0.3,
      animatedShare: 0.25,
    },
    stageTwo: {
      batchSize: 256,
      // More steps tell motion no better, and find unseen things worse.
      numSteps: 250,
      warmupSteps: 50,
      peakLearningRate: 1e-3,
      weightDecay: 0.05,
      hiddenDim: 512,
      dropout: 0.4,
      keepAppearance: 20,
    },
    ...changes,
  };
}

/** A name for a part of the settings: equal settings, equal name. */
export function hashSettings(settings: unknown): string {
  return createHash('sha256').update(JSON.stringify(settings)).digest('hex').slice(0, 16);
}

/** A name for what decides stage one alone: a run with another stage two keeps its tower. */
export function hashStageOne({ stageTwo: _, ...settings }: VideoSettings, clipIds: readonly string[]): string {
  return hashSettings([settings, clipIds]);
}
