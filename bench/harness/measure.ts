/**
 * @file Interleaved measurement. Contenders take turns in one process run, in alternating order and after a pause, so that a slow
 * minute of the machine, its temperature, or threads that still spin hit all of them alike.
 */
import { setTimeout as pause } from 'node:timers/promises';

/** Something that is measured. */
export interface Contender {
  readonly name: string;
  /** Measured blocks, spread over the run, for one that is slow; those of `MeasureOptions` if absent. */
  readonly rounds?: number;
  /** Does one block of work back to back and returns its figures, one for each unit of work. */
  sample(): Promise<readonly number[]>;
}

/** The figures of one contender. */
export interface Figures {
  readonly median: number;
  readonly minimum: number;
  readonly count: number;
}

/** How often and how far apart contenders are measured. */
export interface MeasureOptions {
  /** Measured blocks of each contender. */
  readonly rounds: number;
  /** Blocks before that whose figures are dropped; 1 if absent. */
  readonly warmUpRounds?: number;
  /** Idle time before every block, so that the threads of the one before have gone to sleep; 100 if absent. */
  readonly pauseMs?: number;
}

/** The `fraction` quantile, in [0, 1], of the values: the smallest value that at least that share of them does not exceed. */
export function quantile(values: readonly number[], fraction: number): number {
  if (values.length === 0) throw new RangeError('quantile: needs at least one value');
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(fraction * sorted.length) - 1)]!;
}

/** The middle value, or the mean of the middle two. */
function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

/** Whether a contender of fewer rounds has its turn: they are spread evenly, and none of them warms up. */
function takesPart({ rounds = Number.POSITIVE_INFINITY }: Contender, round: number, ofAll: number): boolean {
  if (rounds >= ofAll) return true;
  if (round < 0) return false;
  return Math.floor(((round + 1) * rounds) / ofAll) > Math.floor((round * rounds) / ofAll);
}

/** The figures of measured values. */
export function figuresOf(values: readonly number[]): Figures {
  return { median: median(values), minimum: Math.min(...values), count: values.length };
}

/** Measures the contenders in turns and returns their figures by name. */
export async function interleave(
  contenders: readonly Contender[],
  options: MeasureOptions,
): Promise<Map<string, Figures>> {
  const { rounds, warmUpRounds = 1, pauseMs = 100 } = options;
  const values = new Map(contenders.map(({ name }) => [name, [] as number[]]));
  for (let round = -warmUpRounds; round < rounds; round++) {
    const order = round % 2 === 0 ? contenders : [...contenders].reverse();
    for (const contender of order) {
      if (!takesPart(contender, round, rounds)) continue;
      globalThis.gc?.();
      await pause(pauseMs);
      const figures = await contender.sample();
      if (round >= 0) values.get(contender.name)!.push(...figures);
    }
  }
  return new Map([...values].map(([name, all]) => [name, figuresOf(all)]));
}
