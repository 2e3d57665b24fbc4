/** @file The decoder of each format of sound. */
import { MediaError } from '../../engine/core/index.ts';
import type { MediaSource } from '../media-source.ts';
import { type AudioFormat, audioFormat, audioFormatNames } from './audio-format.ts';
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
  if (start === undefined) {
    throw new MediaError(
      `${source.name}: not a sound; its content must be WAV, FLAC, MP3, Ogg Vorbis, Ogg Opus, AAC, or have a sound track in MP4, MOV, WebM or Matroska`,
    );
  }
  const { format, offset } = start;
  const body = offset === 0 || format === 'aac' ? source : behind(source, offset);
  try {
    yield* decoders[format](body, request);
  } catch (error) {
    if (error instanceof MediaError || request.signal?.aborted) throw error;
    throw new MediaError(`${source.name}: damaged ${audioFormatNames[format]}: ${(error as Error).message}`, {
      cause: error,
    });
  }
}

/** The same source without its first bytes. */
function behind(source: MediaSource, offset: number): MediaSource {
  return {
    ...source,
    size: source.size - offset,
    read: (at, length) => source.read(at + offset, length),
  };
}
