/**
 * @file Segments in PostgreSQL with pgvector, for those who run one already. Vectors are compared exactly unless an HNSW index was made; words are found by a GIN index.
 *
 * N: number of rows; D: dimension of the vectors.
 */
import type pg from 'pg';
import { ShapeError } from '../../../engine/core/index.ts';
import { folderPrefix } from './folder-prefix.ts';
import { connectWriter, openPool, type PostgresAddress } from './postgres-client.ts';
import {
  fileColumns,
  inTransaction,
  type LibraryRow,
  makeTables,
  migrateTables,
  readLibraryRow,
  readVector,
  storedFile,
  type TableNames,
  tableNames,
  vectorLiteral,
} from './postgres-tables.ts';
import { PostgresWriter } from './postgres-writer.ts';
import {
  type FileKind,
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
import { queriedWords } from './words.ts';

/** Rows that are read at once. */
const rowsOfPage = 2000;

/** From so many segments on a writer makes an index of the vectors, by default. */
const vectorIndexFrom = 100_000;

/** The columns of a segment beside its vector, text and thumbnail. */
const placeColumns = 'file_number, index, kind, start_seconds, end_seconds, key_frame_seconds, page';

/** How `openPostgresStore` opens. */
export interface PostgresStoreOptions {
  /** D. */
  readonly dim: number;
  /** From so many segments on `compact` makes an HNSW index, with which `nearest` is fast and no longer exact; 100,000 by default. */
  readonly vectorIndexFrom?: number;
}

/** Opens the store at an address; its tables must be there. @throws MissingDataError if `pg` is not installed. */
export async function openPostgresStore(
  address: PostgresAddress,
  options: PostgresStoreOptions,
): Promise<SegmentStore> {
  return new PostgresStore(address, await openPool(address), options);
}

/** What the library at an address says of itself; nothing where there is none. */
export async function readPostgresLibrary(address: PostgresAddress): Promise<LibraryRow | undefined> {
  const pool = await openPool(address);
  try {
    return await readLibraryRow(pool, tableNames(address.schema));
  } finally {
    await pool.end();
  }
}

/**
 * Makes an empty library at an address, or empties the one there if `rebuild`. Else what another process has made meanwhile stays.
 * @throws LibraryBusyError while another writer is at work. @throws MissingDataError if the server has no pgvector.
 */
export async function makePostgresLibrary(
  address: PostgresAddress,
  library: { readonly encoderId: string; readonly dim: number; readonly rebuild: boolean },
): Promise<LibraryRow> {
  const names = tableNames(address.schema);
  const pool = await openPool(address);
  const connection = await connectWriter(pool, address.schema, address.shown).catch(async (error: unknown) => {
    await pool.end();
    throw error;
  });
  try {
    const { client } = connection;
    if (library.rebuild || (await readLibraryRow(client, names)) === undefined) {
      await refuseForeignSchema(client, address, names);
      await makeTables(client, names, library);
    }
    return (await readLibraryRow(client, names))!;
  } finally {
    await connection.release();
    await pool.end();
  }
}

/** A schema that holds something else is left alone. */
async function refuseForeignSchema(client: pg.PoolClient, { schema, shown }: PostgresAddress, names: TableNames) {
  const { rows } = await client.query(
    'SELECT count(*)::integer AS count FROM information_schema.tables WHERE table_schema = $1',
    [schema],
  );
  if (rows[0].count > 0 && (await readLibraryRow(client, names)) === undefined) {
    throw new TypeError(`${shown}: schema ${schema} holds other tables; name another with ?schema=`);
  }
}

class PostgresStore implements SegmentStore {
  readonly dim: number;
  readonly #address: PostgresAddress;
  readonly #pool: pg.Pool;
  readonly #names: TableNames;
  readonly #vectorIndexFrom: number;

  constructor(address: PostgresAddress, pool: pg.Pool, options: PostgresStoreOptions) {
    this.dim = options.dim;
    this.#address = address;
    this.#pool = pool;
    this.#names = tableNames(address.schema);
    this.#vectorIndexFrom = options.vectorIndexFrom ?? vectorIndexFrom;
  }

  async version(): Promise<number> {
    return (await this.#query(`SELECT commit FROM ${this.#names.library}`)).rows[0].commit;
  }

  async counts(): Promise<StoreCounts> {
    const { files, segments } = this.#names;
    const { rows } = await this.#query(
      `SELECT kind, is_refused, count(*)::integer AS count, (SELECT count(*)::integer FROM ${segments}) AS segments
       FROM ${files} GROUP BY kind, is_refused`,
    );
    const counts: Record<FileKind, number> = { image: 0, audio: 0, video: 0, document: 0 };
    let refused = 0;
    for (const row of rows) {
      if (row.is_refused) refused += row.count;
      else counts[row.kind as FileKind] += row.count;
    }
    return { files: counts, segments: rows[0]?.segments ?? 0, refused };
  }

  async countFiles(at: { readonly folder: string } | { readonly path: string }): Promise<number> {
    const [where, value] = 'path' in at ? ['path = $1', at.path] : ['starts_with(path, $1)', folderPrefix(at.folder)];
    const query = `SELECT count(*)::integer AS count FROM ${this.#names.files} WHERE NOT is_refused AND ${where}`;
    return (await this.#query(query, [value])).rows[0].count;
  }

  async files(numbers: readonly number[]): Promise<StoredFile[]> {
    const query = `SELECT ${fileColumns} FROM ${this.#names.files} WHERE NOT is_refused AND file_number = ANY($1)`;
    return (await this.#query(query, [numbers])).rows.map(storedFile);
  }

  async changesSince(commit: number): Promise<StoreChanges> {
    const { files, removed } = this.#names;
    const client = await this.#pool.connect();
    try {
      return await inTransaction(
        client,
        async () => {
          const row = (await readLibraryRow(client, this.#names))!;
          const isWhole = commit > 0 && (commit < row.purgedCommit || commit > row.commit);
          const from = isWhole ? 0 : commit;
          const added = await client.query(
            `SELECT ${fileColumns} FROM ${files} WHERE NOT is_refused AND commit > $1 ORDER BY file_number`,
            [from],
          );
          const gone =
            from === 0
              ? { rows: [] }
              : await client.query(`SELECT file_number FROM ${removed} WHERE commit > $1`, [from]);
          const first = added.rows[0]?.file_number;
          return {
            commit: row.commit,
            isWhole,
            added: added.rows.map(storedFile),
            removed: gone.rows.map(({ file_number }) => file_number),
            segments: () => this.#batches(from, first),
          };
        },
        'ISOLATION LEVEL REPEATABLE READ READ ONLY',
      );
    } finally {
      client.release();
    }
  }

  /** Segments of files from number `first` on, page by page. */
  async *#batches(commit: number, first: number | undefined): AsyncGenerator<SegmentBatch> {
    let at: [number, number] | undefined = first === undefined ? undefined : [first, -1];
    while (at !== undefined) {
      const { rows } = await this.#query(
        `SELECT ${placeColumns}, vector_send(vector) AS vector FROM ${this.#names.segments}
         WHERE (file_number, index) > ($1, $2) AND commit > $3 ORDER BY file_number, index LIMIT ${rowsOfPage}`,
        [...at, commit],
      );
      if (rows.length > 0) yield segmentBatch(rows, this.dim);
      const last = rows.at(-1);
      at = rows.length < rowsOfPage ? undefined : [last.file_number, last.index];
    }
  }

  async segments(keys: readonly SegmentKey[]): Promise<StoredSegment[]> {
    const rows = await this.#rowsOf(keys, `${placeColumns}, vector_send(vector) AS vector, text, thumbnail`);
    return keys.flatMap(({ fileNumber, index }): StoredSegment[] => {
      const row = rows.get(`${fileNumber}.${index}`);
      if (row === undefined) return [];
      const vector = new Float32Array(this.dim);
      readVector(row.vector, vector, 0);
      const { kind, start_seconds: startSeconds, end_seconds: endSeconds, key_frame_seconds, page, text } = row;
      const thumbnail = new Uint8Array(row.thumbnail);
      const times = { startSeconds, endSeconds, keyFrameSeconds: key_frame_seconds, page };
      return [{ fileNumber, index, kind: kind as SegmentKind, ...times, vector, text, thumbnail }];
    });
  }

  async vectors(keys: readonly SegmentKey[]): Promise<Float32Array> {
    const rows = await this.#rowsOf(keys, 'file_number, index, vector_send(vector) AS vector');
    const out = new Float32Array(keys.length * this.dim);
    keys.forEach(({ fileNumber, index }, i) => {
      const row = rows.get(`${fileNumber}.${index}`);
      if (row !== undefined) readVector(row.vector, out, i * this.dim);
    });
    return out;
  }

  async nearest(query: Float32Array, top: number, filter: SegmentFilter = {}): Promise<ScoredKey[]> {
    if (query.length !== this.dim) throw new ShapeError(`a query must be [${this.dim}], got [${query.length}]`);
    const { where, values } = this.#where(filter, [vectorLiteral(query), top]);
    const client = await this.#pool.connect();
    try {
      return await inTransaction(client, async () => {
        const { segments } = this.#names;
        const indexed = await client.query('SELECT to_regclass($1) IS NOT NULL AS there', [
          `${this.#names.schema}.segments_vector`,
        ]);
        if (indexed.rows[0].there) {
          // With a fixed number of candidates a filter leaves too few rows.
          await client.query(`SET LOCAL hnsw.ef_search = ${Math.min(1000, Math.max(200, 2 * top))}`);
          await client.query('SET LOCAL hnsw.iterative_scan = strict_order');
        }
        const { rows } = await client.query(
          `SELECT s.file_number, s.index, -(s.vector <#> $1) AS score FROM ${segments} s ${where} ORDER BY s.vector <#> $1 LIMIT $2`,
          values,
        );
        return rows.map(scoredKey);
      });
    } finally {
      client.release();
    }
  }

  async searchText(text: string, top: number, filter: SegmentFilter = {}): Promise<ScoredKey[]> {
    const words = queriedWords(text);
    if (words.length === 0) return [];
    const literal = words.map((word) => `'${word}'`).join(' & ');
    const { where, values } = this.#where(filter, [literal, top], 's.words @@ $1::tsquery');
    const { rows } = await this.#query(
      `SELECT s.file_number, s.index, ts_rank(s.words, $1::tsquery, 1) AS score FROM ${this.#names.segments} s ${where}
       ORDER BY score DESC, s.file_number, s.index LIMIT $2`,
      values,
    );
    return rows.map(scoredKey);
  }

  async refused(): Promise<RefusedFile[]> {
    const { rows } = await this.#query(
      `SELECT path, size_bytes, modified_ms, reason FROM ${this.#names.files} WHERE is_refused ORDER BY file_number`,
    );
    return rows.map(({ path, size_bytes, modified_ms, reason }) => ({
      ...{ path, sizeBytes: size_bytes, modifiedMs: modified_ms, reason },
    }));
  }

  async startWriting(): Promise<SegmentWriter> {
    const connection = await connectWriter(this.#pool, this.#address.schema, this.#address.shown);
    try {
      const row = (await readLibraryRow(connection.client, this.#names))!;
      await migrateTables(connection.client, this.#names, row);
      const { dim } = this;
      return new PostgresWriter({
        ...{ names: this.#names, dim, connection, vectorIndexFrom: this.#vectorIndexFrom },
      });
    } catch (error) {
      await connection.release();
      throw error;
    }
  }

  async close(): Promise<void> {
    await this.#pool.end();
  }

  #query(text: string, values?: unknown[]) {
    return this.#pool.query(text, values);
  }

  /** The rows of these keys, by `number.index`. */
  // biome-ignore lint/suspicious/noExplicitAny: rows come without types.
  async #rowsOf(keys: readonly SegmentKey[], columns: string): Promise<Map<string, any>> {
    if (keys.length === 0) return new Map();
    const { rows } = await this.#query(
      `SELECT ${columns} FROM ${this.#names.segments} JOIN unnest($1::integer[], $2::integer[]) AS key(file_number, index) USING (file_number, index)`,
      [keys.map(({ fileNumber }) => fileNumber), keys.map(({ index }) => index)],
    );
    return new Map(rows.map((row) => [`${row.file_number}.${row.index}`, row]));
  }

  /** A filter as a join and conditions, whose values follow those that are there already. */
  #where(filter: SegmentFilter, values: unknown[], first?: string): { where: string; values: unknown[] } {
    const { kinds, folder, tenant, modifiedFromMs, modifiedBeforeMs } = filter;
    const all = [...values];
    const given = (value: unknown) => `$${all.push(value)}`;
    const ofFile = [
      folder === undefined ? [] : [`starts_with(f.path, ${given(folderPrefix(folder))})`],
      tenant === undefined ? [] : [`f.tenant = ${given(tenant)}`],
      modifiedFromMs === undefined ? [] : [`f.modified_ms >= ${given(modifiedFromMs)}`],
      modifiedBeforeMs === undefined ? [] : [`f.modified_ms < ${given(modifiedBeforeMs)}`],
    ].flat();
    const conditions = [
      ...(first === undefined ? [] : [first]),
      ...(kinds === undefined ? [] : [`s.kind = ANY(${given(kinds)}::text[])`]),
      ...ofFile,
    ];
    const join = ofFile.length === 0 ? '' : `JOIN ${this.#names.files} f USING (file_number)`;
    return { where: `${join} ${conditions.length === 0 ? '' : `WHERE ${conditions.join(' AND ')}`}`, values: all };
  }
}

// biome-ignore lint/suspicious/noExplicitAny: rows come without types.
function scoredKey({ file_number, index, score }: any): ScoredKey {
  return { fileNumber: file_number, index, score };
}

// biome-ignore lint/suspicious/noExplicitAny: rows come without types.
function segmentBatch(rows: readonly any[], dim: number): SegmentBatch {
  const vectors = new Float32Array(rows.length * dim);
  rows.forEach((row, i) => {
    readVector(row.vector, vectors, i * dim);
  });
  return {
    length: rows.length,
    fileNumbers: Int32Array.from(rows, (row) => row.file_number),
    indices: Int32Array.from(rows, (row) => row.index),
    kinds: Uint8Array.from(rows, (row) => segmentKinds.indexOf(row.kind)),
    startSeconds: Float32Array.from(rows, (row) => row.start_seconds),
    endSeconds: Float32Array.from(rows, (row) => row.end_seconds),
    keyFrameSeconds: Float32Array.from(rows, (row) => row.key_frame_seconds),
    pages: Int32Array.from(rows, (row) => row.page),
    vectors,
  };
}
