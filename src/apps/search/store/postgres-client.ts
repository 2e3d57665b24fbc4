/** @file Connections to PostgreSQL through `pg`, which is installed by those who want it. */
import type pg from 'pg';
import { MissingDataError } from '../../../engine/core/index.ts';
import { LibraryBusyError } from '../errors.ts';

/** A connection, or a pool of them. */
export type PostgresClient = Pick<pg.ClientBase, 'query'>;

/** Where a library lies in PostgreSQL. */
export interface PostgresAddress {
  /** For people, without the password. */
  readonly shown: string;
  /** The schema that holds the tables. */
  readonly schema: string;
  readonly connectionString: string;
}

/**
 * Reads `postgres://user:password@host:5432/database?schema=films`; the schema is `sensorium` unless it is given.
 * @throws TypeError if it is not such an address.
 */
export function readPostgresAddress(address: string): PostgresAddress {
  const url = URL.canParse(address) ? new URL(address) : undefined;
  const schema = url?.searchParams.get('schema') ?? 'sensorium';
  if (url === undefined || !/^postgres(ql)?:$/.test(url.protocol) || !/^[a-z_][a-z0-9_]{0,62}$/.test(schema)) {
    throw new TypeError(
      'a library in PostgreSQL is named postgres://user:password@host:5432/database?schema=name, where name has small letters, digits and _ only',
    );
  }
  url.searchParams.delete('schema');
  const shown = new URL(url);
  shown.password = '';
  shown.search = '';
  return { shown: `${shown.href}?schema=${schema}`, schema, connectionString: url.href };
}

/** Connections that are made when they are needed. @throws MissingDataError if `pg` is not installed. */
export async function openPool({ connectionString }: PostgresAddress): Promise<pg.Pool> {
  const loaded = await import('pg').catch((cause: unknown) => {
    throw new MissingDataError('a library in PostgreSQL needs the package pg; install it with: npm install pg', {
      cause,
    });
  });
  const pool = new loaded.default.Pool({ connectionString, max: 8, idleTimeoutMillis: 10_000 });
  // A connection that breaks while nobody uses it is replaced by the next query.
  pool.on('error', () => {});
  return pool;
}

/** A connection that holds the writer's lock of a schema. */
export interface WriterConnection {
  readonly client: pg.PoolClient;
  /** Lets the next writer in; safe to call twice. */
  release(): Promise<void>;
}

/**
 * Takes the writer's lock, an advisory lock of a connection. What is written goes through the same connection: when it breaks the server frees the lock, and nothing
 * that was begun on it can be committed any more.
 * @throws LibraryBusyError while another writer is at work.
 */
export async function connectWriter(pool: pg.Pool, schema: string, shown: string): Promise<WriterConnection> {
  const client = await pool.connect();
  try {
    // Where a pooler lends one session to several clients the lock would be granted again: so it is looked for first.
    const { rows } = await client.query(
      `WITH key AS (SELECT hashtext('sensorium ' || $1) AS one, hashtext($1) AS two)
       SELECT CASE WHEN EXISTS (
         SELECT FROM pg_locks WHERE locktype = 'advisory' AND granted AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
         AND classid::bigint = one::bigint & 4294967295 AND objid::bigint = two::bigint & 4294967295 AND objsubid = 2
       ) THEN false ELSE pg_try_advisory_lock(one, two) END AS granted FROM key`,
      [schema],
    );
    if (!rows[0].granted) {
      throw new LibraryBusyError(`library ${shown}: another process is writing to it; wait until it has finished`);
    }
    // What was acknowledged is on disk, whatever the server does by default.
    await client.query('SET synchronous_commit = on');
  } catch (error) {
    client.release();
    throw error;
  }
  let isHeld = true;
  return {
    client,
    async release() {
      if (!isHeld) return;
      isHeld = false;
      const unlocked = await client
        .query("SELECT pg_advisory_unlock(hashtext('sensorium ' || $1), hashtext($1))", [schema])
        .catch((error: Error) => error);
      // A broken connection is not used again; its lock is gone with it.
      client.release(unlocked instanceof Error ? unlocked : undefined);
    },
  };
}
