/** @file Tests of animated pictures: the right frames, pixel for pixel, at the right times. */
import sharp, { type Sharp } from 'sharp';
import { describe, expect, test } from 'vitest';
import { MediaError, Rng } from '../../engine/core/index.ts';
import type { FrameSelection } from '../video/frame-selection.ts';
import { probeAnimation, readAnimation } from './animation.ts';
import { renderPicture } from './render-picture.ts';

const [width, height] = [40, 30];

/** Frames of noise with a clear part, so that a wrong frame, scaling or background shows. */
function noise(numFrames: number): Uint8Array[] {
  const rng = new Rng('animation');
  return Array.from({ length: numFrames }, () =>
    Uint8Array.from({ length: width * height * 4 }, (_, i) =>
      i % 4 === 3 ? (i % 160 < 40 ? 0 : 255) : rng.integer(256),
    ),
  );
}

function animated(frames: readonly Uint8Array[], delay: number[], loop = 0): Sharp {
  return sharp(Buffer.concat(frames), {
    raw: { width, height: height * frames.length, channels: 4, pageHeight: height },
  }).webp({ lossless: true, exact: true, delay, loop });
}

/** The same frame as a still picture. */
const still = (frame: Uint8Array) =>
  sharp(frame, { raw: { width, height, channels: 4 } })
    .png()
    .toBuffer();

async function framesOf(bytes: Uint8Array, selection: FrameSelection, rendering = {}) {
  const frames = [];
  for await (const frame of readAnimation(bytes, { size: 24, ...rendering, ...selection })) frames.push(frame);
  return frames;
}

const frames = noise(5);
const delay = [40, 100, 60, 200, 100];

describe('an animated WebP', () => {
  test('tells its frames, times and loops', async () => {
    expect(await probeAnimation(await animated(frames, delay, 3).toBuffer())).toEqual({
      format: 'webp',
      width,
      height,
      numFrames: 5,
      durationSeconds: 0.5,
      numLoops: 3,
      startSeconds: [0, 0.04, 0.14, 0.2, 0.4],
    });
  });

  test.each([
    ['plain', {}],
    ['padded on a ground, enlarged', { size: 64, padding: 0.25, background: [10, 200, 30] as const }],
  ])('gives each frame as renderPicture gives a still one: %s', async (_, rendering) => {
    const bytes = await animated(frames, delay).toBuffer();
    const got = await framesOf(bytes, { keyFrames: true }, rendering);
    expect(got.map((frame) => frame.timeSeconds)).toEqual([0, 0.04, 0.14, 0.2, 0.4]);
    for (const [i, { pixels }] of got.entries()) {
      const alone = await renderPicture(await still(frames[i]!), { size: 24, ...rendering });
      expect(pixels.shape).toEqual(alone.shape);
      expect(pixels.data).toEqual(alone.data);
    }
  });

  test('gives the frame that is shown at a moment', async () => {
    const bytes = await animated(frames, delay).toBuffer();
    const all = await framesOf(bytes, { keyFrames: true });
    const shown = async (selection: FrameSelection) =>
      (await framesOf(bytes, selection)).map(({ pixels }) =>
        all.findIndex((frame) => Buffer.compare(frame.pixels.data, pixels.data) === 0),
      );
    expect(await shown({ times: [0, 0.039, 0.04, 0.3, 0.4, 99] })).toEqual([0, 0, 1, 3, 4, 4]);
    // The middles of four quarters of half a second: 62.5, 187.5, 312.5 and 437.5 ms.
    expect(await shown({ numFrames: 4 })).toEqual([1, 2, 3, 4]);
    expect(await shown({ framesPerSecond: 10 })).toEqual([0, 1, 3, 3, 4]);
    expect((await framesOf(bytes, { framesPerSecond: 10 })).map((frame) => frame.timeSeconds)).toEqual([
      0, 0.1, 0.2, 0.3, 0.4,
    ]);
  });

  test('stops when it is told to', async () => {
    const bytes = await animated(frames, delay).toBuffer();
    const stop = new AbortController();
    const reading = readAnimation(bytes, { numFrames: 5, size: 8, signal: stop.signal });
    expect((await reading.next()).done).toBe(false);
    stop.abort();
    await expect(reading.next()).rejects.toThrow(/abort/i);
  });
});

test('a GIF that leaves its delays to the viewer is shown at ten frames a second', async () => {
  const bytes = await animated(frames, [0])
    .gif({ delay: [0, 0, 0, 0, 0] })
    .toBuffer();
  const probe = await probeAnimation(bytes);
  expect(probe).toMatchObject({ format: 'gif', numFrames: 5, durationSeconds: 0.5 });
  expect(await framesOf(bytes, { numFrames: 8 })).toHaveLength(8);
});

