/** @file The contract on PostgreSQL: PGlite behind a socket, so that no server has to be installed. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { PGlite } from '@electric-sql/pglite';
import { vector } from '@electric-sql/pglite-pgvector';
import { PGLiteSocketServer } from '@electric-sql/pglite-socket';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { indexFolder, openLibrary, searchLibrary } from '../../src/apps/search/index.ts';
import { readPostgresAddress } from '../../src/apps/search/store/postgres-client.ts';
import { makePostgresLibrary, openPostgresStore } from '../../src/apps/search/store/postgres-store.ts';
import { makeTables, readLibraryRow, schemaVersion, tableNames } from '../../src/apps/search/store/postgres-tables.ts';
import { FormatError, MissingDataError } from '../../src/engine/core/index.ts';
import { colourEncoder, colourSvg } from '../search/colour-encoder.ts';
import { describeSegmentStore } from './segment-store.ts';

let database: PGlite;
let server: PGLiteSocketServer;
let numLibraries = 0;

const addressOf = (schema: string) =>
  readPostgresAddress(`postgres://postgres@${server.getServerConn()}/postgres?schema=${schema}`);

beforeAll(async () => {
  database = await PGlite.create({ extensions: { vector } });
  server = new PGLiteSocketServer({ db: database, port: 0, host: '127.0.0.1', maxConnections: 20 });
  await server.start();
});
afterAll(async () => {
  await server.stop();
  await database.close();
});

describeSegmentStore('PostgreSQL', async () => {
  const address = addressOf(`library_${++numLibraries}`);
  await makePostgresLibrary(address, { encoderId: 'e', dim: 16, rebuild: false });
  return {
    open: (options) => openPostgresStore(address, options),
    dispose: async () => void (await database.exec(`DROP SCHEMA ${address.schema} CASCADE`)),
  };
});

describe('a library in PostgreSQL', () => {
  it('is brought to this version by its next writer, and refused if it is of a later one', async () => {
    const address = addressOf('old');
    const names = tableNames('old');
    const client = new pg.Client(address.connectionString);
    await client.connect();
    await makeTables(client, names, { encoderId: 'e', dim: 3 }, 1);
    expect((await readLibraryRow(client, names))!.schemaVersion).toBe(1);
    const store = await openPostgresStore(address, { dim: 3 });
    await (await store.startWriting()).close();
    expect((await readLibraryRow(client, names))!.schemaVersion).toBe(schemaVersion);
    await client.query(`UPDATE ${names.library} SET schema_version = 99`);
    await expect(store.startWriting()).rejects.toThrow(FormatError);
    await store.close();
    await client.end();
  });

  it('finds by an HNSW index too, within a filter', async () => {
    const address = addressOf('indexed');
    await makePostgresLibrary(address, { encoderId: 'e', dim: 3, rebuild: false });
    const store = await openPostgresStore(address, { dim: 3, vectorIndexFrom: 10 });
    const writer = await store.startWriting();
    const angle = (i: number) => Float32Array.of(Math.cos(i / 10), Math.sin(i / 10), 0);
    await writer.put({
      indexed: Array.from({ length: 30 }, (_, i) => ({
        file: {
          ...{ path: `/${i}`, sizeBytes: 1, modifiedMs: i, kind: 'image', contentHash: `${i}`, format: 'png' },
          ...{ width: 1, height: 1, durationSeconds: 0, tenant: '', tags: [], indexedAtMs: 0 },
        } as const,
        segments: [
          {
            ...{ kind: 'image', startSeconds: 0, endSeconds: 0, keyFrameSeconds: 0, page: 0, text: 'nul \0 in it' },
            ...{ vector: angle(i), thumbnail: new Uint8Array() },
          } as const,
        ],
      })),
    });
    await writer.compact();
    const made = await database.query("SELECT FROM pg_indexes WHERE indexname = 'segments_vector'");
    expect(made.rows).toHaveLength(1);
    const found = async (filter = {}) => (await store.nearest(angle(7), 2, filter)).map(({ fileNumber }) => fileNumber);
    expect((await found())[0]).toBe(8);
    expect((await found({ modifiedFromMs: 20 })).sort()).toEqual([21, 22]);
    await writer.close();
    await store.close();
  });

  it('is opened, searched and emptied like any other', async () => {
    const address = `postgres://postgres:secret@${server.getServerConn()}/postgres?schema=whole`;
    await expect(openLibrary(address)).rejects.toThrow(MissingDataError);
    const library = await openLibrary(address, { create: true, encoderId: 'colour-1', dim: 6 });
    expect(library.directory).not.toContain('secret');
    const folder = await mkdtemp(join(tmpdir(), 'sensorium-postgres-'));
    for (const colour of ['red', 'green', 'blue'] as const) {
      await writeFile(join(folder, `${colour}.svg`), colourSvg(colour));
    }
    const encoder = colourEncoder();
    expect(await indexFolder({ library, folder, encoder })).toMatchObject({ added: 3, removed: 0 });
    await rm(join(folder, 'blue.svg'));
    expect(await indexFolder({ library, folder, encoder })).toMatchObject({ unchanged: 2, removed: 1 });
    const { hits } = await searchLibrary({ library, encoder, query: { text: 'green' } });
    expect(hits.map(({ path }) => basename(path))).toEqual(['green.svg', 'red.svg']);
    await library.close();
    const emptied = await openLibrary(address, { create: true, rebuild: true, encoderId: 'other', dim: 4 });
    expect([await emptied.count(), emptied.dim]).toEqual([0, 4]);
    await emptied.close();
    await rm(folder, { recursive: true, force: true });
  });

  it('keeps away from a schema that holds something else, and from addresses that are none', async () => {
    await database.exec('CREATE SCHEMA taken; CREATE TABLE taken.accounts (id integer)');
    await expect(makePostgresLibrary(addressOf('taken'), { encoderId: 'e', dim: 3, rebuild: true })).rejects.toThrow(
      /other tables/,
    );
    expect(() => readPostgresAddress('postgres://host/db?schema=a;drop')).toThrow(TypeError);
    expect(readPostgresAddress('postgres://me:secret@host/db').shown).not.toContain('secret');
  });
});
