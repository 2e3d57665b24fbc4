/**
 * @file The two stages of a run: a text decoder learns a language from text alone, once for each seed; then an architecture around it learns from media and
 * their texts. Both are resumable, and a stage that has ended is not repeated.
 */
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { bytesOf, leaves, type OnProgress, Rng, type Tensor, type Tree, zeros } from '../../../engine/core/index.ts';
import { type Graph, spec, trace, type Value } from '../../../engine/graph/index.ts';
import { compile, type RuntimeOptions } from '../../../engine/runtime/index.ts';
import {
  adamW,
  compileTrainStep,
  type LossResult,
  type Optimizer,
  type StepContext,
  type TrainStep,
  warmupCosine,
} from '../../../engine/train/index.ts';
import { type CaptionBatch, initTextDecoder, languageModelLoss, type TextDecoder } from '../../../model/index.ts';
import { train } from '../../train/train.ts';
import { countFlops } from './count-flops.ts';
import { mediaSpecs } from './inference.ts';
import { type ArchitectureModel, constantsOf, type SharedSizes } from './models.ts';
import { type ComparisonSettings, type ComparisonStage, hashOf } from './settings.ts';
import type { CaptionRows } from './texts.ts';

/** What a stage is given beside its model. */
export interface StageOptions {
  readonly settings: ComparisonSettings;
  readonly seed: number;
  /** Checkpoint and log lie here. */
  readonly directory: string;
  /** Names the corpus, so that a checkpoint of another one is not continued. */
  readonly corpusId: string;
  readonly onProgress?: OnProgress;
  readonly signal?: AbortSignal;
}

/** What came of a stage. */
export interface StageResult<P> {
  readonly params: P;
  /** Floating-point operations of one step: forward, backward and update. */
  readonly flopsPerStep: number;
  /** The median of the times of the steps that were taken now; undefined where none was. */
  readonly secondsPerStep: number | undefined;
  readonly finalLoss: number;
}

/** Stage one. */
export async function trainLanguage(
  sizes: SharedSizes,
  nextBatch: (rng: Rng) => CaptionRows,
  options: StageOptions,
): Promise<StageResult<TextDecoder<Tensor>>> {
  const { settings, seed } = options;
  const ids = spec([settings.batchSize, settings.maxTokens], 'int64');
  return runStage<TextDecoder<Tensor>, CaptionRows>({
    ...options,
    stage: settings.language,
    params: initTextDecoder(new Rng(seed).fork('language parameters'), sizes),
    batch: { ids, targets: ids },
    loss: (params, batch) =>
      languageModelLoss(params as TextDecoder<Value>, batch as { ids: Value; targets: Value }, sizes),
    nextBatch,
    start: 'language',
  });
}

/** Stage two. */
export async function trainPaired(
  model: ArchitectureModel,
  sizes: SharedSizes,
  nextBatch: (rng: Rng) => CaptionBatch<Tensor>,
  options: StageOptions,
): Promise<StageResult<Tree<Tensor>>> {
  const { settings } = options;
  const ids = spec([settings.batchSize, settings.maxTokens], 'int64');
  const { captionWeight, mediaDropout } = settings;
  const result = await runStage<Tree<Tensor>, CaptionBatch<Tensor>>({
    ...options,
    stage: settings.paired,
    params: model.params,
    batch: { media: mediaSpecs(sizes, settings.batchSize), ids, targets: ids },
    loss: (params, batch, { random }) =>
      model.loss(params, batch as CaptionBatch<Value>, {
        captionWeight,
        drop: (tokens) => random.dropout(tokens, mediaDropout),
      }),
    nextBatch,
    start: `${model.name} ${digestOf(model.params)}`,
  });
  return { ...result, params: await centred(model, result.params, sizes, nextBatch, settings) };
}

/** Batches from which the common part of all vectors is taken. */
const numCentringBatches = 16;

