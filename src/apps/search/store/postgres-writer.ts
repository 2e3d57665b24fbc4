/** @file The one writer of a store in PostgreSQL. Made by the store. A commit is a transaction on the connection that holds the writer's lock. */
import type { WriterConnection } from './postgres-client.ts';
import {
  fileColumns,
  inTransaction,
  storable,
  storedFile,
  type TableNames,
  vectorLiteral,
  wordsLiteral,
} from './postgres-tables.ts';
import type { MediaFile, Segment, StoredFile } from './segment.ts';
import type { KnownFile, SegmentWriter, StoreCommit } from './segment-store.ts';

/** Rows of one statement. */
const rowsOfStatement = 500;

/** Words of files that are gone are kept so long for readers that look seldom. */
const rememberRemoved = "interval '1 hour'";

/** The largest dimension that an HNSW index of pgvector takes. */
const maxIndexedDim = 2000;

/** What the writer needs. */
export interface PostgresWriterOptions {
  readonly names: TableNames;
  readonly dim: number;
  readonly connection: WriterConnection;
  /** From so many segments on `compact` makes an HNSW index of the vectors. */
  readonly vectorIndexFrom: number;
}

/** Writes; see the contract. */
export class PostgresWriter implements SegmentWriter {
  readonly #options: PostgresWriterOptions;

  constructor(options: PostgresWriterOptions) {
    this.#options = options;
  }

