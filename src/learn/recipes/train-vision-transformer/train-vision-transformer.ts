/**
 * @file The recipe `train-vision-transformer`: a small vision transformer from scratch in place of the pretrained picture tower, on the same
 * pictures and texts as `finetune-image-tower`, towards the text space that `align-text-image` learned. It shows what the pretrained
 * weights are worth.
 */
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { loadEncoder, type TextImageManifest } from '../../../bundle/index.ts';
import { full, mapTree as mapLeaves, Rng, scalar, type Tensor, zeros } from '../../../engine/core/index.ts';
import { type Graph, spec, trace, type Value, type ValueSpec } from '../../../engine/graph/index.ts';
import {
  adamW,
  compileTrainStep,
  type Optimizer,
  type StepFigures,
  type TrainStep,
  warmupCosine,
} from '../../../engine/train/index.ts';
import {
  candidateContrast,
  clampedLogitScale,
  type FeatureStatistics,
  type Head,
  head,
  initHead,
  initVisionTransformer,
  type VisionTransformer,
  visionTransformer,
} from '../../../model/index.ts';
import { readCatalog, trainingSources } from '../../data/index.ts';
import { holdRunFolder } from '../../train/run-folder.ts';
import { train } from '../../train/train.ts';
import { storedHalf } from '../finetune-image-tower/export.ts';
import { type PixelBatch, pixelBatchSource } from '../finetune-image-tower/pixel-batches.ts';
import {
  dataDirectoryOf,
  duringOf,
  openCorpus,
  type PixelRecipeOptions,
  startBundle,
} from '../finetune-image-tower/recipe-options.ts';
import { hashSettings } from '../finetune-image-tower/settings.ts';
import { readStart, type Start } from '../finetune-image-tower/start.ts';
import { readValidation, type ValidationFigures, validate } from '../finetune-image-tower/validation.ts';
import { writeTrained } from '../finetune-image-tower/write-trained.ts';
import { type VisionTransformerSettings, visionTransformerSettings } from './settings.ts';

/** Where the recipe reads and writes. */
export interface VisionTransformerRecipeOptions extends PixelRecipeOptions {
  readonly settings?: VisionTransformerSettings;
}

/** What the recipe made. */
export interface VisionTransformerResult {
  readonly bundleDirectory: string;
  readonly manifest: TextImageManifest;
  /** The figures of the last step. */
  readonly final: StepFigures;
  readonly validation: ValidationFigures;
  readonly seconds: number;
  readonly numPictures: number;
  readonly numTexts: number;
}

/** The trained parameters. */
interface Params<T> {
  readonly tower: VisionTransformer<T>;
  readonly picture: Head<T>;
  /** `[]` */
  readonly logLogitScale: T;
}

/**
 * Runs the recipe. Stopped by its signal or killed, it goes on from its last checkpoint when run again, to the same loss curve.
 * @throws MissingDataError if the data is not installed; RunBusyError if another process trains in the run folder.
 */
export async function trainVisionTransformer(
  options: VisionTransformerRecipeOptions,
): Promise<VisionTransformerResult> {
  const release = await holdRunFolder(options.runDirectory);
  try {
    return await run(options);
  } finally {
    await release();
  }
}

