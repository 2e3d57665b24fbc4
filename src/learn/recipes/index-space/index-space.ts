/**
 * @file The recipe `index-space`: what search needs of a trained space, made from the space's own vectors. A projection whose signs are codes, taught on training
 * things and chosen on validation things; and a calibration of scores, fit on validation things. Both go into the bundle; test things are left to `eval`.
 */
import { rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import {
  type Calibration,
  type CodeSide,
  type Encoder,
  loadEncoder,
  type MultimodalManifest,
  type Provenance,
  readBundle,
  writeBundle,
  writeCodes,
} from '../../../bundle/index.ts';
import { FormatError, type OnProgress } from '../../../engine/core/index.ts';
import type { RuntimeOptions } from '../../../engine/runtime/index.ts';
import { fitCalibration } from '../../calibrate/fit-calibration.ts';
import { stackRows } from '../../data/features.ts';
import { dataPackages } from '../../data/packages.ts';
import { type HashTask, learnProjection } from '../../hash/learn-projection.ts';
import { type CodeResult, measureCodes } from '../../hash/measure-codes.ts';
import { Products } from '../../hash/products.ts';
import { holdRunFolder } from '../../train/run-folder.ts';
import { currentCommit } from '../current-commit.ts';
import { baselineProjections } from './baselines.ts';
import { codeOffsets, codeQuestions, meanRecall } from './code-questions.ts';
import { indexItems } from './items.ts';
import { hashSettings, type IndexSpaceSettings, indexSpaceSettings } from './settings.ts';
import { type SplitVectors, splitTrials, splitVectors } from './splits.ts';

/** Where the recipe reads and writes. */
export interface IndexSpaceOptions {
  readonly settings?: IndexSpaceSettings;
  /** The bundle whose space is indexed, of all four modalities. */
  readonly startDirectory: string;
  /** Folder of the bundle that is written; it may be the same. */
  readonly bundleDirectory: string;
  /** The folder that `sensorium data` filled; its default if absent. */
  readonly dataDirectory?: string;
  /** Checkpoint and log of this run; an unfinished run in it is continued. */
  readonly runDirectory: string;
  /** Folder of the feature cache. */
  readonly cacheDirectory: string;
  /** Forget an unfinished run. */
  readonly fresh?: boolean;
  readonly numThreads?: number;
  readonly onProgress?: OnProgress;
  readonly signal?: AbortSignal;
}

/** What the recipe made. */
export interface IndexSpaceResult {
  readonly bundleDirectory: string;
  readonly manifest: MultimodalManifest;
  /** The projection that is shipped: that with the highest mean recall on validation. */
  readonly chosen: string;
  /** Mean recall@10 within 100 by Hamming distance on validation, by projection. */
  readonly recall: Readonly<Record<string, number>>;
  readonly validation: readonly CodeResult[];
  readonly calibration: Calibration;
  readonly seconds: number;
  readonly numTraining: number;
}

/**
 * Runs the recipe. Stopped by its signal or killed, it goes on from its last checkpoint when run again.
 * @throws MissingDataError if data or a voice's program is not there; FormatError if the bundle lacks a modality; RunBusyError if another process trains in the
 * run folder.
 */
export async function indexSpace(options: IndexSpaceOptions): Promise<IndexSpaceResult> {
  const release = await holdRunFolder(options.runDirectory);
  try {
    if (options.fresh) await rm(join(options.runDirectory, 'codes.safetensors'), { force: true });
    return await make(options);
  } finally {
    await release();
  }
}

async function make(options: IndexSpaceOptions): Promise<IndexSpaceResult> {
  const { settings = indexSpaceSettings(), startDirectory, bundleDirectory, numThreads } = options;
  const startedAtMs = performance.now();
  const runtime = numThreads === undefined ? {} : { numThreads };
  const bundle = await readBundle(startDirectory);
  const { manifest, files } = bundle;
  if (manifest.kind !== 'multimodal' || manifest.audio === undefined || manifest.video === undefined) {
    throw new FormatError(
      `${startDirectory}: index-space needs a bundle of texts, pictures, sounds and moving pictures`,
    );
  }
  const encoder = await loadEncoder(startDirectory, runtime);
  const products = await Products.open(runtime);
  try {
    const { training, validation } = await things(encoder, settings, options);
    const offsets = codeOffsets(training);
    const projections: Record<string, Float32Array> = {
      ...(await baselineProjections(training, offsets, { ...settings, runtime }, products)),
    };
    projections.learned = await learn(
      training,
      offsets,
      projections.itq!,
      encoder.id,
      { ...options, settings },
      runtime,
    );
    const questions = codeQuestions(validation, training, settings.calibration.numQueries, settings.seed);
    const measured: CodeResult[] = [];
    for (const [name, projection] of Object.entries(projections)) {
      measured.push(...(await measureCodes(name, projection, offsets, questions, products)));
    }
    const recall = Object.fromEntries(
      Object.keys(projections).map((name) => [name, meanRecall(measured.filter((row) => row.projection === name))]),
    );
    const chosen = Object.keys(recall).reduce((best, name) => (recall[name]! > recall[best]! ? name : best));
    const calibration = fitCalibration(await splitTrials(validation, settings.calibration, settings.seed, products));
    const seconds = (performance.now() - startedAtMs) / 1000;
    const codes = writeCodes({ projection: projections[chosen]!, offsets }, encoder.dim);
    const made = await writeIndex(bundleDirectory, manifest, files, {
      codes,
      calibration,
      provenance: provenanceOf(settings, recall, chosen, seconds),
    });
    if (
      resolve(bundleDirectory) === resolve(startDirectory) &&
      manifest.codes !== undefined &&
      manifest.codes !== made.codes
    ) {
      await rm(join(bundleDirectory, manifest.codes), { force: true });
    }
    const numTraining = Object.values(training.rows).reduce((sum, { concepts }) => sum + concepts.length, 0);
    return { bundleDirectory, manifest: made, chosen, recall, validation: measured, calibration, seconds, numTraining };
  } finally {
    await Promise.all([encoder.close(), products.close()]);
  }
}

/** The things of training and validation in the space. */
async function things(encoder: Encoder, settings: IndexSpaceSettings, options: IndexSpaceOptions) {
  const items = await indexItems(options.dataDirectory, settings.items);
  return {
    training: await splitVectors(encoder, items, 'train', options),
    validation: await splitVectors(encoder, items, 'validation', options),
  };
}

/** Trains the projection, from that of ITQ. */
async function learn(
  training: SplitVectors,
  offsets: Readonly<Record<CodeSide, Float32Array>>,
  start: Float32Array,
  encoderId: string,
  { settings, runDirectory, onProgress, signal }: IndexSpaceOptions & { readonly settings: IndexSpaceSettings },
  runtime: RuntimeOptions,
): Promise<Float32Array> {
  const codes = { ...settings.codes, seed: settings.seed };
  const { projection } = await learnProjection({
    tasks: hashTasks(training, offsets),
    start,
    settings: codes,
    settingsHash: hashSettings(codes, settings.items, settings.numRowsPerKind, settings.numIterations, encoderId),
    runDirectory,
    runtime,
    ...(onProgress ? { onProgress } : {}),
    ...(signal ? { signal } : {}),
  });
  return projection;
}

/** Rows of each kind are looked for by their like, by files of other kinds, and by texts. */
export function hashTasks(
  { rows, texts }: SplitVectors,
  offsets: Readonly<Record<CodeSide, Float32Array>>,
): HashTask[] {
  const askers = {
    image: rows.image.vectors,
    audio: rows.audio.vectors,
    video: rows.video.vectors,
    'text-query': stackRows([texts.en.vectors, texts.zh.vectors]),
  } as const;
  return (['image', 'audio', 'video', 'text'] as const).flatMap((kind) => {
    const shared = { rows: rows[kind].vectors, rowOffset: offsets[kind] };
    const own: HashTask = { ...shared, queries: shared.rows, queryOffset: offsets[kind], isOwn: true };
    const others = Object.entries(askers).flatMap(([asker, queries]): HashTask[] =>
      asker === kind ? [] : [{ ...shared, queries, queryOffset: offsets[asker as CodeSide], isOwn: false }],
    );
    return [own, ...others];
  });
}

/** What was made, into a bundle that is otherwise as it was. */
export function writeIndex(
  directory: string,
  { files: _, ...manifest }: MultimodalManifest,
  files: ReadonlyMap<string, Uint8Array>,
  made: { readonly codes: Uint8Array; readonly calibration: Calibration; readonly provenance: Provenance },
): Promise<MultimodalManifest> {
  const { [manifest.codes ?? '']: __, ...licences } = manifest.licences;
  // Named by its content: until the new manifest is there, the old one finds its own file.
  const name = `codes-${hashSettings(Buffer.from(made.codes).toString('base64')).slice(0, 8)}.safetensors`;
  const kept = [...files].filter(([file]) => file !== manifest.codes);
  return writeBundle(
    directory,
    {
      ...manifest,
      codes: name,
      calibration: made.calibration,
      licences: { ...licences, [name]: 'Apache-2.0' },
      parts: { ...manifest.parts, index: made.provenance },
    },
    new Map([...kept, [name, made.codes]]),
  );
}

function provenanceOf(
  settings: IndexSpaceSettings,
  recall: Readonly<Record<string, number>>,
  chosen: string,
  seconds: number,
): Provenance {
  return {
    recipe: 'index-space',
    createdAt: new Date().toISOString(),
    commit: currentCommit(),
    seed: settings.seed,
    steps: settings.codes.numSteps,
    seconds: Math.round(seconds),
    settings: { ...settings, chosen },
    data: dataPackages
      .filter(({ use }) => use === 'training')
      .map(({ name, version, licence, holds }) => ({ package: name, version, licence, use: holds })),
    metrics: Object.fromEntries(Object.entries(recall).map(([name, value]) => [`recall100.${name}`, value])),
  };
}
