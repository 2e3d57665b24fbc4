/** @file Which format a sound has, told from its first bytes and never from its name. */
import type { MediaSource } from '../media-source.ts';

/** The formats of sound that can be told apart; `mp4`, `matroska` and `ogg` are containers whose sound track is read. */
export type AudioFormat = 'wav' | 'flac' | 'mp3' | 'vorbis' | 'opus' | 'aac' | 'mp4' | 'matroska' | 'ogg';

/** How each format is called in messages. */
export const audioFormatNames: Readonly<Record<AudioFormat, string>> = {
  wav: 'WAV',
  flac: 'FLAC',
  mp3: 'MP3',
  vorbis: 'Ogg Vorbis',
  opus: 'Ogg Opus',
  aac: 'AAC',
  mp4: 'MP4',
  matroska: 'WebM or Matroska',
  ogg: 'Ogg',
};

/** How many bytes from the start are looked at. */
const signatureBytes = 4096;

/** A sound's format, and where it begins behind the tags of ID3. */
export interface AudioStart {
  readonly format: AudioFormat;
  readonly offset: number;
}

/** The format of a sound, or undefined when it is none that can be read. */
export async function audioFormat(source: MediaSource): Promise<AudioStart | undefined> {
  let offset = 0;
  let head = await source.read(0, signatureBytes);
  // Some writers put several tags in a row.
  for (let tags = 0; tags < 4 && text(head, 0, 3) === 'ID3' && head.length >= 10; tags++) {
    const [a = 0, b = 0, c = 0, d = 0] = head.subarray(6, 10);
    offset +=
      10 + (((a & 127) << 21) | ((b & 127) << 14) | ((c & 127) << 7) | (d & 127)) + ((head[5]! & 0x10) === 0 ? 0 : 10);
    head = await source.read(offset, signatureBytes);
  }
  const format = formatOf(head, offset > 0);
  return format === undefined ? undefined : { format, offset };
}

function formatOf(head: Uint8Array, isTagged: boolean): AudioFormat | undefined {
  const mark = text(head, 0, 4);
  if ((mark === 'RIFF' || mark === 'RF64') && text(head, 8, 4) === 'WAVE') return 'wav';
  if (mark === 'fLaC') return 'flac';
  if (mark === 'OggS') {
    const body = 27 + (head[26] ?? 0);
    if (text(head, body, 8) === 'OpusHead') return 'opus';
    return text(head, body, 7) === '\u0001vorbis' ? 'vorbis' : 'ogg';
  }
  if (['ftyp', 'moov', 'mdat', 'wide'].includes(text(head, 4, 4))) return 'mp4';
  if (head[0] === 0x1a && head[1] === 0x45 && head[2] === 0xdf && head[3] === 0xa3) return 'matroska';
  return frameFormat(head, isTagged);
}

/** Frames of MP3 and AAC have no signature but their own header; two in a row, at the distance that the first one gives, are taken. */
function frameFormat(head: Uint8Array, isTagged: boolean): AudioFormat | undefined {
  // Padding of zeros may stand before the first frame.
  let at = 0;
  if (isTagged) while (at < head.length && head[at] === 0) at++;
  for (const [format, lengthOf] of [
    ['mp3', mpegFrameBytes],
    ['aac', adtsFrameBytes],
  ] as const) {
    const length = lengthOf(head, at);
    if (length === undefined) continue;
    if (isTagged || at + length >= head.length || lengthOf(head, at + length) !== undefined) return format;
  }
  return undefined;
}

const mpegBitRates: readonly (readonly number[])[] = [
  [0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320],
  [0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160],
];
const mpegRates = [44_100, 48_000, 32_000] as const;

/** What the header of a frame of MP3 says. */
export interface MpegFrameHeader {
  readonly bytes: number;
  readonly samples: number;
  readonly sampleRateHz: number;
  readonly numChannels: number;
  readonly bitsPerSecond: number;
  /** Bytes of side information, behind which the table of a whole file may stand. */
  readonly sideBytes: number;
}

/** The header of the MP3 frame (MPEG 1, 2 or 2.5, layer III) at `at`, or undefined where there is none. */
export function mpegFrameHeader(head: Uint8Array, at: number): MpegFrameHeader | undefined {
  if (at + 4 > head.length || head[at] !== 0xff || (head[at + 1]! & 0xe0) !== 0xe0) return undefined;
  const version = (head[at + 1]! >> 3) & 3;
  const layer = (head[at + 1]! >> 1) & 3;
  const kilobits = mpegBitRates[version === 3 ? 0 : 1]![head[at + 2]! >> 4];
  const rate = mpegRates[((head[at + 2]! >> 2) & 3) as 0 | 1 | 2];
  if (version === 1 || layer !== 1 || !kilobits || rate === undefined) return undefined;
  const sampleRateHz = rate / (version === 3 ? 1 : version === 2 ? 2 : 4);
  const samples = version === 3 ? 1152 : 576;
  const isMono = head[at + 3]! >> 6 === 3;
  return {
    bytes: Math.floor(((samples / 8) * kilobits * 1000) / sampleRateHz) + ((head[at + 2]! >> 1) & 1),
    samples,
    sampleRateHz,
    numChannels: isMono ? 1 : 2,
    bitsPerSecond: kilobits * 1000,
    sideBytes: version === 3 ? (isMono ? 17 : 32) : isMono ? 9 : 17,
  };
}

function mpegFrameBytes(head: Uint8Array, at: number): number | undefined {
  return mpegFrameHeader(head, at)?.bytes;
}

/** The length of the AAC frame (ADTS) at `at`, or undefined where there is none. */
export function adtsFrameBytes(head: Uint8Array, at: number): number | undefined {
  if (at + 7 > head.length || head[at] !== 0xff || (head[at + 1]! & 0xf6) !== 0xf0) return undefined;
  const length = ((head[at + 3]! & 3) << 11) | (head[at + 4]! << 3) | (head[at + 5]! >> 5);
  return length > 7 ? length : undefined;
}

function text(bytes: Uint8Array, at: number, length: number): string {
  return String.fromCharCode(...bytes.subarray(at, at + length));
}
