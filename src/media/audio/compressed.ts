/**
 * @file MP3, FLAC, Ogg Vorbis and Ogg Opus, decoded by WebAssembly in a process apart. A decoder gets little enough at a time that even a
 * file made to swell stays within some hundred megabytes there. What was lost or cut short is told by each format's own count.
 */
import type { MediaSource } from '../media-source.ts';
import { type MpegFrameHeader, mpegFrameHeader } from './audio-format.ts';
import { type DecodingSession, openDecodingSession } from './decoding-process.ts';
import type { DecodingReply, FedFormat } from './decoding-program.ts';
import { readOggPages } from './ogg-pages.ts';
import { checkPcmLayout, type PcmBlock, type PcmRequest } from './pcm.ts';

/** Bytes that a decoder gets at a time. */
const sliceBytes = 1 << 15;

/** Decodes MP3. The table that most encoders write says how long it must be; without one, a cut at the end is not seen. */
export async function* decodeMp3(source: MediaSource, request: PcmRequest): AsyncGenerator<PcmBlock> {
  const promised = await readMp3Info(source);
  if (promised.numBytes > source.size) {
    throw new Error(`it is cut short: ${promised.numBytes} bytes are promised, ${source.size} are there`);
  }
  let numFrames = 0;
  for await (const block of feed(
    'mp3',
    slices(source, () => sliceBytes),
    request,
  )) {
    numFrames += block.channels[0]!.length;
    yield block;
  }
  if (isBefore(numFrames, promised.numFrames, 4 * 1152)) throw tooFew(numFrames, promised.numFrames);
}

/** Decodes FLAC. */
export async function* decodeFlac(source: MediaSource, request: PcmRequest): AsyncGenerator<PcmBlock> {
  const info = await readStreamInfo(source);
  checkPcmLayout(source.name, info.numChannels, info.sampleRateHz);
  // A frame of silence takes 14 bytes, however long: at most a gigabyte comes of one slice.
  const swell = (info.maxBlockFrames * info.numChannels * 4) / 14;
  const bytes = Math.max(1024, Math.min(sliceBytes, Math.floor(1e9 / swell)));
  let numFrames = 0;
  for await (const block of feed(
    'flac',
    slices(source, () => bytes),
    request,
  )) {
    numFrames += block.channels[0]!.length;
    yield block;
  }
  if (isBefore(numFrames, info.numFrames, 0)) throw tooFew(numFrames, info.numFrames);
}

/** Decodes Ogg Vorbis. */
export function decodeVorbis(source: MediaSource, request: PcmRequest): AsyncGenerator<PcmBlock> {
  return decodeOgg('vorbis', source, request);
}

/** Decodes Ogg Opus. */
export function decodeOpus(source: MediaSource, request: PcmRequest): AsyncGenerator<PcmBlock> {
  return decodeOgg('opus', source, request);
}

async function* decodeOgg(
  format: 'vorbis' | 'opus',
  source: MediaSource,
  request: PcmRequest,
): AsyncGenerator<PcmBlock> {
  async function* pages(): AsyncGenerator<Feed> {
    let isFirst = true;
    for await (const page of readOggPages(source)) {
      if (page.isFirst) {
        const layout = oggLayout(format, page.bytes);
        if (layout === undefined) throw new Error(`it holds more than ${format}`);
        checkPcmLayout(source.name, layout.numChannels, layout.sampleRateHz);
        if (!isFirst) yield 'restart';
      }
      isFirst = false;
      yield page.bytes;
    }
  }
  yield* feed(format, pages(), request);
}

/** Channels and rate in the first page of Vorbis or Opus. */
export function oggLayout(
  format: 'vorbis' | 'opus',
  page: Uint8Array,
): { readonly numChannels: number; readonly sampleRateHz: number } | undefined {
  const body = page.subarray(27 + (page[26] ?? 0));
  const mark = format === 'opus' ? 'OpusHead' : '\u0001vorbis';
  if (body.length < 19 || String.fromCharCode(...body.subarray(0, mark.length)) !== mark) return undefined;
  if (format === 'opus') return { numChannels: body[9]!, sampleRateHz: 48_000 };
  return { numChannels: body[11]!, sampleRateHz: new DataView(body.buffer, body.byteOffset).getUint32(12, true) };
}

/** Bytes for a decoder, or that another stream begins. */
type Feed = Uint8Array | 'restart';

