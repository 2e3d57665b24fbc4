/**
 * @file AAC, and the sound track of MP4, MOV, WebM, Matroska and other Ogg: through mediabunny and `@napi-rs/webcodecs` where that is
 * installed, in a process apart; else through ffmpeg, if it is there.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MediaError } from '../../engine/core/index.ts';
import type { MediaSource } from '../media-source.ts';
import { openDecodingSession } from './decoding-process.ts';
import { checkPcmLayout, type PcmBlock, type PcmRequest } from './pcm.ts';
import { decodeWav } from './wav.ts';

/** Bytes in memory beyond this are not handed to another process. */
const maxMemoryBytes = 500_000_000;
/** Sound may end this much before the container says so. */
const toleranceSeconds = 0.2;

const noDecoder =
  'the sound of MP4, MOV, WebM, Matroska and AAC needs a decoder; run "npm install @napi-rs/webcodecs", or install ffmpeg';

/** Decodes the sound track of a container. */
export async function* decodeContainer(source: MediaSource, request: PcmRequest): AsyncGenerator<PcmBlock> {
  const from = source.path ?? (await wholeInMemory(source));
  // WebCodecs refuses some codecs that ffmpeg takes; once a block is out, there is no other decoder.
  let refusal: Error | undefined;
  try {
    yield* decodeWithWebCodecs(source, from, request);
    return;
  } catch (error) {
    if (!(error instanceof RefusedError)) throw error;
    refusal = error;
  }
  yield* decodeWithFfmpeg(source, from, request, refusal);
}

/** Thrown before any sound came: another decoder may be asked. */
class RefusedError extends Error {}

async function* decodeWithWebCodecs(
  source: MediaSource,
  from: string | Uint8Array,
  request: PcmRequest,
): AsyncGenerator<PcmBlock> {
  const session = await openDecodingSession();
  let first: number | undefined;
  try {
    const opened = await session.ask({ do: 'open', source: from, startSeconds: request.startSeconds });
    if (opened.isMissing === true) throw new RefusedError(noDecoder);
    checkPcmLayout(source.name, opened.numChannels ?? 0, opened.sampleRateHz ?? 0);
    let end = 0;
    let numFrames = 0;
    for (;;) {
      request.signal?.throwIfAborted();
      const { channels = [], sampleRateHz = 0, startSeconds = 0, isEnd } = await session.ask({ do: 'next' });
      if (isEnd === true || channels.length === 0) break;
      // Times are rounded in the container; samples are counted from the first.
      first ??= startSeconds;
      yield { channels, sampleRateHz, startSeconds: first + numFrames / sampleRateHz };
      numFrames += channels[0]!.length;
      end = first + numFrames / sampleRateHz;
    }
    const promised = opened.durationSeconds ?? 0;
    if (request.startSeconds < promised && end < promised - toleranceSeconds) {
      throw new Error(`it is cut short: ${promised.toFixed(2)} s are promised, ${end.toFixed(2)} s could be decoded`);
    }
  } catch (error) {
    if (first !== undefined || error instanceof MediaError || request.signal?.aborted) throw error;
    throw new RefusedError((error as Error).message, { cause: error });
  } finally {
    session.release();
  }
}

async function wholeInMemory(source: MediaSource): Promise<Uint8Array> {
  if (source.size > maxMemoryBytes) {
    throw new MediaError(
      `${source.name}: a container in memory must be at most ${maxMemoryBytes / 1e6} MB, got ${(source.size / 1e6).toFixed(1)} MB; give its path`,
    );
  }
  return source.read(0, source.size);
}

/** Decodes with ffmpeg, whose output is a WAV of floats. */
async function* decodeWithFfmpeg(
  source: MediaSource,
  from: string | Uint8Array,
  request: PcmRequest,
  refusal: Error,
): AsyncGenerator<PcmBlock> {
  let folder: string | undefined;
  let path = from;
  if (path instanceof Uint8Array) {
    folder = await mkdtemp(join(tmpdir(), 'sensorium-sound-'));
    path = join(folder, 'sound');
    await writeFile(path, from);
  }
  const child = spawn(
    'ffmpeg',
    [
      '-v',
      'error',
      '-nostdin',
      '-protocol_whitelist',
      'file',
      '-xerror',
      '-i',
      `file:${path}`,
      '-map',
      '0:a:0',
      '-vn',
    ].concat(['-c:a', 'pcm_f32le', '-f', 'wav', '-bitexact', 'pipe:1']),
    { stdio: ['ignore', 'pipe', 'pipe'] },
  );
  let said = '';
  child.stderr.on('data', (text) => {
    if (said.length < 2000) said += text;
  });
  const exit = once(child, 'exit').catch((error: unknown) => error);
  const isStarted = once(child, 'spawn').then(
    () => true,
    () => false,
  );
  try {
    if (!(await isStarted)) {
      if (refusal.message === noDecoder) throw new MediaError(`${source.name}: ${noDecoder}`);
      throw refusal;
    }
    let hasSound = false;
    try {
      for await (const block of decodeWav(outputOf(child, source.name), { ...request, startSeconds: 0 })) {
        hasSound = true;
        yield block;
      }
    } catch (error) {
      if (said === '' || hasSound) throw error;
    }
    const [code] = (await exit) as [number | null];
    if (code !== 0) throw new Error(`ffmpeg says: ${said.trim().split('\n')[0]?.slice(0, 200) ?? `exit ${code}`}`);
  } finally {
    child.kill('SIGKILL');
    if (folder !== undefined) await rm(folder, { recursive: true, force: true });
  }
}

/** What a process writes, as a source that can be read once from front to back. */
function outputOf(child: ChildProcess, name: string): MediaSource {
  const output = child.stdout!;
  const chunks = output[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
  let held = Buffer.alloc(0);
  let at = 0;
  return {
    name,
    size: Number.POSITIVE_INFINITY,
    path: undefined,
    async read(offset, length) {
      for (;;) {
        if (offset > at) {
          const skipped = Math.min(held.length, offset - at);
          held = held.subarray(skipped);
          at += skipped;
        }
        if (offset === at && held.length >= length) break;
        const { value, done } = await chunks.next();
        if (done) break;
        held = Buffer.concat([held, value]);
      }
      return held.subarray(0, offset === at ? length : 0);
    },
    async close() {
      child.kill('SIGKILL');
    },
  };
}
