/**
 * @file A video, animation or picture in segments: what is shown from when to when, with the frames that an encoder takes.
 *
 * T: frames of a segment; S: side of a frame in pixels.
 */
import sharp from 'sharp';
import { MediaError, Tensor } from '../../engine/core/index.ts';
import { previewOfPixels } from '../image/preview.ts';
import { composite, innerSide, type RGB, tune } from '../image/render-picture.ts';
import type { FittedFrame } from '../video/fit-frame.ts';
import type { FrameDecoding } from '../video/frame-selection.ts';
import { openFrames, type SampledFrame } from './sampled-frames.ts';

/** A piece of a moving picture. Its times can be played: they lie within the file, ascend, and pieces do not overlap. */
export interface VideoSegment {
  readonly startSeconds: number;
  readonly endSeconds: number;
  /** The moment that stands for it. */
  readonly keyFrameSeconds: number;
  /** `uint8[T, S, S, 3]` RGB, evenly spread over the segment, laid out as `renderPicture` does. Where fewer frames were sampled, the nearest come again. */
  readonly frames: Tensor<'uint8'>;
  /** The key frame as WebP in its true shape, its longer side at most 320 pixels. */
  readonly thumbnail: Uint8Array;
}

/** How a video is cut, and how the frames of its segments are rendered. */
export interface SegmentVideoOptions extends FrameDecoding {
  /** Frames that are looked at in a second; 1 by default. */
  readonly framesPerSecond?: number;
  /** Only key frames are decoded and looked at, which is many times faster; false by default. */
  readonly keyFrames?: boolean;
  /** T; 8 by default. */
  readonly numFrames?: number;
  /** S; 160 by default. */
  readonly size?: number;
  /** Fraction of the side left free around a frame, in [0, 1); 0 by default. */
  readonly padding?: number;
  /** What fills the square; white by default. */
  readonly background?: RGB;
}

const windowSeconds = 8;

/**
 * The segments of a video, an animated picture, or a still one (one segment of 0 s), in the order of time.
 * @throws MediaError if it cannot be read, is none of these, or nothing is installed that decodes it; if it is damaged in the middle, after the segments before.
 */
export async function* segmentVideo(
  source: string | Uint8Array,
  options: SegmentVideoOptions = {},
): AsyncGenerator<VideoSegment> {
  const { framesPerSecond = 1, keyFrames = false, ...rest } = options;
  const stream = await openFrames(source, { ...rest, ...(keyFrames ? { keyFrames: true } : { framesPerSecond }) });
  try {
    let held: SampledFrame[] = [];
    for await (const frame of stream.frames) {
      if (held.length > 0 && frame.timeSeconds - held[0]!.timeSeconds >= windowSeconds) {
        yield await segmentOf(held, frame.timeSeconds, options);
        held = [];
      }
      held.push(frame);
    }
    if (held.length > 0) yield await segmentOf(held, stream.durationSeconds, options);
    else throw new MediaError(`${stream.name}: it has no frames`);
  } finally {
    await stream.frames.return(undefined);
    await stream.close();
  }
}

async function segmentOf(
  held: readonly SampledFrame[],
  endSeconds: number,
  { numFrames = 8, size = 160, ...rest }: SegmentVideoOptions,
): Promise<VideoSegment> {
  const startSeconds = held[0]!.timeSeconds;
  const frameBytes = size * size * 3;
  const frames = new Uint8Array(numFrames * frameBytes);
  for (let i = 0; i < numFrames; i++) {
    const at = Math.min(held.length - 1, Math.floor(((i + 0.5) * held.length) / numFrames));
    frames.set((await squareOf(held[at]!.picture, { ...rest, size })).data, i * frameBytes);
  }
  const key = held[held.length >> 1]!;
  return {
    startSeconds,
    endSeconds: Math.max(startSeconds, endSeconds),
    keyFrameSeconds: key.timeSeconds,
    frames: new Tensor('uint8', [numFrames, size, size, 3], frames),
    thumbnail: await previewOfPixels(key.picture),
  };
}

async function squareOf(
  { data, width, height }: FittedFrame,
  rendering: { size: number; padding?: number; background?: RGB },
): Promise<Tensor<'uint8'>> {
  tune();
  const inner = innerSide(rendering);
  const small = await sharp(data, { raw: { width, height, channels: 4 } })
    .resize(inner, inner, { fit: 'inside' })
    .raw()
    .toBuffer({ resolveWithObject: true });
  return composite(small.data, small.info.width, small.info.height, rendering);
}