/** The trained parameters with the common parts of media and texts kept, the mean over batches as training saw them. */
async function centred(
  model: ArchitectureModel,
  trained: Tree<Tensor>,
  sizes: SharedSizes,
  nextBatch: (rng: Rng) => CaptionBatch<Tensor>,
  { batchSize, numThreads }: ComparisonSettings,
): Promise<Tree<Tensor>> {
  const ids = spec([batchSize, sizes.maxTokens], 'int64');
  const params = constantsOf(trained);
  const traceBatch = trace as unknown as (fn: (batch: CaptionBatch<Value>) => unknown, specs: unknown) => Graph;
  const graph = traceBatch((batch) => model.uncentred(params, batch), { media: mediaSpecs(sizes, batchSize), ids });
  const executable = await compile(graph, { numThreads });
  try {
    const rng = new Rng('centres');
    const sums = { media: zeros([sizes.spaceDim]), text: zeros([sizes.spaceDim]) };
    for (let i = 0; i < numCentringBatches; i++) {
      const { media, ids: texts } = nextBatch(rng);
      const feeds = Object.fromEntries(
        Object.entries(media).map(([name, tensor]) => [`media.${name}`, tensor as Tensor]),
      );
      const outputs = await executable.run({ ...feeds, ids: texts });
      for (const kind of ['media', 'text'] as const) {
        outputs[kind]!.data.forEach((value, at) => {
          sums[kind].data[at % sizes.spaceDim]! += Number(value) / (numCentringBatches * batchSize);
        });
      }
    }
    return model.withCentres(trained, sums);
  } finally {
    await executable.close();
  }
}

interface Stage<P, B> extends StageOptions {
  readonly stage: ComparisonStage;
  readonly params: P;
  readonly batch: unknown;
  readonly loss: (params: unknown, batch: unknown, context: StepContext) => LossResult;
  readonly nextBatch: (rng: Rng) => B;
  /** Names the parameters that the stage starts from. */
  readonly start: string;
}

/** The types of parameters that are known only as a tree are beyond what `compileTrainStep` can infer, so they are stated here. */
type CompileStage<P, B> = (options: {
  readonly params: unknown;
  readonly batch: unknown;
  readonly loss: (params: unknown, batch: unknown, context: StepContext) => LossResult;
  readonly optimizer: Optimizer;
  readonly seed: number;
  readonly runtime: RuntimeOptions;
}) => Promise<TrainStep<P, B>>;

async function runStage<P, B>(stage: Stage<P, B>): Promise<StageResult<P>> {
  const { settings, seed, directory, corpusId, onProgress, signal } = stage;
  const { numSteps, warmupSteps, peakLearningRate } = stage.stage;
  const compile = compileTrainStep as unknown as CompileStage<P, B>;
  const step = await compile({
    params: stage.params,
    batch: stage.batch,
    loss: stage.loss,
    optimizer: adamW({
      learningRate: warmupCosine({
        peak: peakLearningRate,
        warmupSteps: Math.min(warmupSteps, numSteps),
        totalSteps: numSteps,
      }),
      betas: [0.9, 0.98],
      weightDecay: settings.weightDecay,
      maxGradNorm: 1,
    }),
    seed,
    runtime: { numThreads: settings.numThreads },
  });
  try {
    const times: number[] = [];
    let before = performance.now();
    const result = await train<B>({
      step,
      numSteps,
      nextBatch: (rng) => {
        before = performance.now();
        return stage.nextBatch(rng);
      },
      seed,
      settingsHash: hashOf(settings, seed, corpusId, stage.start),
      checkpointPath: join(directory, 'checkpoint.safetensors'),
      checkpointEvery: 50,
      logPath: join(directory, 'log.jsonl'),
      onProgress: (progress) => {
        times.push((performance.now() - before) / 1000);
        onProgress?.(progress);
      },
      ...(signal ? { signal } : {}),
    });
    const sorted = times.sort((a, b) => a - b);
    const last = result.figures.slice(-20);
    return {
      params: step.params(),
      flopsPerStep: countFlops(step.graph),
      secondsPerStep: sorted[Math.floor(sorted.length / 2)],
      finalLoss: last.reduce((sum, { loss }) => sum + loss, 0) / last.length,
    };
  } finally {
    await step.close();
  }
}

/** A name for the values of parameters. */
function digestOf(params: Tree<Tensor>): string {
  const hash = createHash('sha256');
  for (const [path, tensor] of leaves<Tensor>(params)) hash.update(path).update(bytesOf(tensor));
  return hash.digest('hex').slice(0, 16);
}
