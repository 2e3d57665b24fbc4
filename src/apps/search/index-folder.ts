/**
 * @file Brings a library up to date with a folder: new and changed pictures, sounds and videos are encoded, vanished ones removed, the rest left
 * alone. Each batch is one commit, so a run that is killed goes on where it was; the next batch is read and decoded while the
 * encoder works on the present one.
 */
import { realpath, stat } from 'node:fs/promises';
import { MediaError, MissingDataError, type OnProgress, ShapeError } from '../../engine/core/index.ts';
import { encodeInputs } from './encode-inputs.ts';
import { EncoderMismatchError } from './errors.ts';
import type { KnownMedia, Library, LibraryWriter } from './library.ts';
import type { LibraryEncoder } from './library-encoder.ts';
import { folderPrefix, type MediaRow, mediaKinds } from './media-table.ts';
import { type Prepared, prepareFile } from './prepare-file.ts';
import { type FoundFile, type SkippedPath, walkFolder } from './walk-folder.ts';

/** What `indexFolder` needs. */
export interface IndexOptions {
  readonly library: Library;
  /** The folder of pictures, sounds and videos. */
  readonly folder: string;
  /** The encoder that the library was made with. */
  readonly encoder: LibraryEncoder;
  readonly onProgress?: OnProgress;
  /** Ends the work between two batches; what has been written stays. */
  readonly signal?: AbortSignal;
  /** Files encoded together, and written as one commit; 32 by default. */
  readonly batchSize?: number;
}

/** What a run has done. */
export interface IndexReport {
  /** Files that the library did not have. */
  readonly added: number;
  /** Files whose content has changed. */
  readonly updated: number;
  /** Files that were already there as they are. */
  readonly unchanged: number;
  /** Files that are no longer in the folder, or can no longer be used. */
  readonly removed: number;
  /** Files that are not in the library, each with its reason. */
  readonly skipped: readonly SkippedPath[];
  readonly seconds: number;
}

/** How many files are read and decoded at a time. */
const decodeConcurrency = 2;

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
  writer: LibraryWriter,
  folder: string,
  options: IndexOptions,
): Promise<Omit<IndexReport, 'seconds'>> {
  const { library, signal, batchSize = 32 } = options;
  const listing = await walkFolder(folder, new Set([await realpath(library.directory)]), signal);
  const known = await writer.known();
  const isKnown = ({ path, sizeBytes, modifiedMs }: FoundFile) => {
    const row = known.get(path);
    return row !== undefined && row.sizeBytes === sizeBytes && row.modifiedMs === modifiedMs;
  };
  const todo = listing.files.filter((file) => !isKnown(file));
  const counts = { added: 0, updated: 0, unchanged: listing.files.length - todo.length, removed: 0 };
  const skipped: SkippedPath[] = [...listing.skipped];
  const pathOfContent = new Map(Array.from(known.values(), (row) => [row.contentHash, row.path]));

  let done = counts.unchanged;
  const report = () =>
    options.onProgress?.({ stage: 'indexing files', done, total: listing.files.length, unit: 'files' });
  report();

  const batches = Array.from({ length: Math.ceil(todo.length / batchSize) }, (_, i) =>
    todo.slice(i * batchSize, (i + 1) * batchSize),
  );
  const prepare = (batch: readonly FoundFile[] | undefined) =>
    batch === undefined ? undefined : prepareBatch(batch, pathOfContent, options.encoder, signal);
  let hasWritten = false;
  let next = prepare(batches[0]);
  for (let i = 0; next !== undefined; i++) {
    const prepared = await next;
    signal?.throwIfAborted();
    next = prepare(batches[i + 1]);
    // It is awaited in the next round; if this round fails first, its own failure must not count as unhandled.
    next?.catch(() => {});
    const { rows, failed } = await finishBatch(writer, prepared, options);
    skipped.push(...failed);
    await writer.put(
      rows,
      rows.some((row) => known.has(row.path)),
    );
    hasWritten ||= rows.length > 0;
    for (const row of rows) {
      const before = known.get(row.path);
      if (before === undefined) counts.added += 1;
      else if (before.contentHash === row.contentHash) counts.unchanged += 1;
      else counts.updated += 1;
    }
    done += prepared.length;
    report();
  }

  const gone = vanished(known, folder, listing, skipped);
  await writer.remove(gone);
  counts.removed = gone.length;
  if (hasWritten || gone.length > 0) await writer.compact();
  return { ...counts, skipped };
}

