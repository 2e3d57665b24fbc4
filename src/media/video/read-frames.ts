/** @file Frames of whatever moves, or does not: animated WebP and GIF, still pictures. */
import { readAnimation } from '../image/animation.ts';
import type { ReadFramesOptions, VideoFrame } from './frame-selection.ts';

/**
 * Frames of a video, an animated picture, or a still one (which gives a single frame), told apart by content.
 * @throws MediaError if it cannot be read, is none of these, is damaged, too large, or takes too long.
 * @throws RangeError if an option is out of range.
 */
export async function* readFrames(source: string | Uint8Array, options: ReadFramesOptions): AsyncGenerator<VideoFrame> {
  yield* readAnimation(source, options);
}