async function* slices(source: MediaSource, length: () => number): AsyncGenerator<Feed> {
  for (let at = 0; at < source.size; ) {
    const bytes = await source.read(at, length());
    if (bytes.length === 0) return;
    at += bytes.length;
    yield bytes;
  }
}

/** Feeds a decoder, and gives the blocks that come out. */
async function* feed(format: FedFormat, feeds: AsyncIterable<Feed>, request: PcmRequest): AsyncGenerator<PcmBlock> {
  const { timeoutMs } = request;
  const session = await openDecodingSession();
  try {
    await session.ask({ do: 'start', format }, timeoutMs);
    let numFrames = 0;
    const blockOf = (reply: DecodingReply): PcmBlock | undefined => {
      const { channels = [], sampleRateHz = 0, problems = [] } = reply;
      if (problems.length > 0) throw new Error(problems[0]!);
      const length = channels[0]?.length ?? 0;
      if (length === 0) return undefined;
      checkPcmLayout('sound', channels.length, sampleRateHz);
      const startSeconds = numFrames / sampleRateHz;
      numFrames += length;
      return { channels, sampleRateHz, startSeconds };
    };
    for await (const bytes of feeds) {
      request.signal?.throwIfAborted();
      const block = blockOf(
        bytes === 'restart'
          ? await restart(session, format, timeoutMs)
          : await session.ask({ do: 'decode', bytes }, timeoutMs),
      );
      if (block !== undefined) yield block;
    }
    const rest = blockOf(await session.ask({ do: 'flush' }, timeoutMs));
    if (rest !== undefined) yield rest;
  } finally {
    session.release();
  }
}

async function restart(session: DecodingSession, format: FedFormat, timeoutMs: number): Promise<DecodingReply> {
  const rest = await session.ask({ do: 'flush' }, timeoutMs);
  await session.ask({ do: 'start', format }, timeoutMs);
  return rest;
}

/** What the beginning of an MP3 says. */
export interface Mp3Info {
  readonly frame: MpegFrameHeader | undefined;
  /** What the table in the first frame promises (Xing or Info); 0 where it does not say. */
  readonly numBytes: number;
  readonly numFrames: number;
}

/** Reads the first frame of an MP3. */
export async function readMp3Info(source: MediaSource): Promise<Mp3Info> {
  const head = await source.read(0, 4096);
  let at = 0;
  while (at < head.length && head[at] === 0) at++;
  const frame = mpegFrameHeader(head, at);
  const none = { frame, numBytes: 0, numFrames: 0 };
  if (frame === undefined) return none;
  const table = at + 4 + frame.sideBytes;
  const mark = String.fromCharCode(...head.subarray(table, table + 4));
  if ((mark !== 'Xing' && mark !== 'Info') || table + 16 > head.length) return none;
  const view = new DataView(head.buffer, head.byteOffset, head.byteLength);
  const flags = view.getUint32(table + 4);
  const hasFrames = (flags & 1) !== 0;
  return {
    frame,
    numFrames: hasFrames ? view.getUint32(table + 8) * frame.samples : 0,
    numBytes: (flags & 2) !== 0 ? view.getUint32(table + (hasFrames ? 12 : 8)) : 0,
  };
}

/** What the first block of a FLAC says. */
export interface FlacInfo {
  readonly maxBlockFrames: number;
  readonly sampleRateHz: number;
  readonly numChannels: number;
  /** Samples of each channel; 0 where the writer did not know. */
  readonly numFrames: number;
}

/** Reads the first block of a FLAC. @throws Error if it is damaged. */
export async function readStreamInfo(source: MediaSource): Promise<FlacInfo> {
  const head = await source.read(0, 42);
  if (head.length < 42 || (head[4]! & 127) !== 0) throw new Error('it ends within its header');
  const view = new DataView(head.buffer, head.byteOffset, head.byteLength);
  const packed = view.getUint32(18);
  return {
    maxBlockFrames: view.getUint16(10),
    sampleRateHz: packed >>> 12,
    numChannels: ((packed >>> 9) & 7) + 1,
    numFrames: (head[21]! & 15) * 2 ** 32 + view.getUint32(22),
  };
}

function isBefore(numFrames: number, promised: number, tolerance: number): boolean {
  return promised > 0 && numFrames < promised - tolerance;
}

function tooFew(numFrames: number, promised: number): Error {
  return new Error(`it is cut short: ${promised} samples are promised, ${numFrames} could be decoded`);
}
