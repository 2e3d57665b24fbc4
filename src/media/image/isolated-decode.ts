/**
 * @file Decodes in processes apart what could take unbounded time or memory. Native decoding cannot be stopped within a process:
 * four stuck pictures would occupy every thread that Node has for files. A process that is too slow or too large is killed,
 * and its picture refused. The processes start when first needed, never keep the program alive, and end with it.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { createRequire } from 'node:module';
import { cpus } from 'node:os';
import { pathToFileURL } from 'node:url';
import { MediaError } from '../../engine/core/index.ts';
import { type DecodedPixels, type DecodeJob, decodePixels } from './decode-pixels.ts';

/** Memory that one process may take, in bytes. */
const maxProcessBytes = 1_500_000_000;

/** A process that nobody needs for this long is ended. */
const idleMs = 15_000;

type Reply = { readonly pixels: DecodedPixels } | { readonly error: string };

/** What a decoding process runs; plain JavaScript, so that it needs no build of its own. */
function programText(): string {
  const sharpUrl = pathToFileURL(createRequire(import.meta.url).resolve('sharp')).href;
  return `
    import sharpModule from ${JSON.stringify(sharpUrl)};
    const sharp = sharpModule.default ?? sharpModule;
    sharp.concurrency(1);
    sharp.cache(false);
    const decode = ${decodePixels.toString()};
    const end = () => process.kill(process.pid, 'SIGKILL');
    process.on('disconnect', end);
    process.on('SIGINT', () => {});
    setInterval(() => process.memoryUsage.rss() > ${maxProcessBytes} && end(), 50);
    process.on('message', (job) => {
      decode(sharp, job).then(
        (pixels) => process.send({ pixels }),
        (error) => process.send({ error: error.message }),
      );
    });
  `;
}

interface Slot {
  child: ChildProcess | undefined;
  idle: NodeJS.Timeout | undefined;
}

// Processes are a resource of the machine, as threads are, so one pool serves the whole program.
let freeSlots: Slot[] | undefined;
const waiting: ((slot: Slot) => void)[] = [];

/**
 * Decodes in another process.
 * @throws MediaError if it takes longer than `timeoutMs` or too much memory, and whatever the decoder says.
 */
export async function decodeIsolated(job: DecodeJob, timeoutMs: number): Promise<DecodedPixels> {
  freeSlots ??= Array.from({ length: Math.max(1, Math.min(4, cpus().length)) }, () => ({
    child: undefined,
    idle: undefined,
  }));
  const slot = freeSlots.pop() ?? (await new Promise<Slot>((resolve) => waiting.push(resolve)));
  clearTimeout(slot.idle);
  try {
    return await decodeIn(slot, job, timeoutMs);
  } finally {
    const next = waiting.shift();
    if (next !== undefined) next(slot);
    else {
      slot.idle = setTimeout(() => stop(slot), idleMs).unref();
      freeSlots.push(slot);
    }
  }
}

async function decodeIn(slot: Slot, job: DecodeJob, timeoutMs: number): Promise<DecodedPixels> {
  if (slot.child === undefined || !slot.child.connected) slot.child = startProcess();
  const { child } = slot;
  let finish = () => {};
  try {
    const reply = await new Promise<Reply>((resolve, reject) => {
      const onMessage = (message: unknown) => resolve(message as Reply);
      const onExit = () => reject(new MediaError('decoding it took too much memory, or ended the decoder'));
      const onError = (error: Error) => reject(new Error(`the decoding process failed: ${error.message}`));
      const timer = setTimeout(() => reject(new MediaError(`decoding must take at most ${timeoutMs} ms`)), timeoutMs);
      child.on('message', onMessage).on('exit', onExit).on('error', onError);
      finish = () => {
        clearTimeout(timer);
        child.off('message', onMessage).off('exit', onExit).off('error', onError);
      };
      child.send(job, (error) => error && onError(error));
    });
    if ('error' in reply) throw new Error(reply.error);
    return reply.pixels;
  } catch (error) {
    // A process that answered is fit for the next picture; any other is not.
    if (error instanceof MediaError || !child.connected) stop(slot);
    throw error;
  } finally {
    finish();
  }
}

function startProcess(): ChildProcess {
  const { NODE_OPTIONS: _, ...env } = process.env;
  const child = spawn(process.execPath, ['--input-type=module', '--eval', programText()], {
    stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
    serialization: 'advanced',
    env,
  });
  // An error between two pictures ends the process; the next picture starts another.
  child.on('error', () => {});
  child.unref();
  child.channel?.unref();
  return child;
}

function stop(slot: Slot): void {
  slot.child?.kill('SIGKILL');
  slot.child = undefined;
}
