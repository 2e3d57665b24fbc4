/** @file The settings of the recipe `distill-text`, as one whole value. */
import { createHash } from 'node:crypto';
import { type Schedule, warmupCosine } from '../../../engine/train/index.ts';
import type { TextEncoderOptions } from '../../../model/index.ts';
import type { DistillationLosses } from '../../distill/distill.ts';

/** Texts of a batch that are read together, and the tokens that they are cut at. */
export interface Bucket {
  readonly numTexts: number;
  readonly maxTokens: number;
}

/** The groups of texts that are learned from. */
export type TextGroup = 'words' | 'names' | 'emoji' | 'places' | 'glosses' | 'captions' | 'lemmas' | 'definitions';

/** Everything that decides what the recipe trains. */
export interface DistillTextSettings {
  readonly seed: number;
  /** Ids of the tokenizer. */
  readonly vocabularySize: number;
  readonly encoder: Pick<TextEncoderOptions, 'maxTokens' | 'dim' | 'numLayers' | 'numHeads'>;
  /** Short texts beside long ones in a batch, because padding costs time; by their `maxTokens`, upward. */
  readonly buckets: readonly Bucket[];
  /** How often each group of texts is drawn from. */
  readonly shares: Readonly<Record<TextGroup, number>>;
  /** How often a Chinese word is read in traditional characters. */
  readonly traditionalProbability: number;
  readonly losses: DistillationLosses;
  readonly numSteps: number;
  readonly warmupSteps: number;
  readonly peakLearningRate: number;
  /** Steps at which the learning rate has fallen to 0 and rises again, to another peak (warm restarts, arXiv:1608.03983). */
  readonly restarts: readonly { readonly atStep: number; readonly peakLearningRate: number }[];
  readonly weightDecay: number;
}

/** The settings that made the student, with any of them replaced. */
export function distillTextSettings(changes: Partial<DistillTextSettings> = {}): DistillTextSettings {
  return {
    seed: 1,
    vocabularySize: 16_384,
    encoder: { maxTokens: 40, dim: 256, numLayers: 3, numHeads: 4 },
    buckets: [
      { numTexts: 240, maxTokens: 3 },
      { numTexts: 128, maxTokens: 5 },
      { numTexts: 88, maxTokens: 8 },
      { numTexts: 48, maxTokens: 16 },
      { numTexts: 8, maxTokens: 40 },
    ],
    shares: {
      words: 0.42,
      names: 0.03,
      emoji: 0.15,
      places: 0.02,
      glosses: 0.1,
      captions: 0.13,
      lemmas: 0.1,
      definitions: 0.05,
    },
    traditionalProbability: 0.2,
    losses: {
      embedding: { weight: 1, distance: 'cosine' },
      similarity: { weight: 0.2, logitScale: 20, among: 'targets' },
    },
    numSteps: 2800,
    warmupSteps: 100,
    peakLearningRate: 1.5e-3,
    restarts: [{ atStep: 1400, peakLearningRate: 1e-3 }],
    weightDecay: 0.01,
    ...changes,
  };
}

/** The learning rate at each step: between restarts it rises in a line and falls along half a cosine. */
export function learningRateOf(
  settings: Pick<DistillTextSettings, 'numSteps' | 'warmupSteps' | 'peakLearningRate' | 'restarts'>,
): Schedule {
  const { numSteps, peakLearningRate, restarts } = settings;
  const starts = [{ atStep: 0, peakLearningRate }, ...restarts.filter(({ atStep }) => atStep < numSteps)];
  const cycles = starts.map(({ atStep, peakLearningRate: peak }, i) => {
    const totalSteps = (starts[i + 1]?.atStep ?? numSteps) - atStep;
    const warmupSteps = Math.min(settings.warmupSteps, Math.ceil(totalSteps / 10));
    return { atStep, schedule: warmupCosine({ peak, warmupSteps, totalSteps }) };
  });
  return (step) => {
    const { atStep, schedule } = cycles.findLast((cycle) => cycle.atStep <= step)!;
    return schedule(step - atStep);
  };
}

/** A name for the settings: equal settings, equal name. */
export function hashDistillTextSettings(settings: DistillTextSettings): string {
  return createHash('sha256').update(JSON.stringify(settings)).digest('hex').slice(0, 16);
}
