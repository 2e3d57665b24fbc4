/**
 * @file Decodes sound in processes apart: a decoder that hangs, crashes or grows on hostile bytes is killed with its process, and this
 * process goes on. They start when first needed, never keep the program alive, and end with it or when idle.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { type DecodingReply, type DecodingRequest, decodingProgram } from './decoding-program.ts';

/** At most this many sounds are decoded at once; further ones wait. */
const maxProcesses = 16;
/** A process that nobody needs for this long is ended. */
const idleMs = 15_000;
/** No answer takes longer. */
const answerMs = 20_000;

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
  ask(request: DecodingRequest): Promise<DecodingReply>;
  /** Gives the process back, or ends it if it did not answer. */
  release(): void;
}

/** Takes a free process, or starts one. */
export async function openDecodingSession(): Promise<DecodingSession> {
  freeSlots ??= Array.from({ length: maxProcesses }, () => ({ child: undefined, idle: undefined }));
  const slot = freeSlots.pop() ?? (await new Promise<Slot>((resolve) => waiting.push(resolve)));
  clearTimeout(slot.idle);
  if (slot.child === undefined || !slot.child.connected) slot.child = startProcess();
  const { child } = slot;
  let isBusy = false;
  return {
    async ask(request) {
      isBusy = true;
      const reply = await answer(child, request);
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

async function answer(child: ChildProcess, request: DecodingRequest): Promise<DecodingReply> {
  let finish = () => {};
  try {
    return await new Promise<DecodingReply>((resolve, reject) => {
      const onMessage = (message: unknown) => resolve(message as DecodingReply);
      const onExit = () => reject(new Error('it ended the decoder'));
      const onError = (error: Error) => reject(new Error(`the decoding process failed: ${error.message}`));
      const timer = setTimeout(() => reject(new Error(`decoding a piece must take at most ${answerMs} ms`)), answerMs);
      child.on('message', onMessage).on('exit', onExit).on('error', onError);
      finish = () => {
        clearTimeout(timer);
        child.off('message', onMessage).off('exit', onExit).off('error', onError);
      };
      if (child.exitCode !== null || child.signalCode !== null) onExit();
      else child.send(request, (error) => error && onError(error));
    });
  } finally {
    finish();
  }
}

function startProcess(): ChildProcess {
  const { NODE_OPTIONS: _, ...env } = process.env;
  const child = spawn(process.execPath, ['--input-type=module', '--eval', decodingProgram()], {
    stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
    serialization: 'advanced',
    env,
  });
  // An error between two sounds ends the process; the next sound starts another.
  child.on('error', () => {});
  child.unref();
  child.channel?.unref();
  return child;
}

function stop(slot: Slot): void {
  slot.child?.kill('SIGKILL');
  slot.child = undefined;
}
