/** @file Videos in MP4, QuickTime, WebM and Matroska: what they hold, and their frames, however long they are. */
import { MediaError, type Tensor } from '../../engine/core/index.ts';
import { renderingOf } from '../image/animation.ts';
import { checkOptions, composite, innerSide } from '../image/render-picture.ts';
import { ffmpegFrames } from './ffmpeg-frames.ts';
import {
  checkSelection,
  type FrameDecoding,
  type FrameSelection,
  type ReadFramesOptions,
  type VideoFrame,
} from './frame-selection.ts';
import type { ReadFrame } from './video-program.ts';
import { openVideo, Refusal, type VideoSession } from './video-session.ts';

const defaultTimeoutMs = 20_000;

/** What is known of a video without decoding it. */
export interface VideoProbe {
  /** Such as `MP4` or `WebM`. */
  readonly container: string;
  /** Such as `avc` or `vp9`; `unknown` where no decoder here has a name for it. */
  readonly codec: string;
  /** Width in pixels as shown: with square pixels, turned as the file asks. */
  readonly width: number;
  /** Height in pixels as shown. */
  readonly height: number;
  /** Clockwise turn that the file asks for: 0, 90, 180 or 270. */
  readonly rotationDegrees: number;
  readonly durationSeconds: number;
  /** The mean over the first frames; a video may vary. */
  readonly framesPerSecond: number;
  /** Its sound, if it has any; `streamAudio` reads it. */
  readonly audio?: { readonly codec: string; readonly sampleRateHz: number; readonly numChannels: number };
}

/**
 * What a video holds, from its header and index.
 * @throws MediaError if it cannot be read, is no video, has no picture, or is damaged or cut short.
 */
export async function probeVideo(source: string | Uint8Array): Promise<VideoProbe> {
  const session = await openVideo(source);
  await session.close();
  const { container, codec, squareWidth, squareHeight, rotationDegrees, audio, ...content } = session.content;
  const isUpright = rotationDegrees % 180 === 0;
  return {
    container,
    codec,
    width: Math.round(isUpright ? squareWidth : squareHeight),
    height: Math.round(isUpright ? squareHeight : squareWidth),
    rotationDegrees,
    durationSeconds: content.endSeconds - content.startSeconds,
    framesPerSecond: content.framesPerSecond,
    ...(audio !== undefined && { audio }),
  };
}

/** How much later than the pictures of a video its sound begins, in seconds; 0 of what is no video that can be read. */
export async function soundDelaySeconds(source: string | Uint8Array): Promise<number> {
  try {
    const session = await openVideo(source);
    await session.close();
    return session.content.soundDelaySeconds;
  } catch (error) {
    if (error instanceof MediaError) return 0;
    throw error;
  }
}

/**
 * Frames of a video; moments after its end show the last frame. Memory holds a few frames, however long the video.
 * @throws MediaError as `probeVideo` does, if nothing can decode it, or a frame takes too long.
 * @throws RangeError if an option is out of range.
 */
export async function* readVideo(source: string | Uint8Array, options: ReadFramesOptions): AsyncGenerator<VideoFrame> {
  const rendering = renderingOf(options);
  checkSelection(options);
  checkOptions(rendering);
  options.signal?.throwIfAborted();
  const timeoutMs = options.timeoutMs ?? defaultTimeoutMs;
  const session = await openVideo(source, timeoutMs);
  try {
    let pixels: Tensor<'uint8'> | undefined;
    for await (const { timeSeconds, fitted } of fittedFrames(session, { ...options, side: innerSide(rendering) })) {
      options.signal?.throwIfAborted();
      if (fitted !== undefined) pixels = composite(fitted.data, fitted.width, fitted.height, rendering);
      if (pixels === undefined) throw new MediaError(`${session.name}: it has no first frame`);
      yield { timeSeconds, pixels };
    }
  } finally {
    await session.close();
  }
}

/** How the frames of an open video are read. */
export interface FittedFramesOptions extends FrameDecoding {
  /** The longer side of a frame in pixels. */
  readonly side: number;
  /** Whether frames near the moments of a rate do, which takes less decoding; then each comes with its own time. */
  readonly isSparse?: boolean;
}

/**
 * Frames of an open video, upright, small; a frame that is the one before has no pixels.
 * @throws MediaError as `readVideo` does.
 */
export async function* fittedFrames(
  session: VideoSession,
  options: FrameSelection & FittedFramesOptions,
): AsyncGenerator<ReadFrame> {
  const { side, isSparse = false, timeoutMs = defaultTimeoutMs } = options;
  const selection = selectionOf(options);
  try {
    if (options.decoder === 'ffmpeg') throw new Refusal('ffmpeg is not installed');
    await session.ask({ do: 'read', selection, side, isSparse });
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    if (options.decoder === 'webcodecs') throw new MediaError(`${session.name}: ${error.message}`);
    yield* ffmpegFrames(session, selection, { side, timeoutMs, refusal: error.message });
    return;
  }
  for (;;) {
    options.signal?.throwIfAborted();
    const { frames = [], damage, isEnd } = await session.ask({ do: 'next' });
    yield* frames;
    if (damage !== undefined) throw session.damaged(damage);
    if (isEnd) return;
  }
}

/** The selection alone: the rest of the options cannot travel to another process. */
function selectionOf(options: FrameSelection): FrameSelection {
  if ('times' in options) return { times: options.times };
  if ('numFrames' in options) return { numFrames: options.numFrames };
  if ('framesPerSecond' in options) return { framesPerSecond: options.framesPerSecond };
  return { keyFrames: true };
}
