/** @file The settings of the recipe `finetune-image-tower`, as one whole value. */
import { createHash } from 'node:crypto';
import type { ImageOutput, ImageVariant } from '../../../model/index.ts';

/** A part of the run with its own choice of what is trained. */
export interface FinetunePhase {
  /** The steps that the learning rate's schedule is for. */
  readonly numSteps: number;
  /** Steps after which the phase ends all the same; `numSteps` if absent. */
  readonly stopAfter?: number;
  readonly warmupSteps: number;
  /** Learning rate of the head. */
  readonly peakLearningRate: number;
  /** Convolutions before this one (0 is the first) stay as they are. */
  readonly firstConvolution: number;
  /** Whether kernels of depthwise convolutions are trained too. */
  readonly depthwise: boolean;
}

/** The steps that a phase takes. */
export function stepsOf({ numSteps, stopAfter = numSteps }: FinetunePhase): number {
  return Math.min(numSteps, stopAfter);
}

/** Everything that decides what the recipe trains. */
export interface FinetuneSettings {
  readonly seed: number;
  readonly tower: { readonly variant: ImageVariant; readonly size: number; readonly outputs: readonly ImageOutput[] };
  /** Fraction of the side left free around a picture when the trained encoder is used. */
  readonly picturePadding: number;
  /** Views of each emoji, the plain one included. */
  readonly numViews: number;
  /** Views of each icon: there are many icons, and each is drawn seldom. */
  readonly numIconViews: number;
  /** Pairs in a batch. */
  readonly batchSize: number;
  /** Texts beside those of the pairs, which each picture must tell from its own. */
  readonly numExtraTexts: number;
  readonly phases: readonly FinetunePhase[];
  /** The tower's learning rate, relative to its weights, over the head's. */
  readonly towerPace: number;
  readonly weightDecay: number;
  /** Share of the picture's features that are dropped. */
  readonly pictureDropout: number;
  /** How often a picture is shown with its name; otherwise with any of its texts. */
  readonly nameProbability: number;
  /** Threads of a step; all cores if absent. */
  readonly numThreads?: number;
  /** Points on the line from the start (0) through the trained weights (1) among which validation chooses. */
  readonly shares: readonly number[];
}

/** The settings of the run that decision 0040 reports, with any of them replaced. */
export function finetuneSettings(changes: Partial<FinetuneSettings> = {}): FinetuneSettings {
  return {
    seed: 1,
    tower: {
      variant: 'mobilenet-v2-mid',
      size: 160,
      outputs: ['block2Pooled', 'block5Pooled', 'block9Pooled', 'block12Pooled', 'block15Pooled', 'pooled'],
    },
    picturePadding: 0.15,
    numViews: 8,
    numIconViews: 3,
    batchSize: 64,
    numExtraTexts: 2048,
    phases: [
      {
        numSteps: 560,
        stopAfter: 175,
        warmupSteps: 20,
        peakLearningRate: 1e-5,
        firstConvolution: 0,
        depthwise: true,
      },
    ],
    towerPace: 40,
    weightDecay: 0.1,
    pictureDropout: 0.3,
    nameProbability: 0.5,
    shares: [0.75, 1, 1.25],
    ...changes,
  };
}

/** A name for all that decides the checkpoint of a phase: equal, equal name. Later phases do not, nor do threads or what is chosen at the end. */
export function hashPhase(settings: FinetuneSettings, start: string, phase: number): string {
  const { numThreads: _threads, shares: _shares, ...others } = settings;
  return hashSettings({ ...others, phases: settings.phases.slice(0, phase + 1), phase }, start);
}

/** A name for the settings of a run and what it starts from: equal, equal name. */
export function hashSettings(settings: object, start: string): string {
  return createHash('sha256')
    .update(JSON.stringify([settings, start]))
    .digest('hex')
    .slice(0, 16);
}
