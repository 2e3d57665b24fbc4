import { describe, expect, it } from 'vitest';
import { Rng, type Tensor } from '../../engine/core/index.ts';
import { composeMotionClip, mirrorFrames, readSprite, type Sprite } from './motion-clips.ts';
import { type MotionName, motionAs, motionNames, motions, motionTexts } from './motions.ts';

/** A black bar, upright, in the middle of the sprite: its direction shows. */
const bar: Sprite = (() => {
  const size = 40;
  const pixels = new Float32Array(size * size * 4);
  for (let y = 2; y < 38; y++) for (let x = 14; x < 26; x++) pixels[(y * size + x) * 4 + 3] = 255;
  return { size, pixels };
})();

/** How much darker than the ground (the corner) each pixel is. */
function shadow({ data, shape }: Tensor<'uint8'>) {
  const size = shape[0]!;
  let [mass, x, y] = [0, 0, 0];
  for (let i = 0; i < size * size; i++) {
    const dark = Math.max(0, 140 - data[i * 3]!);
    mass += dark;
    x += dark * (i % size);
    y += dark * Math.floor(i / size);
  }
  return { mass, x: x / mass, y: y / mass };
}

const clip = (motion: MotionName, seed: string) => composeMotionClip(bar, { motion, seed, numFrames: 8, size: 64 });
const differences = (values: readonly number[]) => values.slice(1).map((value, i) => value - values[i]!);

describe('composeMotionClip', () => {
  const course = (motion: MotionName, seed: string, key: 'x' | 'y' | 'mass') =>
    differences(clip(motion, seed).map((frame) => shadow(frame)[key]));

  it('moves as it says, whatever is drawn', () => {
    for (const seed of ['a', 'b']) {
      expect(course('moves-right', seed, 'x').every((step) => step > 0)).toBe(true);
      expect(course('moves-left', seed, 'x').every((step) => step < 0)).toBe(true);
      expect(course('rises', seed, 'y').every((step) => step < 0.01)).toBe(true);
      expect(course('falls', seed, 'y').every((step) => step > -0.01)).toBe(true);
      expect(course('grows', seed, 'mass').every((step) => step > 0)).toBe(true);
      expect(course('shrinks', seed, 'mass').every((step) => step < 0)).toBe(true);
      expect(course('appears', seed, 'mass').every((step) => step >= 0)).toBe(true);
      expect(course('disappears', seed, 'mass').every((step) => step <= 0)).toBe(true);
      const still = clip('stands-still', seed);
      for (const frame of still) expect(Buffer.compare(frame.data, still[0]!.data)).toBe(0);
    }
  });

  it('turns clockwise as seen: the upper end of the bar goes to the right first', () => {
    // A quarter turn around the middle; the bar starts upright.
    const sprite: Sprite = { size: 40, pixels: bar.pixels.slice() };
    // Only its upper half is drawn, so that it has one end.
    for (let i = 20 * 40 * 4; i < sprite.pixels.length; i++) sprite.pixels[i] = 0;
    const angles = (motion: MotionName) =>
      composeMotionClip(sprite, { motion, seed: 'turn', numFrames: 33, size: 64 }).map((frame) => {
        const { x, y } = shadow(frame);
        return Math.atan2(x - 31.5, 31.5 - y);
      });
    const turned = (motion: MotionName) =>
      differences(angles(motion)).map((step) => Math.atan2(Math.sin(step), Math.cos(step)));
    expect(turned('turns-clockwise').every((step) => step > 0)).toBe(true);
    expect(turned('turns-anticlockwise').every((step) => step < 0)).toBe(true);
  });

  it('is the same for the same seed alone', () => {
    const bytes = (seed: string) => Buffer.concat(clip('bounces', seed).map(({ data }) => data));
    expect(bytes('a').equals(bytes('a'))).toBe(true);
    expect(bytes('a').equals(bytes('b'))).toBe(false);
  });
});

describe('motions', () => {
  it('come back when turned twice, and mirroring does not change time', () => {
    for (const name of motionNames) {
      expect(motionAs(motionAs(name, { reversed: true }), { reversed: true })).toBe(name);
      expect(motionAs(motionAs(name, { mirrored: true }), { mirrored: true })).toBe(name);
      const both = motionAs(motionAs(name, { reversed: true }), { mirrored: true });
      expect(motionAs(name, { reversed: true, mirrored: true })).toBe(both);
    }
  });

  it('run along the path of their opposite when reversed', () => {
    for (const name of ['rises', 'grows', 'appears', 'moves-left', 'turns-clockwise'] as const) {
      const along = motions[name].path(new Rng('path'));
      const opposite = motions[motions[name].reversed].path(new Rng('path'));
      for (const key of ['scale', 'opacity'] as const) {
        for (const time of [0, 0.3, 1]) expect(along(time)[key]).toBeCloseTo(opposite(1 - time)[key], 9);
      }
      for (const key of ['x', 'y', 'rotateDegrees'] as const) {
        const [there, back] = [along(1)[key] - along(0)[key], opposite(1)[key] - opposite(0)[key]];
        if (Math.abs(there) > 0.07) expect(Math.sign(there)).toBe(-Math.sign(back));
      }
    }
  });

  it('say nothing twice, and hold the name', () => {
    for (const language of ['en', 'zh'] as const) {
      const texts = motionNames.flatMap((name) => motionTexts('owl', name, language));
      expect(new Set(texts).size).toBe(texts.length);
      for (const text of texts) expect(text).toContain('owl');
    }
    expect(motionTexts('owl', 'rises', 'en')[0]).toBe('an owl rising');
    expect(motionTexts('cat', 'stands-still', 'en')).toContain('a motionless cat');
    expect(motionTexts('猫', 'rises', 'zh')[0]).toBe('猫上升');
  });
});

describe('readSprite', () => {
  it('cuts a picture out of its ground', async () => {
    const svg = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 4 4"><path fill="#f00" d="M0 0h2v4h-2z"/><path fill="#00f" fill-opacity=".5" d="M2 0h1v4h-1z"/></svg>`;
    const { size, pixels } = await readSprite(new TextEncoder().encode(svg));
    const at = (x: number) => Array.from(pixels.subarray(((size / 2) * size + x) * 4, ((size / 2) * size + x) * 4 + 4));
    expect(at(size / 4)).toEqual([255, 0, 0, 255]);
    const half = at(Math.round(size * 0.625));
    expect(half[2]).toBeGreaterThan(125);
    expect(half[2]).toBeLessThan(130);
    expect(half[3]).toBeGreaterThan(125);
    expect(half[3]).toBeLessThan(130);
    expect(at(size - 4)).toEqual([0, 0, 0, 0]);
  });
});

describe('mirrorFrames', () => {
  it('lets left and right change places, and is undone by itself', () => {
    const frames = clip('moves-left', 'mirror');
    const mirrored = mirrorFrames(frames);
    frames.forEach((frame, i) => {
      expect(shadow(mirrored[i]!).x).toBeCloseTo(63 - shadow(frame).x, 6);
      expect(shadow(mirrored[i]!).y).toBeCloseTo(shadow(frame).y, 6);
    });
    mirrorFrames(mirrored).forEach((frame, i) => {
      expect(Buffer.compare(frame.data, frames[i]!.data)).toBe(0);
    });
  });
});
