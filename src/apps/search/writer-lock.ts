/**
 * @file One writer at a time: a lock file that names its process. A lock whose process is gone is taken over, also after a kill
 * or a restart that gave its process id to another program. Across machines a lock is never taken over.
 */
import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { open, readFile, rename, rm, stat } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { LibraryBusyError } from './errors.ts';

/** A lock that is held. */
export interface WriterLock {
  /** Lets the next writer in; safe to call twice. */
  release(): Promise<void>;
}

interface Holder {
  readonly token: string;
  readonly pid: number;
  readonly host: string;
  /** When the process began, in clock ticks since the machine did; null where the system does not tell. */
  readonly processStart: string | null;
  readonly since: string;
}

/** A lock file without content is one that is being written, unless it is older than this. */
const unfinishedMs = 10_000;

/** @throws LibraryBusyError while another writer is at work. */
export async function acquireWriterLock(directory: string): Promise<WriterLock> {
  const path = join(directory, 'writer.lock');
  const holder: Holder = {
    token: randomUUID(),
    pid: process.pid,
    host: hostname(),
    processStart: processStart(process.pid),
    since: new Date().toISOString(),
  };
  const text = JSON.stringify(holder);
  for (let attempt = 0; attempt < 5; attempt++) {
    try {
      const file = await open(path, 'wx');
      try {
        await file.writeFile(text);
      } finally {
        await file.close();
      }
      return { release: () => releaseLock(path, text) };
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
    await removeStaleLock(path, directory);
  }
  throw new LibraryBusyError(`library ${directory}: other processes keep taking its lock; try again`);
}

async function releaseLock(path: string, text: string): Promise<void> {
  if ((await readLock(path)) === text) await rm(path, { force: true });
}

/** Removes the lock if its process is gone. @throws LibraryBusyError if it is not. */
async function removeStaleLock(path: string, directory: string): Promise<void> {
  const seen = await readLock(path);
  if (seen === undefined) return;
  const busy = await whyBusy(path, seen);
  if (busy !== undefined) throw new LibraryBusyError(`library ${directory}: ${busy}`);
  // Two processes may find the same stale lock. Only one of them can move it away; the other may move a fresh one
  // and has to put it back.
  const aside = `${path}.${randomUUID()}`;
  try {
    await rename(path, aside);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return;
    throw error;
  }
  if ((await readLock(aside)) === seen) {
    await rm(aside, { force: true });
    return;
  }
  await rename(aside, path);
  throw new LibraryBusyError(`library ${directory}: another process has just begun to write to it; try again later`);
}

async function readLock(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

/** Why the lock still counts, or undefined when it does not. */
async function whyBusy(path: string, text: string): Promise<string | undefined> {
  const holder = parseHolder(text);
  if (holder === undefined) {
    const age = await stat(path).then(
      (info) => Date.now() - info.mtimeMs,
      () => 0,
    );
    return age < unfinishedMs ? 'another process is about to write to it; try again' : undefined;
  }
  const who = `process ${holder.pid} (since ${holder.since})`;
  if (holder.host !== hostname()) {
    return `${who} on ${holder.host} is writing to it; if that has ended, delete ${path}`;
  }
  if (!isAlive(holder.pid)) return undefined;
  const start = processStart(holder.pid);
  if (start !== null && holder.processStart !== null && start !== holder.processStart) return undefined;
  return `${who} is writing to it; wait until it has finished or stop it`;
}

function parseHolder(text: string): Holder | undefined {
  try {
    const value = JSON.parse(text) as Holder;
    return Number.isInteger(value.pid) && value.pid > 0 && typeof value.host === 'string' ? value : undefined;
  } catch {
    return undefined;
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/** When a process began, from field 22 of Linux's /proc/<pid>/stat; null elsewhere. */
function processStart(pid: number): string | null {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return text.slice(text.lastIndexOf(')') + 2).split(' ')[19] ?? null;
  } catch {
    return null;
  }
}
