/** @file The settings of the ablations: small heads and few steps, so that every variant runs with three seeds in minutes on cached features. */

/** Everything that decides what the ablations train and measure. */
export interface AblationSettings {
  readonly seeds: readonly number[];
  /** Dimension of the space. */
  readonly spaceDim: number;
  readonly numAdapters: number;
  readonly bottleneckDim: number;
  readonly batchSize: number;
  /** Steps of stage one, and of stage two; training in one stage takes the sum. */
  readonly numSteps: readonly [number, number];
  readonly peakLearningRate: number;
  readonly weightDecay: number;
  readonly averageDecay: number;
  /** Share of the features that are dropped. */
  readonly dropout: number;
  /** Steps of adapting the text encoder, by adapters and by all of its weights. */
  readonly numAdaptSteps: number;
  readonly numThreads: number;
}

/** The settings of the report in `bench/results/ablations.md`, with any of them replaced. */
export function ablationSettings(changes: Partial<AblationSettings> = {}): AblationSettings {
  return {
    seeds: [1, 2, 3],
    spaceDim: 128,
    numAdapters: 1,
    bottleneckDim: 64,
    batchSize: 96,
    numSteps: [160, 80],
    peakLearningRate: 2e-3,
    weightDecay: 0.1,
    averageDecay: 0.95,
    dropout: 0.3,
    numAdaptSteps: 60,
    numThreads: 1,
    ...changes,
  };
}
