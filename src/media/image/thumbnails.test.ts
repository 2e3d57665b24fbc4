import { describe, expect, it } from 'vitest';
import { Tensor } from '../../engine/core/index.ts';
import { thumbnailSize, thumbnails } from './thumbnails.ts';

const frameOf = (size: number, colour: (x: number, y: number) => readonly number[]) => {
  const data = new Uint8Array(size * size * 3);
  for (let y = 0; y < size; y++) for (let x = 0; x < size; x++) data.set(colour(x, y), (y * size + x) * 3);
  return new Tensor('uint8', [size, size, 3], data);
};

describe('thumbnails', () => {
  it('is the mean of each block, in [0, 1]', () => {
    // Blocks of 2 x 2 pixels: of block (3, 1), one pixel is red and one is green.
    const frame = frameOf(32, (x, y) =>
      x === 6 && y === 2 ? [255, 0, 0] : x === 7 && y === 3 ? [0, 102, 0] : [0, 0, 51],
    );
    const { shape, data } = thumbnails([frame, frameOf(32, () => [255, 255, 255])]);
    expect(shape).toEqual([2, 16, 16, 3]);
    const at = (frame: number, x: number, y: number) =>
      Array.from(data.subarray((frame * 256 + y * 16 + x) * 3, (frame * 256 + y * 16 + x) * 3 + 3));
    at(0, 3, 1).forEach((value, i) => {
      expect(value).toBeCloseTo([0.25, 0.1, 0.1][i]!, 6);
    });
    at(0, 4, 1).forEach((value, i) => {
      expect(value).toBeCloseTo([0, 0, 0.2][i]!, 6);
    });
    expect(data.subarray(768).every((value) => Math.abs(value - 1) < 1e-6)).toBe(true);
  });

  it('refuses frames that do not divide into blocks', () => {
    expect(() => thumbnails([frameOf(thumbnailSize + 1, () => [0, 0, 0])])).toThrow('multiple of 16, got 17');
  });
});
