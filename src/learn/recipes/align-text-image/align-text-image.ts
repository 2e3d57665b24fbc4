/**
 * @file The recipe `align-text-image`: two frozen towers, one trained head each, one space. From installed data to a bundle, in four
 * stages: features of all pictures and texts (cached), training (resumable), heads as ONNX, the bundle with its provenance.
 */
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { openPictureTower, openTextTower, type TextImageManifest, writeBundle } from '../../../bundle/index.ts';
import { type OnProgress, Rng, type Tensor } from '../../../engine/core/index.ts';
import { spec, type ValueSpec } from '../../../engine/graph/index.ts';
import type { RuntimeOptions } from '../../../engine/runtime/index.ts';
import {
  adamW,
  compileTrainStep,
  type Optimizer,
  type StepFigures,
  type TrainStep,
  warmupCosine,
} from '../../../engine/train/index.ts';
import { type DualEncoder, dualEncoderLoss, initDualEncoder, type PairBatch } from '../../../model/index.ts';
import { dataPackages, type PictureRecord, readCatalog, trainingSources } from '../../data/index.ts';
import { holdRunFolder } from '../../train/run-folder.ts';
import { type TrainResult, train } from '../../train/train.ts';
import { currentCommit } from '../current-commit.ts';
import { batchSource } from './batches.ts';
import { buildCorpus, type Corpus } from './corpus.ts';
import { exportHead } from './heads.ts';
import { type AlignSettings, alignSettings, hashSettings } from './settings.ts';
import { columnStatistics, standardizeRows } from './statistics.ts';

/** Where the recipe reads and writes. */
export interface AlignOptions {
  readonly settings?: AlignSettings;
  /** The folder that `sensorium data` filled; its default if absent. */
  readonly dataDirectory?: string;
  /** Checkpoint and log of this run; an unfinished run in it is continued. */
  readonly runDirectory: string;
  /** Folder of the feature cache, and of compiled steps. */
  readonly cacheDirectory: string;
  /** Folder of the bundle that is written at the end. */
  readonly bundleDirectory: string;
  /** Forget an unfinished run in `runDirectory`. */
  readonly fresh?: boolean;
  readonly onProgress?: OnProgress;
  readonly signal?: AbortSignal;
}

/** What the recipe made. */
export interface AlignResult extends Pick<TrainResult, 'resumedFrom' | 'seconds'> {
  readonly bundleDirectory: string;
  readonly manifest: TextImageManifest;
  /** The figures of the last step. */
  readonly final: StepFigures;
  readonly numPictures: number;
  readonly numTexts: number;
}

/**
 * Runs the recipe. Stopped by its signal or killed, it goes on from its last checkpoint when run again, to the same loss curve.
 * @throws MissingDataError if the data is not installed; RunBusyError if another process trains in the run folder.
 */
export async function alignTextImage(options: AlignOptions): Promise<AlignResult> {
  const release = await holdRunFolder(options.runDirectory);
  try {
    return await align(options);
  } finally {
    await release();
  }
}

async function align(options: AlignOptions): Promise<AlignResult> {
  const { settings = alignSettings(), runDirectory, onProgress, signal } = options;
  const directory = options.dataDirectory === undefined ? {} : { directory: options.dataDirectory };
  const all = await readCatalog({ sources: trainingSources, ...directory });
  const records = all.filter((record) => record.split === 'train');
  const { corpus, pictureInputs, towers } = await features(records, settings, options);
  const pictureStatistics = columnStatistics(corpus.sources.map((source) => source.features));
  const textStatistics = columnStatistics([corpus.textFeatures]);
  for (const source of corpus.sources) standardizeRows(source.features, pictureStatistics);
  standardizeRows(corpus.textFeatures, textStatistics);

  const checkpointPath = join(runDirectory, 'checkpoint.safetensors');
  if (options.fresh) await rm(checkpointPath, { force: true });
  const step = await compileStep(corpus, settings, join(options.cacheDirectory, 'steps'));
  const result = await train({
    step,
    numSteps: settings.numSteps,
    nextBatch: batchSource(corpus, settings),
    seed: settings.seed,
    settingsHash: hashSettings(settings),
    checkpointPath,
    checkpointEvery: 100,
    logPath: join(runDirectory, 'log.jsonl'),
    ...(onProgress ? { onProgress } : {}),
    ...(signal ? { signal } : {}),
  });
  const params = step.params();
  await step.close();

  const textDim = corpus.textFeatures.shape[1]!;
  const files = new Map([
    ['picture-head.onnx', exportHead(params.picture, pictureStatistics, pictureInputs)],
    ['text-head.onnx', exportHead(params.text, textStatistics, [{ name: 'features', dim: textDim }])],
  ]);
  const final = result.figures.at(-1)!;
  const description = describeBundle({ settings, records, corpus, result, final, towers });
  const manifest = await writeBundle(options.bundleDirectory, description, files);
  return {
    bundleDirectory: options.bundleDirectory,
    manifest,
    final,
    resumedFrom: result.resumedFrom,
    seconds: result.seconds,
    numPictures: records.length,
    numTexts: corpus.texts.length,
  };
}

