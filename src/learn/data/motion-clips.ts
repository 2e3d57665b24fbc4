/**
 * @file Clips composed from still pictures: a sprite moves over a plain or shaded ground, in a way that is known, so that time itself can be
 * learned and asked for. Everything is drawn from a seed.
 *
 * T: frames; S: side of a frame in pixels; P: side of the sprite.
 */
import { Rng, Tensor } from '../../engine/core/index.ts';
import { type RGB, renderPicture } from '../../media/index.ts';
import { type MotionName, motions, type Pose } from './motions.ts';

/** A picture cut out of its ground. */
export interface Sprite {
  /** P */
  readonly size: number;
  /** Red, green, blue times opacity, and opacity, in [0, 255]: `[P, P, 4]`. */
  readonly pixels: Float32Array;
}

/** P: above the size at which it is mostly shown, so that it keeps its detail. */
const spriteSize = 112;

/**
 * Cuts a picture (a path, or the bytes of a file) out: rendered once on white and once on black, of which the difference tells how opaque it is.
 * @throws MediaError as `renderPicture` does.
 */
export async function readSprite(source: string | Uint8Array): Promise<Sprite> {
  const view = { size: spriteSize };
  const [white, black] = await Promise.all([
    renderPicture(source, { ...view, background: [255, 255, 255] }),
    renderPicture(source, { ...view, background: [0, 0, 0] }),
  ]);
  const pixels = new Float32Array(spriteSize * spriteSize * 4);
  for (let i = 0; i < spriteSize * spriteSize; i++) {
    let ground = 255;
    for (let channel = 0; channel < 3; channel++) {
      const over = black.data[i * 3 + channel]!;
      pixels[i * 4 + channel] = over;
      ground = Math.min(ground, white.data[i * 3 + channel]! - over);
    }
    pixels[i * 4 + 3] = 255 - Math.max(0, ground);
  }
  return { size: spriteSize, pixels };
}

/** What `composeMotionClip` makes. */
export interface MotionClipOptions {
  readonly motion: MotionName;
  /** Decides ground, size, path and speed. */
  readonly seed: string;
  /** T */
  readonly numFrames: number;
  /** S */
  readonly size: number;
}

/** The frames of a clip, `uint8[S, S, 3]` each, RGB. */
export function composeMotionClip(sprite: Sprite, options: MotionClipOptions): Tensor<'uint8'>[] {
  const { motion, seed, numFrames, size } = options;
  const rng = new Rng(seed);
  const ground = drawGround(rng, size);
  const width = 0.38 + 0.24 * rng.uniform();
  const path = motions[motion].path(rng);
  return Array.from({ length: numFrames }, (_, i) => {
    const pose = path(numFrames === 1 ? 0 : i / (numFrames - 1));
    const frame = ground.slice();
    drawSprite(frame, size, sprite, { ...pose, scale: pose.scale * width });
    return new Tensor('uint8', [size, size, 3], frame);
  });
}

/** White, one light colour, or a change from one light colour to another. */
function drawGround(rng: Rng, size: number): Uint8Array {
  const light = (): RGB => [150 + rng.integer(106), 150 + rng.integer(106), 150 + rng.integer(106)];
  const kind = rng.uniform();
  const from: RGB = kind < 0.35 ? [255, 255, 255] : light();
  const to = kind < 0.7 ? from : light();
  const angle = 2 * Math.PI * rng.uniform();
  const [right, down] = [Math.cos(angle) / size, Math.sin(angle) / size];
  const pixels = new Uint8Array(size * size * 3);
  for (let y = 0, at = 0; y < size; y++) {
    for (let x = 0; x < size; x++) {
      const share = Math.min(1, Math.max(0, 0.5 + (x - size / 2) * right + (y - size / 2) * down));
      for (let channel = 0; channel < 3; channel++) {
        pixels[at++] = Math.round(from[channel]! + (to[channel]! - from[channel]!) * share);
      }
    }
  }
  return pixels;
}

/** Lays the sprite over the frame; between the sprite's pixels it is interpolated. `scale` is its side in sides of the frame. */
function drawSprite(frame: Uint8Array, size: number, sprite: Sprite, pose: Pose): void {
  const side = pose.scale * size;
  const height = side * pose.stretch;
  if (pose.opacity <= 0 || Math.abs(height) < 1) return;
  const [centreX, centreY] = [size * (0.5 + pose.x), size * (0.5 + pose.y)];
  const [cos, sin] = [Math.cos((pose.rotateDegrees * Math.PI) / 180), Math.sin((pose.rotateDegrees * Math.PI) / 180)];
  const reachX = (side * Math.abs(cos) + Math.abs(height * sin)) / 2;
  const reachY = (side * Math.abs(sin) + Math.abs(height * cos)) / 2;
  const clamp = (value: number) => Math.min(size, Math.max(0, value));
  const [left, right] = [clamp(Math.floor(centreX - reachX)), clamp(Math.ceil(centreX + reachX))];
  const [top, bottom] = [clamp(Math.floor(centreY - reachY)), clamp(Math.ceil(centreY + reachY))];
  const { pixels, size: spriteSide } = sprite;
  for (let y = top; y < bottom; y++) {
    for (let x = left; x < right; x++) {
      const [dx, dy] = [x + 0.5 - centreX, y + 0.5 - centreY];
      const u = ((dx * cos + dy * sin) / side + 0.5) * spriteSide - 0.5;
      const v = ((dy * cos - dx * sin) / height + 0.5) * spriteSide - 0.5;
      if (!(u >= 0 && v >= 0 && u < spriteSide - 1 && v < spriteSide - 1)) continue;
      const [column, row] = [Math.floor(u), Math.floor(v)];
      const [partX, partY] = [u - column, v - row];
      const from = (row * spriteSide + column) * 4;
      const below = from + spriteSide * 4;
      const [w00, w10] = [(1 - partX) * (1 - partY), partX * (1 - partY)];
      const [w01, w11] = [(1 - partX) * partY, partX * partY];
      const sampled = (channel: number) =>
        w00 * pixels[from + channel]! +
        w10 * pixels[from + 4 + channel]! +
        w01 * pixels[below + channel]! +
        w11 * pixels[below + 4 + channel]!;
      const alpha = sampled(3);
      if (alpha === 0) continue;
      const kept = 1 - (alpha / 255) * pose.opacity;
      const at = (y * size + x) * 3;
      frame[at] = Math.round(sampled(0) * pose.opacity + frame[at]! * kept);
      frame[at + 1] = Math.round(sampled(1) * pose.opacity + frame[at + 1]! * kept);
      frame[at + 2] = Math.round(sampled(2) * pose.opacity + frame[at + 2]! * kept);
    }
  }
}

/** Frames in a mirror: left and right change places. */
export function mirrorFrames(frames: readonly Tensor<'uint8'>[]): Tensor<'uint8'>[] {
  return frames.map(({ shape, data }) => {
    const [height, width] = shape as [number, number, number];
    const out = new Uint8Array(data.length);
    for (let y = 0; y < height; y++) {
      for (let x = 0; x < width; x++) {
        const from = (y * width + x) * 3;
        out.set(data.subarray(from, from + 3), (y * width + width - 1 - x) * 3);
      }
    }
    return new Tensor('uint8', shape, out);
  });
}
