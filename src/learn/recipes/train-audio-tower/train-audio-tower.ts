/**
 * @file The recipe `train-audio-tower`: a small audio encoder from scratch, on sounds and speech alone. Two views of a sound, two recordings of a
 * concept, two voices with a phrase must find each other; texts come later, with `align-modalities`.
 */
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import writeFileAtomic from 'write-file-atomic';
import { type OnProgress, Rng, type Tensor } from '../../../engine/core/index.ts';
import { spec, type Value, type ValueSpec } from '../../../engine/graph/index.ts';
import { loadExecutable } from '../../../engine/runtime/index.ts';
import {
  adamW,
  compileTrainStep,
  type Optimizer,
  type StepFigures,
  type TrainStep,
  warmupCosine,
} from '../../../engine/train/index.ts';
import { type AudioContrast, type AudioViews, audioContrast, initAudioContrast } from '../../../model/index.ts';
import type { SpeechOptions } from '../../data/speech.ts';
import { holdRunFolder } from '../../train/run-folder.ts';
import { type TrainResult, train } from '../../train/train.ts';
import { currentCommit } from '../current-commit.ts';
import { type AudioCorpus, openAudioCorpus } from './audio-corpus.ts';
import { type AudioFigures, audioFigures } from './audio-figures.ts';
import { audioFeatures, exportAudioTower } from './audio-tower.ts';
import { type AudioTowerSettings, audioTowerSettings, hashSettings, windowSecondsOf } from './settings.ts';
import { viewBatches } from './view-batches.ts';

/** Where the recipe reads and writes. */
export interface AudioTowerOptions {
  readonly settings?: AudioTowerSettings;
  /** How many phrases are spoken; the defaults if absent. */
  readonly speech?: SpeechOptions;
  /** The folder that `sensorium data` filled; its default if absent. */
  readonly dataDirectory?: string;
  /** Checkpoint and log of this run; an unfinished run in it is continued. */
  readonly runDirectory: string;
  /** Folder of the cache of spectrograms. */
  readonly cacheDirectory: string;
  /** Folder of `audio-tower.onnx` and `audio-tower.json`, which tells settings and figures. */
  readonly outputDirectory: string;
  /** Forget an unfinished run in `runDirectory`. */
  readonly fresh?: boolean;
  readonly onProgress?: OnProgress;
  readonly signal?: AbortSignal;
}

/** What the recipe made. */
export interface AudioTowerResult extends Pick<TrainResult, 'resumedFrom' | 'seconds'> {
  /** `logMel` `[batch, frames, 64]` to `features` `[batch, 448]`: 256 learned, then the outline of the sound. */
  readonly towerPath: string;
  /** Length of the longest piece that the tower hears at once. */
  readonly windowSeconds: number;
  /** The figures of the last step. */
  readonly final: StepFigures;
  readonly figures: { readonly validation: AudioFigures; readonly test: AudioFigures };
  readonly numSounds: number;
  readonly numSpoken: number;
}

/**
 * Runs the recipe. Stopped by its signal or killed, it goes on from its last checkpoint when run again, to the same loss curve.
 * @throws MissingDataError if the data or the programs that speak are not installed; RunBusyError if another process trains in the folder.
 */
export async function trainAudioTower(options: AudioTowerOptions): Promise<AudioTowerResult> {
  const release = await holdRunFolder(options.runDirectory);
  try {
    return await trainOnCorpus(options, await openAudioCorpus(options));
  } finally {
    await release();
  }
}

/** The recipe on a corpus that is open already; the caller holds the folder. */
export async function trainOnCorpus(options: AudioTowerOptions, corpus: AudioCorpus): Promise<AudioTowerResult> {
  const { settings = audioTowerSettings(), runDirectory, outputDirectory, onProgress, signal } = options;
  const checkpointPath = join(runDirectory, 'checkpoint.safetensors');
  if (options.fresh) await rm(checkpointPath, { force: true });
  const step = await compileStep(settings);
  const result = await train({
    step,
    numSteps: settings.numSteps,
    nextBatch: viewBatches(corpus, settings),
    seed: settings.seed,
    settingsHash: hashSettings(settings),
    checkpointPath,
    checkpointEvery: 50,
    logPath: join(runDirectory, 'log.jsonl'),
    ...(onProgress ? { onProgress } : {}),
    ...(signal ? { signal } : {}),
  });
  const { tower } = step.params();
  await step.close();

  const bytes = exportAudioTower(tower, settings, { recipe: 'train-audio-tower', source: 'random weights' });
  const figures = await measure(bytes, corpus, settings);
  const report = {
    windowSeconds: windowSecondsOf(settings),
    final: result.figures.at(-1)!,
    figures,
    numSounds: corpus.sounds.filter(({ split }) => split === 'train').length,
    numSpoken: corpus.clips.filter(({ split, voice }) => split === 'train' && !voice.heldOut).length,
    resumedFrom: result.resumedFrom,
    seconds: result.seconds,
  };
  await mkdir(outputDirectory, { recursive: true });
  const towerPath = join(outputDirectory, 'audio-tower.onnx');
  await writeFileAtomic(towerPath, Buffer.from(bytes));
  const facts = { recipe: 'train-audio-tower', commit: currentCommit(), settings, ...report };
  await writeFileAtomic(join(outputDirectory, 'audio-tower.json'), `${JSON.stringify(facts, null, 2)}\n`);
  return { towerPath, ...report };
}

async function measure(bytes: Uint8Array, corpus: AudioCorpus, { tower, numThreads }: AudioTowerSettings) {
  const executable = await loadExecutable(bytes, numThreads === undefined ? {} : { numThreads });
  try {
    const features = {
      sounds: await audioFeatures(executable, corpus.soundSpectrograms, tower.windowFrames),
      clips: await audioFeatures(executable, corpus.clipSpectrograms, tower.windowFrames),
    };
    return {
      validation: audioFigures(corpus, features, ['validation']),
      test: audioFigures(corpus, features, ['test']),
    };
  } finally {
    await executable.close();
  }
}

function compileStep(settings: AudioTowerSettings) {
  const { numPhrases, numSounds, numSteps, warmupSteps, peakLearningRate, tower } = settings;
  const views = spec([numPhrases + numSounds, tower.windowFrames, tower.numBands]);
  // Interfaces with a type parameter for their leaves are beyond what `MapLeaves` can infer, so the types are stated here.
  const compile = compileTrainStep as unknown as CompileAudioTower;
  return compile({
    params: initAudioContrast(new Rng(settings.seed).fork('parameters'), tower),
    batch: { one: views, other: views },
    loss: (params, batch) => audioContrast(params, batch, tower),
    optimizer: adamW({
      learningRate: warmupCosine({ peak: peakLearningRate, warmupSteps, totalSteps: numSteps }),
      betas: [0.9, 0.98],
      weightDecay: settings.weightDecay,
      maxGradNorm: 1,
    }),
    ...(settings.numThreads === undefined ? {} : { runtime: { numThreads: settings.numThreads } }),
  });
}

type CompileAudioTower = (options: {
  params: AudioContrast<Tensor>;
  batch: AudioViews<ValueSpec>;
  loss: (
    params: AudioContrast<Value>,
    batch: AudioViews<Value>,
  ) => { readonly loss: Value; readonly metrics: Readonly<Record<string, Value>> };
  optimizer: Optimizer;
  runtime?: { numThreads: number };
}) => Promise<TrainStep<AudioContrast<Tensor>, AudioViews<Tensor>>>;
