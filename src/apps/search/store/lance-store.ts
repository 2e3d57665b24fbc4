/**
 * @file Segments in LanceDB: in a folder, or on object storage. What a reader sees is one version of `files` and, of the segments, those that belong to it.
 * A commit appends the segments first and then, in one append, the rows of `files`; a writer that dies between leaves segments without a file, which the next one deletes.
 *
 * N: number of rows; D: dimension of the vectors.
 */
import { type Connection, connect, MatchQuery, Operator } from '@lancedb/lancedb';
import { ShapeError } from '../../../engine/core/index.ts';
import { type Columnar, numbersOf, schemaOf, sqlText, textsOf, vectorsOf } from './arrow-columns.ts';
import { folderPrefix } from './folder-prefix.ts';
import {
  fileColumns,
  fileRows,
  type LanceTables,
  segmentColumns,
  storedFile,
  whereIn,
  whereSegments,
} from './lance-tables.ts';
import { LanceWriter } from './lance-writer.ts';
import {
  type FileKind,
  fileKinds,
  type RefusedFile,
  type SegmentKey,
  type SegmentKind,
  type StoredFile,
  type StoredSegment,
  segmentKinds,
} from './segment.ts';
import type {
  ScoredKey,
  SegmentBatch,
  SegmentFilter,
  SegmentStore,
  SegmentWriter,
  StoreChanges,
  StoreCounts,
} from './segment-store.ts';

/** How `openLanceStore` opens. */
export interface LanceStoreOptions {
  /** D. */
  readonly dim: number;
  /** Lets one writer in at a time; what it gives lets the next one in. @throws LibraryBusyError */
  readonly lock: () => Promise<{ release(): Promise<void> }>;
  /** From so many segments on, compacting makes an index over the vectors, for what does not fit in memory; 1.5 million by default. */
  readonly minIndexedRows?: number;
  /** What LanceDB needs to reach object storage. */
  readonly storageOptions?: Readonly<Record<string, string>>;
}

/** About as many segments of 512 dimensions as a library takes into memory by default. */
const defaultMinIndexedRows = 1_500_000;

/** The names of the tables within their place. */
const tableNames = { files: 'files', segments: 'segments' } as const;

/** Opens the store at a folder or an address such as `s3://bucket/library/shard-0`; it may be empty. */
export async function openLanceStore(uri: string, options: LanceStoreOptions): Promise<SegmentStore> {
  const { storageOptions } = options;
  const connection = await connect(uri, {
    readConsistencyInterval: 0,
    ...(storageOptions === undefined ? {} : { storageOptions: { ...storageOptions } }),
  });
  return new LanceStore(connection, options);
}

/** Takes the tables out of a folder or address, for a store of other vectors. */
export async function dropLanceStore(uri: string): Promise<void> {
  const connection = await connect(uri);
  const present = await connection.tableNames();
  for (const name of [tableNames.files, tableNames.segments])
    if (present.includes(name)) await connection.dropTable(name);
  connection.close();
}

class LanceStore implements SegmentStore {
  readonly dim: number;
  readonly #connection: Connection;
  readonly #lock: LanceStoreOptions['lock'];
  readonly #minIndexedRows: number;
  readonly #indexed = new Set<string>();
  #tables: Promise<LanceTables | undefined> | undefined;

  constructor(connection: Connection, { dim, lock, minIndexedRows = defaultMinIndexedRows }: LanceStoreOptions) {
    this.dim = dim;
    this.#connection = connection;
    this.#lock = lock;
    this.#minIndexedRows = minIndexedRows;
  }

