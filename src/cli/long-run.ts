/** @file Work that takes long: its progress is shown, Ctrl-C stops it at a safe point, and where it is kept is told. */
import type { OnProgress } from '../engine/core/index.ts';
import { UsageError } from './failure.ts';
import { listenForInterrupt } from './interrupt.ts';
import { type ProgressBarOptions, showProgress } from './progress-bar.ts';

/** What the work is given. */
export interface DuringRun {
  readonly onProgress: OnProgress;
  readonly signal: AbortSignal;
}

/** Does the work, which keeps what it has done in `runDirectory`; when it was stopped, says that the same command goes on. */
export async function longRun<T>(
  args: ProgressBarOptions,
  runDirectory: string,
  work: (during: DuringRun) => Promise<T>,
): Promise<T> {
  const interrupt = listenForInterrupt();
  const bar = showProgress(args);
  try {
    return await work({ onProgress: bar.onProgress, signal: interrupt.signal });
  } catch (error) {
    bar.close();
    if (interrupt.signal.aborted) process.stderr.write(`saved in ${runDirectory}; run the same command to go on\n`);
    throw error;
  } finally {
    bar.close();
    interrupt.dispose();
  }
}

/** The seeds 1 to n of an option `--seeds n`, three if it is absent. @throws UsageError unless n is a whole number from 1 to 10. */
export function seedsOf(command: string, option: string | undefined): number[] {
  const count = Number(option ?? 3);
  if (!Number.isInteger(count) || count < 1 || count > 10) {
    throw new UsageError(`${command}: --seeds must be a whole number from 1 to 10, got ${option}`);
  }
  return Array.from({ length: count }, (_, i) => i + 1);
}
