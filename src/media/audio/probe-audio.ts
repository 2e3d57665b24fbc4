/** @file What a sound file holds, from its header, without decoding it. */
import { MediaError } from '../../engine/core/index.ts';
import { type MediaSource, openMediaSource } from '../media-source.ts';
import { audioFormat, audioFormatNames } from './audio-format.ts';
import { oggLayout, readMp3Info, readStreamInfo } from './compressed.ts';
import { probeContainer } from './container.ts';
import { behind, notASound } from './decode-pcm.ts';
import { readOggPages } from './ogg-pages.ts';
import { checkPcmLayout } from './pcm.ts';
import { readWavHeader } from './wav.ts';

/** What is known of a sound without decoding it. */
export interface AudioProbe {
  /** Such as `MP3`, `Ogg Opus` or `MP4`. */
  readonly format: string;
  /** Such as `aac`, where the format is a container. */
  readonly codec?: string;
  readonly numChannels: number;
  readonly sampleRateHz: number;
  /** Undefined where the header does not say and only decoding would tell. */
  readonly durationSeconds: number | undefined;
  /** Whether there are pictures beside the sound. */
  readonly hasVideo: boolean;
}

/**
 * What a sound file, or its bytes, holds. Ogg is read through, since only its last page tells its length; the length of an MP3 without a
 * table follows from the bit rate of its first frame.
 * @throws MediaError if it cannot be read, is no sound, or is damaged or cut short.
 */
export async function probeAudio(source: string | Uint8Array): Promise<AudioProbe> {
  const opened = await openMediaSource(source, 'sound');
  try {
    const start = await audioFormat(opened);
    if (start === undefined) throw notASound(opened.name);
    const format = audioFormatNames[start.format];
    try {
      const probe = await probes[start.format](behind(opened, start));
      checkPcmLayout(opened.name, probe.numChannels, probe.sampleRateHz);
      return { format, hasVideo: false, ...probe };
    } catch (error) {
      if (error instanceof MediaError) throw error;
      throw new MediaError(`${opened.name}: damaged ${format}: ${(error as Error).message}`, { cause: error });
    }
  } finally {
    await opened.close();
  }
}

type Probe = (source: MediaSource) => Promise<Omit<AudioProbe, 'format' | 'hasVideo'> & Partial<AudioProbe>>;

const probes: Readonly<Record<keyof typeof audioFormatNames, Probe>> = {
  wav: async (source) => {
    const { numChannels, sampleRateHz, numFrames } = await readWavHeader(source);
    return { numChannels, sampleRateHz, durationSeconds: numFrames / sampleRateHz };
  },
  flac: async (source) => {
    const { numChannels, sampleRateHz, numFrames } = await readStreamInfo(source);
    return { numChannels, sampleRateHz, durationSeconds: numFrames > 0 ? numFrames / sampleRateHz : undefined };
  },
  mp3: async (source) => {
    const { frame, numFrames } = await readMp3Info(source);
    if (frame === undefined) throw new Error('it has no first frame');
    const { numChannels, sampleRateHz, bitsPerSecond } = frame;
    const durationSeconds = numFrames > 0 ? numFrames / sampleRateHz : (source.size * 8) / bitsPerSecond;
    return { numChannels, sampleRateHz, durationSeconds };
  },
  vorbis: (source) => probeOgg('vorbis', source),
  opus: (source) => probeOgg('opus', source),
  aac: probeSoundTrack,
  mp4: probeSoundTrack,
  matroska: probeSoundTrack,
  ogg: probeSoundTrack,
};

async function probeSoundTrack(source: MediaSource): ReturnType<Probe> {
  const {
    codec,
    numChannels = 0,
    sampleRateHz = 0,
    durationSeconds,
    hasVideo = false,
    container,
  } = await probeContainer(source);
  if (codec === undefined) throw new MediaError(`${source.name}: it has no sound track`);
  return {
    codec,
    numChannels,
    sampleRateHz,
    durationSeconds,
    hasVideo,
    ...(container !== undefined && { format: container }),
  };
}

async function probeOgg(format: 'vorbis' | 'opus', source: MediaSource): ReturnType<Probe> {
  let layout: ReturnType<typeof oggLayout>;
  let skipped = 0;
  let numFrames = 0;
  for await (const { bytes, isFirst, isLast } of readOggPages(source)) {
    const view = new DataView(bytes.buffer, bytes.byteOffset);
    if (isFirst) {
      layout = oggLayout(format, bytes);
      if (layout === undefined) throw new Error(`it holds more than ${format}`);
      skipped = format === 'opus' ? view.getUint16(27 + bytes[26]! + 10, true) : 0;
    }
    if (isLast) numFrames += Math.max(0, Number(view.getBigInt64(6, true)) - skipped);
  }
  if (layout === undefined) throw new Error('it has no first page');
  return { ...layout, durationSeconds: numFrames / layout.sampleRateHz };
}
