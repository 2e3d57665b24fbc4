/** @file Gives the files of a folder to the workers: those that the library does not have as they are, and word of those that are gone. */
import { realpath } from 'node:fs/promises';
import { setTimeout as wait } from 'node:timers/promises';
import { MissingDataError, type OnProgress } from '../../../engine/core/index.ts';
import { type SkippedPath, walkFolder } from '../ingest/walk-folder.ts';
import type { Library } from '../library.ts';
import { folderPrefix } from '../store/folder-prefix.ts';
import { shardOf } from './shard-of.ts';
import type { WorkQueue } from './work-queue.ts';

/** What `enqueueFolder` needs. */
export interface EnqueueOptions {
  readonly library: Library;
  readonly queue: WorkQueue;
  /** A folder that every worker sees at the same path. */
  readonly folder: string;
  readonly onProgress?: OnProgress;
  readonly signal?: AbortSignal;
  /** Returns only when the workers have done all that is in the queue. */
  readonly wait?: boolean;
}

/** What was given to the workers. */
export interface EnqueueReport {
  readonly enqueued: number;
  /** Of those, files that are gone. */
  readonly gone: number;
  /** Files that the library has as they are. */
  readonly unchanged: number;
  readonly skipped: readonly SkippedPath[];
  /** Files that workers have given up while this one waited; 0 if it did not. */
  readonly dead: number;
}

/** Messages that are on their way at once. */
const publishedAtOnce = 64;

/** How often a waiting caller looks, in milliseconds. */
const lookEveryMs = 500;

/** Gives the files of a folder to the workers. @throws MissingDataError if there is no such folder. */
export async function enqueueFolder(options: EnqueueOptions): Promise<EnqueueReport> {
  const { library, queue, onProgress, signal } = options;
  const folder = await realpath(options.folder).catch((cause: unknown) => {
    throw new MissingDataError(`there is no folder ${options.folder}`, { cause });
  });
  const { files, skipped, unread } = await walkFolder(folder, new Set([library.directory]), signal);
  const known = await library.stamps();
  const present = new Set(files.map(({ path }) => path));
  const todo = files.filter(({ path, sizeBytes, modifiedMs }) => {
    const before = known.get(path);
    return before?.sizeBytes !== sizeBytes || before.modifiedMs !== modifiedMs;
  });
  const prefix = folderPrefix(folder);
  const closed = unread.map(folderPrefix);
  const gone = [...known.values()].filter(
    ({ path }) => path.startsWith(prefix) && !present.has(path) && !closed.some((other) => path.startsWith(other)),
  );
  const before = options.wait ? await queue.countDead() : 0;
  const tasks = [
    ...todo.map(({ path, sizeBytes, modifiedMs }) => ({ task: { path }, stamp: `${sizeBytes} ${modifiedMs}` })),
    ...gone.map(({ path, modifiedMs }) => ({ task: { path, isGone: true }, stamp: `gone ${modifiedMs}` })),
  ];
  for (let start = 0; start < tasks.length; start += publishedAtOnce) {
    signal?.throwIfAborted();
    const part = tasks.slice(start, start + publishedAtOnce);
    await Promise.all(part.map(({ task, stamp }) => queue.publish(shardOf(task.path, queue.shards), task, stamp)));
    onProgress?.({ stage: 'giving out files', done: start + part.length, total: tasks.length, unit: 'files' });
  }
  if (options.wait) await untilDrained(queue, options);
  const dead = options.wait ? (await queue.countDead()) - before : 0;
  return { enqueued: tasks.length, gone: gone.length, unchanged: files.length - todo.length, skipped, dead };
}

async function untilDrained(queue: WorkQueue, { onProgress, signal }: EnqueueOptions): Promise<void> {
  const total = await queue.remaining();
  for (;;) {
    const left = await queue.remaining();
    onProgress?.({ stage: 'waiting for workers', done: Math.max(0, total - left), total, unit: 'files' });
    if (left === 0) return;
    await wait(lookEveryMs, undefined, signal === undefined ? {} : { signal });
  }
}