async function features(records: readonly PictureRecord[], settings: AlignSettings, options: AlignOptions) {
  const { cacheDirectory, onProgress, signal } = options;
  const [pictureTower, textTower] = await Promise.all([openPictureTower(settings.tower), openTextTower('embedding')]);
  try {
    const corpus = await buildCorpus({
      records,
      pictureTower,
      textTower,
      numViews: settings.numViews,
      seed: 0,
      cacheDirectory,
      ...(onProgress ? { onProgress } : {}),
      ...(signal ? { signal } : {}),
    });
    return { corpus, pictureInputs: pictureTower.ports, towers: [pictureTower.id, textTower.id] };
  } finally {
    await Promise.all([pictureTower.close(), textTower.close()]);
  }
}

function compileStep(corpus: Corpus, settings: AlignSettings, cache: string) {
  const { batchSize, numSteps, warmupSteps, peakLearningRate } = settings;
  const pictureDim = corpus.sources[0]!.features.shape[1]!;
  const textDim = corpus.textFeatures.shape[1]!;
  // Interfaces with a type parameter for their leaves are beyond what `MapLeaves` can infer, so the types are stated here.
  const compileDualEncoder = compileTrainStep as unknown as CompileDualEncoder;
  return compileDualEncoder({
    params: initDualEncoder(new Rng(settings.seed).fork('parameters'), { pictureDim, textDim, ...settings }),
    batch: {
      picture: spec([batchSize, pictureDim]),
      text: spec([batchSize, textDim]),
      pictureDropout: spec([batchSize, pictureDim]),
      textDropout: spec([batchSize, textDim]),
    },
    loss: dualEncoderLoss,
    optimizer: adamW({
      learningRate: warmupCosine({ peak: peakLearningRate, warmupSteps, totalSteps: numSteps }),
      betas: [0.9, 0.98],
      weightDecay: settings.weightDecay,
      maxGradNorm: 1,
    }),
    runtime: { cache },
  });
}

type CompileDualEncoder = (options: {
  params: DualEncoder<Tensor>;
  batch: PairBatch<ValueSpec>;
  loss: typeof dualEncoderLoss;
  optimizer: Optimizer;
  runtime: RuntimeOptions;
}) => Promise<TrainStep<DualEncoder<Tensor>, PairBatch<Tensor>>>;

function describeBundle(made: {
  settings: AlignSettings;
  records: readonly PictureRecord[];
  corpus: Corpus;
  result: TrainResult;
  final: StepFigures;
  towers: readonly string[];
}): Omit<TextImageManifest, 'files'> {
  const { settings, records, corpus, result, final, towers } = made;
  const { variant, size, outputs } = settings.tower;
  return {
    format: 'sensorium-bundle',
    version: 1,
    kind: 'text-image',
    name: 'text-image-en',
    licence: 'Apache-2.0',
    languages: ['en'],
    space: { dim: settings.spaceDim },
    picture: {
      tower: variant,
      size,
      padding: settings.picturePadding,
      outputs: [...outputs],
      head: 'picture-head.onnx',
    },
    text: { tower: 'sentence-encoder', output: 'embedding', head: 'text-head.onnx' },
    logitScale: final.logitScale!,
    provenance: {
      recipe: 'align-text-image',
      createdAt: new Date().toISOString(),
      commit: currentCommit(),
      seed: settings.seed,
      steps: settings.numSteps,
      seconds: Math.round(result.seconds),
      settings: { ...settings, towers },
      data: dataPackages
        .filter((one) => one.use === 'training')
        .map(({ name, version, licence, holds }) => ({ package: name, version, licence, use: holds })),
      metrics: { ...final, pictures: records.length, views: settings.numViews, texts: corpus.texts.length },
    },
  };
}
