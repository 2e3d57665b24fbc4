/**
 * @file The recipe `finetune-image-tower`: the kernels of the picture tower trained together with its head, the text side as it is. From installed data to a bundle:
 * the space over frozen towers (recipe `align-text-image`, or a bundle of it), pixels of all pictures and features of all texts (cached),
 * training in phases (resumable), the share of the way that validation likes best, the bundle with its provenance.
 */
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { loadEncoder, type TextImageManifest, towerGraph } from '../../../bundle/index.ts';
import type { Tensor } from '../../../engine/core/index.ts';
import { spec, type ValueSpec } from '../../../engine/graph/index.ts';
import {
  adamW,
  compileTrainStep,
  type Optimizer,
  type StepFigures,
  type TrainStep,
  warmupCosine,
} from '../../../engine/train/index.ts';
import { imageTower, type TrainableTower, trainableTower } from '../../../model/index.ts';
import { readCatalog, trainingSources } from '../../data/index.ts';
import { holdRunFolder } from '../../train/run-folder.ts';
import { train } from '../../train/train.ts';
import { storedHalf } from './export.ts';
import { type FinetuneParams, finetuneLoss, interpolate, startParams, trainedIn } from './model.ts';
import { type PixelBatch, pixelBatchSource } from './pixel-batches.ts';
import type { PixelCorpus } from './pixel-corpus.ts';
import { dataDirectoryOf, duringOf, openCorpus, type PixelRecipeOptions, startBundle } from './recipe-options.ts';
import { type FinetunePhase, type FinetuneSettings, finetuneSettings, hashPhase, stepsOf } from './settings.ts';
import { readStart, type Start } from './start.ts';
import { readValidation, type ValidationFigures, type ValidationSet, validate, validationScore } from './validation.ts';
import { type TrainedSpace, writeTrained } from './write-trained.ts';

/** Where the recipe reads and writes. */
export interface FinetuneOptions extends PixelRecipeOptions {
  readonly settings?: FinetuneSettings;
}

/** What the recipe made. */
export interface FinetuneResult {
  readonly bundleDirectory: string;
  readonly manifest: TextImageManifest;
  /** The figures of the last step. */
  readonly final: StepFigures;
  /** Validation of the start, as share 0, and of each share that was tried. */
  readonly validation: readonly ({ readonly share: number } & ValidationFigures)[];
  /** The share that was chosen. */
  readonly share: number;
  readonly seconds: number;
  readonly numPictures: number;
  readonly numTexts: number;
}

/**
 * Runs the recipe. Stopped by its signal or killed, it goes on from its last checkpoint when run again, to the same loss curve.
 * @throws MissingDataError if the data is not installed; RunBusyError if another process trains in the run folder.
 */
export async function finetuneImageTower(options: FinetuneOptions): Promise<FinetuneResult> {
  const release = await holdRunFolder(options.runDirectory);
  try {
    return await finetune(options);
  } finally {
    await release();
  }
}

async function finetune(options: FinetuneOptions): Promise<FinetuneResult> {
  const { settings = finetuneSettings(), runDirectory } = options;
  const startDirectory = await startBundle(options);
  const start = await readStart(startDirectory);
  const all = await readCatalog({ sources: trainingSources, ...dataDirectoryOf(options) });
  const records = all.filter((record) => record.split === 'train');
  const corpus = await openCorpus(records, { ...settings, size: settings.tower.size }, start, options);
  const graph = await towerGraph(imageTower(settings.tower));
  const tower = trainableTower(graph, settings.towerPace);

  const from = startParams(tower, start);
  let params = from;
  let figures: readonly StepFigures[] = [];
  let seconds = 0;
  for (const [index, phase] of settings.phases.entries()) {
    const trained = await trainPhase({ params, tower, start, corpus, settings, phase, index, options });
    params = { ...trained.params, tower: { ...params.tower, ...trained.params.tower } };
    figures = trained.figures;
    seconds += trained.seconds;
  }

  const final = figures.at(-1)!;
  const write = (directory: string, share: number, metrics: Readonly<Record<string, number>>) =>
    writeTrained(directory, {
      ...describe(interpolate(from, params, share), { tower, start, settings }),
      seconds,
      metrics,
    });
  const folders = new Map([[0, startDirectory]]);
  for (const share of settings.shares) {
    const directory = join(runDirectory, `share-${share}`);
    await write(directory, share, {});
    folders.set(share, directory);
  }
  const validation = await compare(folders, options);
  const chosen = validation.slice(1).reduce((a, b) => (validationScore(b) > validationScore(a) ? b : a));
  const sizes = { pictures: records.length, texts: corpus.texts.length };
  const manifest = await write(options.bundleDirectory, chosen.share, { ...final, ...sizes, ...chosen });
  return {
    bundleDirectory: options.bundleDirectory,
    manifest,
    final,
    validation,
    share: chosen.share,
    seconds,
    numPictures: records.length,
    numTexts: corpus.texts.length,
  };
}

