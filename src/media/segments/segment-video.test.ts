/**
 * @file Tests of segments of moving pictures. In the fixture `takes`, 2 s are black, takes begin at 2, 6, 9.3 (a still of 24 s) and 33.3 s, and the last second fades out.
 */

import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import sharp from 'sharp';
import { expect, test } from 'vitest';
import { renderPicture } from '../image/render-picture.ts';
import { readFrames } from '../video/read-frames.ts';
import { type SegmentVideoOptions, segmentVideo, type VideoSegment } from './segment-video.ts';

const fixture = (name: string) => fileURLToPath(new URL(`../../../test/fixtures/media/video-${name}`, import.meta.url));

const hasDecoder = (() => {
  try {
    createRequire(import.meta.url)('@napi-rs/webcodecs');
    return true;
  } catch {
    return false;
  }
})();
const decoding = test.skipIf(!hasDecoder);

/** All segments, and what was thrown after them. */
async function segmentsOf(
  source: string | Uint8Array,
  options: SegmentVideoOptions = {},
): Promise<{ segments: VideoSegment[]; error?: Error }> {
  const segments: VideoSegment[] = [];
  try {
    for await (const segment of segmentVideo(source, { size: 32, numFrames: 4, ...options })) segments.push(segment);
  } catch (error) {
    return { segments, error: error as Error };
  }
  return { segments };
}

function expectPlayable(segments: readonly VideoSegment[], durationSeconds: number): void {
  let last = 0;
  for (const { startSeconds, endSeconds, keyFrameSeconds } of segments) {
    expect(startSeconds).toBeGreaterThanOrEqual(last);
    expect(endSeconds).toBeGreaterThan(startSeconds);
    expect(keyFrameSeconds).toBeGreaterThanOrEqual(startSeconds);
    expect(keyFrameSeconds).toBeLessThanOrEqual(endSeconds);
    last = endSeconds;
  }
  expect(last).toBeLessThanOrEqual(durationSeconds + 1e-6);
}

decoding('takes begin within a sample period of the cuts, black is left out, a still is one', async () => {
  const { segments, error } = await segmentsOf(fixture('takes.mp4'));
  expect(error).toBeUndefined();
  expectPlayable(segments, 38.3);
  const wanted = [2, 6, 9.3, 33.3];
  expect(segments.map(({ startsShot }) => startsShot)).toEqual(wanted.map(() => true));
  segments.forEach(({ startSeconds, endSeconds }, i) => {
    expect(Math.abs(startSeconds - wanted[i]!)).toBeLessThan(1);
    expect(Math.abs(endSeconds - (wanted[i + 1] ?? 38.3))).toBeLessThan(1);
  });
});

decoding('frames are those of the segment, and the picture of it keeps its shape', async () => {
  const { segments } = await segmentsOf(fixture('takes.mp4'), { padding: 0.1 });
  const still = segments[2]!;
  const pixels: Uint8Array[] = [];
  for await (const frame of readFrames(fixture('takes.mp4'), { times: [20], size: 32, padding: 0.1 })) {
    pixels.push(frame.pixels.data);
  }
  expect(still.frames.shape).toEqual([4, 32, 32, 3]);
  for (let i = 0; i < 4; i++) {
    const frame = still.frames.data.subarray(i * 3072, (i + 1) * 3072);
    const difference = frame.reduce((sum, value, at) => sum + Math.abs(value - pixels[0]![at]!), 0) / 3072;
    expect(difference).toBeLessThan(4);
  }
  const { format, width, height } = await sharp(still.thumbnail).metadata();
  expect([format, width, height]).toEqual(['webp', 160, 90]);
});

decoding.each([1, 5])(
  'at %i frames a second, what is seen at the time of a frame is in it',
  async (framesPerSecond) => {
    const times: number[] = [];
    const found: Uint8Array[] = [];
    for await (const segment of segmentVideo(fixture('takes.mp4'), { framesPerSecond, size: 160, numFrames: 1 })) {
      times.push(segment.keyFrameSeconds);
      found.push(segment.frames.data);
    }
    const wanted: Uint8Array[] = [];
    for await (const { pixels } of readFrames(fixture('takes.mp4'), {
      times: times.map((time) => time + 1e-3),
      size: 160,
    })) {
      wanted.push(pixels.data);
    }
    expect(found.length).toBe(wanted.length);
    found.forEach((frame, i) => {
      const difference = frame.reduce((sum, value, at) => sum + Math.abs(value - wanted[i]![at]!), 0) / frame.length;
      expect(difference).toBeLessThan(0.5);
    });
  },
);

decoding('cuts are found to the very frame where that is asked for', async () => {
  const { segments } = await segmentsOf(fixture('takes.mp4'), { exactCuts: true });
  expect(segments.slice(1).map(({ startSeconds }) => Number(startSeconds.toFixed(2)))).toEqual([6, 9.3, 33.3]);
});

