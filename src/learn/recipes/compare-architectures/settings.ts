/** @file The settings of the recipe `compare-architectures`, as one whole value. */
import { createHash } from 'node:crypto';
import type { ImageOutput, ImageVariant } from '../../../model/index.ts';

/** The architectures that are compared. */
export const architectureNames = ['joint', 'hierarchical', 'joint-experts'] as const;

/** One of the architectures that are compared. */
export type ArchitectureName = (typeof architectureNames)[number];

/** How long a stage trains, and how. */
export interface ComparisonStage {
  readonly numSteps: number;
  readonly warmupSteps: number;
  readonly peakLearningRate: number;
}

/** Everything that decides what the recipe trains and measures; the same for every architecture. */
export interface ComparisonSettings {
  readonly tower: { readonly variant: ImageVariant; readonly size: number; readonly outputs: readonly ImageOutput[] };
  /** Fraction of the side left free around pictures and frames as they are measured. */
  readonly picturePadding: number;
  /** Views of each training picture, the plain one included. */
  readonly numViews: number;
  readonly numFrames: number;
  /** How much of a sound is heard, from its beginning, in seconds. */
  readonly soundSeconds: number;
  /** Patches that a sound is cut into. */
  readonly numPatches: number;
  /** Width of all tokens. */
  readonly dim: number;
  readonly numHeads: number;
  readonly numLayers: number;
  readonly spaceDim: number;
  /** Ids of the tokenizer, the special ones included. */
  readonly vocabularySize: number;
  /** The longest text in tokens, its begin included. */
  readonly maxTokens: number;
  /** Latents of each medium in the hierarchical architecture. */
  readonly numLatents: number;
  readonly numResamplerLayers: number;
  readonly batchSize: number;
  /** Stage one: the text decoder alone, on text alone. Both architectures start from it. */
  readonly language: ComparisonStage;
  /** Stage two: media and texts. */
  readonly paired: ComparisonStage;
  readonly weightDecay: number;
  /** Share of the numbers of media tokens that are dropped. */
  readonly mediaDropout: number;
  /** The weight of captions beside contrast in the loss. */
  readonly captionWeight: number;
  /** How often a text is the name; otherwise a keyword. */
  readonly nameProbability: number;
  /** How often a further modality of an item is shown beside the first. */
  readonly companionProbability: number;
  /** Threads of a step and of an inference. */
  readonly numThreads: number;
}

/** The settings of the comparison that `bench/results/architectures.md` reports, with any of them replaced. */
export function comparisonSettings(changes: Partial<ComparisonSettings> = {}): ComparisonSettings {
  return {
    tower: {
      variant: 'mobilenet-v2-mid',
      size: 160,
      outputs: ['block2Pooled', 'block5Pooled', 'block9Pooled', 'block12Pooled', 'block15Pooled', 'pooled'],
    },
    picturePadding: 0.15,
    numViews: 2,
    numFrames: 8,
    soundSeconds: 2,
    numPatches: 10,
    dim: 128,
    numHeads: 4,
    numLayers: 3,
    spaceDim: 128,
    vocabularySize: 1536,
    maxTokens: 12,
    numLatents: 4,
    numResamplerLayers: 2,
    batchSize: 64,
    language: { numSteps: 200, warmupSteps: 20, peakLearningRate: 2e-3 },
    paired: { numSteps: 450, warmupSteps: 40, peakLearningRate: 1.5e-3 },
    weightDecay: 0.05,
    mediaDropout: 0.1,
    captionWeight: 1,
    nameProbability: 0.85,
    companionProbability: 0.3,
    numThreads: 1,
    ...changes,
  };
}

/** A name for whatever decides a run: equal settings, equal name. */
export function hashOf(...parts: readonly unknown[]): string {
  return createHash('sha256').update(JSON.stringify(parts)).digest('hex').slice(0, 16);
}
