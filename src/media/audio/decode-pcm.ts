/** @file The decoder of each format of sound. */
import { MediaError } from '../../engine/core/index.ts';
import type { MediaSource } from '../media-source.ts';
import { type AudioFormat, type AudioStart, audioFormat, audioFormatNames } from './audio-format.ts';
import { decodeFlac, decodeMp3, decodeOpus, decodeVorbis } from './compressed.ts';
import { decodeContainer } from './container.ts';
import type { PcmBlock, PcmDecoder, PcmRequest } from './pcm.ts';
import { decodeWav } from './wav.ts';

const decoders: Readonly<Record<AudioFormat, PcmDecoder>> = {
  wav: decodeWav,
  flac: decodeFlac,
  mp3: decodeMp3,
  vorbis: decodeVorbis,
  opus: decodeOpus,
  aac: decodeContainer,
  mp4: decodeContainer,
  matroska: decodeContainer,
  ogg: decodeContainer,
};

/**
 * Decodes whatever a source holds, told by content.
 * @throws MediaError if it is no sound, or damaged.
 */
export async function* decodePcm(source: MediaSource, request: PcmRequest): AsyncGenerator<PcmBlock> {
  const start = await audioFormat(source);
  if (start === undefined) throw notASound(source.name);
  const { format } = start;
  const body = behind(source, start);
  try {
    yield* decoders[format](body, request);
  } catch (error) {
    if (error instanceof MediaError || request.signal?.aborted) throw error;
    throw new MediaError(`${source.name}: damaged ${audioFormatNames[format]}: ${(error as Error).message}`, {
      cause: error,
    });
  }
}

/** What is said of bytes that are no sound. */
export function notASound(name: string): MediaError {
  return new MediaError(
    `${name}: not a sound; its content must be WAV, FLAC, MP3, Ogg Vorbis, Ogg Opus, AAC, or have a sound track in MP4, MOV, WebM or Matroska`,
  );
}

/** A source without the tags before its sound; AAC is handed on by its path, tags and all. */
export function behind(source: MediaSource, { format, offset }: AudioStart): MediaSource {
  if (offset === 0 || format === 'aac') return source;
  return { ...source, size: source.size - offset, read: (at, length) => source.read(at + offset, length) };
}
