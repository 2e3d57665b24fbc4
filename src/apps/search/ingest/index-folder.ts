/**
 * @file Brings a library up to date with a folder: new and changed files are cut into segments and encoded, vanished ones removed, the rest left alone. Files are read,
 * encoded and written side by side, in bounded memory; a run that is killed goes on where it was, for what was reported as done is on disk.
 */
import { constants } from 'node:fs';
import { access, realpath, stat } from 'node:fs/promises';
import { MissingDataError, type OnProgress } from '../../../engine/core/index.ts';
import { EncoderMismatchError } from '../errors.ts';
import type { Library } from '../library.ts';
import type { LibraryEncoder } from '../library-encoder.ts';
import { folderPrefix } from '../store/folder-prefix.ts';
import type { KnownFile, SegmentWriter } from '../store/segment-store.ts';
import { FolderIngest, type IngestCounts } from './folder-ingest.ts';
import { type FolderListing, type FoundFile, type SkippedPath, walkFolder } from './walk-folder.ts';

/** What `indexFolder` needs. */
export interface IndexOptions {
  readonly library: Library;
  /** The folder of pictures, sounds, videos and documents. */
  readonly folder: string;
  /** The encoder that the library was made with. */
  readonly encoder: LibraryEncoder;
  readonly onProgress?: OnProgress;
  /** Ends the work at once; what has been written stays. */
  readonly signal?: AbortSignal;
  /** Files written as one commit at most; 256 by default. What is ready is written after a second at the latest. */
  readonly batchSize?: number;
  /** Frames of a video that are looked at in a second; 1 by default. */
  readonly framesPerSecond?: number;
  /** Looks at key frames of videos only, which is many times faster and less exact; false by default. */
  readonly keyFrames?: boolean;
  /** Whose files these are. */
  readonly tenant?: string;
  /** Words given to all of them. */
  readonly tags?: readonly string[];
  /** Tries files again that could not be indexed before, though they have not changed; false by default. */
  readonly retryRefused?: boolean;
}

/** What a run has done. */
export interface IndexReport extends IngestCounts {
  /** Files that were already there as they are. */
  readonly unchanged: number;
  /** Files that are no longer in the folder, or can no longer be used. */
  readonly removed: number;
  /** Files that are not in the library, or not whole, each with its reason. */
  readonly skipped: readonly SkippedPath[];
  readonly seconds: number;
}

/**
 * Indexes a folder into a library.
 * @throws MissingDataError if there is no such folder.
 * @throws LibraryBusyError while another process writes to the library.
 * @throws EncoderMismatchError if the encoder is not the library's.
 */
export async function indexFolder(options: IndexOptions): Promise<IndexReport> {
  const { library, encoder, signal } = options;
  if (encoder.id !== library.encoderId || encoder.dim !== library.dim) {
    throw new EncoderMismatchError(
      `indexFolder: library ${library.directory} was made with encoder ${library.encoderId}, got ${encoder.id}; ` +
        'index again with --rebuild',
    );
  }
  const startedAtMs = performance.now();
  const folder = await realFolder(options.folder);
  signal?.throwIfAborted();
  const writer = await library.startWriting();
  try {
    const report = await bringUpToDate(writer, folder, options);
    return { ...report, seconds: (performance.now() - startedAtMs) / 1000 };
  } finally {
    await writer.close();
  }
}

async function realFolder(folder: string): Promise<string> {
  const info = await stat(folder).catch(() => undefined);
  if (info === undefined) throw new MissingDataError(`there is no folder ${folder}`);
  if (!info.isDirectory()) throw new MissingDataError(`${folder} is not a folder; give the folder that holds it`);
  return await realpath(folder);
}

async function bringUpToDate(
  writer: SegmentWriter,
  folder: string,
  options: IndexOptions,
): Promise<Omit<IndexReport, 'seconds'>> {
  const { library, signal, retryRefused = false } = options;
  const listing = await walkFolder(
    folder,
    new Set([await realpath(library.directory).catch(() => library.directory)]),
    signal,
  );
  const known = await writer.known();
  const isKnown = ({ path, sizeBytes, modifiedMs }: FoundFile) => {
    const row = known.get(path);
    if (row === undefined || row.sizeBytes !== sizeBytes || row.modifiedMs !== modifiedMs) return false;
    return !(row.isRefused && retryRefused);
  };
  const todo = listing.files.filter((file) => !isKnown(file));
  const stillRefused = new Set(
    listing.files.filter((file) => isKnown(file) && known.get(file.path)!.isRefused).map(({ path }) => path),
  );
  const before = stillRefused.size === 0 ? [] : (await library.refused()).filter(({ path }) => stillRefused.has(path));
  const numUntouched = listing.files.length - todo.length;
  const run = new FolderIngest(writer, known, {
    ...options,
    report: (done, figures) =>
      options.onProgress?.({
        stage: 'indexing files',
        done: numUntouched + done,
        total: listing.files.length,
        unit: 'files',
        ...(figures === undefined ? {} : { figures }),
      }),
  });
  const { unchanged, ...counts } = await run.ingest(todo);
  const unreadable = await whatMayNotBeRead(run.refused);
  const skipped: SkippedPath[] = [
    ...listing.skipped,
    ...before.map(({ path, reason }) => ({ path, reason })),
    ...run.refused,
    ...run.damaged,
  ];
  const gone = vanished(known, folder, listing, unreadable);
  await writer.remove(gone);
  const lost = run.refused.filter(({ path }) => known.get(path)?.isRefused === false && !unreadable.has(path));
  const removed = gone.filter((path) => !known.get(path)!.isRefused).length + lost.length;
  if (run.hasWritten || gone.length > 0) await writer.compact();
  return { ...counts, unchanged: unchanged + numUntouched - stillRefused.size, removed, skipped };
}

/** Of refused files, those that are there but that this process may not open. */
async function whatMayNotBeRead(refused: readonly SkippedPath[]): Promise<Set<string>> {
  const closed = new Set<string>();
  for (const { path } of refused) await access(path, constants.R_OK).catch(() => closed.add(path));
  return closed;
}

/** Known files of the folder that are gone; what lies in unreadable folders is left alone. */
function vanished(
  known: ReadonlyMap<string, KnownFile>,
  folder: string,
  listing: FolderListing,
  unreadable: ReadonlySet<string>,
): string[] {
  const present = new Set(listing.files.map(({ path }) => path).filter((path) => !unreadable.has(path)));
  const prefix = folderPrefix(folder);
  const unread = listing.unread.map(folderPrefix);
  return Array.from(known.keys()).filter(
    (path) => path.startsWith(prefix) && !present.has(path) && !unread.some((other) => path.startsWith(other)),
  );
}
