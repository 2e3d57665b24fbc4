/** @file What a file is and holds, told from its content: the one question before any medium is read. */
import { MediaError } from '../engine/core/index.ts';
import { audioFormat } from './audio/audio-format.ts';
import { probeAudio } from './audio/probe-audio.ts';
import { decodeText } from './documents/decode-text.ts';
import { isMarkdown, isPdf } from './documents/read-document.ts';
import { probeAnimation } from './image/animation.ts';
import { pictureFormat, pictureFormatNames, signatureBytes } from './image/picture-format.ts';
import { probePicture } from './image/render-picture.ts';
import { type MediaSource, openMediaSource } from './media-source.ts';
import { isDicom, readDicom } from './medical/dicom.ts';
import { probeVideo } from './video/read-video.ts';

/** What a file can be. */
export type MediaKind = 'image' | 'animation' | 'audio' | 'video' | 'dicom' | 'pdf' | 'markdown' | 'text';

/** What is known of a file without decoding it; what a kind does not have is left out. */
export interface MediaInfo {
  readonly kind: MediaKind;
  /** How the format is called, such as `PNG`, `MP4` or `Ogg Opus`. */
  readonly format: string;
  readonly sizeBytes: number;
  /** Width and height in pixels as shown. */
  readonly width?: number;
  readonly height?: number;
  readonly durationSeconds?: number;
  /** Pictures of an animation, or slices of a DICOM. */
  readonly numFrames?: number;
  readonly framesPerSecond?: number;
  /** Of the sound, that of a video included. */
  readonly numChannels?: number;
  readonly sampleRateHz?: number;
  /** How it is coded inside its container. */
  readonly codec?: string;
}

/**
 * Tells what a file, or bytes, hold, whatever its name says.
 * @throws MediaError naming the file if it cannot be read, is of no known kind, or its header is damaged.
 */
export async function probeMedia(source: string | Uint8Array): Promise<MediaInfo> {
  const opened = await openMediaSource(source, 'file');
  try {
    return { ...(await infoOf(source, opened)), sizeBytes: opened.size };
  } finally {
    await opened.close();
  }
}

async function infoOf(source: string | Uint8Array, opened: MediaSource): Promise<Omit<MediaInfo, 'sizeBytes'>> {
  const head = await opened.read(0, signatureBytes);
  const picture = pictureFormat(head);
  if (picture !== undefined) return await pictureInfo(source, picture);
  if (isDicom(head)) {
    const { pixels, numFrames } = await readDicom(source);
    const [height = 0, width = 0] = pixels.shape;
    return { kind: 'dicom', format: 'DICOM', width, height, numFrames };
  }
  if (isPdf(head)) return { kind: 'pdf', format: 'PDF' };
  const sound = await audioFormat(opened);
  if (sound?.format === 'mp4' || sound?.format === 'matroska') return await containerInfo(source);
  if (sound !== undefined) return await audioInfo(source);
  const text = decodeText(head, opened.size > head.length);
  if (text !== undefined) {
    return { kind: isMarkdown(opened.name, text.text) ? 'markdown' : 'text', format: text.encoding.toUpperCase() };
  }
  throw new MediaError(
    `${opened.name}: not a file of a known kind; it must be a picture, sound, video, DICOM, PDF or text`,
  );
}

async function pictureInfo(
  source: string | Uint8Array,
  picture: keyof typeof pictureFormatNames,
): Promise<Omit<MediaInfo, 'sizeBytes'>> {
  const format = pictureFormatNames[picture];
  if (picture === 'webp' || picture === 'gif') {
    const { width, height, numFrames, durationSeconds } = await probeAnimation(source);
    if (numFrames > 1) return { kind: 'animation', format, width, height, numFrames, durationSeconds };
    return { kind: 'image', format, width, height };
  }
  const { width, height } = await probePicture(source);
  return { kind: 'image', format, width, height };
}

/** A container is a video if it has pictures, else a sound. */
async function containerInfo(source: string | Uint8Array): Promise<Omit<MediaInfo, 'sizeBytes'>> {
  const sound = await probeAudio(source).catch((error: unknown) => {
    if (error instanceof MediaError && /no sound track$/.test(error.message)) return undefined;
    throw error;
  });
  if (sound !== undefined && !sound.hasVideo) return await audioInfo(source);
  const { container, codec, width, height, durationSeconds, framesPerSecond, audio } = await probeVideo(source);
  return {
    kind: 'video',
    format: container,
    codec,
    width,
    height,
    durationSeconds,
    framesPerSecond,
    ...(audio !== undefined && { numChannels: audio.numChannels, sampleRateHz: audio.sampleRateHz }),
  };
}

async function audioInfo(source: string | Uint8Array): Promise<Omit<MediaInfo, 'sizeBytes'>> {
  const { format, codec, numChannels, sampleRateHz, durationSeconds } = await probeAudio(source);
  return {
    kind: 'audio',
    format,
    numChannels,
    sampleRateHz,
    ...(durationSeconds !== undefined && { durationSeconds }),
    ...(codec !== undefined && { codec }),
  };
}
