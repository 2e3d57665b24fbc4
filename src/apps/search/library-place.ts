/** @file Where a library lies: a folder or PostgreSQL, told by how its address begins. */
import { mkdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { connect } from '@lancedb/lancedb';
import { ShardedStore } from './cluster/sharded-store.ts';
import { isFreeForLibrary, type LibraryManifest, readManifest, writeManifest } from './manifest.ts';
import { dropLanceStore, openLanceStore } from './store/lance-store.ts';
import { PostgresPlace } from './store/postgres-place.ts';
import type { SegmentStore } from './store/segment-store.ts';
import { acquireWriterLock } from './writer-lock.ts';

/** What a new library is to be. */
export interface NewLibrary {
  readonly encoderId: string;
  readonly dim: number;
  /** Empties what is there. */
  readonly rebuild: boolean;
  /** In how many shards its segments lie, each with a writer of its own; absent, it has none. */
  readonly shards?: number | undefined;
}

/** A place that holds a library, or may. */
export interface LibraryPlace {
  /** As it is shown to people: without secrets. */
  readonly address: string;
  /** What the library there says of itself; nothing where there is none. */
  readManifest(): Promise<LibraryManifest | undefined>;
  /** Makes an empty library; what another process has made meanwhile stays, unless it is to be rebuilt. @throws TypeError where something else is. */
  make(library: NewLibrary): Promise<LibraryManifest>;
  /** Opens the store at this very place. */
  openStore(dim: number): Promise<SegmentStore>;
  /** The place of a shard. @throws TypeError where there are none. */
  shard(number: number): LibraryPlace;
}

/** The place of an address: `postgres://...`, else a folder. @throws TypeError for an address of another kind. */
export function placeOf(address: string): LibraryPlace {
  if (/^postgres(ql)?:\/\//.test(address)) return new PostgresPlace(address);
  if (/^[a-z][a-z0-9+.-]+:\/\//i.test(address)) {
    throw new TypeError(
      `${address}: a library lies in a folder or at postgres://host/database; object storage is not a place yet`,
    );
  }
  return new FolderPlace(resolve(address));
}

/** Opens the store of a library, of all its shards if it has some. */
export async function openPlace(place: LibraryPlace, { dim, shards }: LibraryManifest): Promise<SegmentStore> {
  if (shards === undefined) return await place.openStore(dim);
  const stores: SegmentStore[] = [];
  try {
    for (let k = 0; k < shards; k++) stores.push(await place.shard(k).openStore(dim));
  } catch (error) {
    for (const store of stores) await store.close();
    throw error;
  }
  return new ShardedStore(place.address, stores);
}

/** Tables that earlier versions made. */
const earlierTables = ['pictures', 'media'];

/** A folder of this machine, or one that it shares. */
class FolderPlace implements LibraryPlace {
  readonly address: string;

  constructor(directory: string) {
    this.address = directory;
  }

  readManifest(): Promise<LibraryManifest | undefined> {
    return readManifest(this.address);
  }

  async make({ encoderId, dim, rebuild, shards }: NewLibrary): Promise<LibraryManifest> {
    const at = this.address;
    const before = await readManifest(at);
    if (before === undefined && !(await isFreeForLibrary(at))) {
      throw new TypeError(`openLibrary: ${at} holds other files; give a new or an empty folder for the library`);
    }
    await mkdir(at, { recursive: true });
    const lock = await acquireWriterLock(at);
    try {
      const made = await readManifest(at);
      if (made !== undefined && !rebuild) return made;
      // The rows go before the manifest changes, so that no moment shows rows of one encoder under the name of another.
      if (made !== undefined) await this.#empty(made);
      for (let k = 0; k < (shards ?? 0); k++) await mkdir(join(at, `shard-${k}`), { recursive: true });
      return await writeManifest(at, { encoderId, dim, shards });
    } finally {
      await lock.release();
    }
  }

  async #empty({ shards = 0 }: LibraryManifest): Promise<void> {
    for (let k = 0; k < shards; k++) {
      const shard = join(this.address, `shard-${k}`);
      await mkdir(shard, { recursive: true });
      const lock = await acquireWriterLock(shard);
      await dropLanceStore(shard).finally(() => lock.release());
    }
    await dropLanceStore(this.address);
    const connection = await connect(this.address);
    for (const name of await connection.tableNames()) {
      if (earlierTables.includes(name)) await connection.dropTable(name);
    }
    connection.close();
  }

  openStore(dim: number): Promise<SegmentStore> {
    return openLanceStore(this.address, { dim, lock: () => acquireWriterLock(this.address) });
  }

  shard(number: number): LibraryPlace {
    return new FolderPlace(join(this.address, `shard-${number}`));
  }
}
