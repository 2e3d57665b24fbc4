/**
 * @file Tests of videos: the right frames at the right moments by every decoder that is here, long streams in bounded memory. In the
 * fixtures named `steps`, frame k of ten a second has the luma 20 + 10 k.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import {
  ALL_FORMATS,
  BufferSource,
  BufferTarget,
  EncodedPacketSink,
  EncodedVideoPacketSource,
  Input,
  Mp4OutputFormat,
  Output,
} from 'mediabunny';
import { afterEach, describe, expect, test } from 'vitest';
import { streamAudio } from '../audio/audio-clip.ts';
import { renderPicture } from '../image/render-picture.ts';
import type { FrameRendering, FrameSelection, VideoFrame } from './frame-selection.ts';
import { readFrames } from './read-frames.ts';
import { probeVideo } from './read-video.ts';

const fixture = (name: string) => fileURLToPath(new URL(`../../../test/fixtures/media/video-${name}`, import.meta.url));

const isThere = {
  webcodecs: (() => {
    try {
      createRequire(import.meta.url)('@napi-rs/webcodecs');
      return true;
    } catch {
      return false;
    }
  })(),
  ffmpeg: (() => {
    try {
      execFileSync('ffmpeg', ['-version'], { stdio: 'ignore' });
      return true;
    } catch {
      return false;
    }
  })(),
};

async function framesOf(
  source: string | Uint8Array,
  selection: FrameSelection,
  rendering: Partial<FrameRendering> = {},
): Promise<VideoFrame[]> {
  const frames = [];
  for await (const frame of readFrames(source, { size: 32, ...rendering, ...selection })) frames.push(frame);
  return frames;
}

const pixelOf = ({ pixels }: VideoFrame, x = 0.5, y = 0.5): number[] => {
  const size = pixels.shape[0]!;
  const at = (Math.floor(y * size) * size + Math.floor(x * size)) * 3;
  return [...pixels.data.subarray(at, at + 3)];
};

/** Which step a frame shows: luma from 16 to 235 is grey from 0 to 255. */
const stepOf = (frame: VideoFrame): number =>
  Math.max(0, Math.round(((pixelOf(frame)[0]! * 219) / 255 + 16 - 20) / 10));

test('a video tells what it holds', async () => {
  const sound = { sampleRateHz: 16_000, numChannels: 1, codec: 'aac' };
  const frames = { width: 64, height: 48, rotationDegrees: 0, durationSeconds: 2, framesPerSecond: 10 };
  expect(await probeVideo(fixture('steps.mp4'))).toEqual({ container: 'MP4', codec: 'avc', ...frames, audio: sound });
  expect(await probeVideo(fixture('steps.webm'))).toMatchObject({ container: 'WebM', codec: 'vp8', ...frames });
  expect(await probeVideo(await readFile(fixture('uneven.mkv')))).toMatchObject({
    container: 'Matroska',
    durationSeconds: 1.6,
  });
  // 64 x 48 pixels twice as wide as high, turned by a quarter.
  expect(await probeVideo(fixture('turned.mov'))).toMatchObject({ width: 48, height: 128, rotationDegrees: 270 });
});

describe.each(['webcodecs', 'ffmpeg'] as const)('frames by %s', (decoder) => {
  const one = test.skipIf(!isThere[decoder]);

  one.each([
    // Where key frames begin, as ffprobe lists them.
    ['steps.mp4', [0, 0.5, 1, 1.5]],
    ['steps.webm', [0, 0.2, 0.4, 0.6, 0.8, 1.3, 1.5, 1.7, 1.9]],
  ])('are those that are seen at the moments: %s', async (name, keyTimes) => {
    const steps = async (selection: FrameSelection) =>
      (await framesOf(fixture(name), selection, { decoder })).map((frame) => stepOf(frame));
    expect(await steps({ times: [0, 0.05, 0.1, 0.1, 0.97, 1.9, 5] })).toEqual([0, 0, 1, 1, 9, 19, 19]);
    expect(await steps({ numFrames: 4 })).toEqual([2, 7, 12, 17]);
    expect(await steps({ framesPerSecond: 5 })).toEqual([0, 2, 4, 6, 8, 10, 12, 14, 16, 18]);
    const keys = await framesOf(fixture(name), { keyFrames: true }, { decoder });
    expect(keys.map(({ timeSeconds }) => Number(timeSeconds.toFixed(3)))).toEqual(keyTimes);
    expect(keys.map(stepOf)).toEqual(keyTimes.map((time) => Math.round(10 * time)));
  });

  one('follow a rate that varies', async () => {
    const frames = await framesOf(fixture('uneven.mkv'), { times: [0, 0.1, 0.4, 0.55, 1.4, 1.55] }, { decoder });
    expect(frames.map(stepOf)).toEqual([0, 1, 1, 5, 6, 15]);
  });

  one('are turned and widened as the file asks, within the square and on the ground', async () => {
    const [frame] = await framesOf(
      fixture('turned.mov'),
      { times: [0] },
      { decoder, background: [0, 255, 0], size: 64 },
    );
    // Red was on the left; a quarter turn against the clock puts it below. 48 : 128 of 64 pixels leave 20 free on each side.
    expect(pixelOf(frame!, 0.5, 0.1)[2]).toBeGreaterThan(200);
    expect(pixelOf(frame!, 0.5, 0.9)[0]).toBeGreaterThan(200);
    expect(pixelOf(frame!, 0.28, 0.5)).toEqual([0, 255, 0]);
    expect(pixelOf(frame!, 0.33, 0.9)[0]).toBeGreaterThan(200);
  });

  one('keep to the colour matrix that the video names', async () => {
    const [frame] = await framesOf(fixture('bt709.mp4'), { times: [0] }, { decoder });
    // With the matrix of BT.601, red would come out at 230.
    expect(pixelOf(frame!)[0]).toBeGreaterThan(248);
    expect(Math.max(...pixelOf(frame!).slice(1))).toBeLessThan(8);
  });

  one('of a video of one frame, and of bytes in memory', async () => {
    const frames = await framesOf(await readFile(fixture('one-frame.mp4')), { numFrames: 3 }, { decoder });
    expect(frames.map((frame) => pixelOf(frame))).toEqual(Array(3).fill([255, 255, 255]));
  });

  one('stop when told to, and when nobody wants more', async () => {
    const stop = new AbortController();
    const reading = readFrames(fixture('steps.mp4'), { framesPerSecond: 10, size: 8, decoder, signal: stop.signal });
    await reading.next();
    stop.abort();
    await expect(reading.next()).rejects.toThrow(/abort/i);
    for await (const frame of readFrames(fixture('steps.mp4'), { framesPerSecond: 10, size: 8, decoder })) {
      expect(stepOf(frame)).toBe(0);
      break;
    }
  });
});