test('frames that cover part of the canvas are seen with what came before', async () => {
  const red = Buffer.alloc(8 * 8 * 4, Buffer.from([255, 0, 0, 255]));
  const mixed = Buffer.from(red);
  mixed.set([0, 0, 255, 255], 0);
  const gif = await sharp(Buffer.concat([red, mixed]), { raw: { width: 8, height: 16, channels: 4, pageHeight: 8 } })
    .gif({ delay: [50, 50] })
    .toBuffer();
  const [, second] = await framesOf(gif, { keyFrames: true }, { size: 8 });
  expect([...second!.pixels.data.subarray(0, 6)]).toEqual([0, 0, 255, 255, 0, 0]);
});

test('a still picture gives one frame', async () => {
  const bytes = await still(frames[0]!);
  expect(await probeAnimation(bytes)).toMatchObject({ numFrames: 1, durationSeconds: 0, width, height });
  const got = await framesOf(bytes, { numFrames: 8 });
  expect(got).toHaveLength(1);
  expect(got[0]!.pixels.data).toEqual((await renderPicture(bytes, { size: 24 })).data);
});

/** A square GIF whose frame k adds one red pixel at (k, 0) to a black ground. */
async function growingLine(side: number, numFrames: number): Promise<Buffer> {
  const word = (value: number) => [value & 255, value >> 8];
  const ground = await sharp({ create: { width: side, height: side, channels: 3, background: '#000' } })
    .gif()
    .toBuffer();
  const control = ground.indexOf(Buffer.from([0x21, 0xf9, 4]));
  const frame = (k: number) => [
    ...[0x21, 0xf9, 4, 4, 4, 0, 0, 0],
    // One pixel at (k, 0) with colours of its own, of which the pixel takes the second.
    ...[0x2c, ...word(k), ...word(0), 1, 0, 1, 0, 0x80, 0, 0, 0, 255, 0, 0],
    ...[2, 2, 0x4c, 1, 0],
  ];
  const first = Buffer.from(ground.subarray(0, -1));
  first[control + 4] = 4;
  const frames = Array.from({ length: numFrames - 1 }, (_, k) => frame(k + 1));
  return Buffer.concat([first, Buffer.from(frames.flat()), Buffer.from([0x3b])]);
}

test('a heavy animation, which is decoded apart, gives the frame wanted', async () => {
  const bytes = await growingLine(1000, 140);
  const probe = await probeAnimation(bytes);
  expect(probe).toMatchObject({ width: 1000, height: 1000, numFrames: 140 });
  const [frame] = await framesOf(bytes, { times: [probe.startSeconds[135]!] }, { size: 1000 });
  const isRed = Array.from({ length: 1000 }, (_, x) => frame!.pixels.data[x * 3] === 255);
  expect(isRed.filter(Boolean)).toHaveLength(135);
  expect(isRed.lastIndexOf(true)).toBe(135);
});

test('a canvas of too many pixels, and too many frames, are refused', async () => {
  const large = await animated(frames, delay).toBuffer();
  // The canvas that the header of an extended WebP claims, less one, in 24 bits each.
  large.writeUIntLE(8999, 24, 3);
  large.writeUIntLE(8999, 27, 3);
  await expect(probeAnimation(large)).rejects.toThrow(/at most 64 million pixels, got 9000 x 9000/);
  await expect(probeAnimation(await growingLine(8, 10_001))).rejects.toThrow(/at most 10000 frames, got 10001/);
});

describe('a damaged animation is refused by name and rule', () => {
  test.each([1, 2, 3, 4, 5, 6, 7])('cut after %i eighths', async (eighths) => {
    for (const whole of [await animated(frames, delay).toBuffer(), await animated(frames, delay).gif().toBuffer()]) {
      const cut = whole.subarray(0, Math.floor((whole.length * eighths) / 8));
      await expect(framesOf(cut, { keyFrames: true })).rejects.toThrow(MediaError);
      await expect(framesOf(cut, { keyFrames: true })).rejects.toThrow(/^picture: damaged (WebP|GIF)/);
    }
  });

  test('options out of range', async () => {
    const bytes = await still(frames[0]!);
    for (const [selection, rule] of [
      [{}, /give one of times, numFrames/],
      [{ numFrames: 2, keyFrames: true }, /got numFrames and keyFrames/],
      [{ numFrames: 0 }, /numFrames must be a whole number/],
      [{ framesPerSecond: 0 }, /framesPerSecond must be in/],
      [{ times: [1, 0.5] }, /ascend, got 0.5 at 1/],
      [{ times: [-1] }, /at least 0/],
    ] as const) {
      await expect(framesOf(bytes, selection as FrameSelection)).rejects.toThrow(rule);
    }
  });
});
