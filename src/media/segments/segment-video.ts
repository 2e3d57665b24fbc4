/**
 * @file A video, animation or picture in segments: what is shown from when to when, with the frames that an encoder takes.
 *
 * T: frames of a segment; S: side of a frame in pixels.
 */
import sharp from 'sharp';
import { MediaError, Tensor } from '../../engine/core/index.ts';
import { previewOfPixels, previewSide } from '../image/preview.ts';
import { checkOptions, composite, innerSide, type RenderOptions, type RGB, tune } from '../image/render-picture.ts';
import type { FittedFrame } from '../video/fit-frame.ts';
import { checkSelection, type FrameDecoding } from '../video/frame-selection.ts';
import { withExactCuts } from './exact-cuts.ts';
import { openFrames } from './sampled-frames.ts';
import { type MarkedFrame, markShots } from './shot-boundaries.ts';
import { cutPieces, type Piece } from './windows.ts';

/** More frames than this are not made of a segment. */
const maxFrames = 256;

/** A piece of a moving picture. Its times can be played: they lie within the file, ascend, and pieces do not overlap. */
export interface VideoSegment {
  readonly startSeconds: number;
  readonly endSeconds: number;
  /** Whether a take begins with it; else it goes on with the take before, cut for its length. */
  readonly startsShot: boolean;
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
  /** Whether cuts are sought to the very frame, which takes decoding from the key frame before each; false by default: then within a sample. */
  readonly exactCuts?: boolean;
  /** T; 8 by default. */
  readonly numFrames?: number;
  /** S; 160 by default. */
  readonly size?: number;
  /** Fraction of the side left free around a frame, in [0, 1); 0 by default. */
  readonly padding?: number;
  /** What fills the square; white by default. */
  readonly background?: RGB;
}

/**
 * The segments of a video, an animated picture, or a still one (one segment of 0 s), in the order of time. A take is cut where most changes into
 * pieces of about 8 s, at most 12 s between frames; what stands still is one segment. Black and other blank parts are in none. Memory holds a few frames, however
 * long the video.
 * @throws MediaError if it cannot be read, is none of these, nothing is installed that decodes it, or nothing is to be seen in it; if it is
 * damaged, after the segments before the damage.
 * @throws RangeError if an option is out of range.
 */
export async function* segmentVideo(
  source: string | Uint8Array,
  options: SegmentVideoOptions = {},
): AsyncGenerator<VideoSegment> {
  const {
    framesPerSecond = 1,
    keyFrames = false,
    exactCuts = false,
    numFrames = 8,
    size = 160,
    padding,
    background,
    ...rest
  } = options;
  const rendering = {
    size,
    ...(padding !== undefined && { padding }),
    ...(background !== undefined && { background }),
  };
  const selection = keyFrames ? ({ keyFrames: true } as const) : { framesPerSecond };
  checkOptions(rendering);
  checkSelection(selection);
  if (!Number.isInteger(numFrames) || numFrames < 1 || numFrames > maxFrames) {
    throw new RangeError(`segmentVideo: numFrames must be a whole number in [1, ${maxFrames}], got ${numFrames}`);
  }
  const stream = await openFrames(source, { ...rest, ...selection, side: Math.max(previewSide, innerSide(rendering)) });
  try {
    let numPieces = 0;
    const marked = markShots(stream.frames);
    const film = { source, framesPerSecond: stream.framesPerSecond, delaySeconds: stream.delaySeconds };
    const frames = exactCuts ? withExactCuts(marked, film, rest) : marked;
    for await (const piece of cutPieces(frames, stream.durationSeconds)) {
      numPieces += 1;
      yield await segmentOf(piece, numFrames, rendering);
    }
    if (numPieces === 0)
      throw new MediaError(`${stream.name}: nothing is to be seen; every frame has one colour all over`);
  } finally {
    await stream.frames.return(undefined);
    await stream.close();
  }
}

async function segmentOf(
  { startSeconds, endSeconds, startsShot, frames: seen }: Piece,
  numFrames: number,
  rendering: RenderOptions,
): Promise<VideoSegment> {
  const at = (moment: number): MarkedFrame => {
    let nearest = seen[0]!;
    for (const frame of seen) {
      if (Math.abs(frame.timeSeconds - moment) < Math.abs(nearest.timeSeconds - moment)) nearest = frame;
    }
    return nearest;
  };
  const length = endSeconds - startSeconds;
  const chosen = Array.from({ length: numFrames }, (_, i) => at(startSeconds + ((i + 0.5) * length) / numFrames));
  const key = at(startSeconds + length / 2);
  const pictures = [...new Set(chosen.map(({ picture }) => picture))];
  const [thumbnail, ...squares] = await Promise.all([
    previewOfPixels(key.picture),
    ...pictures.map((picture) => squareOf(picture, rendering)),
  ]);
  const { size } = rendering;
  const frameBytes = size * size * 3;
  const frames = new Uint8Array(numFrames * frameBytes);
  chosen.forEach(({ picture }, i) => {
    frames.set(squares[pictures.indexOf(picture)]!.data, i * frameBytes);
  });
  return {
    startSeconds,
    endSeconds,
    startsShot,
    keyFrameSeconds: key.timeSeconds,
    frames: new Tensor('uint8', [numFrames, size, size, 3], frames),
    thumbnail,
  };
}

/** A frame as `renderPicture` lays it out. */
async function squareOf({ data, width, height }: FittedFrame, rendering: RenderOptions): Promise<Tensor<'uint8'>> {
  tune();
  const inner = innerSide(rendering);
  const small = await sharp(data, { raw: { width, height, channels: 4 } })
    .resize(inner, inner, { fit: 'inside' })
    .raw()
    .toBuffer({ resolveWithObject: true });
  return composite(small.data, small.info.width, small.info.height, rendering);
}
