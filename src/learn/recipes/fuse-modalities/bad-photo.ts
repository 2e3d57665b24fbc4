/** @file Photos as bad as one likes: few pixels, a noisy sensor, a thing in the way. S: side of the picture in pixels. */
import { type Rng, Tensor } from '../../../engine/core/index.ts';

/** How bad a photo is. */
export interface Badness {
  /** Pixels along a side that are left. */
  readonly pixels: number;
  /** Deviation of the noise of each, in grey levels of 255. */
  readonly noise: number;
  /** Side of the grey square that hides a part, as a share of the side of the photo. */
  readonly hidden: number;
}

/** A bad photo of a picture `uint8[S, S, 3]`: averaged down, noisy, enlarged again, a part of it hidden; the same for the same `rng`. */
export function badPhoto(picture: Tensor<'uint8'>, { pixels, noise, hidden }: Badness, rng: Rng): Tensor<'uint8'> {
  const size = picture.shape[0]!;
  const small = shrunk(picture, pixels).map((value) => value + noise * rng.normal());
  const shown = new Uint8Array(picture.data.length);
  for (let y = 0; y < size; y++) {
    const down = positionIn(y, size, pixels);
    for (let x = 0; x < size; x++) {
      const across = positionIn(x, size, pixels);
      for (let c = 0; c < 3; c++) {
        const at = (row: number, column: number) => small[(row * pixels + column) * 3 + c]!;
        const upper = at(down.low, across.low) * (1 - across.part) + at(down.low, across.high) * across.part;
        const lower = at(down.high, across.low) * (1 - across.part) + at(down.high, across.high) * across.part;
        shown[(y * size + x) * 3 + c] = clamp(Math.round(upper * (1 - down.part) + lower * down.part), 0, 255);
      }
    }
  }
  const side = Math.round(hidden * size);
  const [left, top] = [rng.integer(size - side + 1), rng.integer(size - side + 1)];
  for (let y = top; y < top + side; y++) shown.fill(128, (y * size + left) * 3, (y * size + left + side) * 3);
  return new Tensor('uint8', [size, size, 3], shown);
}

/** Means over cells, `[P, P, 3]`; a cell of less than a pixel is the pixel under it. */
function shrunk({ data, shape }: Tensor<'uint8'>, pixels: number): Float32Array {
  const size = shape[0]!;
  const small = new Float32Array(pixels * pixels * 3);
  const edges = Array.from({ length: pixels + 1 }, (_, i) => Math.floor((i * size) / pixels));
  for (let row = 0; row < pixels; row++) {
    for (let column = 0; column < pixels; column++) {
      const [top, left] = [edges[row]!, edges[column]!];
      const [bottom, right] = [Math.max(edges[row + 1]!, top + 1), Math.max(edges[column + 1]!, left + 1)];
      const count = (bottom - top) * (right - left);
      for (let y = top; y < bottom; y++) {
        for (let x = left; x < right; x++) {
          for (let c = 0; c < 3; c++) small[(row * pixels + column) * 3 + c]! += data[(y * size + x) * 3 + c]! / count;
        }
      }
    }
  }
  return small;
}

/** Between which of `pixels` centres a pixel of the large picture lies. */
function positionIn(at: number, size: number, pixels: number): { low: number; high: number; part: number } {
  const exact = clamp(((at + 0.5) * pixels) / size - 0.5, 0, pixels - 1);
  const low = Math.floor(exact);
  return { low, high: Math.min(low + 1, pixels - 1), part: exact - low };
}

const clamp = (value: number, low: number, high: number) => Math.min(high, Math.max(low, value));