/** What a bundle says of parameters. */
function describe(
  params: FinetuneParams<Tensor>,
  { tower, start, settings }: Pick<PhaseRun, 'tower' | 'start' | 'settings'>,
): Omit<TrainedSpace, 'seconds' | 'metrics'> {
  const { package: name, version, licence } = imageTower(settings.tower);
  return {
    recipe: 'finetune-image-tower',
    start,
    tower: tower.changed(params.tower, { store: storedHalf }),
    towerName: settings.tower.variant,
    towerOrigin: { source: `${name}@${version}`, licence },
    size: settings.tower.size,
    padding: settings.picturePadding,
    picture: { head: params.picture, statistics: start.picture.statistics },
    text: start.text,
    logLogitScale: params.logLogitScale,
    seed: settings.seed,
    steps: settings.phases.reduce((sum, phase) => sum + stepsOf(phase), 0),
    settings: { ...settings },
  };
}

interface PhaseRun {
  readonly params: FinetuneParams<Tensor>;
  readonly tower: TrainableTower;
  readonly start: Start;
  readonly corpus: PixelCorpus;
  readonly settings: FinetuneSettings;
  readonly phase: FinetunePhase;
  readonly index: number;
  readonly options: FinetuneOptions;
}

async function trainPhase({ params, tower, start, corpus, settings, phase, index, options }: PhaseRun) {
  const folder = join(options.runDirectory, `phase-${index + 1}`);
  const checkpointPath = join(folder, 'checkpoint.safetensors');
  if (options.fresh) await rm(checkpointPath, { force: true });
  const trained = trainedIn(phase, params.tower);
  const fixed = Object.fromEntries(Object.entries(params.tower).filter(([name]) => !(name in trained)));
  const step = await compileStep({ ...params, tower: trained }, { tower, start, corpus, settings, phase, fixed });
  const result = await train({
    step,
    numSteps: stepsOf(phase),
    nextBatch: pixelBatchSource(corpus, { ...settings, pictureDim: start.picture.statistics.mean.shape[0]! }),
    seed: settings.seed + index,
    settingsHash: hashPhase(settings, start.id, index),
    checkpointPath,
    checkpointEvery: 25,
    logPath: join(folder, 'log.jsonl'),
    ...duringOf(options),
  });
  const after = step.params();
  await step.close();
  return { params: after, figures: result.figures, seconds: result.seconds };
}

function compileStep(
  params: FinetuneParams<Tensor>,
  run: Pick<PhaseRun, 'tower' | 'start' | 'corpus' | 'settings' | 'phase'> & { fixed: Record<string, Tensor> },
) {
  const { tower, start, corpus, settings, phase, fixed } = run;
  const { size, outputs } = settings.tower;
  const pictureDim = start.picture.statistics.mean.shape[0]!;
  const dim = corpus.textEmbeddings.shape[1]!;
  const numTexts = settings.batchSize + settings.numExtraTexts;
  // Interfaces with a type parameter for their leaves are beyond what `MapLeaves` can infer, so the types are stated here.
  const compile = compileTrainStep as unknown as CompileFinetune;
  return compile({
    params,
    batch: {
      pictures: spec([settings.batchSize, size, size, 3], 'uint8'),
      texts: spec([numTexts, dim]),
      pictureDropout: spec([settings.batchSize, pictureDim]),
    },
    loss: finetuneLoss({ tower, fixed, outputs, statistics: start.picture.statistics }),
    optimizer: adamW({
      learningRate: warmupCosine({
        peak: phase.peakLearningRate,
        warmupSteps: phase.warmupSteps,
        totalSteps: phase.numSteps,
      }),
      betas: [0.9, 0.98],
      weightDecay: settings.weightDecay,
      maxGradNorm: 1,
    }),
    ...(settings.numThreads === undefined ? {} : { runtime: { numThreads: settings.numThreads } }),
  });
}

type CompileFinetune = (options: {
  params: FinetuneParams<Tensor>;
  batch: PixelBatch<ValueSpec>;
  loss: ReturnType<typeof finetuneLoss>;
  optimizer: Optimizer;
  runtime?: { numThreads: number };
}) => Promise<TrainStep<FinetuneParams<Tensor>, PixelBatch<Tensor>>>;

/** Validation figures of the bundles in folders, by share. */
async function compare(
  folders: ReadonlyMap<number, string>,
  options: FinetuneOptions,
): Promise<({ readonly share: number } & ValidationFigures)[]> {
  let set: ValidationSet | undefined;
  const compared: ({ readonly share: number } & ValidationFigures)[] = [];
  for (const [share, directory] of folders) {
    const encoder = await loadEncoder(directory);
    try {
      set ??= await readValidation(encoder.pictureView, { ...dataDirectoryOf(options), ...duringOf(options) });
      compared.push({ share, ...(await validate(encoder, set, options.signal)) });
    } finally {
      await encoder.close();
    }
    options.onProgress?.({ stage: 'validating', done: compared.length, total: folders.size, unit: 'bundles' });
  }
  return compared;
}