async function run(options: VisionTransformerRecipeOptions): Promise<VisionTransformerResult> {
  const { settings = visionTransformerSettings(), runDirectory } = options;
  const start = await readStart(await startBundle(options));
  const all = await readCatalog({ sources: trainingSources, ...dataDirectoryOf(options) });
  const records = all.filter((record) => record.split === 'train');
  const corpus = await openCorpus(records, { ...settings, size: settings.tower.size }, start, options);

  const checkpointPath = join(runDirectory, 'checkpoint.safetensors');
  if (options.fresh) await rm(checkpointPath, { force: true });
  const step = await compileStep(start, settings);
  const result = await train({
    step,
    numSteps: settings.numSteps,
    nextBatch: pixelBatchSource(corpus, { ...settings, pictureDim: settings.tower.dim }),
    seed: settings.seed,
    settingsHash: hashSettings(settings, start.id),
    checkpointPath,
    checkpointEvery: 25,
    logPath: join(runDirectory, 'log.jsonl'),
    ...duringOf(options),
  });
  const params = step.params();
  await step.close();

  const final = result.figures.at(-1)!;
  const write = (directory: string, metrics: Readonly<Record<string, number>>) =>
    writeTrained(directory, {
      recipe: 'train-vision-transformer',
      start,
      tower: towerGraph(params.tower, settings),
      towerName: 'vision-transformer',
      towerOrigin: { source: 'random weights' },
      size: settings.tower.size,
      padding: settings.picturePadding,
      picture: { head: params.picture, statistics: untouched(settings.tower.dim) },
      text: start.text,
      logLogitScale: params.logLogitScale,
      seed: settings.seed,
      steps: settings.numSteps,
      seconds: result.seconds,
      settings: { ...settings },
      metrics,
    });
  const { bundleDirectory } = options;
  const sizes = { ...final, pictures: records.length, texts: corpus.texts.length };
  await write(bundleDirectory, sizes);
  const encoder = await loadEncoder(bundleDirectory);
  try {
    const set = await readValidation(encoder.pictureView, { ...dataDirectoryOf(options), ...duringOf(options) });
    const validation = await validate(encoder, set, options.signal);
    const manifest = await write(bundleDirectory, { ...sizes, ...validation });
    const { seconds } = result;
    const counts = { numPictures: records.length, numTexts: corpus.texts.length };
    return { bundleDirectory, manifest, final, validation, seconds, ...counts };
  } finally {
    await encoder.close();
  }
}

/** Statistics that leave features as they are: the transformer ends in a normalization of its own. */
function untouched(dim: number): FeatureStatistics {
  return { mean: zeros([dim]), deviation: full([dim], 1) };
}

function compileStep(start: Start, settings: VisionTransformerSettings) {
  const { batchSize, numSteps, warmupSteps, peakLearningRate } = settings;
  const { size, dim } = settings.tower;
  const spaceDim = start.bundle.manifest.space.dim;
  const numTexts = batchSize + settings.numExtraTexts;
  const rng = new Rng(settings.seed).fork('parameters');
  // Interfaces with a type parameter for their leaves are beyond what `MapLeaves` can infer, so the types are stated here.
  const compile = compileTrainStep as unknown as CompileVisionTransformer;
  return compile({
    params: {
      tower: initVisionTransformer(rng, settings.tower),
      picture: initHead(rng, { featureDim: dim, spaceDim, numAdapters: 0, bottleneckDim: 0 }),
      logLogitScale: scalar(Math.log(1 / 0.07)),
    },
    batch: {
      pictures: spec([batchSize, size, size, 3], 'uint8'),
      texts: spec([numTexts, spaceDim]),
      pictureDropout: spec([batchSize, dim]),
    },
    loss(params, batch) {
      const features = visionTransformer(params.tower, batch.pictures, settings.tower);
      const pictures = head(params.picture, features, batch.pictureDropout);
      const logitScale = clampedLogitScale(params.logLogitScale);
      const { loss, accuracy } = candidateContrast(pictures, batch.texts, logitScale);
      return { loss, metrics: { accuracy, logitScale } };
    },
    optimizer: adamW({
      learningRate: warmupCosine({ peak: peakLearningRate, warmupSteps, totalSteps: numSteps }),
      betas: [0.9, 0.98],
      weightDecay: settings.weightDecay,
      maxGradNorm: 1,
    }),
    ...(settings.numThreads === undefined ? {} : { runtime: { numThreads: settings.numThreads } }),
  });
}

type CompileVisionTransformer = (options: {
  params: Params<Tensor>;
  batch: PixelBatch<ValueSpec>;
  loss: (
    params: Params<Value>,
    batch: PixelBatch<Value>,
  ) => { readonly loss: Value; readonly metrics: Readonly<Record<string, Value>> };
  optimizer: Optimizer;
  runtime?: { numThreads: number };
}) => Promise<TrainStep<Params<Tensor>, PixelBatch<Tensor>>>;

/** The trained transformer over any number of pictures. */
function towerGraph(params: VisionTransformer<Tensor>, { tower }: VisionTransformerSettings): Graph {
  const stored = mapTree(params, (leaf) => storedHalf(leaf));
  return trace(({ pictures }) => ({ pooled: visionTransformer(stored, pictures, tower) }), {
    pictures: spec(['batch', tower.size, tower.size, 3], 'uint8'),
  });
}

const mapTree = mapLeaves as unknown as (
  tree: VisionTransformer<Tensor>,
  store: (leaf: Tensor) => Value,
) => VisionTransformer<Value>;
