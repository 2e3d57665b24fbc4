/**
 * @file WAV (RIFF and RF64) to samples, piece by piece: whole numbers of 8, 16, 24 and 32 bits, floats of 32 and 64, A-law and mu-law
 * (ITU-T G.711). Compressed WAV (ADPCM, MP3 in WAV) is refused by name.
 */
import { MediaError } from '../../engine/core/index.ts';
import type { MediaSource } from '../media-source.ts';
import { checkPcmLayout, type PcmBlock, type PcmRequest } from './pcm.ts';

/** What the header of a WAV says. */
export interface WavHeader {
  readonly encoding: Encoding;
  readonly numChannels: number;
  readonly sampleRateHz: number;
  /** Where the samples begin, in bytes. */
  readonly dataOffset: number;
  /** Samples of each channel; infinite where the writer did not know. */
  readonly numFrames: number;
}

interface Encoding {
  readonly name: string;
  readonly bytes: number;
  /** The sample at a byte. */
  readonly read: (view: DataView, at: number) => number;
}

const wholeNumbers: Readonly<Record<number, Encoding>> = {
  8: { name: '8-bit', bytes: 1, read: (view, at) => (view.getUint8(at) - 128) / 128 },
  16: { name: '16-bit', bytes: 2, read: (view, at) => view.getInt16(at, true) / 32768 },
  24: {
    name: '24-bit',
    bytes: 3,
    read: (view, at) => ((view.getInt8(at + 2) << 16) | view.getUint16(at, true)) / 8388608,
  },
  32: { name: '32-bit', bytes: 4, read: (view, at) => view.getInt32(at, true) / 2147483648 },
};
const floats: Readonly<Record<number, Encoding>> = {
  32: { name: '32-bit float', bytes: 4, read: (view, at) => view.getFloat32(at, true) },
  64: { name: '64-bit float', bytes: 8, read: (view, at) => view.getFloat64(at, true) },
};
const aLaw: Encoding = { name: 'A-law', bytes: 1, read: (view, at) => fromALaw(view.getUint8(at)) };
const muLaw: Encoding = { name: 'mu-law', bytes: 1, read: (view, at) => fromMuLaw(view.getUint8(at)) };

/** The format tags of WAV, and how many bits lead to which encoding. */
const encodings: Readonly<Record<number, (bits: number) => Encoding | undefined>> = {
  1: (bits) => wholeNumbers[Math.ceil(bits / 8) * 8],
  3: (bits) => floats[bits],
  6: (bits) => (bits === 8 ? aLaw : undefined),
  7: (bits) => (bits === 8 ? muLaw : undefined),
};
const extensible = 0xfffe;

/** Chunks before the samples; more than this is no recording. */
const maxChunks = 1000;
const blockFrames = 32_768;

/** Reads the chunks before the samples. @throws MediaError if they are damaged or the encoding cannot be read. */
export async function readWavHeader(source: MediaSource): Promise<WavHeader> {
  const damaged = (what: string) => new MediaError(`${source.name}: damaged WAV: ${what}`);
  let format: { encoding: Encoding; numChannels: number; sampleRateHz: number } | undefined;
  let longDataBytes: number | undefined;
  for (let at = 12, numChunks = 0; numChunks < maxChunks; numChunks++) {
    const head = await source.read(at, 8);
    if (head.length < 8) throw damaged(`it ends before its ${format === undefined ? 'format' : 'samples'}`);
    const id = String.fromCharCode(...head.subarray(0, 4));
    const length = viewOf(head).getUint32(4, true);
    const body = at + 8;
    if (id === 'ds64') {
      const sizes = viewOf(await source.read(body, 16));
      if (sizes.byteLength < 16) throw damaged('it ends within its sizes');
      longDataBytes = Number(sizes.getBigUint64(8, true));
    } else if (id === 'fmt ') {
      format = readFormat(source.name, await source.read(body, Math.min(length, 40)));
    } else if (id === 'data') {
      if (format === undefined) throw damaged('its samples come before their format');
      const { encoding, numChannels, sampleRateHz } = format;
      const isOpen = length === 0xffffffff || (length === 0 && source.size === Number.POSITIVE_INFINITY);
      const bytes = length === 0xffffffff ? (longDataBytes ?? Number.POSITIVE_INFINITY) : length;
      if (!isOpen || longDataBytes !== undefined) {
        if (body + bytes > source.size) {
          throw damaged(`its header promises ${bytes} bytes of samples, the file has ${source.size - body}`);
        }
      }
      const numBytes = Math.min(
        isOpen && longDataBytes === undefined ? Number.POSITIVE_INFINITY : bytes,
        source.size - body,
      );
      const numFrames = Math.floor(numBytes / (encoding.bytes * numChannels));
      return { encoding, numChannels, sampleRateHz, dataOffset: body, numFrames };
    }
    at = body + length + (length % 2);
  }
  throw damaged(`no samples among the first ${maxChunks} chunks`);
}

