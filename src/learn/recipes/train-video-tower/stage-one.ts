/** @file Stage one: the video tower trained on video alone, and the trained tower as a graph. */
import { join } from 'node:path';
import { mapTree as mapLeaves, type OnProgress, Rng, type Tensor } from '../../../engine/core/index.ts';
import { type Graph, spec, trace, type Value, type ValueSpec } from '../../../engine/graph/index.ts';
import {
  adamW,
  compileTrainStep,
  type Optimizer,
  type StepContext,
  type TrainStep,
  warmupCosine,
} from '../../../engine/train/index.ts';
import { thumbnailSize } from '../../../media/index.ts';
import {
  type ClipBatch,
  type ClipLearner,
  clipLoss,
  type FeatureStatistics,
  initClipLearner,
  standardize,
  type VideoTower,
  videoTower,
} from '../../../model/index.ts';
import { motionNames } from '../../data/motions.ts';
import { type TrainResult, train } from '../../train/train.ts';
import { storedHalf } from '../finetune-image-tower/export.ts';
import type { Clip, ClipFeatures } from './clips.ts';
import { hashStageOne, type VideoSettings } from './settings.ts';
import { towerBatches } from './tower-batches.ts';

/** What `trainTower` needs. */
export interface TowerStageOptions {
  readonly settings: VideoSettings;
  readonly clips: readonly Clip[];
  /** Of those clips, raw. */
  readonly features: ClipFeatures;
  /** Of the picture features of single frames. */
  readonly statistics: FeatureStatistics;
  readonly runDirectory: string;
  readonly numThreads?: number;
  readonly onProgress?: OnProgress;
  readonly signal?: AbortSignal;
}

/** Trains the tower, or goes on from the checkpoint of its run. */
export async function trainTower(
  options: TowerStageOptions,
): Promise<{ readonly params: ClipLearner<Tensor>; readonly result: TrainResult }> {
  const { settings, clips, features, runDirectory, onProgress, signal } = options;
  const step = await compileTowerStep(settings, features.pictureFeatures.shape[2]!, options.numThreads);
  try {
    const result = await train({
      step,
      numSteps: settings.stageOne.numSteps,
      nextBatch: towerBatches(clips, features, options.statistics, settings.stageOne),
      seed: settings.seed,
      settingsHash: hashStageOne(
        settings,
        clips.map(({ id }) => id),
      ),
      checkpointPath: join(runDirectory, 'tower-checkpoint.safetensors'),
      checkpointEvery: 100,
      logPath: join(runDirectory, 'tower-log.jsonl'),
      ...(onProgress ? { onProgress } : {}),
      ...(signal ? { signal } : {}),
    });
    return { params: step.params(), result };
  } finally {
    await step.close();
  }
}

function compileTowerStep(settings: VideoSettings, pictureDim: number, numThreads: number | undefined) {
  const { seed, numFrames, stageOne } = settings;
  const { batchSize, numSteps, warmupSteps, peakLearningRate, weightDecay, dropout } = stageOne;
  const sizes = { ...settings, pictureDim, thumbnailSize, numMotions: motionNames.length };
  // Interfaces with a type parameter for their leaves are beyond what `MapLeaves` can infer, so the types are stated here.
  const compile = compileTrainStep as unknown as CompileTower;
  return compile({
    params: initClipLearner(new Rng(seed).fork('video tower'), sizes),
    batch: {
      pictureFeatures: spec([batchSize, numFrames, pictureDim]),
      thumbnails: spec([batchSize, numFrames, thumbnailSize, thumbnailSize, 3]),
      motion: spec([batchSize, motionNames.length]),
      direction: spec([batchSize, 2]),
      side: spec([batchSize, 2]),
    },
    loss: (params, batch, { random }) =>
      clipLoss(params, { ...batch, pictureFeatures: random.dropout(batch.pictureFeatures, dropout) }, sizes),
    seed,
    optimizer: adamW({
      learningRate: warmupCosine({ peak: peakLearningRate, warmupSteps, totalSteps: numSteps }),
      betas: [0.9, 0.98],
      weightDecay,
      maxGradNorm: 1,
    }),
    ...(numThreads === undefined ? {} : { runtime: { numThreads } }),
  });
}

type CompileTower = (options: {
  params: ClipLearner<Tensor>;
  batch: ClipBatch<ValueSpec>;
  loss: (
    params: ClipLearner<Value>,
    batch: ClipBatch<Value>,
    context: StepContext,
  ) => { readonly loss: Value; readonly metrics: Readonly<Record<string, Value>> };
  optimizer: Optimizer;
  seed: number;
  runtime?: { numThreads: number };
}) => Promise<TrainStep<ClipLearner<Tensor>, ClipBatch<Tensor>>>;

/** `mapTree` without its types, which are as deep as the tree is unknown. */
const constants = mapLeaves as unknown as <Tree>(tree: unknown, store: (leaf: Tensor, path: string) => Value) => Tree;

/**
 * The trained tower over any number of clips: raw `pictureFeatures` `[batch, T, F]` and `thumbnails` `[batch, T, K, K, 3]` to `features`
 * `[batch, D]`.
 */
export function videoTowerGraph(
  params: VideoTower<Tensor>,
  statistics: FeatureStatistics,
  { numFrames, numHeads }: Pick<VideoSettings, 'numFrames' | 'numHeads'>,
): Graph {
  const pictureDim = statistics.mean.shape[0]!;
  const stored = constants<VideoTower<Value>>(params, storedHalf);
  return trace(
    ({ pictureFeatures, thumbnails }: { pictureFeatures: Value; thumbnails: Value }) => {
      const inputs = { pictureFeatures: standardize(pictureFeatures, statistics), thumbnails };
      return { features: videoTower(stored, inputs, { numFrames, numHeads, thumbnailSize }) };
    },
    {
      pictureFeatures: spec(['batch', numFrames, pictureDim]),
      thumbnails: spec(['batch', numFrames, thumbnailSize, thumbnailSize, 3]),
    },
  );
}
