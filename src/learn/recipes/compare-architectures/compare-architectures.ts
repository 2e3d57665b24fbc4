/**
 * @file The recipe `compare-architectures`: the joint and the hierarchical architecture on equal terms. The same items, features and texts; the same
 * text decoder to start from; the same batches, steps and seeds; as many trained parameters. Each run ends in a file of figures; a run that
 * has ended is not repeated, one that was stopped goes on.
 */
import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import writeFileAtomic from 'write-file-atomic';
import { MissingDataError, type OnProgress, Tensor } from '../../../engine/core/index.ts';
import type { TextDecoder } from '../../../model/index.ts';
import { speak, speechVoices } from '../../data/speech-voices.ts';
import { holdRunFolder } from '../../train/run-folder.ts';
import { columnStatistics, standardizeRows } from '../align-text-image/statistics.ts';
import { languageBatches, pairedBatches } from './batches.ts';
import { type ComparisonCorpus, readCorpus } from './corpus.ts';
import { ArchitectureInference, inferenceGraphs } from './inference.ts';
import { type ModelFigures, measureModel } from './measure.ts';
import { type InferenceCosts, measureCosts } from './measure-time.ts';
import { type MediaTables, mediaTables, patchDim } from './media-tables.ts';
import { type ArchitectureModel, architectureModel, numParameters, type SharedSizes } from './models.ts';
import { type ArchitectureName, type ComparisonSettings, comparisonSettings, hashOf } from './settings.ts';
import { CaptionCodec } from './texts.ts';
import { trainLanguage, trainPaired } from './training.ts';

/** What the recipe compares, and where it reads and writes. */
export interface CompareOptions {
  readonly settings?: ComparisonSettings;
  /** The architectures; joint and hierarchical if absent. */
  readonly architectures?: readonly ArchitectureName[];
  /** Seeds 1 to this number; 3 if absent. */
  readonly numSeeds?: number;
  /** The folder that `sensorium data` filled; its default if absent. */
  readonly dataDirectory?: string;
  /** A folder for each seed and architecture in it. */
  readonly runDirectory: string;
  /** Folder of the feature cache. */
  readonly cacheDirectory: string;
  readonly onProgress?: OnProgress;
  readonly signal?: AbortSignal;
}

/** The figures of one architecture under one seed. */
export interface RunResult extends ModelFigures {
  readonly architecture: ArchitectureName;
  readonly seed: number;
  readonly parameters: { readonly trained: number; readonly total: number };
  readonly training: {
    readonly numSteps: number;
    /** Median of the steps' times; undefined if none was taken when the run ended. */
    readonly secondsPerStep?: number;
    readonly flopsPerSample: number;
    readonly finalLoss: number;
  };
  readonly costs: InferenceCosts;
}

/** What came of the comparison. */
export interface CompareResult {
  readonly settings: ComparisonSettings;
  readonly runs: readonly RunResult[];
  /** How many items there are to train on in each group, and to measure. */
  readonly counts: Readonly<Record<string, number>>;
  readonly notes: readonly string[];
}

/** A corpus with its media read, ready to train on. */
interface Prepared {
  readonly corpus: ComparisonCorpus;
  readonly tables: MediaTables;
  readonly codec: CaptionCodec;
  readonly sizes: SharedSizes;
  readonly id: string;
}

/**
 * Runs the comparison. Stopped by its signal or killed, it goes on when run again.
 * @throws MissingDataError if the data is not installed; RunBusyError if another process trains in the run folder.
 */
export async function compareArchitectures(options: CompareOptions): Promise<CompareResult> {
  const release = await holdRunFolder(options.runDirectory);
  try {
    return await compareAll(options);
  } finally {
    await release();
  }
}

async function compareAll(options: CompareOptions): Promise<CompareResult> {
  const { settings = comparisonSettings(), architectures = ['joint', 'hierarchical'], numSeeds = 3 } = options;
  const prepared = await prepare(settings, options);
  const runs: RunResult[] = [];
  for (let seed = 1; seed <= numSeeds; seed++) {
    const decoder = lazily(() => decoderOf(prepared, settings, seed, options));
    for (const name of architectures) runs.push(await oneRun(name, seed, prepared, settings, decoder, options));
  }
  const { training, heldOut, texts, notes } = prepared.corpus;
  const sizesOf = (prefix: string, groups: ComparisonCorpus['training']) =>
    groups.map(({ id, items }) => [`${prefix} ${id}`, items.length] as const);
  const counts = Object.fromEntries([
    ...sizesOf('training', training),
    ...sizesOf('held-out', heldOut),
    ['texts en', texts.en.length] as const,
    ['texts zh', texts.zh.length] as const,
    ['vocabulary', prepared.codec.vocabularySize] as const,
  ]);
  return { settings, runs, counts, notes };
}

function lazily<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | undefined;
  return () => {
    made ??= make();
    return made;
  };
}

async function prepare(settings: ComparisonSettings, options: CompareOptions): Promise<Prepared> {
  const { dataDirectory, cacheDirectory } = options;
  const canSpeak = await isSpeaking();
  const corpus = await readCorpus({ settings, canSpeak, ...(dataDirectory === undefined ? {} : { dataDirectory }) });
  const tables = await mediaTables(corpus.media, { settings, cacheDirectory, ...duringOf(options) });
  standardizeTables(tables, corpus, settings);
  const codec = CaptionCodec.train([...corpus.texts.en, ...repeated(corpus.texts)], settings);
  const { dim, numHeads, numLayers, spaceDim, maxTokens, numFrames, numPatches, numLatents, numResamplerLayers } =
    settings;
  const sizes: SharedSizes = {
    dim,
    numHeads,
    numLayers,
    spaceDim,
    maxTokens,
    vocabularySize: codec.vocabularySize,
    numLatents,
    numResamplerLayers,
    media: {
      stageDims: tables.stageDims,
      numFrames,
      thumbnailDim: tables.thumbnails.shape[1]! / numFrames,
      numPatches,
      patchDim: patchDim(settings),
    },
  };
  const { training, heldOut, texts } = corpus;
  return { corpus, tables, codec, sizes, id: hashOf(training, heldOut, texts) };
}