function readFormat(name: string, bytes: Uint8Array): Pick<WavHeader, 'encoding' | 'numChannels' | 'sampleRateHz'> {
  if (bytes.length < 16) throw new MediaError(`${name}: damaged WAV: it ends within its format`);
  const view = viewOf(bytes);
  let tag = view.getUint16(0, true);
  const numChannels = view.getUint16(2, true);
  const sampleRateHz = view.getUint32(4, true);
  const blockBytes = view.getUint16(12, true);
  const bits = view.getUint16(14, true);
  if (tag === extensible && bytes.length >= 26) tag = view.getUint16(24, true);
  const encoding = encodings[tag]?.(bits);
  if (encoding === undefined) {
    throw new MediaError(
      `${name}: samples of a WAV must be 8 to 32-bit whole numbers, floats, A-law or mu-law, got format ${tag} of ${bits} bits; convert it to PCM`,
    );
  }
  checkPcmLayout(name, numChannels, sampleRateHz);
  if (blockBytes !== encoding.bytes * numChannels) {
    throw new MediaError(
      `${name}: damaged WAV: ${numChannels} channels of ${encoding.name} take ${encoding.bytes * numChannels} bytes, its header says ${blockBytes}`,
    );
  }
  return { encoding, numChannels, sampleRateHz };
}

/** Decodes a WAV from `startSeconds` on. */
export async function* decodeWav(source: MediaSource, request: PcmRequest): AsyncGenerator<PcmBlock> {
  const { encoding, numChannels, sampleRateHz, dataOffset, numFrames } = await readWavHeader(source);
  const frameBytes = encoding.bytes * numChannels;
  const canSeek = source.size !== Number.POSITIVE_INFINITY;
  let frame = canSeek ? Math.min(numFrames, Math.floor(request.startSeconds * sampleRateHz)) : 0;
  while (frame < numFrames) {
    const bytes = await source.read(
      dataOffset + frame * frameBytes,
      Math.min(blockFrames, numFrames - frame) * frameBytes,
    );
    const view = viewOf(bytes);
    const length = Math.floor(bytes.length / frameBytes);
    if (length === 0) break;
    const channels = Array.from({ length: numChannels }, (_, channel) => {
      const samples = new Float32Array(length);
      const offset = channel * encoding.bytes;
      for (let i = 0; i < length; i++) samples[i] = encoding.read(view, i * frameBytes + offset);
      return samples;
    });
    yield { channels, sampleRateHz, startSeconds: frame / sampleRateHz };
    frame += length;
  }
}

function fromALaw(byte: number): number {
  const code = byte ^ 0x55;
  const exponent = (code & 0x70) >> 4;
  const mantissa = ((code & 0x0f) << 4) + 8;
  const magnitude = exponent === 0 ? mantissa : (mantissa + 256) << (exponent - 1);
  return ((code & 0x80) === 0 ? -magnitude : magnitude) / 32768;
}

function fromMuLaw(byte: number): number {
  const code = ~byte & 0xff;
  const magnitude = ((((code & 0x0f) << 3) + 132) << ((code & 0x70) >> 4)) - 132;
  return ((code & 0x80) === 0 ? magnitude : -magnitude) / 32768;
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
