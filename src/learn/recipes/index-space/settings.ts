/** @file The settings of the recipe `index-space`, as one whole value. */
import { createHash } from 'node:crypto';
import type { LearnedCodesSettings } from '../../hash/learn-projection.ts';
import type { ItemSizes } from './items.ts';

/** Everything that decides what the recipe makes. */
export interface IndexSpaceSettings {
  readonly seed: number;
  readonly items: ItemSizes;
  /** Rows of each kind that principal axes and ITQ are fit on, so that no kind outweighs the others. */
  readonly numRowsPerKind: number;
  /** Iterations of ITQ. */
  readonly numIterations: number;
  readonly codes: Omit<LearnedCodesSettings, 'seed'>;
  readonly calibration: CalibrationSettings;
}

/** What the calibration is fit on, and measured with. */
export interface CalibrationSettings {
  /** Files of each kind that ask. */
  readonly numQueries: number;
  /** Best hits of each kind of rows that are judged. */
  readonly numHits: number;
  /** Sizes of libraries in rows, and how many are drawn of each; the whole where it is absent. */
  readonly libraries: readonly { readonly size?: number; readonly count: number }[];
}

/** The settings that made the index of the default bundle, with any of them replaced. */
export function indexSpaceSettings(changes: Partial<IndexSpaceSettings> = {}): IndexSpaceSettings {
  return {
    seed: 1,
    items: {
      numGlosses: 6000,
      numHeldOutGlosses: 1500,
      numComposed: 800,
      numHeldOutComposed: 400,
      numSpoken: 2000,
    },
    numRowsPerKind: 6000,
    numIterations: 50,
    codes: {
      numSteps: 600,
      numQueries: 64,
      numCandidates: 12,
      numNearest: 150,
      peakLearningRate: 3e-3,
      teacherScale: 30,
      balance: 0.02,
      decorrelation: 0.1,
      asymmetric: 0.5,
      averageDecay: 0.99,
    },
    calibration: {
      numQueries: 400,
      numHits: 10,
      libraries: [{ size: 500, count: 4 }, { size: 2000, count: 2 }, { count: 1 }],
    },
    ...changes,
  };
}

/** A name for what a run depends on: equal values, equal name. */
export function hashSettings(...parts: readonly unknown[]): string {
  return createHash('sha256').update(JSON.stringify(parts)).digest('hex').slice(0, 16);
}
