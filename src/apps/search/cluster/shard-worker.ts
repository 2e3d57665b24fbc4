/**
 * @file The worker of a shard: takes files from the queue, indexes them, and says that they are done after their commit is durable. A file may come twice; the second
 * time it is known. Another worker of the same shard waits until this one is gone.
 */
import { constants } from 'node:fs';
import { access, stat } from 'node:fs/promises';
import { isAbsolute, normalize } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import type { JsMsg } from '@nats-io/jetstream';
import { LibraryBusyError } from '../errors.ts';
import { FolderIngest } from '../ingest/folder-ingest.ts';
import type { IndexOptions } from '../ingest/index-folder.ts';
import type { FoundFile } from '../ingest/walk-folder.ts';
import { folderPrefix } from '../store/folder-prefix.ts';
import type { FileStamp } from '../store/segment.ts';
import type { SegmentStore, SegmentWriter } from '../store/segment-store.ts';
import type { FileTask, WorkQueue } from './work-queue.ts';

/** What a worker needs; the rest is as for indexing a folder. */
export interface ShardWorkerOptions extends Omit<IndexOptions, 'folder' | 'onProgress' | 'retryRefused'> {
  readonly queue: WorkQueue;
  readonly shard: number;
  readonly store: SegmentStore;
  /** The real path of a folder; files elsewhere are not touched. */
  readonly root: string;
  /** Ends the work; what was not done goes back to the queue. */
  readonly signal: AbortSignal;
  /** Told how many files are done since the start, after each commit. */
  readonly onDone?: (count: number) => void;
  /** Told of what went wrong, in words for people; the worker goes on. */
  readonly onProblem?: (problem: string) => void;
  /** A file is given up after so many tries; 5 by default. */
  readonly maxTries?: number;
}

/** Files that are taken at once. */
const filesOfBatch = 64;

/** How long to wait for more files before a batch begins, in milliseconds. */
const batchWaitMs = 1000;

/** After a failure, and while another worker has the shard, the next try is made after this time, in milliseconds. */
const patienceMs = 1000;

/** Commits after which a shard is compacted though files keep coming. */
const batchesOfCompaction = 200;

/** Works until the signal is aborted. @throws only what keeps the worker from ever working, such as a store of a later version. */
export async function workOnShard(options: ShardWorkerOptions): Promise<void> {
  const { store, shard, signal, onProblem = () => {} } = options;
  const pause = () => wait(patienceMs, undefined, { signal }).catch(() => {});
  let isWaiting = false;
  while (!signal.aborted) {
    const writer = await store.startWriting().catch((error: unknown) => {
      if (!(error instanceof LibraryBusyError)) throw error;
      if (!isWaiting) onProblem(`shard ${shard}: ${error.message}; waiting for it`);
      isWaiting = true;
      return undefined;
    });
    if (writer === undefined) {
      await pause();
      continue;
    }
    isWaiting = false;
    try {
      await new Session(writer, await writer.known(), options).run();
    } catch (error) {
      if (signal.aborted) break;
      onProblem(`shard ${shard}: ${error instanceof Error ? error.message : error}`);
      await pause();
    } finally {
      await writer.close().catch(() => {});
    }
  }
}

/** A message with what it says. */
interface Task extends FileTask {
  readonly message: JsMsg;
}

/** The time during which the worker holds the shard. After a failure of the store or the encoder a new one begins. */
class Session {
  readonly #options: ShardWorkerOptions;
  readonly #writer: SegmentWriter;
  readonly #stamps: Map<string, FileStamp>;
  #ingest: FolderIngest;
  /** Messages of which nothing was said yet. */
  readonly #open = new Set<JsMsg>();
  #numDone = 0;
  #batchesSinceCompaction = 0;

  constructor(writer: SegmentWriter, known: Awaited<ReturnType<SegmentWriter['known']>>, options: ShardWorkerOptions) {
    this.#writer = writer;
    this.#options = options;
    this.#stamps = new Map(known);
    this.#ingest = this.#newIngest(known);
  }

  #newIngest(known: Awaited<ReturnType<SegmentWriter['known']>>): FolderIngest {
    return new FolderIngest(this.#writer, known, { ...this.#options, folder: this.#options.root, report: () => {} });
  }

