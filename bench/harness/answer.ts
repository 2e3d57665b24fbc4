/** @file The other end of `Peer`: a process that reads lines and answers each with a line of JSON; whatever is thrown is the answer too. */
import { createInterface } from 'node:readline';
import { residentMiB } from './memory.ts';

/** What a contender is. */
export interface PeerInfo {
  readonly version: string;
  readonly threads: number;
  /** Resident memory with the framework loaded, before the model, in MiB. */
  readonly baseMiB: number;
  /** What a reader should know about how it runs the step. */
  readonly notes?: readonly string[];
}

/** What a contender gives for `run`. */
export interface RunAnswer {
  readonly milliseconds: readonly number[];
  readonly losses: readonly number[];
}

/** Answers `<command> <argument>` by the handler of that name until the input ends. */
export async function answerLines(
  handlers: Readonly<Record<string, (argument: string) => Promise<unknown>>>,
): Promise<void> {
  for await (const line of createInterface({ input: process.stdin })) {
    const [command = '', argument = ''] = line.split(' ');
    let answer: unknown;
    try {
      const handler = Object.hasOwn(handlers, command) ? handlers[command] : undefined;
      if (handler === undefined) throw new Error(`unknown command "${line}"`);
      answer = await handler(argument);
    } catch (error) {
      answer = { error: error instanceof Error ? error.message : String(error) };
    }
    process.stdout.write(`${JSON.stringify(answer)}\n`);
  }
}

/**
 * Answers `info`, `run <steps>` (takes steps, gives milliseconds and losses) and `memory` (the peak, in MiB).
 * @param takeStep takes one step and returns the loss of before it.
 */
export function answerSteps(info: PeerInfo, takeStep: () => Promise<number>): Promise<void> {
  return answerLines({
    info: async () => info,
    run: async (steps): Promise<RunAnswer> => {
      const [milliseconds, losses]: [number[], number[]] = [[], []];
      for (let i = 0; i < Number(steps); i++) {
        const begin = performance.now();
        losses.push(await takeStep());
        milliseconds.push(performance.now() - begin);
      }
      return { milliseconds, losses };
    },
    memory: async () => ({ peakMiB: residentMiB('VmHWM') }),
  });
}
