/** @file Stage two: the video head trained on clips and texts, everything else frozen, and the trained head as a graph. */
import { join } from 'node:path';
import { mapTree as mapLeaves, type OnProgress, Rng, scalar, type Tensor } from '../../../engine/core/index.ts';
import {
  add,
  type Graph,
  mul,
  reduceSum,
  reshape,
  spec,
  sub,
  trace,
  type Value,
  type ValueSpec,
} from '../../../engine/graph/index.ts';
import {
  adamW,
  compileTrainStep,
  type Optimizer,
  type StepContext,
  type TrainStep,
  warmupCosine,
} from '../../../engine/train/index.ts';
import { clampedLogitScale, infoNce, initVideoHead, type VideoHead, videoHead } from '../../../model/index.ts';
import { type TrainResult, train } from '../../train/train.ts';
import { storedHalf } from '../finetune-image-tower/export.ts';
import { type HeadBatch, type HeadCorpus, headBatches } from './head-batches.ts';
import { hashSettings, type VideoSettings } from './settings.ts';

/** The head with its logit scale. */
interface HeadLearner<T> {
  readonly head: VideoHead<T>;
  /** `[]` */
  readonly logLogitScale: T;
}

/** What `trainHead` needs. */
export interface HeadStageOptions {
  readonly settings: VideoSettings;
  readonly corpus: HeadCorpus;
  /** The scale of cosines to start from. */
  readonly logitScale: number;
  /** Names tower and space; each has a checkpoint of its own. */
  readonly startId: string;
  readonly runDirectory: string;
  readonly numThreads?: number;
  readonly onProgress?: OnProgress;
  readonly signal?: AbortSignal;
}

/** Trains the head, or goes on from the checkpoint of its run. */
export async function trainHead(
  options: HeadStageOptions,
): Promise<{ readonly params: VideoHead<Tensor>; readonly result: TrainResult }> {
  const { settings, corpus, startId, runDirectory, onProgress, signal } = options;
  const start = hashSettings([settings, startId]);
  const step = await compileHeadStep(options);
  try {
    const result = await train({
      step,
      numSteps: settings.stageTwo.numSteps,
      nextBatch: headBatches(corpus, settings.stageTwo.batchSize),
      seed: settings.seed,
      settingsHash: start,
      checkpointPath: join(runDirectory, `head-${start}.safetensors`),
      checkpointEvery: 100,
      logPath: join(runDirectory, `head-${start}.jsonl`),
      ...(onProgress ? { onProgress } : {}),
      ...(signal ? { signal } : {}),
    });
    return { params: step.params().head, result };
  } finally {
    await step.close();
  }
}

function compileHeadStep({ settings, corpus, logitScale, numThreads }: HeadStageOptions) {
  const { batchSize, numSteps, warmupSteps, peakLearningRate, weightDecay, dropout, hiddenDim, keepAppearance } =
    settings.stageTwo;
  const featureDim = corpus.features.shape[1]!;
  const spaceDim = corpus.textVectors.shape[1]!;
  // Interfaces with a type parameter for their leaves are beyond what `MapLeaves` can infer, so the types are stated here.
  const compile = compileTrainStep as unknown as CompileHead;
  return compile({
    params: {
      head: initVideoHead(new Rng(settings.seed).fork('video head'), { featureDim, spaceDim, hiddenDim }),
      logLogitScale: scalar(Math.log(logitScale)),
    },
    batch: {
      features: spec([batchSize, featureDim]),
      frames: spec([batchSize, 1, spaceDim]),
      texts: spec([batchSize, spaceDim]),
      kept: spec([batchSize]),
    },
    loss(params, { features, frames, texts, kept }, { random }) {
      const clips = videoHead(params.head, frames, random.dropout(features, dropout));
      const scale = clampedLogitScale(params.logLogitScale);
      const { loss: contrast, accuracy } = infoNce(clips, texts, scale);
      // One less the cosine with the mean of the frames.
      const distance = sub(1, reduceSum(mul(clips, reshape(frames, clips.shape)), { axes: [1] }));
      const moved = mul(reduceSum(mul(distance, kept)), 1 / batchSize);
      const loss = add(contrast, mul(moved, keepAppearance));
      return { loss, metrics: { contrast, moved, accuracy, logitScale: scale, gate: params.head.gate } };
    },
    seed: settings.seed,
    optimizer: adamW({
      learningRate: warmupCosine({ peak: peakLearningRate, warmupSteps, totalSteps: numSteps }),
      betas: [0.9, 0.98],
      weightDecay,
      maxGradNorm: 1,
    }),
    ...(numThreads === undefined ? {} : { runtime: { numThreads } }),
  });
}

type CompileHead = (options: {
  params: HeadLearner<Tensor>;
  batch: HeadBatch<ValueSpec>;
  loss: (
    params: HeadLearner<Value>,
    batch: HeadBatch<Value>,
    context: StepContext,
  ) => { readonly loss: Value; readonly metrics: Readonly<Record<string, Value>> };
  optimizer: Optimizer;
  seed: number;
  runtime?: { numThreads: number };
}) => Promise<TrainStep<HeadLearner<Tensor>, HeadBatch<Tensor>>>;

/** `mapTree` without its types, which are as deep as the tree is unknown. */
const constants = mapLeaves as unknown as <Tree>(tree: unknown, store: (leaf: Tensor, path: string) => Value) => Tree;

/** The trained head over any number of clips: `frames` `[batch, T, D]` and `features` `[batch, V]` to `embedding` `[batch, D]`. */
export function videoHeadGraph(params: VideoHead<Tensor>, numFrames: number): Graph {
  const stored = constants<VideoHead<Value>>(params, storedHalf);
  const featureDim = params.norm.scale.shape[0]!;
  const spaceDim = params.down.bias.shape[0]!;
  return trace(
    ({ frames, features }: { frames: Value; features: Value }) => ({ embedding: videoHead(stored, frames, features) }),
    { frames: spec(['batch', numFrames, spaceDim]), features: spec(['batch', featureDim]) },
  );
}
