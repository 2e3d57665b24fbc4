/**
 * @file What an experiment of fusion is given: two sides of a sample, each of one modality or several, tables of samples, and the curve along which the first
 * side becomes worse.
 */
import type { OnProgress, Rng } from '../../../engine/core/index.ts';

/** How a modality enters the model: as a picture-like map through a small encoder of its own, or as tokens that are there already. */
export type ModalityShape =
  | { readonly kind: 'map'; readonly shape: readonly [channels: number, height: number, width: number] }
  | { readonly kind: 'tokens'; readonly numTokens: number; readonly dim: number };

/** What a model can be given or not: a slice, a record, a photo, a recording. */
export interface Side {
  readonly name: string;
  readonly modalities: Readonly<Record<string, ModalityShape>>;
}

/** Samples of all modalities. */
export interface SampleTable {
  /** Index of the class of each sample. */
  readonly labels: readonly number[];
  /** Samples of one group tell of each other, so that intervals are drawn over groups; each its own where this is absent. */
  readonly groups?: readonly string[];
  /** Writes a modality of a sample into `target`, which holds zeros; with `rng` as training may see it: mirrored, shifted, another view. */
  fill(row: number, modality: string, target: Float32Array, rng?: Rng): void;
}

/** The tables of a seed. The first test is the one that other conditions are measured on. */
export interface TaskTables {
  readonly training: SampleTable;
  /** Chooses the temperature, nothing else. */
  readonly validation: SampleTable;
  /** The same samples along the curve, `x` its axis. */
  readonly tests: readonly { readonly x: number; readonly given: string; readonly table: SampleTable }[];
}

/** The sizes of the model. */
export interface FusionModelSettings {
  /** Channels of the stages of each encoder; each stage halves the sides of a map. */
  readonly channels: readonly number[];
  readonly width: number;
  readonly numLayers: number;
  readonly numHeads: number;
}

/** How a model is trained. */
export interface FusionTraining {
  readonly batchSize: number;
  readonly numSteps: number;
  readonly peakLearningRate: number;
  readonly weightDecay: number;
  /** How often the fused model is shown a sample without one of the sides, for each side. */
  readonly dropSide: number;
  /** How often a single token of `partial` is hidden. */
  readonly dropToken: number;
}

/** An experiment. */
export interface FusionTask {
  readonly name: 'study' | 'stamps' | 'voices';
  readonly classes: readonly string[];
  readonly sides: readonly [Side, Side];
  readonly model: FusionModelSettings;
  readonly training: FusionTraining;
  /** Modalities whose tokens may be missing one by one, what such a token is called, and the shares that are measured missing. */
  readonly partial?: {
    readonly modalities: readonly string[];
    readonly of: string;
    readonly shares: readonly number[];
  };
  readonly curve: { readonly title: string; readonly xLabel: string; readonly logX: boolean };
  /** The best possible accuracies, where they are known: of the first side, the second, both. */
  readonly ceilings?: readonly [first: number, second: number, both: number];
  /** Paragraphs that open the page: what the data is, how it is split. */
  readonly about: readonly string[];
  /** Everything else that decides the figures. */
  readonly key: unknown;
  load(seed: number, options: LoadOptions): Promise<TaskTables>;
}

/** Where a task may keep what it has computed. */
export interface LoadOptions {
  readonly cacheDirectory: string;
  readonly onProgress?: OnProgress;
  readonly signal?: AbortSignal;
}

/** Tokens that a modality becomes. */
export function numTokensOf(shape: ModalityShape, { channels }: FusionModelSettings): number {
  if (shape.kind === 'tokens') return shape.numTokens;
  const side = 2 ** channels.length;
  return (shape.shape[1] / side) * (shape.shape[2] / side);
}

/** Numbers of a modality in a sample. */
export function sizeOf(shape: ModalityShape): number {
  return shape.kind === 'tokens' ? shape.numTokens * shape.dim : shape.shape[0] * shape.shape[1] * shape.shape[2];
}
