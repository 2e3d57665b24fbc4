/** @file One process at a time in a run folder: two would write over each other's checkpoint and log. */
import { mkdir, open, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';

/** Thrown when another process is training in the folder. */
export class RunBusyError extends Error {
  override readonly name = 'RunBusyError';
}

/**
 * Takes the folder for this process; what it returns gives it back. A lock left by a process that no longer runs is taken over.
 * @throws RunBusyError naming the process that holds it.
 */
export async function holdRunFolder(directory: string): Promise<() => Promise<void>> {
  await mkdir(directory, { recursive: true });
  const path = join(directory, 'lock');
  for (let attempt = 0; ; attempt++) {
    const file = await open(path, 'wx').catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'EEXIST') return undefined;
      throw error;
    });
    if (file !== undefined) {
      await file.writeFile(String(process.pid));
      await file.close();
      return () => rm(path, { force: true });
    }
    const holder = Number(await readFile(path, 'utf8').catch(() => '0'));
    if (attempt > 0 || isRunning(holder)) {
      throw new RunBusyError(
        `${directory}: process ${holder} is training here; wait for it, or choose another folder with --run`,
      );
    }
    await rm(path, { force: true });
  }
}

function isRunning(pid: number): boolean {
  if (!Number.isInteger(pid) || pid <= 0) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
