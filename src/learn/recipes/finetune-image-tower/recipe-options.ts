/** @file What recipes that train a picture tower share: where they read and write, what they start from, what they learn from. */
import { join } from 'node:path';
import { openTextTower, readBundle } from '../../../bundle/index.ts';
import type { OnProgress } from '../../../engine/core/index.ts';
import { loadExecutable } from '../../../engine/runtime/index.ts';
import type { PictureRecord } from '../../data/index.ts';
import { alignTextImage } from '../align-text-image/align-text-image.ts';
import { buildPixelCorpus, type PixelCorpus } from './pixel-corpus.ts';
import type { Start } from './start.ts';

/** Where a recipe reads and writes. */
export interface PixelRecipeOptions {
  /** The bundle whose heads are the start; if absent, `align-text-image` is run first, in the folder `align` of the run. */
  readonly startDirectory?: string;
  /** The folder that `sensorium data` filled; its default if absent. */
  readonly dataDirectory?: string;
  /** Checkpoints and logs of this run; an unfinished run in it is continued. */
  readonly runDirectory: string;
  /** Folders of the caches of features and of pixels. */
  readonly cacheDirectory: { readonly features: string; readonly pixels: string };
  /** Folder of the bundle that is written at the end. */
  readonly bundleDirectory: string;
  /** Forget an unfinished run in `runDirectory`. */
  readonly fresh?: boolean;
  readonly onProgress?: OnProgress;
  readonly signal?: AbortSignal;
}

/** The data folder, as the catalog takes it. */
export function dataDirectoryOf({ dataDirectory }: PixelRecipeOptions): { directory?: string } {
  return dataDirectory === undefined ? {} : { directory: dataDirectory };
}

/** Progress and signal, as long work takes them. */
export function duringOf({ onProgress, signal }: PixelRecipeOptions): {
  onProgress?: OnProgress;
  signal?: AbortSignal;
} {
  return { ...(onProgress ? { onProgress } : {}), ...(signal ? { signal } : {}) };
}

/** The folder of the bundle to start from: given, or trained now, or before by a run that was stopped. */
export async function startBundle(options: PixelRecipeOptions): Promise<string> {
  if (options.startDirectory !== undefined) return options.startDirectory;
  const runDirectory = join(options.runDirectory, 'align');
  const bundleDirectory = join(runDirectory, 'bundle');
  const { dataDirectory, fresh } = options;
  const known = await readBundle(bundleDirectory).catch(() => undefined);
  if (known !== undefined && fresh !== true) return bundleDirectory;
  await alignTextImage({
    runDirectory,
    bundleDirectory,
    cacheDirectory: options.cacheDirectory.features,
    ...(dataDirectory === undefined ? {} : { dataDirectory }),
    ...(fresh === undefined ? {} : { fresh }),
    ...duringOf(options),
  });
  return bundleDirectory;
}

/** Pixels of records, and their texts as the start embeds them, out of the caches where they have them. */
export async function openCorpus(
  records: readonly PictureRecord[],
  settings: { readonly size: number; readonly numViews: number; readonly numIconViews: number },
  start: Start,
  options: PixelRecipeOptions,
): Promise<PixelCorpus> {
  const { files, manifest } = start.bundle;
  const [textTower, textHead] = await Promise.all([
    openTextTower(manifest.text.output),
    loadExecutable(files.get(manifest.text.head)!),
  ]);
  try {
    return await buildPixelCorpus({
      records,
      textTower,
      textHead,
      size: settings.size,
      numViews: settings.numViews,
      numIconViews: settings.numIconViews,
      seed: 0,
      cacheDirectory: options.cacheDirectory,
      ...duringOf(options),
    });
  } finally {
    await Promise.all([textTower.close(), textHead.close()]);
  }
}
