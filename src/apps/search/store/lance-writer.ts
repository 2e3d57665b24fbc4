/** @file The one writer of a store in LanceDB. Made by the store. */
import { Index } from '@lancedb/lancedb';
import { numbersOf, sqlText, tableOf, textsOf, vectorsOf } from './arrow-columns.ts';
import {
  emptyFileRow,
  type FileRow,
  type FileState,
  fileColumns,
  fileRows,
  type LanceTables,
  type SegmentRow,
  segmentColumns,
  storedFile,
  whereIn,
} from './lance-tables.ts';
import type { IndexedFile, MediaFile, Segment, SegmentKind, StoredFile } from './segment.ts';
import type { KnownFile, SegmentWriter, StoreCommit } from './segment-store.ts';

/** Rows of files that are gone are kept so long for readers that look seldom. */
const rememberRemovedMs = 3_600_000;

/** More numbers than this are not put into one filter. */
const maxNumbersOfFilter = 2000;

/** More segments than this get an index over the numbers of their files. */
const minRowsOfNumberIndex = 50_000;

/** What the writer needs. */
interface LanceWriterOptions {
  readonly dim: number;
  readonly lock: { release(): Promise<void> };
  /** From so many segments on there is an index over the vectors. */
  readonly minIndexedRows: number;
}

/** Writes; see the contract. */
export class LanceWriter implements SegmentWriter {
  readonly #tables: LanceTables;
  readonly #columns: ReturnType<typeof segmentColumns>;
  readonly #lock: LanceWriterOptions['lock'];
  readonly #minIndexedRows: number;
  readonly #known: Map<string, KnownFile>;
  #commit: number;
  #lastNumber: number;
  #hasRemoved: boolean;

  /** Clears away what a writer that died has left, and begins. */
  static async start(tables: LanceTables, options: LanceWriterOptions): Promise<LanceWriter> {
    const { files, segments } = tables;
    const known = new Map<string, KnownFile>();
    const removed = new Set<number>();
    const live = new Map<number, KnownFile>();
    let commit = 0;
    let lastNumber = 0;
    const columns = ['fileNumber', 'commit', 'state', 'path', 'sizeBytes', 'modifiedMs', 'contentHash'];
    for await (const part of files.query().select(columns)) {
      if (part.numRows === 0) continue;
      const numbers = numbersOf<Int32Array>(part, 'fileNumber');
      const commits = numbersOf<Int32Array>(part, 'commit');
      const sizes = numbersOf<Float64Array>(part, 'sizeBytes');
      const times = numbersOf<Float64Array>(part, 'modifiedMs');
      const states = textsOf(part, 'state') as FileState[];
      const paths = textsOf(part, 'path');
      const hashes = textsOf(part, 'contentHash');
      for (let row = 0; row < part.numRows; row++) {
        commit = Math.max(commit, commits[row]!);
        lastNumber = Math.max(lastNumber, numbers[row]!);
        const state = states[row]!;
        if (state === 'removed') removed.add(numbers[row]!);
        else if (state !== 'purged') {
          live.set(numbers[row]!, {
            path: paths[row]!,
            sizeBytes: sizes[row]!,
            modifiedMs: times[row]!,
            contentHash: hashes[row]!,
            fileNumber: numbers[row]!,
            isRefused: state === 'refused',
          });
        }
      }
    }
    const dead = [...removed].filter((number) => live.delete(number));
    for (const file of live.values()) known.set(file.path, file);
    const writer = new LanceWriter(tables, options, { known, commit, lastNumber, hasRemoved: removed.size > 0 });
    if (dead.length > 0) await writer.#deleteNumbers(dead);
    const unacknowledged = `commit > ${commit}`;
    if ((await segments.countRows(unacknowledged)) > 0) await segments.delete(unacknowledged);
    return writer;
  }

  private constructor(
    tables: LanceTables,
    { dim, lock, minIndexedRows }: LanceWriterOptions,
    state: { known: Map<string, KnownFile>; commit: number; lastNumber: number; hasRemoved: boolean },
  ) {
    this.#tables = tables;
    this.#columns = segmentColumns(dim);
    this.#lock = lock;
    this.#minIndexedRows = minIndexedRows;
    this.#known = state.known;
    this.#commit = state.commit;
    this.#lastNumber = state.lastNumber;
    this.#hasRemoved = state.hasRemoved;
  }

