/**
 * @file Thumbnails of the frames of a clip, for encoders that must know where in a frame a thing is. T: frames; S: side of a frame in pixels.
 */
import { Tensor } from '../../engine/core/index.ts';

/** The side of a thumbnail in pixels. */
export const thumbnailSize = 16;

/**
 * Each frame brought down to 16 x 16 by averaging, in [0, 1]: `[T, 16, 16, 3]`. A pool over the whole plane does not tell where a thing is;
 * this does.
 * @throws RangeError if S is no multiple of 16.
 */
export function thumbnails(frames: readonly Tensor<'uint8'>[]): Tensor<'float32'> {
  const size = frames[0]?.shape[0] ?? 0;
  const block = size / thumbnailSize;
  if (!Number.isInteger(block) || block < 1) {
    throw new RangeError(`thumbnails: the side of a frame must be a multiple of ${thumbnailSize}, got ${size}`);
  }
  const perFrame = thumbnailSize * thumbnailSize * 3;
  const out = new Float32Array(frames.length * perFrame);
  frames.forEach(({ data }, frame) => {
    for (let y = 0; y < size; y++) {
      const row = frame * perFrame + Math.floor(y / block) * thumbnailSize * 3;
      for (let x = 0; x < size; x++) {
        const to = row + Math.floor(x / block) * 3;
        const from = (y * size + x) * 3;
        for (let channel = 0; channel < 3; channel++) out[to + channel]! += data[from + channel]!;
      }
    }
  });
  const scale = 1 / (255 * block * block);
  return new Tensor(
    'float32',
    [frames.length, thumbnailSize, thumbnailSize, 3],
    out.map((sum) => sum * scale),
  );
}
