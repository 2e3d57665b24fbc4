/**
 * @file The frames of a moving picture from which segments are made: upright, small, in one pass; of videos, of animations, and of still
 * pictures, which have one.
 */
import { MediaError } from '../../engine/core/index.ts';
import { probeAnimation, readAnimation } from '../image/animation.ts';
import { pictureFormat, signatureBytes } from '../image/picture-format.ts';
import { readPictureSource } from '../image/picture-source.ts';
import { openMediaSource } from '../media-source.ts';
import type { FittedFrame } from '../video/fit-frame.ts';
import type { FrameDecoding, FrameSelection } from '../video/frame-selection.ts';
import { fittedFrames } from '../video/read-video.ts';
import { openVideo, type VideoSession } from '../video/video-session.ts';

/** A moment of a moving picture. */
export interface SampledFrame {
  /** In seconds from the start of the file, as players count. */
  readonly timeSeconds: number;
  /** RGBA, upright; the same object as before where nothing has changed. */
  readonly picture: FittedFrame;
  /** Whether it is known to be a key frame, which coders like to put where the picture changes. */
  readonly isKey: boolean;
}

/** A moving picture that is being read. */
export interface FrameStream {
  readonly name: string;
  /** From the start of the file to the end of its pictures; 0 for a still one. */
  readonly durationSeconds: number;
  /** How much later than the file its pictures begin. */
  readonly delaySeconds: number;
  /** Frames that it has in a second, in the mean. */
  readonly framesPerSecond: number;
  readonly frames: AsyncGenerator<SampledFrame>;
  close(): Promise<void>;
}

/** Which frames are sampled, and how large they must be. */
export type SampleOptions = FrameSelection &
  FrameDecoding & {
    /** The longer side of a frame in pixels, which is less where the film's own is. */
    readonly side: number;
  };

/**
 * Opens whatever moves, or does not; told apart by content.
 * @throws MediaError if it cannot be read, is none of these, is damaged, or nothing is installed that decodes it.
 */
export async function openFrames(source: string | Uint8Array, options: SampleOptions): Promise<FrameStream> {
  const opened = await openMediaSource(source, 'video');
  const { name } = opened;
  let isPicture: boolean;
  try {
    isPicture = pictureFormat(await opened.read(0, signatureBytes)) !== undefined;
  } finally {
    await opened.close();
  }
  if (isPicture) return await openAnimation(source, name, options);
  const session = await openVideo(source, options.timeoutMs, { mayBeCut: true });
  const { startSeconds, endSeconds, delaySeconds, framesPerSecond } = session.content;
  const { squareWidth, squareHeight } = session.content;
  const side = Math.max(1, Math.min(options.side, Math.round(Math.max(squareWidth, squareHeight))));
  const fitted = fittedFrames(session, { ...options, side, isSparse: true });
  return {
    name,
    durationSeconds: delaySeconds + endSeconds - startSeconds,
    delaySeconds,
    framesPerSecond,
    frames: videoFrames(session, fitted, options.signal),
    close: () => session.close(),
  };
}

async function* videoFrames(
  { name, content, cutShort }: VideoSession,
  frames: ReturnType<typeof fittedFrames>,
  signal: AbortSignal | undefined,
): AsyncGenerator<SampledFrame> {
  let picture: FittedFrame | undefined;
  for await (const { timeSeconds, fitted, isKey = false } of frames) {
    signal?.throwIfAborted();
    picture = fitted ?? picture;
    if (picture === undefined) throw new MediaError(`${name}: it has no first frame`);
    yield { timeSeconds: content.delaySeconds + timeSeconds, picture, isKey };
  }
  if (cutShort !== undefined) throw cutShort;
}

async function openAnimation(source: string | Uint8Array, name: string, options: SampleOptions): Promise<FrameStream> {
  const picture = await readPictureSource(source);
  const { width, height, durationSeconds, numFrames } = await probeAnimation(picture);
  const framesPerSecond = durationSeconds > 0 ? numFrames / durationSeconds : 1;
  const longer = Math.max(width, height);
  const size = picture.format === 'svg' ? options.side : Math.min(options.side, longer);
  const [inWidth, inHeight] = [width, height].map((length) => Math.max(1, Math.round((length * size) / longer)));
  async function* frames(): AsyncGenerator<SampledFrame> {
    let before: { pixels: Uint8Array; picture: FittedFrame } | undefined;
    for await (const { timeSeconds, pixels } of readAnimation(picture, { ...options, size })) {
      if (before?.pixels !== pixels.data) {
        before = { pixels: pixels.data, picture: middleOf(pixels.data, size, inWidth!, inHeight!) };
      }
      yield { timeSeconds, picture: before.picture, isKey: false };
    }
  }
  return { name, durationSeconds, delaySeconds: 0, framesPerSecond, frames: frames(), close: async () => {} };
}

/** The middle of a square of RGB, as RGBA. */
function middleOf(square: Uint8Array, size: number, width: number, height: number): FittedFrame {
  const data = new Uint8Array(width * height * 4);
  const left = Math.floor((size - width) / 2);
  const top = Math.floor((size - height) / 2);
  for (let y = 0, to = 0; y < height; y++) {
    for (let x = 0, from = ((top + y) * size + left) * 3; x < width; x++, from += 3, to += 4) {
      data[to] = square[from]!;
      data[to + 1] = square[from + 1]!;
      data[to + 2] = square[from + 2]!;
      data[to + 3] = 255;
    }
  }
  return { data, width, height };
}
