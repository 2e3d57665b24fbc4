/** @file The settings of the recipe `train-audio-tower`, as one whole value. */
import { createHash } from 'node:crypto';
import type { AudioEncoderOptions } from '../../../model/index.ts';
import { type AudioViewOptions, audioViewOptions } from '../../augment/audio-views.ts';

/** Everything that decides what the recipe trains. */
export interface AudioTowerSettings {
  readonly seed: number;
  readonly tower: AudioEncoderOptions;
  readonly views: AudioViewOptions;
  /** Spoken phrases in a batch; its two views of each are by different voices. */
  readonly numPhrases: number;
  /** Sounds in a batch, each of another concept. */
  readonly numSounds: number;
  /** How often the second view of a sound is another recording of its concept, where there is one. */
  readonly conceptProbability: number;
  readonly numSteps: number;
  readonly warmupSteps: number;
  readonly peakLearningRate: number;
  readonly weightDecay: number;
  /** Threads of a step; all cores if absent. */
  readonly numThreads?: number;
}

/** Frames of 25 ms every 10 ms in a window: 2.015 s. */
const windowFrames = 200;

/** The settings of the run that decision 0053 reports, with any of them replaced. */
export function audioTowerSettings(changes: Partial<AudioTowerSettings> = {}): AudioTowerSettings {
  return {
    seed: 1,
    tower: {
      numBands: 64,
      windowFrames,
      stemChannels: [16, 32],
      dim: 128,
      numLayers: 3,
      numHeads: 4,
      featureDim: 256,
    },
    views: audioViewOptions(windowFrames),
    numPhrases: 36,
    numSounds: 12,
    conceptProbability: 0.5,
    numSteps: 500,
    warmupSteps: 40,
    peakLearningRate: 1e-3,
    weightDecay: 0.05,
    ...changes,
  };
}

/** Length of the longest piece that the tower hears at once, in seconds. */
export function windowSecondsOf({ tower }: AudioTowerSettings): number {
  return 0.025 + 0.01 * (tower.windowFrames - 1);
}

/** A name for the settings of a run: equal, equal name. Threads do not matter. */
export function hashSettings({ numThreads: _threads, ...settings }: AudioTowerSettings): string {
  return createHash('sha256').update(JSON.stringify(settings)).digest('hex').slice(0, 16);
}
