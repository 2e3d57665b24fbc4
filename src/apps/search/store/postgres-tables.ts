/**
 * @file The tables of a library in PostgreSQL, in a schema of their own, and the steps by which they came to be. Vectors are pgvector's; words are a `tsvector` that
 * is made here, for PostgreSQL has no parser of Chinese.
 */
import { FormatError, MissingDataError } from '../../../engine/core/index.ts';
import type { PostgresClient } from './postgres-client.ts';
import type { FileKind, StoredFile } from './segment.ts';
import { indexedWords } from './words.ts';

/** The names of the tables, each with its schema, ready for a statement. */
export interface TableNames {
  readonly schema: string;
  readonly library: string;
  readonly files: string;
  readonly removed: string;
  readonly segments: string;
}

/** The tables within a schema. */
export function tableNames(schema: string): TableNames {
  const quoted = `"${schema.replaceAll('"', '""')}"`;
  return {
    schema: quoted,
    library: `${quoted}.library`,
    files: `${quoted}.files`,
    removed: `${quoted}.removed`,
    segments: `${quoted}.segments`,
  };
}

/** What the one row of `library` says. */
export interface LibraryRow {
  readonly schemaVersion: number;
  readonly encoderId: string;
  readonly dim: number;
  readonly createdAt: string;
  readonly commit: number;
  /** Words of removed files are forgotten up to this commit. */
  readonly purgedCommit: number;
}

/** The steps in their order; the version of a schema is how many of them were taken. A step is never changed once it was released. */
const steps: readonly ((names: TableNames, dim: number) => string)[] = [
  ({ files, removed, segments }, dim) => `
    CREATE TABLE ${files} (
      file_number integer PRIMARY KEY, commit integer NOT NULL, path text NOT NULL, size_bytes double precision NOT NULL,
      modified_ms double precision NOT NULL, is_refused boolean NOT NULL, reason text NOT NULL, kind text NOT NULL, content_hash text NOT NULL,
      format text NOT NULL, width integer NOT NULL, height integer NOT NULL, duration_seconds double precision NOT NULL, tenant text NOT NULL,
      tags jsonb NOT NULL, indexed_at_ms double precision NOT NULL);
    CREATE TABLE ${removed} (file_number integer PRIMARY KEY, commit integer NOT NULL, removed_at timestamptz NOT NULL DEFAULT now());
    CREATE TABLE ${segments} (
      file_number integer, index integer, commit integer NOT NULL, kind text NOT NULL, start_seconds double precision NOT NULL,
      end_seconds double precision NOT NULL, key_frame_seconds double precision NOT NULL, page integer NOT NULL, vector vector(${dim}) NOT NULL,
      text text NOT NULL, thumbnail bytea NOT NULL, words tsvector NOT NULL, PRIMARY KEY (file_number, index));`,
  ({ files, removed, segments }) => `
    CREATE INDEX ON ${files} USING hash (path);
    CREATE INDEX ON ${files} (commit);
    CREATE INDEX ON ${removed} (commit);
    CREATE INDEX ON ${segments} USING gin (words);`,
];

/** The version that this code writes. */
export const schemaVersion: number = steps.length;

/** The row of `library`, or nothing where there is no library. @throws FormatError if a later version made it. */
export async function readLibraryRow(client: PostgresClient, names: TableNames): Promise<LibraryRow | undefined> {
  const there = await client.query('SELECT to_regclass($1) IS NOT NULL AS there', [names.library]);
  if (!there.rows[0].there) return undefined;
  const { rows } = await client.query(`SELECT * FROM ${names.library}`);
  const [row] = rows;
  if (row === undefined) return undefined;
  if (row.schema_version > schemaVersion) {
    throw new FormatError(
      `library in schema ${names.schema}: made by a later version (${row.schema_version}, this one knows ${schemaVersion}); update sensorium`,
    );
  }
  return {
    schemaVersion: row.schema_version,
    encoderId: row.encoder_id,
    dim: row.dim,
    createdAt: row.created_at,
    commit: row.commit,
    purgedCommit: row.purged_commit,
  };
}

/**
 * Makes an empty library, or makes it anew; the caller holds the writer's lock.
 * @param upTo how many steps are taken; all but in tests.
 * @throws MissingDataError if the server has no pgvector.
 */