decoding('key frames alone give fewer segments, at times that are as true', async () => {
  const { segments } = await segmentsOf(fixture('takes.mp4'), { keyFrames: true });
  expectPlayable(segments, 38.3);
  expect(segments.map(({ startSeconds }) => Number(startSeconds.toFixed(2)))).toEqual([6, 9.3, 33.3]);
});

decoding('a rate that varies, a turned video and one frame give segments within the file', async () => {
  // The part from 4 to 9 s of the film `takes`, with frames 0.1 to 0.5 s apart.
  const uneven = await segmentsOf(await readFile(fixture('uneven-takes.mkv')));
  expectPlayable(uneven.segments, 5);
  expect(uneven.segments).toHaveLength(2);
  expect(Math.abs(uneven.segments[1]!.startSeconds - 2)).toBeLessThan(1);
  const turned = await segmentsOf(fixture('turned.mov'));
  const { width = 0, height = 0 } = await sharp(turned.segments[0]!.thumbnail).metadata();
  expect(height).toBeGreaterThan(2 * width);
});

decoding('pictures that begin later than the sound keep their distance from it', async () => {
  // 1.5 s without pictures, 2 s of black, then a take.
  const { segments } = await segmentsOf(fixture('late.mkv'));
  expect(segments).toHaveLength(1);
  expect(Math.abs(segments[0]!.startSeconds - 3.5)).toBeLessThan(1);
  expectPlayable(segments, 5.05);
});

decoding('where nothing is to be seen, there are no segments, and the reason is told', async () => {
  const { segments, error } = await segmentsOf(fixture('one-frame.mp4'));
  expect(segments).toEqual([]);
  expect(error?.message).toMatch(/one-frame\.mp4: nothing is to be seen/);
  const sound = await segmentsOf(fixture('sound-only.mp4'));
  expect(sound.error?.message).toMatch(/it has sound but no video track/);
});

decoding('of a file that is cut short, what is there gives segments, then the error is told', async () => {
  const bytes = await readFile(fixture('takes.mp4'));
  const { segments, error } = await segmentsOf(bytes.subarray(0, Math.floor(bytes.length * 0.6)));
  expect(segments.length).toBeGreaterThan(0);
  expectPlayable(segments, 38.3);
  expect(error?.message).toMatch(/it is cut short/);
});

decoding('of a video with damaged bytes within, segments end before the damage and its time is told', async () => {
  const bytes = new Uint8Array(await readFile(fixture('takes.mp4')));
  bytes.fill(0, Math.floor(bytes.length * 0.55));
  const { segments, error } = await segmentsOf(bytes);
  expect(segments.length).toBeGreaterThan(0);
  const seconds = Number(/damaged video \(at ([\d.]+) s/.exec(error?.message ?? '')?.[1]);
  expect(segments.at(-1)!.endSeconds).toBeLessThanOrEqual(seconds);
});

test('animations have segments as videos do, a still picture one of no length', async () => {
  const frame = (red: number) => ({
    create: { width: 40, height: 20, channels: 3 as const, background: { r: red, g: 40, b: 90 } },
  });
  const box = {
    input: { create: { width: 12, height: 12, channels: 3 as const, background: '#ffffff' } },
    left: 4,
    top: 4,
  };
  const pictures = await Promise.all(
    [20, 20, 20, 240, 240, 240].map((red) => sharp(frame(red)).composite([box]).png().toBuffer()),
  );
  const film = await sharp(pictures, { join: { animated: true } })
    .webp({ lossless: true, delay: Array(6).fill(1000) })
    .toBuffer();
  const { segments } = await segmentsOf(film);
  expect(segments.map(({ startSeconds, endSeconds }) => [startSeconds, endSeconds])).toEqual([
    [0, 2.5],
    [2.5, 6],
  ]);
  const still = await segmentsOf(pictures[0]!, { numFrames: 2 });
  expect(still.segments).toHaveLength(1);
  expect(still.segments[0]).toMatchObject({ startSeconds: 0, endSeconds: 0, keyFrameSeconds: 0 });
  const square = (await renderPicture(pictures[0]!, { size: 32 })).data;
  const difference =
    square.reduce((sum, value, i) => sum + Math.abs(value - still.segments[0]!.frames.data[i]!), 0) / 3072;
  expect(difference).toBeLessThan(3);
});

test('options out of range are refused', async () => {
  expect((await segmentsOf(fixture('takes.mp4'), { numFrames: 0 })).error).toBeInstanceOf(RangeError);
  expect((await segmentsOf(fixture('takes.mp4'), { framesPerSecond: 0 })).error).toBeInstanceOf(RangeError);
});
