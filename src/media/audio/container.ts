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
import { brokenContainerRule, videoContainer } from '../video/container-extent.ts';
import { adtsFrameBytes } from './audio-format.ts';
import { openDecodingSession } from './decoding-process.ts';
import type { DecodingReply } from './decoding-program.ts';
import { checkPcmLayout, defaultTimeoutMs, type PcmBlock, type PcmRequest } from './pcm.ts';
import { decodeWav } from './wav.ts';

/** Bytes in memory beyond this are not handed to another process. */
const maxMemoryBytes = 500_000_000;
/** Decoding begins this much before the wanted part, since the first frame behind a seek is not whole. */
const prerollSeconds = 0.1;
/** Sound may end this much before the container says so. */
const toleranceSeconds = 0.2;

const noDecoder =
  'the sound of MP4, MOV, WebM, Matroska and AAC needs a decoder; run "npm install @napi-rs/webcodecs", or install ffmpeg';

/** Decodes the sound track of a container. */
export async function* decodeContainer(source: MediaSource, request: PcmRequest): AsyncGenerator<PcmBlock> {
  const rule = await brokenRule(source);
  if (rule !== undefined) throw new Error(rule);
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
    const opened = await session.ask(
      { do: 'open', source: from, startSeconds: Math.max(0, request.startSeconds - prerollSeconds) },
      request.timeoutMs,
    );
    if (opened.isMissing === true) throw new RefusedError(noDecoder);
    checkPcmLayout(source.name, opened.numChannels ?? 0, opened.sampleRateHz ?? 0);
    const promised = opened.durationSeconds ?? 0;
    let end = 0;
    let numFrames = 0;
    for (;;) {
      request.signal?.throwIfAborted();
      const {
        channels = [],
        sampleRateHz = 0,
        startSeconds = 0,
        isEnd,
      } = await session.ask({ do: 'next' }, request.timeoutMs);
      if (isEnd === true || channels.length === 0) break;
      // Times are rounded in the container; samples are counted from the first.
      first ??= startSeconds;
      const start = first + numFrames / sampleRateHz;
      numFrames += channels[0]!.length;
      // A coder fills up its last frame; the container tells where the sound ends.
      const left = promised > 0 ? Math.max(0, Math.round((promised - start) * sampleRateHz)) : Number.POSITIVE_INFINITY;
      yield { channels: channels.map((channel) => channel.subarray(0, left)), sampleRateHz, startSeconds: start };
      end = first + numFrames / sampleRateHz;
    }
    checkEnd(end, promised, request);
  } catch (error) {
    if (first !== undefined || session.isStuck || error instanceof MediaError || request.signal?.aborted) throw error;
    throw new RefusedError((error as Error).message, { cause: error });
  } finally {
    session.release();
  }
}

/** What a container holds, from its header and index. */
export async function probeContainer(source: MediaSource, timeoutMs = defaultTimeoutMs): Promise<DecodingReply> {
  const rule = await brokenRule(source);
  if (rule !== undefined) throw new Error(rule);
  const from = source.path ?? (await wholeInMemory(source));
  const session = await openDecodingSession();
  try {
    return await session.ask({ do: 'probe', source: from }, timeoutMs);
  } finally {
    session.release();
  }
}

/** What shows that a file was cut, for those containers that tell their length. */
async function brokenRule(source: MediaSource): Promise<string | undefined> {
  const head = await source.read(0, 16);
  const container = videoContainer(head);
  if (container !== undefined) return await brokenContainerRule(source, container);
  return adtsFrameBytes(head, 0) === undefined ? undefined : await brokenAdtsRule(source);
}

/** Frames of plain AAC follow each other, each with its length, to the end. */
async function brokenAdtsRule(source: MediaSource): Promise<string | undefined> {
  let buffer = new Uint8Array(0);
  let bufferAt = 0;
  for (let at = 0; at < source.size; ) {
    if (at + 7 > bufferAt + buffer.length) {
      buffer = new Uint8Array(await source.read(at, 1 << 16));
      bufferAt = at;
    }
    const length = adtsFrameBytes(buffer, at - bufferAt);
    // What follows the last frame is no frame: a tag, or what is left of one.
    if (length === undefined) return source.size - at < 7 ? 'it is cut short within the header of a frame' : undefined;
    at += length;
    if (at > source.size) return `it is cut short: its last frame needs ${at - source.size} bytes more`;
  }
  return undefined;
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
  const promised = await promisedSeconds(source, request);
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
    let end = 0;
    try {
      for await (const block of decodeWav(outputOf(child, source.name), { ...request, startSeconds: 0 })) {
        end = block.startSeconds + block.channels[0]!.length / block.sampleRateHz;
        yield block;
      }
    } catch (error) {
      if (said === '' || end > 0) throw error;
    }
    const [code] = (await exit) as [number | null];
    if (code !== 0) throw new Error(`ffmpeg says: ${said.trim().split('\n')[0]?.slice(0, 200) ?? `exit ${code}`}`);
    checkEnd(end, promised, request);
  } finally {
    child.kill('SIGKILL');
    if (folder !== undefined) await rm(folder, { recursive: true, force: true });
  }
}

/** How long a container says that its sound is; 0 for other Ogg, which only ffmpeg reads. */
async function promisedSeconds(source: MediaSource, { timeoutMs }: PcmRequest): Promise<number> {
  try {
    return (await probeContainer(source, timeoutMs)).durationSeconds ?? 0;
  } catch (error) {
    if (videoContainer(await source.read(0, 16)) !== undefined) throw error;
    return 0;
  }
}

/** @throws Error if the sound ended before the container says so. */
function checkEnd(end: number, promised: number, { startSeconds }: PcmRequest): void {
  if (startSeconds >= promised || end >= promised - toleranceSeconds) return;
  throw new Error(`it is cut short: ${promised.toFixed(2)} s are promised, ${end.toFixed(2)} s could be decoded`);
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
