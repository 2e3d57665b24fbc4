/** @file Which frames of something that moves are wanted, and what a frame is. */
import type { Tensor } from '../../engine/core/index.ts';
import type { RGB } from '../image/render-picture.ts';

/** A moment of a moving picture. */
export interface VideoFrame {
  /** The moment that was asked for, in seconds from the start; of a key frame, when it begins. */
  readonly timeSeconds: number;
  /** What is seen then, `uint8[S, S, 3]` RGB, laid out as `renderPicture` does. Frames that are the same may share it. */
  readonly pixels: Tensor<'uint8'>;
}

/** Which frames: at moments in seconds, in ascending order; so many in the middles of equal intervals; at a rate; key frames. */
export type FrameSelection =
  | { readonly times: readonly number[] }
  | { readonly numFrames: number }
  | { readonly framesPerSecond: number }
  | { readonly keyFrames: true };

/** What decodes frames, and how long that may take. */
export interface FrameDecoding {
  /** Gives up when one frame takes longer, in milliseconds; 20,000 by default. */
  readonly timeoutMs?: number;
  /** What decodes videos: WebCodecs or the program ffmpeg; WebCodecs by default, and ffmpeg where that cannot. */
  readonly decoder?: 'webcodecs' | 'ffmpeg';
  /** Stops the reading. */
  readonly signal?: AbortSignal;
}

/** How frames are rendered, and how long that may take. */
export interface FrameRendering extends FrameDecoding {
  /** S, the side of the square in pixels, in [1, 4096]. */
  readonly size: number;
  /** Fraction of the side left free around the picture, in [0, 1); 0 by default. */
  readonly padding?: number;
  /** What lies behind transparent parts and fills the square; white by default. */
  readonly background?: RGB;
}

/** Which frames, and how they are rendered. */
export type ReadFramesOptions = FrameSelection & FrameRendering;

/** More frames than this are not spread evenly. */
const maxNumFrames = 1_000_000;

/** @throws RangeError if the selection is empty, ambiguous or out of range. */
export function checkSelection(options: FrameSelection): void {
  const kinds = ['times', 'numFrames', 'framesPerSecond', 'keyFrames'].filter(
    (kind) => (options as Record<string, unknown>)[kind] !== undefined,
  );
  if (kinds.length !== 1) {
    const got = kinds.length === 0 ? 'none' : kinds.join(' and ');
    throw new RangeError(`readFrames: give one of times, numFrames, framesPerSecond, keyFrames; got ${got}`);
  }
  if ('times' in options) {
    options.times.forEach((time, i) => {
      if (!Number.isFinite(time) || time < 0 || time < (options.times[i - 1] ?? 0)) {
        throw new RangeError(`readFrames: times must be at least 0 and ascend, got ${time} at ${i}`);
      }
    });
  } else if ('numFrames' in options) {
    const { numFrames } = options;
    if (!Number.isInteger(numFrames) || numFrames < 1 || numFrames > maxNumFrames) {
      throw new RangeError(`readFrames: numFrames must be a whole number in [1, ${maxNumFrames}], got ${numFrames}`);
    }
  } else if ('framesPerSecond' in options) {
    const { framesPerSecond } = options;
    if (!(framesPerSecond > 0 && framesPerSecond <= 1000)) {
      throw new RangeError(`readFrames: framesPerSecond must be in (0, 1000], got ${framesPerSecond}`);
    }
  }
}

/**
 * The moments that a selection names in a moving picture of this length, in seconds: of `{ numFrames: 2 }` in 4 s, 1 and 3.
 * @param keyTimes When key frames begin.
 */
export function* momentsOf(
  selection: FrameSelection,
  durationSeconds: number,
  keyTimes: Iterable<number> = [],
): Generator<number> {
  if ('times' in selection) yield* selection.times;
  else if ('numFrames' in selection) {
    const { numFrames } = selection;
    for (let i = 0; i < numFrames; i++) yield ((i + 0.5) * durationSeconds) / numFrames;
  } else if ('framesPerSecond' in selection) {
    yield 0;
    for (let i = 1; i / selection.framesPerSecond < durationSeconds; i++) yield i / selection.framesPerSecond;
  } else yield* keyTimes;
}
