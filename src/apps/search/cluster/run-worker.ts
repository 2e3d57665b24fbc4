/** @file A worker of one or more shards of a library. */
import { realpath } from 'node:fs/promises';
import { MissingDataError } from '../../../engine/core/index.ts';
import type { Library } from '../library.ts';
import { placeOf } from '../library-place.ts';
import { type ShardWorkerOptions, workOnShard } from './shard-worker.ts';

/** What `runWorker` needs. */
export interface RunWorkerOptions extends Omit<ShardWorkerOptions, 'shard' | 'store' | 'onDone'> {
  /** As it was given to `openLibrary`. */
  readonly address: string;
  readonly library: Library;
  /** The shards that this worker takes; 0 alone of a library without shards. */
  readonly shards: readonly number[];
  /** Told how many files are done, of each shard, after each commit. */
  readonly onDone?: (shard: number, count: number) => void;
}

/** Works until the signal is aborted. @throws RangeError for a shard that the library does not have. */
export async function runWorker(options: RunWorkerOptions): Promise<void> {
  const { address, library, shards, onDone, ...rest } = options;
  const numShards = library.shards ?? 1;
  const wrong = shards.find((shard) => !Number.isInteger(shard) || shard < 0 || shard >= numShards);
  if (wrong !== undefined || shards.length === 0) {
    throw new RangeError(`library ${library.directory} has shards 0 to ${numShards - 1}, got ${wrong ?? 'none'}`);
  }
  const root = await realpath(options.root).catch((cause: unknown) => {
    throw new MissingDataError(`there is no folder ${options.root}`, { cause });
  });
  const place = placeOf(address);
  const stores = await Promise.all(
    shards.map((shard) => (library.shards === undefined ? place : place.shard(shard)).openStore(library.dim)),
  );
  // Where one shard fails for good, the others end too.
  const ended = new AbortController();
  const signal = AbortSignal.any([options.signal, ended.signal]);
  try {
    await Promise.all(
      stores.map((store, i) => {
        const shard = shards[i]!;
        const told = onDone === undefined ? {} : { onDone: (count: number) => onDone(shard, count) };
        return workOnShard({ ...rest, library, root, signal, shard, store, ...told }).catch((error: unknown) => {
          ended.abort(error);
          throw error;
        });
      }),
    );
  } finally {
    for (const store of stores) await store.close();
  }
}