  async known(): Promise<Map<string, KnownFile>> {
    const { rows } = await this.#query(
      `SELECT file_number, path, size_bytes, modified_ms, content_hash, is_refused FROM ${this.#options.names.files} ORDER BY file_number`,
    );
    return new Map(
      rows.map((row) => [
        row.path,
        {
          path: row.path,
          sizeBytes: row.size_bytes,
          modifiedMs: row.modified_ms,
          contentHash: row.content_hash,
          fileNumber: row.file_number,
          isRefused: row.is_refused,
        },
      ]),
    );
  }

  async files(paths: readonly string[]): Promise<StoredFile[]> {
    const { files } = this.#options.names;
    const query = `SELECT ${fileColumns} FROM ${files} WHERE NOT is_refused AND path = ANY($1)`;
    return (await this.#query(query, [paths])).rows.map(storedFile);
  }

  async put({ indexed = [], copied = [], refused = [] }: StoreCommit): Promise<void> {
    const count = indexed.length + copied.length + refused.length;
    if (count === 0) return;
    const { library, segments } = this.#options.names;
    await inTransaction(this.#options.connection.client, async () => {
      const { rows } = await this.#query(
        `UPDATE ${library} SET commit = commit + 1, last_number = last_number + $1 RETURNING commit, last_number`,
        [count],
      );
      const commit: number = rows[0].commit;
      let fileNumber: number = rows[0].last_number - count;
      const files: FileRow[] = [];
      const own: SegmentRow[] = [];
      for (const one of indexed) {
        files.push(fileRow(one.file, ++fileNumber, commit));
        one.segments.forEach((segment, index) => {
          own.push({ fileNumber, index, segment });
        });
      }
      // Before their originals may be replaced.
      const originals = await this.#numbersOf(copied.map(({ from }) => from));
      for (const { from, file } of copied) {
        const original = originals.get(from);
        if (original === undefined) throw new Error(`put: ${from} is to be copied, but is not there`);
        files.push(fileRow(file, ++fileNumber, commit));
        await this.#query(
          `INSERT INTO ${segments} SELECT $1, index, $2, kind, start_seconds, end_seconds, key_frame_seconds, page, vector, text, thumbnail, words
           FROM ${segments} WHERE file_number = $3`,
          [fileNumber, commit, original],
        );
      }
      for (const { reason, ...file } of refused) {
        const row = fileRow({ ...nothingKnown, ...file }, ++fileNumber, commit);
        files.push({ ...row, is_refused: true, reason: storable(reason) });
      }
      await this.#delete(
        files.map(({ path }) => path),
        commit,
      );
      await this.#insertFiles(files);
      for (let start = 0; start < own.length; start += rowsOfStatement) {
        await this.#insertSegments(own.slice(start, start + rowsOfStatement), commit);
      }
    });
  }

  async remove(paths: readonly string[]): Promise<void> {
    if (paths.length === 0) return;
    await inTransaction(this.#options.connection.client, async () => {
      const { library } = this.#options.names;
      const { rows } = await this.#query(`SELECT commit FROM ${library}`);
      const commit: number = rows[0].commit + 1;
      if ((await this.#delete(paths, commit)) > 0) await this.#query(`UPDATE ${library} SET commit = $1`, [commit]);
    });
  }

  async compact(): Promise<void> {
    const { names, dim, vectorIndexFrom } = this.#options;
    await inTransaction(this.#options.connection.client, () =>
      this.#query(
        `WITH old AS (DELETE FROM ${names.removed} WHERE removed_at < now() - ${rememberRemoved} RETURNING commit)
         UPDATE ${names.library} SET purged_commit = greatest(purged_commit, (SELECT coalesce(max(commit), 0) FROM old))`,
      ),
    );
    await this.#query(`ANALYZE ${names.files}; ANALYZE ${names.segments}`);
    if (dim > maxIndexedDim) return;
    const { rows } = await this.#query(`SELECT count(*)::integer AS count FROM ${names.segments}`);
    if (rows[0].count >= vectorIndexFrom) {
      await this.#query(
        `CREATE INDEX IF NOT EXISTS segments_vector ON ${names.segments} USING hnsw (vector vector_ip_ops)`,
      );
    }
  }

  async close(): Promise<void> {
    await this.#options.connection.release();
  }

  #query(text: string, values?: unknown[]) {
    return this.#options.connection.client.query(text, values);
  }

  async #numbersOf(paths: readonly string[]): Promise<Map<string, number>> {
    if (paths.length === 0) return new Map();
    const { rows } = await this.#query(
      `SELECT path, file_number FROM ${this.#options.names.files} WHERE NOT is_refused AND path = ANY($1)`,
      [paths],
    );
    return new Map(rows.map(({ path, file_number }) => [path, file_number]));
  }

  /** Takes what lies at these paths out, and leaves word of it. @returns how many files that were. */
  async #delete(paths: readonly string[], commit: number): Promise<number> {
    const { files, removed, segments } = this.#options.names;
    const { rows } = await this.#query(
      `WITH gone AS (DELETE FROM ${files} WHERE path = ANY($1) RETURNING file_number),
            told AS (INSERT INTO ${removed} (file_number, commit) SELECT file_number, $2 FROM gone),
            cleared AS (DELETE FROM ${segments} WHERE file_number IN (SELECT file_number FROM gone))
       SELECT count(*)::integer AS count FROM gone`,
      [paths, commit],
    );
    return rows[0].count;
  }

  async #insertFiles(rows: readonly FileRow[]): Promise<void> {
    const { files } = this.#options.names;
    await this.#query(`INSERT INTO ${files} SELECT * FROM jsonb_populate_recordset(null::${files}, $1)`, [
      JSON.stringify(rows),
    ]);
  }

  async #insertSegments(rows: readonly SegmentRow[], commit: number): Promise<void> {
    const column = <T>(of: (segment: Segment) => T) => rows.map(({ segment }) => of(segment));
    const texts = column(({ text }) => storable(text));
    await this.#query(
      `INSERT INTO ${this.#options.names.segments}
       SELECT file_number, index, $1::integer, kind, start_seconds, end_seconds, key_frame_seconds, page, vector::vector, text, thumbnail, words::tsvector
       FROM unnest($2::integer[], $3::integer[], $4::text[], $5::float8[], $6::float8[], $7::float8[], $8::integer[], $9::text[], $10::text[], $11::bytea[], $12::text[])
       AS row(file_number, index, kind, start_seconds, end_seconds, key_frame_seconds, page, vector, text, thumbnail, words)`,
      [
        commit,
        rows.map(({ fileNumber }) => fileNumber),
        rows.map(({ index }) => index),
        column(({ kind }) => kind),
        column(({ startSeconds }) => startSeconds),
        column(({ endSeconds }) => endSeconds),
        column(({ keyFrameSeconds }) => keyFrameSeconds),
        column(({ page }) => page),
        column(({ vector }) => vectorLiteral(vector)),
        texts,
        column(({ thumbnail }) => Buffer.from(thumbnail)),
        texts.map(wordsLiteral),
      ],
    );
  }
}

interface SegmentRow {
  readonly fileNumber: number;
  readonly index: number;
  readonly segment: Segment;
}

const nothingKnown: Omit<MediaFile, 'path' | 'sizeBytes' | 'modifiedMs'> = {
  ...{ kind: 'image', contentHash: '', format: '', width: 0, height: 0, durationSeconds: 0, tenant: '', tags: [] },
  indexedAtMs: 0,
};

type FileRow = ReturnType<typeof fileRow>;

function fileRow(file: MediaFile, fileNumber: number, commit: number) {
  return {
    file_number: fileNumber,
    commit,
    path: storable(file.path),
    size_bytes: file.sizeBytes,
    modified_ms: file.modifiedMs,
    is_refused: false,
    reason: '',
    kind: file.kind,
    content_hash: file.contentHash,
    format: storable(file.format),
    width: file.width,
    height: file.height,
    duration_seconds: file.durationSeconds,
    tenant: storable(file.tenant),
    tags: file.tags.map(storable),
    indexed_at_ms: file.indexedAtMs,
  };
}
