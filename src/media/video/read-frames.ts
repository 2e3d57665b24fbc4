/** @file Frames of whatever moves, or does not: videos, animated WebP and GIF, still pictures. */
import { readAnimation } from '../image/animation.ts';
import { pictureFormat, signatureBytes } from '../image/picture-format.ts';
import { openMediaSource } from '../media-source.ts';
import type { ReadFramesOptions, VideoFrame } from './frame-selection.ts';
import { readVideo } from './read-video.ts';

/**
 * Frames of a video, an animated picture, or a still one (which gives a single frame), told apart by content.
 * @throws MediaError if it cannot be read, is none of these, is damaged, too large, or takes too long, or if nothing is installed that
 * decodes it.
 * @throws RangeError if an option is out of range.
 */
export async function* readFrames(source: string | Uint8Array, options: ReadFramesOptions): AsyncGenerator<VideoFrame> {
  const opened = await openMediaSource(source, 'video');
  let isPicture: boolean;
  try {
    isPicture = pictureFormat(await opened.read(0, signatureBytes)) !== undefined;
  } finally {
    await opened.close();
  }
  yield* isPicture ? readAnimation(source, options) : readVideo(source, options);
}