test('still pictures and videos go through one function', async () => {
  const svg = Buffer.from(
    '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><rect width="9" height="9"/></svg>',
  );
  const [frame] = await framesOf(svg, { numFrames: 8 });
  expect(frame!.pixels.data).toEqual((await renderPicture(svg, { size: 32 })).data);
});

test.runIf(isThere.webcodecs || isThere.ffmpeg)('the sound of a video is read as any sound', async () => {
  let [seconds, peak] = [0, 0];
  for await (const { samples, durationSeconds } of streamAudio(fixture('steps.mp4'), { chunkSeconds: 0.5 })) {
    seconds += durationSeconds;
    peak = samples.reduce((most, sample) => Math.max(most, Math.abs(sample)), peak);
  }
  expect(seconds).toBeGreaterThan(1.9);
  expect(peak).toBeGreaterThan(0.05);
  const silent = streamAudio(fixture('one-frame.mp4'));
  await expect(silent.next()).rejects.toThrow(/one-frame\.mp4: /);
});

describe('a decoder that is not there', () => {
  const { PATH } = process.env;
  afterEach(() => {
    process.env.PATH = PATH;
  });

  test('is named with the command that installs one', async () => {
    process.env.PATH = '/nowhere';
    await expect(framesOf(fixture('steps.mp4'), { times: [0] }, { decoder: 'ffmpeg' })).rejects.toThrow(
      /steps\.mp4: .*run "npm install @napi-rs\/webcodecs", or install ffmpeg/,
    );
  });
});

/** The fixture of 640 x 360 pixels, so many times in a row. */
async function longVideo(rounds: number): Promise<Uint8Array> {
  const input = new Input({ formats: ALL_FORMATS, source: new BufferSource(readFileSync(fixture('large-steps.mp4'))) });
  const track = (await input.getPrimaryVideoTrack())!;
  const [codec, decoderConfig] = [await track.getCodec(), await track.getDecoderConfig()];
  const packets = [];
  for await (const packet of new EncodedPacketSink(track).packets()) packets.push(packet);
  const target = new BufferTarget();
  const output = new Output({ format: new Mp4OutputFormat(), target });
  const source = new EncodedVideoPacketSource(codec!);
  output.addVideoTrack(source);
  await output.start();
  for (let round = 0; round < rounds; round++) {
    for (const packet of packets) {
      const moved = packet.clone({ timestamp: packet.timestamp + round * 2, sequenceNumber: -1 });
      await source.add(moved, { decoderConfig: decoderConfig! });
    }
  }
  await output.finalize();
  input.dispose();
  return new Uint8Array(target.buffer!);
}

/** Resident memory of this process and those that it started, in MB; undefined where the system does not tell. */
function residentMegabytes(): number | undefined {
  if (!existsSync('/proc/self/task')) return undefined;
  const children = readdirSync('/proc/self/task').flatMap((task) =>
    readFileSync(`/proc/self/task/${task}/children`, 'utf8').split(' ').filter(Boolean),
  );
  const pages = ['self', ...children].map((id) => Number(readFileSync(`/proc/${id}/statm`, 'utf8').split(' ')[1]));
  return (pages.reduce((sum, count) => sum + count, 0) * 4096) / 1e6;
}

test.runIf(isThere.webcodecs)(
  'a long video passes through a memory that does not grow',
  async () => {
    // 600 frames; kept, each would take 0.35 MB.
    const video = await longVideo(30);
    const memory: number[] = [];
    let count = 0;
    for await (const frame of readFrames(video, { framesPerSecond: 10, size: 16, decoder: 'webcodecs' })) {
      if (count++ % 100 === 0) {
        memory.push(residentMegabytes() ?? 0);
        expect(stepOf(frame)).toBe(0);
      }
    }
    expect(count).toBe(600);
    expect(Math.max(...memory.slice(2)) - memory[1]!).toBeLessThan(80);
  },
  60_000,
);

test.runIf(isThere.webcodecs)('nothing that reading started keeps the program from ending', async () => {
  const awake = () =>
    process
      .getActiveResourcesInfo()
      .filter((name) => /Process|Pipe|Timeout|FSReq/.test(name))
      .sort();
  const before = awake();
  await framesOf(fixture('steps.mp4'), { numFrames: 20 });
  for await (const _ of readFrames(fixture('steps.mp4'), { numFrames: 20, size: 8 })) break;
  expect(awake().length).toBeLessThanOrEqual(before.length);
});