  async version(): Promise<number> {
    return (await (await this.#open())?.files.version()) ?? 0;
  }

  async counts(): Promise<StoreCounts> {
    const tables = await this.#open();
    const files = { image: 0, audio: 0, video: 0, document: 0 };
    if (tables === undefined) return { files, segments: 0, refused: 0 };
    const count = (kind: FileKind) => tables.files.countRows(`state = 'indexed' AND kind = '${kind}'`);
    for (const kind of fileKinds) files[kind] = await count(kind);
    return {
      files,
      segments: await tables.segments.countRows(),
      refused: await tables.files.countRows("state = 'refused'"),
    };
  }

  async countFiles(at: { readonly folder: string } | { readonly path: string }): Promise<number> {
    const where =
      'path' in at ? `path = ${sqlText(at.path)}` : `starts_with(path, ${sqlText(folderPrefix(at.folder))})`;
    return (await (await this.#open())?.files.countRows(`state = 'indexed' AND ${where}`)) ?? 0;
  }

  async files(numbers: readonly number[]): Promise<StoredFile[]> {
    const tables = await this.#open();
    if (tables === undefined || numbers.length === 0) return [];
    const rows = await fileRows(tables.files, `state = 'indexed' AND ${whereIn('"fileNumber"', numbers)}`);
    return rows.map(storedFile);
  }

  async changesSince(commit: number): Promise<StoreChanges> {
    const tables = await this.#open();
    const nothing: StoreChanges = { commit, isWhole: false, added: [], removed: [], async *segments() {} };
    if (tables === undefined) return nothing;
    const { files, segments } = tables;
    let rows = await fileRows(files, `commit > ${commit}`);
    const isWhole = commit > 0 && rows.some(({ state }) => state === 'purged');
    if (isWhole) rows = await fileRows(files);
    if (rows.length === 0) return nothing;
    const removed = new Set(rows.filter(({ state }) => state === 'removed').map(({ fileNumber }) => fileNumber));
    const from = isWhole ? 0 : commit;
    const { dim } = this;
    return {
      commit: rows.reduce((most, row) => Math.max(most, row.commit), commit),
      isWhole,
      added: rows.filter(({ state, fileNumber }) => state === 'indexed' && !removed.has(fileNumber)).map(storedFile),
      removed: [...removed],
      async *segments() {
        const columns = [
          'fileNumber',
          'index',
          'kind',
          'startSeconds',
          'endSeconds',
          'keyFrameSeconds',
          'page',
          'vector',
        ];
        for await (const part of segments.query().where(`commit > ${from}`).select(columns)) {
          if (part.numRows > 0) yield segmentBatch(part, dim);
        }
      },
    };
  }

  async segments(keys: readonly SegmentKey[]): Promise<StoredSegment[]> {
    const rows = await this.#rowsOf(keys, [
      ...['fileNumber', 'index', 'kind', 'startSeconds', 'endSeconds', 'keyFrameSeconds', 'page'],
      ...['vector', 'text', 'thumbnail'],
    ]);
    return keys.flatMap((key) => rows.get(keyText(key)) ?? []).map((row) => row as unknown as StoredSegment);
  }

  async vectors(keys: readonly SegmentKey[]): Promise<Float32Array> {
    const rows = await this.#rowsOf(keys, ['fileNumber', 'index', 'vector']);
    const out = new Float32Array(keys.length * this.dim);
    keys.forEach((key, i) => {
      const row = rows.get(keyText(key));
      if (row !== undefined) out.set(row.vector as Float32Array, i * this.dim);
    });
    return out;
  }

  async nearest(query: Float32Array, top: number, filter: SegmentFilter = {}): Promise<ScoredKey[]> {
    if (query.length !== this.dim) throw new ShapeError(`a query must be [${this.dim}], got [${query.length}]`);
    const tables = await this.#open();
    if (tables === undefined) return [];
    let search = tables.segments
      .vectorSearch(query)
      .distanceType('dot')
      .select(['fileNumber', 'index', '_distance'])
      .limit(top);
    if (await this.#isIndexed(tables, 'vector')) {
      // With fixed numbers of probes a filter leaves too few rows.
      search = search.minimumNprobes(20).maximumNprobes(0).refineFactor(10);
    }
    const where = whereSegments(filter);
    if (where !== undefined) search = search.where(where);
    const rows = (await search.toArray()) as (SegmentKey & { _distance: number })[];
    return rows.map(({ fileNumber, index, _distance }) => ({ fileNumber, index, score: 1 - _distance }));
  }

  async searchText(text: string, top: number, filter: SegmentFilter = {}): Promise<ScoredKey[]> {
    const tables = await this.#open();
    if (tables === undefined || !(await this.#isIndexed(tables, 'text'))) return [];
    let search = tables.segments
      .query()
      .fullTextSearch(new MatchQuery(text, 'text', { operator: Operator.And }))
      .select(['fileNumber', 'index', '_score'])
      .limit(top);
    const where = whereSegments(filter);
    if (where !== undefined) search = search.where(where);
    const rows = (await search.toArray()) as (SegmentKey & { _score: number })[];
    return rows.map(({ fileNumber, index, _score }) => ({ fileNumber, index, score: _score }));
  }

  async refused(): Promise<RefusedFile[]> {
    const tables = await this.#open();
    if (tables === undefined) return [];
    const rows = await fileRows(tables.files, "state = 'refused'");
    return rows.map(({ path, sizeBytes, modifiedMs, reason }) => ({ path, sizeBytes, modifiedMs, reason }));
  }

  async startWriting(): Promise<SegmentWriter> {
    const lock = await this.#lock();
    try {
      let tables = await this.#open();
      if (tables === undefined) {
        const columns = segmentColumns(this.dim);
        // In this order, for a store is there when `files` is.
        const present = await this.#connection.tableNames();
        const make = (name: string, schema: ReturnType<typeof schemaOf>) =>
          present.includes(name) ? this.#connection.openTable(name) : this.#connection.createEmptyTable(name, schema);
        const segments = await make(tableNames.segments, schemaOf(columns));
        const files = await make(tableNames.files, schemaOf(fileColumns));
        tables = { files, segments };
        this.#tables = Promise.resolve(tables);
      }
      return await LanceWriter.start(tables, { dim: this.dim, lock, minIndexedRows: this.#minIndexedRows });
    } catch (error) {
      await lock.release();
      throw error;
    }
  }

  async close(): Promise<void> {
    const tables = await this.#tables?.catch(() => undefined);
    this.#tables = undefined;
    tables?.files.close();
    tables?.segments.close();
    this.#connection.close();
  }

  /** The tables; nothing while nothing has ever been written. */
  async #open(): Promise<LanceTables | undefined> {
    this.#tables ??= (async () => {
      if (!(await this.#connection.tableNames()).includes(tableNames.files)) return undefined;
      const [files, segments] = await Promise.all(
        [tableNames.files, tableNames.segments].map((name) => this.#connection.openTable(name)),
      );
      return { files: files!, segments: segments! };
    })();
    const opening = this.#tables;
    try {
      const tables = await opening;
      if (tables === undefined && this.#tables === opening) this.#tables = undefined;
      return tables;
    } catch (error) {
      if (this.#tables === opening) this.#tables = undefined;
      throw error;
    }
  }

  /** Whether a column has an index. One that is there stays, so it is asked for once. */
  async #isIndexed({ segments }: LanceTables, column: string): Promise<boolean> {
    if (!this.#indexed.has(column)) {
      for (const { columns } of await segments.listIndices()) for (const name of columns) this.#indexed.add(name);
    }
    return this.#indexed.has(column);
  }

  async #rowsOf(keys: readonly SegmentKey[], columns: string[]): Promise<Map<string, Record<string, unknown>>> {
    const found = new Map<string, Record<string, unknown>>();
    const tables = await this.#open();
    if (tables === undefined || keys.length === 0) return found;
    const wanted = new Set(keys.map(keyText));
    const numbers = [...new Set(keys.map(({ fileNumber }) => fileNumber))];
    const indices = [...new Set(keys.map(({ index }) => index))];
    const where = `${whereIn('"fileNumber"', numbers)} AND ${whereIn('"index"', indices)}`;
    for await (const part of tables.segments.query().where(where).select(columns)) {
      const vectors = vectorsOf(part, 'vector', this.dim);
      for (let row = 0; row < part.numRows; row++) {
        const value = part.get(row)!.toJSON() as unknown as Record<string, unknown> & SegmentKey;
        if (!wanted.has(keyText(value))) continue;
        found.set(keyText(value), { ...value, vector: vectors.slice(row * this.dim, (row + 1) * this.dim) });
      }
    }
    return found;
  }
}

function keyText({ fileNumber, index }: SegmentKey): string {
  return `${fileNumber}.${index}`;
}

function segmentBatch(part: Columnar, dim: number): SegmentBatch {
  const kinds = textsOf(part, 'kind');
  return {
    length: part.numRows,
    fileNumbers: numbersOf<Int32Array>(part, 'fileNumber'),
    indices: numbersOf<Int32Array>(part, 'index'),
    kinds: Uint8Array.from(kinds, (kind) => segmentKinds.indexOf(kind as SegmentKind)),
    startSeconds: Float32Array.from(numbersOf<Float64Array>(part, 'startSeconds')),
    endSeconds: Float32Array.from(numbersOf<Float64Array>(part, 'endSeconds')),
    keyFrameSeconds: Float32Array.from(numbersOf<Float64Array>(part, 'keyFrameSeconds')),
    pages: numbersOf<Int32Array>(part, 'page'),
    vectors: vectorsOf(part, 'vector', dim),
  };
}
