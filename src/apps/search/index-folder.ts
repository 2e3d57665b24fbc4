/**
 * @file Brings a library up to date with a folder: new and changed pictures are encoded, vanished ones removed, the rest left
 * alone. Each batch is one commit, so a run that is killed goes on where it was; the next batch is read and rendered while the
 * encoder works on the present one.
 */
import { createHash } from 'node:crypto';
import { realpath, stat } from 'node:fs/promises';
import type { TextImageEncoder } from '../../bundle/index.ts';
import { MediaError, MissingDataError, type OnProgress, ShapeError, type Tensor } from '../../engine/core/index.ts';
import { probePicture, readPictureSource, renderPicture } from '../../media/index.ts';
import { EncoderMismatchError } from './errors.ts';
import type { KnownPicture, Library, LibraryWriter } from './library.ts';
import { folderPrefix, type PictureRow } from './picture-table.ts';
import { type FoundFile, type SkippedPath, walkFolder } from './walk-folder.ts';

/** What `indexFolder` needs. */
export interface IndexOptions {
  readonly library: Library;
  /** The folder of pictures. */
  readonly folder: string;
  /** The encoder that the library was made with. */
  readonly encoder: TextImageEncoder;
  readonly onProgress?: OnProgress;
  /** Ends the work between two batches; what has been written stays. */
  readonly signal?: AbortSignal;
  /** Pictures encoded together, and written as one commit; 32 by default. */
  readonly batchSize?: number;
}

/** What a run has done. */
export interface IndexReport {
  /** Pictures that the library did not have. */
  readonly added: number;
  /** Pictures whose content has changed. */
  readonly updated: number;
  /** Pictures that were already there as they are. */
  readonly unchanged: number;
  /** Pictures that are no longer in the folder, or no longer pictures. */
  readonly removed: number;
  /** Files that are not in the library, each with its reason. */
  readonly skipped: readonly SkippedPath[];
  readonly seconds: number;
}

/** How many pictures are read and rendered at a time. */
const renderConcurrency = 2;

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
    options.onProgress?.({ stage: 'indexing pictures', done, total: listing.files.length, unit: 'pictures' });
  report();

  const batches = Array.from({ length: Math.ceil(todo.length / batchSize) }, (_, i) =>
    todo.slice(i * batchSize, (i + 1) * batchSize),
  );
  const view = options.encoder.pictureView;
  const prepare = (batch: readonly FoundFile[] | undefined) =>
    batch === undefined ? undefined : prepareBatch(batch, pathOfContent, view, signal);
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

/** Rows of the folder whose file is gone or is no picture any more; what lies in unreadable folders is left alone. */
function vanished(
  known: ReadonlyMap<string, KnownPicture>,
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

type PictureView = TextImageEncoder['pictureView'];

/** A file after reading: rendered, or known by its content, or refused. */
type Prepared = { readonly file: FoundFile } & (
  | { readonly kind: 'refused'; readonly reason: string }
  | { readonly kind: 'same-content'; readonly contentHash: string; readonly as: string }
  | ({ readonly kind: 'rendered'; readonly pixels: Tensor<'uint8'> } & Pick<
      PictureRow,
      'contentHash' | 'width' | 'height' | 'format'
    >)
);

/** Reads and renders a batch, some pictures at a time. A bad picture is refused; only an abort is thrown. */
async function prepareBatch(
  batch: readonly FoundFile[],
  pathOfContent: ReadonlyMap<string, string>,
  view: PictureView,
  signal: AbortSignal | undefined,
): Promise<Prepared[]> {
  const prepared = new Array<Prepared>(batch.length);
  let at = 0;
  const work = async () => {
    while (at < batch.length) {
      const i = at++;
      signal?.throwIfAborted();
      prepared[i] = await prepareFile(batch[i]!, pathOfContent, view);
    }
  };
  await Promise.all(Array.from({ length: renderConcurrency }, work));
  return prepared;
}

async function prepareFile(
  file: FoundFile,
  pathOfContent: ReadonlyMap<string, string>,
  view: PictureView,
): Promise<Prepared> {
  try {
    const source = await readPictureSource(file.path);
    const contentHash = createHash('sha256').update(source.bytes).digest('hex');
    const as = pathOfContent.get(contentHash);
    if (as !== undefined) return { file, kind: 'same-content', contentHash, as };
    const { width, height, format } = await probePicture(source);
    const pixels = await renderPicture(source, view);
    return { file, kind: 'rendered', pixels, contentHash, width, height, format };
  } catch (error) {
    if (!(error instanceof MediaError)) throw error;
    const prefix = `${file.path}: `;
    const { message } = error;
    return { file, kind: 'refused', reason: message.startsWith(prefix) ? message.slice(prefix.length) : message };
  }
}

/** Encodes what was rendered, copies the rows of content that the library already has, and lists the refused. */
async function finishBatch(
  writer: LibraryWriter,
  prepared: readonly Prepared[],
  { encoder }: IndexOptions,
): Promise<{ rows: PictureRow[]; failed: SkippedPath[] }> {
  const rendered = prepared.filter((item) => item.kind === 'rendered');
  const copies = prepared.filter((item) => item.kind === 'same-content');
  const failed = prepared
    .filter((item) => item.kind === 'refused')
    .map(({ file, reason }) => ({ path: file.path, reason }));
  const indexedAtMs = Date.now();
  const rows: PictureRow[] = [];

  if (rendered.length > 0) {
    const { data, shape } = await encoder.encodePictures(rendered.map(({ pixels }) => pixels));
    if (shape[0] !== rendered.length || shape[1] !== encoder.dim) {
      throw new ShapeError(`encoder ${encoder.id}: must give [${rendered.length},${encoder.dim}], got [${shape}]`);
    }
    rendered.forEach(({ file, pixels: _, kind: __, ...known }, i) => {
      const vector = data.subarray(i * encoder.dim, (i + 1) * encoder.dim);
      if (vector.every(Number.isFinite)) rows.push({ ...file, ...known, vector, indexedAtMs });
      else failed.push({ path: file.path, reason: 'the encoder gave it no finite vector' });
    });
  }

  const originals = new Map((await writer.rows(copies.map(({ as }) => as))).map((row) => [row.path, row]));
  for (const { file, as } of copies) {
    const original = originals.get(as);
    if (original === undefined)
      throw new Error(`indexFolder: the row of ${as} has vanished while its content was copied`);
    rows.push({ ...original, ...file, indexedAtMs: file.path === as ? original.indexedAtMs : indexedAtMs });
  }
  return { rows, failed };
}
