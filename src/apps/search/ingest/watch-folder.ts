/** @file Keeps a library up to date with a folder while its files come, change and go. */
import { type FSWatcher, watch } from 'node:fs';
import { resolve } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { LibraryBusyError } from '../errors.ts';
import { folderPrefix } from '../store/folder-prefix.ts';
import { type IndexOptions, type IndexReport, indexFolder } from './index-folder.ts';

/** What `watchFolder` needs. */
export interface WatchOptions extends IndexOptions {
  /** Ends the watching. */
  readonly signal: AbortSignal;
  /** Told after each run. */
  readonly onReport?: (report: IndexReport) => void;
  /** A run begins when nothing has happened for this long, in milliseconds; 1000 by default. */
  readonly quietMs?: number;
  /** The folder is looked through at least this often, in milliseconds, for what the system does not tell; ten minutes by default. */
  readonly everyMs?: number;
}

/** While files keep coming, a run begins after this long all the same, in milliseconds. */
const longestQuietMs = 30_000;

/**
 * Indexes a folder, and again whenever something in it changes, until the signal is aborted. While another process writes to the library it waits.
 * @throws as `indexFolder` does, but for the reason of the signal.
 */
export async function watchFolder(options: WatchOptions): Promise<void> {
  const { signal, onReport, quietMs = 1000, everyMs = 600_000 } = options;
  let changedAtMs: number | undefined;
  let wake = () => {};
  let watcher: FSWatcher | undefined;
  try {
    const ownFolder = folderPrefix(options.library.directory);
    watcher = watch(options.folder, { recursive: true, persistent: false }, (_, name) => {
      // The library may lie within the folder; what is written to it is no news.
      if (name !== null && folderPrefix(resolve(options.folder, name)).startsWith(ownFolder)) return;
      changedAtMs = performance.now();
      wake();
    });
    // A folder that vanishes within it is no reason to stop; the next look tells.
    watcher.on('error', () => {});
  } catch {
    // Where the system cannot tell of changes, the folder is looked through every so often.
  }
  try {
    while (!signal.aborted) {
      changedAtMs = undefined;
      const report = await indexFolder(options).catch((error: unknown) => {
        if (error instanceof LibraryBusyError || signal.aborted) return undefined;
        throw error;
      });
      if (report !== undefined) onReport?.(report);
      if (signal.aborted) return;
      const deadlineMs = performance.now() + (report === undefined ? 2 * quietMs : everyMs);
      let firstAtMs: number | undefined;
      while (!signal.aborted && performance.now() < deadlineMs) {
        const now = performance.now();
        if (changedAtMs !== undefined) {
          firstAtMs ??= changedAtMs;
          if (now - changedAtMs >= quietMs || now - firstAtMs >= longestQuietMs) break;
        }
        const untilQuietMs = changedAtMs === undefined ? deadlineMs - now : changedAtMs + quietMs - now;
        await Promise.race([
          wait(Math.max(1, Math.min(untilQuietMs, deadlineMs - now)), undefined, { signal }).catch(() => {}),
          ...(changedAtMs === undefined ? [new Promise<void>((woken) => (wake = woken))] : []),
        ]);
      }
    }
  } finally {
    watcher?.close();
  }
}
