/**
 * @file One writer at a time. Locks are numbered files, `writer.lock.1`, `writer.lock.2` and so on, and the highest counts: it names
 * its process, or says that it was released. Whoever finds it free makes the next number, which the file system grants to one
 * only; nothing that somebody may hold is ever moved, changed or deleted by another. A lock whose process is gone is free, also
 * after a kill or a restart that gave its process id to another program. Across machines a lock is never taken over.
 */
import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { open, readdir, readFile, rm, stat } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import writeFileAtomic from 'write-file-atomic';
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

/** How many numbers below its own a holder leaves, so that a listing made meanwhile cannot miss every one of them. */
const keptNumbers = 8;

/** @throws LibraryBusyError while another writer is at work. */
export async function acquireWriterLock(directory: string): Promise<WriterLock> {
  const holder: Holder = {
    token: randomUUID(),
    pid: process.pid,
    host: hostname(),
    processStart: processStart(process.pid),
    since: new Date().toISOString(),
  };
  for (let attempt = 0; attempt < 5; attempt++) {
    const highest = Math.max(0, ...(await lockNumbers(directory)));
    const busy = highest === 0 ? undefined : await whyBusy(lockPath(directory, highest));
    if (busy !== undefined) throw new LibraryBusyError(`library ${directory}: ${busy}`);
    const number = highest + 1;
    if (!(await createLock(lockPath(directory, number), holder))) continue;
    // What was seen as highest may have been old: between the look and the making, others may have gone further.
    const numbers = await lockNumbers(directory);
    if (numbers.some((other) => other > number)) {
      await rm(lockPath(directory, number), { force: true });
      continue;
    }
    for (const old of numbers.filter((other) => other < number - keptNumbers)) {
      await rm(lockPath(directory, old), { force: true });
    }
    let isHeld = true;
    return {
      async release() {
        if (!isHeld) return;
        isHeld = false;
        await writeFileAtomic(lockPath(directory, number), JSON.stringify({ released: true }));
      },
    };
  }
  throw new LibraryBusyError(`library ${directory}: other processes keep taking its lock; try again`);
}

const lockName = /^writer\.lock\.(\d+)$/;

function lockPath(directory: string, number: number): string {
  return join(directory, `writer.lock.${number}`);
}

async function lockNumbers(directory: string): Promise<number[]> {
  return (await readdir(directory)).flatMap((name) => {
    const match = lockName.exec(name);
    return match === null ? [] : [Number(match[1])];
  });
}

/** Makes the file, or returns false if somebody has already. */
async function createLock(path: string, holder: Holder): Promise<boolean> {
  try {
    const file = await open(path, 'wx');
    try {
      await file.writeFile(JSON.stringify(holder));
    } finally {
      await file.close();
    }
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

/** Why the lock still counts, or undefined when it does not. */
async function whyBusy(path: string): Promise<string | undefined> {
  const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  });
  // Gone since the look: its maker saw a higher one, which the next look will see too.
  if (text === undefined) return undefined;
  const content = parseLock(text);
  if (content === 'released') return undefined;
  if (content === undefined) {
    const age = await stat(path).then(
      (info) => Date.now() - info.mtimeMs,
      () => 0,
    );
    return age < unfinishedMs ? 'another process is about to write to it; try again' : undefined;
  }
  const holder = content;
  const who = `process ${holder.pid} (since ${holder.since})`;
  if (holder.host !== hostname()) {
    return `${who} on ${holder.host} is writing to it; if that has ended, delete ${path}`;
  }
  if (!isAlive(holder.pid)) return undefined;
  const start = processStart(holder.pid);
  if (start !== null && holder.processStart !== null && start !== holder.processStart) return undefined;
  return `${who} is writing to it; wait until it has finished or stop it`;
}

function parseLock(text: string): Holder | 'released' | undefined {
  try {
    const value = JSON.parse(text) as Holder & { released?: boolean };
    if (value.released === true) return 'released';
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