export async function makeTables(
  client: PostgresClient,
  names: TableNames,
  { encoderId, dim }: Pick<LibraryRow, 'encoderId' | 'dim'>,
  upTo: number = schemaVersion,
): Promise<void> {
  await client.query('CREATE EXTENSION IF NOT EXISTS vector').catch((cause: unknown) => {
    throw new MissingDataError(
      `the PostgreSQL server has no pgvector, or this user may not create the extension: ${(cause as Error).message}; install pgvector 0.5 or newer`,
      { cause },
    );
  });
  await inTransaction(client, async () => {
    await client.query(`DROP SCHEMA IF EXISTS ${names.schema} CASCADE; CREATE SCHEMA ${names.schema}`);
    await client.query(`CREATE TABLE ${names.library} (
      schema_version integer NOT NULL, encoder_id text NOT NULL, dim integer NOT NULL, created_at text NOT NULL,
      commit integer NOT NULL, last_number integer NOT NULL, purged_commit integer NOT NULL)`);
    await client.query(`INSERT INTO ${names.library} VALUES (0, $1, $2, $3, 0, 0, 0)`, [
      encoderId,
      dim,
      new Date().toISOString(),
    ]);
    await takeSteps(client, names, dim, 0, upTo);
  });
}

/** Brings tables of an earlier version to this one; the caller holds the writer's lock. */
export async function migrateTables(client: PostgresClient, names: TableNames, row: LibraryRow): Promise<void> {
  if (row.schemaVersion === schemaVersion) return;
  await inTransaction(client, () => takeSteps(client, names, row.dim, row.schemaVersion, schemaVersion));
}

async function takeSteps(client: PostgresClient, names: TableNames, dim: number, from: number, to: number) {
  for (const step of steps.slice(from, to)) await client.query(step(names, dim));
  await client.query(`UPDATE ${names.library} SET schema_version = $1`, [to]);
}

/** Does all of `work` or nothing. */
export async function inTransaction<T>(client: PostgresClient, work: () => Promise<T>, mode = ''): Promise<T> {
  await client.query(`BEGIN ${mode}`);
  try {
    const result = await work();
    await client.query('COMMIT');
    return result;
  } catch (error) {
    await client.query('ROLLBACK').catch(() => {});
    throw error;
  }
}

/** The columns of a file, for `storedFile`. */
export const fileColumns =
  'file_number, path, size_bytes, modified_ms, kind, content_hash, format, width, height, duration_seconds, tenant, tags, indexed_at_ms';

/** The file that a row tells of. */
// biome-ignore lint/suspicious/noExplicitAny: rows come without types.
export function storedFile(row: any): StoredFile {
  return {
    fileNumber: row.file_number,
    path: row.path,
    sizeBytes: row.size_bytes,
    modifiedMs: row.modified_ms,
    kind: row.kind as FileKind,
    contentHash: row.content_hash,
    format: row.format,
    width: row.width,
    height: row.height,
    durationSeconds: row.duration_seconds,
    tenant: row.tenant,
    tags: row.tags,
    indexedAtMs: row.indexed_at_ms,
  };
}

/** A vector as pgvector reads it. Nine digits tell every float32. */
export function vectorLiteral(vector: Float32Array): string {
  return `[${Array.from(vector, (value) => Number(value.toPrecision(9))).join()}]`;
}

/** What `vector_send` gives: the dimension, two bytes, and the numbers, big-endian. */
export function readVector(bytes: Buffer, out: Float32Array, at: number): void {
  const dim = bytes.readUInt16BE(0);
  for (let d = 0; d < dim; d++) out[at + d] = bytes.readFloatBE(4 + 4 * d);
}

/** A text without what PostgreSQL cannot hold. */
export function storable(text: string): string {
  return text.replaceAll('\0', '');
}

/** Words of one text beyond this number are not found. */
const maxWords = 16_000;

/** The words of a text as a literal of `tsvector`. They hold letters and digits only, so nothing has to be escaped. */
export function wordsLiteral(text: string): string {
  return indexedWords(text)
    .slice(0, maxWords)
    .map((word, i) => `'${word}':${i + 1}`)
    .join(' ');
}