  async run(): Promise<void> {
    const { queue, shard, signal } = this.#options;
    const consumer = await queue.consumer(shard);
    while (!signal.aborted) {
      const messages: JsMsg[] = [];
      const batch = await consumer.fetch({ max_messages: filesOfBatch, expires: batchWaitMs });
      // A server that dies meanwhile does not say that there is no more.
      const limit = setTimeout(() => batch.stop(), 3 * batchWaitMs);
      for await (const message of batch) messages.push(message);
      clearTimeout(limit);
      for (const message of messages) this.#open.add(message);
      if (messages.length === 0 || this.#batchesSinceCompaction >= batchesOfCompaction) await this.#compact();
      // What has failed before comes alone, so that one bad file is never the end of others.
      const fresh = messages.filter(({ info }) => info.deliveryCount === 1);
      const groups = [fresh, ...messages.filter(({ info }) => info.deliveryCount > 1).map((one) => [one])];
      const heartbeat = setInterval(() => {
        for (const message of this.#open) message.working();
      }, queue.ackWaitMs / 3);
      try {
        for (const group of groups) if (group.length > 0) await this.#handle(group);
      } catch (error) {
        for (const message of this.#open) message.nak(signal.aborted ? 0 : patienceMs);
        throw error;
      } finally {
        clearInterval(heartbeat);
      }
    }
  }

  async #compact(): Promise<void> {
    if (this.#batchesSinceCompaction === 0) return;
    await this.#writer.compact();
    this.#batchesSinceCompaction = 0;
  }

  async #handle(messages: readonly JsMsg[]): Promise<void> {
    const { maxTries = 5, signal, onDone } = this.#options;
    const tasks: Task[] = [];
    for (const message of messages) {
      const task = readTask(message);
      const problem = this.#whyNot(task);
      if (problem !== undefined) await this.#bury({ path: String(task?.path ?? ''), message }, problem);
      else if (message.info.deliveryCount > maxTries) {
        await this.#bury({ ...task!, message }, 'the worker died, or was stopped, each time it had this file');
      } else tasks.push({ ...task!, message });
    }
    const todo = new Map<string, FoundFile>();
    const gone: string[] = [];
    const missing = new Set<string>();
    for (const { path, isGone = false } of tasks) {
      const found = await look(path);
      if (found === undefined && isGone) gone.push(path);
      else if (found === undefined) missing.add(path);
      else if (!isSame(this.#stamps.get(path), found)) todo.set(path, found);
    }
    try {
      await this.#ingest.ingest([...todo.values()]);
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      if (!signal.aborted && tasks.length === 1) await this.#putOff(tasks[0]!, reason);
      throw error;
    }
    for (const { path } of this.#ingest.refused.splice(0)) {
      // What the disk would not give may come later; what is damaged is known as refused now.
      if (!(await isReadable(path))) missing.add(path);
    }
    this.#ingest.damaged.length = 0;
    await this.#remove(gone);
    for (const [path, found] of todo) if (!missing.has(path)) this.#stamps.set(path, found);
    for (const task of tasks) {
      if (missing.has(task.path)) await this.#putOff(task, 'there is no such file, or it may not be read');
    }
    const done = tasks.filter(({ path }) => !missing.has(path));
    // A word that is lost costs another look at a file that is known by then.
    for (const { message } of done) this.#open.delete(message);
    await Promise.all(done.map(({ message }) => message.ackAck().catch(() => false)));
    if (todo.size + gone.length > 0) this.#batchesSinceCompaction += 1;
    this.#numDone += done.length;
    onDone?.(this.#numDone);
  }

  async #remove(gone: readonly string[]): Promise<void> {
    const known = gone.filter((path) => this.#stamps.has(path));
    if (known.length === 0) return;
    await this.#writer.remove(known);
    for (const path of known) this.#stamps.delete(path);
    // Its memory of contents names files that are no longer there.
    this.#ingest = this.#newIngest(await this.#writer.known());
  }

  /** Why a task cannot be done by anybody. */
  #whyNot(task: FileTask | undefined): string | undefined {
    if (task === undefined) return 'the message is no file';
    const { root } = this.#options;
    const isWithin =
      isAbsolute(task.path) && normalize(task.path) === task.path && task.path.startsWith(folderPrefix(root));
    return isWithin ? undefined : `the file lies outside of ${root}`;
  }

  /** Another try, or none if there were enough. */
  async #putOff(task: Task, reason: string): Promise<void> {
    const { maxTries = 5 } = this.#options;
    if (task.message.info.deliveryCount >= maxTries) await this.#bury(task, reason);
    else {
      this.#open.delete(task.message);
      task.message.nak(patienceMs);
    }
  }

  async #bury({ message, path, isGone }: Task, reason: string): Promise<void> {
    const { queue, shard, onProblem } = this.#options;
    onProblem?.(`shard ${shard}: given up ${path}: ${reason}`);
    const tries = message.info.deliveryCount;
    this.#open.delete(message);
    await queue.bury(shard, message, { path, reason, tries, ...(isGone === undefined ? {} : { isGone }) });
  }
}

function readTask(message: JsMsg): FileTask | undefined {
  try {
    const { path, isGone } = message.json<Record<string, unknown>>();
    if (typeof path !== 'string' || path.includes('\0')) return undefined;
    return isGone === true ? { path, isGone } : { path };
  } catch {
    return undefined;
  }
}

async function look(path: string): Promise<FoundFile | undefined> {
  const info = await stat(path).catch(() => undefined);
  return info?.isFile() ? { path, sizeBytes: info.size, modifiedMs: info.mtimeMs } : undefined;
}

function isReadable(path: string): Promise<boolean> {
  return access(path, constants.R_OK).then(
    () => true,
    () => false,
  );
}

function isSame(known: FileStamp | undefined, found: FoundFile): boolean {
  return known?.sizeBytes === found.sizeBytes && known.modifiedMs === found.modifiedMs;
}