/** Whether there is a program to speak names. */
async function isSpeaking(): Promise<boolean> {
  try {
    await speak(speechVoices[0]!, 'yes');
    return true;
  } catch (error) {
    if (error instanceof MissingDataError) return false;
    throw error;
  }
}

/** Chinese texts, so often that the tokenizer minds both languages alike. */
function repeated({ en, zh }: ComparisonCorpus['texts']): string[] {
  const times = Math.max(1, Math.round(en.length / Math.max(1, zh.length)));
  return Array.from({ length: times }, () => zh).flat();
}

/** Standardizes every table in place by what training sees of it. */
function standardizeTables(
  tables: MediaTables,
  { numTrainingRows }: ComparisonCorpus,
  settings: ComparisonSettings,
): void {
  const parts = [
    { table: tables.pictures, rows: numTrainingRows.pictures, per: 1 },
    { table: tables.frames, rows: numTrainingRows.videos, per: settings.numFrames },
    { table: tables.thumbnails, rows: numTrainingRows.videos, per: settings.numFrames },
    { table: tables.sounds, rows: numTrainingRows.sounds, per: settings.numPatches },
  ];
  for (const { table, rows, per } of parts) {
    if (rows === 0) continue;
    const flat = (numRows: number) => {
      const [dim, total] = [table.shape[1]! / per, numRows * per];
      return reshapedTo(table, total, dim);
    };
    standardizeRows(flat(table.shape[0]!), columnStatistics([flat(rows)]));
  }
}

function reshapedTo(table: Tensor<'float32'>, numRows: number, dim: number): Tensor<'float32'> {
  return new Tensor('float32', [numRows, dim], table.data.subarray(0, numRows * dim));
}

async function decoderOf(
  { corpus, codec, sizes, id }: Prepared,
  settings: ComparisonSettings,
  seed: number,
  options: CompareOptions,
): Promise<TextDecoder<Tensor>> {
  const directory = join(options.runDirectory, `seed-${seed}`, 'language');
  const stage = { settings, seed, directory, corpusId: id, ...labelled(options, `seed ${seed}, language`) };
  return (await trainLanguage(sizes, languageBatches(corpus, codec, settings), stage)).params;
}

async function oneRun(
  name: ArchitectureName,
  seed: number,
  prepared: Prepared,
  settings: ComparisonSettings,
  decoder: () => Promise<TextDecoder<Tensor>>,
  options: CompareOptions,
): Promise<RunResult> {
  const { corpus, tables, codec, sizes, id } = prepared;
  const directory = join(options.runDirectory, `seed-${seed}`, name);
  const path = join(directory, 'result.json');
  const key = hashOf(settings, id, name, seed);
  const known = await readResult(path, key);
  if (known !== undefined) return known;
  const model = architectureModel(name, sizes, await decoder(), seed);
  const batches = pairedBatches(corpus, tables, codec, settings);
  const stage = { settings, seed, directory, corpusId: id, ...labelled(options, `seed ${seed}, ${name}`) };
  const trained = await trainPaired(model, sizes, batches, stage);
  const inference = await ArchitectureInference.open(
    inferenceGraphs(model, trained.params, sizes),
    settings.numThreads,
  );
  try {
    const measured = { corpus, tables, codec, settings, ...(options.signal ? { signal: options.signal } : {}) };
    const figures = await measureModel(inference, measured);
    const item = { picture: 0, video: 0, sound: tables.sounds.shape[0]! > 0 ? 0 : undefined };
    const costs = await measureCosts(model, trained.params, sizes, inference, { tables, codec, settings, item });
    const result = resultOf(model, seed, settings, trained, { ...figures, costs });
    await mkdir(directory, { recursive: true });
    await writeFileAtomic(path, `${JSON.stringify({ key, result }, null, 2)}\n`);
    return result;
  } finally {
    await inference.close();
  }
}

function resultOf(
  model: ArchitectureModel,
  seed: number,
  settings: ComparisonSettings,
  { flopsPerStep, secondsPerStep, finalLoss }: Awaited<ReturnType<typeof trainPaired>>,
  figures: ModelFigures & Pick<RunResult, 'costs'>,
): RunResult {
  const trained = numParameters(model.params);
  return {
    architecture: model.name,
    seed,
    parameters: { trained, total: trained + model.numFrozen },
    training: {
      numSteps: settings.paired.numSteps,
      ...(secondsPerStep === undefined ? {} : { secondsPerStep }),
      flopsPerSample: flopsPerStep / settings.batchSize,
      finalLoss,
    },
    ...figures,
  };
}

async function readResult(path: string, key: string): Promise<RunResult | undefined> {
  const text = await readFile(path, 'utf8').catch(() => undefined);
  if (text === undefined) return undefined;
  const stored = JSON.parse(text) as { readonly key: string; readonly result: RunResult };
  return stored.key === key ? stored.result : undefined;
}

function duringOf({ onProgress, signal }: CompareOptions) {
  return { ...(onProgress ? { onProgress } : {}), ...(signal ? { signal } : {}) };
}

/** Progress that says whose it is. */
function labelled({ onProgress, signal }: CompareOptions, label: string) {
  return {
    ...(onProgress
      ? { onProgress: (progress: Parameters<OnProgress>[0]) => onProgress({ ...progress, stage: label }) }
      : {}),
    ...(signal ? { signal } : {}),
  };
}
