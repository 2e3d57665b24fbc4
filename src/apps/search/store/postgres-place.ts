/** @file A library in PostgreSQL, as a place. It has no shards: the server grows by its own means. */
import type { LibraryPlace, NewLibrary } from '../library-place.ts';
import { type LibraryManifest, newManifest } from '../manifest.ts';
import { type PostgresAddress, readPostgresAddress } from './postgres-client.ts';
import { makePostgresLibrary, openPostgresStore, readPostgresLibrary } from './postgres-store.ts';
import type { LibraryRow } from './postgres-tables.ts';
import type { SegmentStore } from './segment-store.ts';

/** A schema of a database. */
export class PostgresPlace implements LibraryPlace {
  readonly address: string;
  readonly #at: PostgresAddress;

  /** @throws TypeError if it is no such address. */
  constructor(address: string) {
    this.#at = readPostgresAddress(address);
    this.address = this.#at.shown;
  }

  async readManifest(): Promise<LibraryManifest | undefined> {
    const row = await readPostgresLibrary(this.#at);
    return row === undefined ? undefined : manifestOf(row);
  }

  async make({ shards, ...library }: NewLibrary): Promise<LibraryManifest> {
    if (shards !== undefined) this.shard(0);
    return manifestOf(await makePostgresLibrary(this.#at, library));
  }

  openStore(dim: number): Promise<SegmentStore> {
    return openPostgresStore(this.#at, { dim });
  }

  shard(_number: number): LibraryPlace {
    throw new TypeError(`${this.address}: a library in PostgreSQL has no shards; leave --shards out`);
  }
}

function manifestOf({ encoderId, dim, createdAt }: LibraryRow): LibraryManifest {
  return { ...newManifest({ encoderId, dim }), createdAt };
}