  async known(): Promise<Map<string, KnownFile>> {
    return new Map(this.#known);
  }

  async files(paths: readonly string[]): Promise<StoredFile[]> {
    const numbers = paths.flatMap((path) => this.#known.get(path)?.fileNumber ?? []);
    if (numbers.length === 0) return [];
    return (await fileRows(this.#tables.files, `state = 'indexed' AND ${whereIn('"fileNumber"', numbers)}`)).map(
      storedFile,
    );
  }

  async put({ indexed = [], copied = [], refused = [] }: StoreCommit): Promise<void> {
    const files: FileRow[] = [];
    const segments: SegmentRow[] = [];
    const commit = this.#commit + 1;
    for (const { file, segments: own } of [...indexed, ...(await this.#copies(copied))]) {
      const fileNumber = ++this.#lastNumber;
      files.push({ ...emptyFileRow, ...file, fileNumber, commit, state: 'indexed' });
      own.forEach((segment, index) => {
        segments.push({ ...segmentRow(file, segment), fileNumber, index, commit });
      });
    }
    for (const { path, sizeBytes, modifiedMs, reason } of refused) {
      const fileNumber = ++this.#lastNumber;
      files.push({ ...emptyFileRow, path, sizeBytes, modifiedMs, reason, fileNumber, commit, state: 'refused' });
    }
    if (segments.length > 0) await this.#tables.segments.add(tableOf(this.#columns, segments));
    await this.#append(
      files,
      files.map(({ path }) => path),
    );
  }

  async #copies(copied: NonNullable<StoreCommit['copied']>): Promise<IndexedFile[]> {
    const numberOf = ({ from }: { from: string }) => {
      const known = this.#known.get(from);
      if (known !== undefined && !known.isRefused) return known.fileNumber;
      throw new Error(`put: ${from} is to be copied, but is not there`);
    };
    const originals = new Map<number, SegmentRow[]>();
    for (const one of copied) originals.set(numberOf(one), []);
    if (originals.size === 0) return [];
    const { length: dim } = this.#columns.vector;
    const query = this.#tables.segments.query().where(whereIn('"fileNumber"', [...originals.keys()]));
    for await (const part of query) {
      const vectors = vectorsOf(part, 'vector', dim);
      for (let row = 0; row < part.numRows; row++) {
        const value = part.get(row)!.toJSON() as unknown as SegmentRow;
        const vector = vectors.slice(row * dim, (row + 1) * dim);
        originals.get(value.fileNumber)!.push({ ...value, vector });
      }
    }
    return copied.map((one) => ({
      file: one.file,
      segments: originals
        .get(numberOf(one))!
        .sort((a, b) => a.index - b.index)
        .map((row) => ({ ...row, kind: row.kind as SegmentKind })),
    }));
  }

  async remove(paths: readonly string[]): Promise<void> {
    await this.#append([], paths);
  }

  async compact(): Promise<void> {
    const { files, segments } = this.#tables;
    if (this.#hasRemoved) await this.#purge();
    const cleanupOlderThan = new Date(Date.now() - rememberRemovedMs);
    await files.optimize({ cleanupOlderThan });
    const indexed = new Set((await segments.listIndices()).flatMap(({ columns }) => columns));
    const numRows = await segments.countRows();
    if (numRows > 0 && !indexed.has('text')) {
      // Segments words of any language without a dictionary to download; names of files are found by their parts.
      const config = Index.fts({
        baseTokenizer: 'icu/split',
        stem: false,
        removeStopWords: false,
        withPosition: false,
      });
      await segments.createIndex('text', { config });
    }
    if (numRows > minRowsOfNumberIndex && !indexed.has('fileNumber')) {
      await segments.createIndex('fileNumber', { config: Index.btree() });
    }
    if (numRows >= this.#minIndexedRows && !indexed.has('vector')) {
      const config = Index.ivfRq({ numBits: 4, distanceType: 'dot' });
      await segments.createIndex('vector', { config });
    }
    await segments.optimize({ cleanupOlderThan });
  }

  async close(): Promise<void> {
    await this.#lock.release();
  }

  /** The moment of a commit: new rows of files, with word that those of the same paths are gone. Then what is gone is deleted. */
  async #append(rows: readonly FileRow[], replaced: readonly string[]): Promise<void> {
    const gone = replaced.flatMap((path) => this.#known.get(path)?.fileNumber ?? []);
    if (rows.length === 0 && gone.length === 0) return;
    const commit = ++this.#commit;
    const indexedAtMs = Date.now();
    const words = gone.map((fileNumber): FileRow => ({ ...emptyFileRow, fileNumber, commit, indexedAtMs }));
    await this.#tables.files.add(tableOf(fileColumns, [...rows, ...words]));
    for (const path of replaced) this.#known.delete(path);
    for (const { path, sizeBytes, modifiedMs, contentHash, fileNumber, state } of rows) {
      this.#known.set(path, { path, sizeBytes, modifiedMs, contentHash, fileNumber, isRefused: state === 'refused' });
    }
    if (gone.length > 0) await this.#deleteNumbers(gone);
  }

  async #deleteNumbers(numbers: readonly number[]): Promise<void> {
    this.#hasRemoved = true;
    for (let start = 0; start < numbers.length; start += maxNumbersOfFilter) {
      const where = whereIn('"fileNumber"', numbers.slice(start, start + maxNumbersOfFilter));
      await this.#tables.segments.delete(where);
      await this.#tables.files.delete(`${where} AND state <> ${sqlText('removed')}`);
    }
  }

  /** Forgets old words of files that are gone, and notes that it did. */
  async #purge(): Promise<void> {
    const { files } = this.#tables;
    const old = `state = 'removed' AND "indexedAtMs" < ${Date.now() - rememberRemovedMs}`;
    const rows = await fileRows(files, old);
    if (rows.length === 0) return;
    // Readers that know less than these rows said must begin anew, and so see a commit that is later than theirs.
    const commit = ++this.#commit;
    await files.add(tableOf(fileColumns, [{ ...emptyFileRow, commit, state: 'purged', indexedAtMs: Date.now() }]));
    await files.delete(old);
    await files.delete(`state = 'purged' AND commit < ${commit}`);
  }
}

function segmentRow(file: MediaFile, segment: Segment): Omit<SegmentRow, 'fileNumber' | 'index' | 'commit'> {
  const { path, tenant, modifiedMs } = file;
  return { ...segment, path, tenant, modifiedMs };
}
