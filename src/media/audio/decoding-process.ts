/** @file The processes that decode sound: a pool that grows when needed and shrinks when idle. */
import type { ChildProcess } from 'node:child_process';
import { askProgram, startProgram } from '../isolated-program.ts';
import { type DecodingReply, type DecodingRequest, decodingProgram } from './decoding-program.ts';

/** At most this many sounds are decoded at once; further ones wait. */
const maxProcesses = 16;
/** A process that nobody needs for this long is ended. */
const idleMs = 15_000;
/** What one process may hold in JavaScript objects. */
const heapMegabytes = 512;

interface Slot {
  child: ChildProcess | undefined;
  idle: NodeJS.Timeout | undefined;
}

// Processes are a resource of the machine, as threads are, so one pool serves the whole program. The last one used is taken first.
let freeSlots: Slot[] | undefined;
const waiting: ((slot: Slot) => void)[] = [];

/** One sound's hold on a decoding process. */
export interface DecodingSession {
  /** @throws Error with what the decoder says, or if it takes too long or ends. */
  ask(request: DecodingRequest, timeoutMs: number): Promise<DecodingReply>;
  /** Whether the process gave no answer, in place of one that refuses. */
  readonly isStuck: boolean;
  /** Gives the process back, or ends it if it did not answer. */
  release(): void;
}

/** Takes a free process, or starts one. */
export async function openDecodingSession(): Promise<DecodingSession> {
  freeSlots ??= Array.from({ length: maxProcesses }, () => ({ child: undefined, idle: undefined }));
  const slot = freeSlots.pop() ?? (await new Promise<Slot>((resolve) => waiting.push(resolve)));
  clearTimeout(slot.idle);
  if (slot.child === undefined || !slot.child.connected) slot.child = startProgram(decodingProgram(), heapMegabytes);
  const { child } = slot;
  let isBusy = false;
  return {
    get isStuck() {
      return isBusy;
    },
    async ask(request, timeoutMs) {
      isBusy = true;
      const reply = await askProgram<DecodingReply>(child, request, timeoutMs, 'decoding a piece');
      isBusy = false;
      if (reply.error !== undefined && reply.isMissing !== true) throw new Error(reply.error);
      return reply;
    },
    release() {
      if (isBusy || !child.connected) stop(slot);
      const next = waiting.shift();
      if (next !== undefined) return next(slot);
      slot.idle = setTimeout(() => stop(slot), idleMs).unref();
      freeSlots?.push(slot);
    },
  };
}

function stop(slot: Slot): void {
  slot.child?.kill('SIGKILL');
  slot.child = undefined;
}