/** Rows of the folder whose file is gone or is of no use any more; what lies in unreadable folders is left alone. */
function vanished(
  known: ReadonlyMap<string, KnownMedia>,
  folder: string,
  listing: { readonly files: readonly FoundFile[]; readonly unread: readonly string[] },
  skipped: readonly SkippedPath[],
): string[] {
  const unusable = new Set(skipped.map(({ path }) => path));
  const present = new Set(listing.files.map(({ path }) => path).filter((path) => !unusable.has(path)));
  const prefix = folderPrefix(folder);
  const unread = listing.unread.map(folderPrefix);
  return Array.from(known.keys()).filter(
    (path) => path.startsWith(prefix) && !present.has(path) && !unread.some((other) => path.startsWith(other)),
  );
}

/** A file after reading: ready to be encoded, or known by its content, or refused. */
type Outcome = { readonly file: FoundFile } & (Prepared | { readonly refused: string });

/** Reads and decodes a batch, some files at a time. A bad file is refused; only an abort is thrown. */
async function prepareBatch(
  batch: readonly FoundFile[],
  pathOfContent: ReadonlyMap<string, string>,
  encoder: LibraryEncoder,
  signal: AbortSignal | undefined,
): Promise<Outcome[]> {
  const outcomes = new Array<Outcome>(batch.length);
  let at = 0;
  const work = async () => {
    while (at < batch.length) {
      const i = at++;
      signal?.throwIfAborted();
      outcomes[i] = await prepareOrRefuse(batch[i]!, pathOfContent, encoder);
    }
  };
  await Promise.all(Array.from({ length: decodeConcurrency }, work));
  return outcomes;
}

async function prepareOrRefuse(
  file: FoundFile,
  pathOfContent: ReadonlyMap<string, string>,
  encoder: LibraryEncoder,
): Promise<Outcome> {
  try {
    return { file, ...(await prepareFile(file.path, encoder, (contentHash) => pathOfContent.get(contentHash))) };
  } catch (error) {
    if (!(error instanceof MediaError)) throw error;
    const prefix = `${file.path}: `;
    const { message } = error;
    return { file, refused: message.startsWith(prefix) ? message.slice(prefix.length) : message };
  }
}

/** Encodes what was decoded, copies the rows of content that the library already has, and lists the refused. */
async function finishBatch(
  writer: LibraryWriter,
  outcomes: readonly Outcome[],
  { encoder }: IndexOptions,
): Promise<{ rows: MediaRow[]; failed: SkippedPath[] }> {
  const decoded = outcomes.filter((item) => 'input' in item);
  const copies = outcomes.filter((item) => 'sameAs' in item);
  const failed = outcomes.flatMap((item) =>
    'refused' in item ? [{ path: item.file.path, reason: item.refused }] : [],
  );
  const indexedAtMs = Date.now();
  const rows: MediaRow[] = [];

  for (const kind of mediaKinds) {
    const own = decoded.filter(({ described }) => described.kind === kind);
    if (own.length === 0) continue;
    const { data, shape } = await encodeInputs(
      encoder,
      own.map(({ input }) => input),
    );
    if (shape[0] !== own.length || shape[1] !== encoder.dim) {
      throw new ShapeError(`encoder ${encoder.id}: must give [${own.length},${encoder.dim}], got [${shape}]`);
    }
    own.forEach(({ file, described }, i) => {
      const vector = data.subarray(i * encoder.dim, (i + 1) * encoder.dim);
      if (vector.every(Number.isFinite)) rows.push({ ...file, ...described, vector, indexedAtMs });
      else failed.push({ path: file.path, reason: 'the encoder gave it no finite vector' });
    });
  }

  const originals = new Map((await writer.rows(copies.map(({ sameAs }) => sameAs))).map((row) => [row.path, row]));
  for (const { file, sameAs } of copies) {
    const original = originals.get(sameAs);
    if (original === undefined)
      throw new Error(`indexFolder: the row of ${sameAs} has vanished while its content was copied`);
    rows.push({ ...original, ...file, indexedAtMs: file.path === sameAs ? original.indexedAtMs : indexedAtMs });
  }
  return { rows, failed };
}
