/** @file Damaged, misnamed and lying videos: each is refused with a MediaError that names the file and the reason, and soon. */
import { execFileSync } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { MediaError, Rng } from '../../engine/core/index.ts';
import { readFrames } from './read-frames.ts';
import { probeVideo } from './read-video.ts';

const fixture = (name: string) =>
  readFile(fileURLToPath(new URL(`../../../test/fixtures/media/video-${name}`, import.meta.url)));

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'hostile-videos-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** How reading a file ends: with frames, or why not. */
async function endingOf(path: string): Promise<number | Error> {
  let count = 0;
  try {
    for await (const { pixels } of readFrames(path, { numFrames: 4, size: 16, timeoutMs: 10_000 })) {
      expect(pixels.shape).toEqual([16, 16, 3]);
      count += 1;
    }
    return count;
  } catch (error) {
    return error as Error;
  }
}

async function refusal(bytes: Uint8Array, name = 'video.mp4'): Promise<string> {
  const path = join(folder, name);
  await writeFile(path, bytes);
  const error = await endingOf(path);
  expect(error).toBeInstanceOf(MediaError);
  const { message } = error as MediaError;
  expect(message.startsWith(`${path}: `)).toBe(true);
  expect(message.length).toBeLessThan(path.length + 400);
  return message;
}

/** The bytes with a number put at a distance behind a four-letter mark. */
function patched(bytes: Buffer, mark: string, distance: number, value: number, length: 2 | 4 = 4): Buffer {
  const copy = Buffer.from(bytes);
  // The first box lists marks as well.
  const at = copy.indexOf(mark, 40);
  expect(at).toBeGreaterThan(0);
  copy.writeUIntBE(value, at + distance, length);
  return copy;
}

describe('refused by name and reason', () => {
  test('what is no video', async () => {
    const rng = new Rng('hostile videos');
    const noise = (length: number) => Buffer.from(Array.from({ length }, () => rng.integer(256)));
    expect(await refusal(Buffer.alloc(0))).toMatch(/must not be empty/);
    expect(await refusal(Buffer.from('Dear reader, this is no video.'))).toMatch(/not a video/);
    expect(await refusal(Buffer.alloc(5000))).toMatch(/not a video/);
    expect(await refusal(noise(20_000))).toMatch(/not a video/);
    expect(await refusal(Buffer.concat([Buffer.from([0, 0, 0, 16]), Buffer.from('ftypisom'), noise(9000)]))).toMatch(
      /cut short|damaged|do not fit|no video/,
    );
    expect(await refusal(Buffer.concat([Buffer.from([0x1a, 0x45, 0xdf, 0xa3]), noise(9000)]))).toMatch(/: /);
  });

  test.each(['steps.mp4', 'steps.webm'])('%s, cut after every eighth', async (name) => {
    const whole = await fixture(name);
    for (let eighths = 1; eighths < 8; eighths++) {
      expect(await refusal(whole.subarray(0, Math.floor((whole.length * eighths) / 8)))).toMatch(/cut short/);
    }
    expect(await refusal(whole.subarray(0, -1))).toMatch(/cut short/);
  });

  test('sound without a picture', async () => {
    expect(await refusal(await fixture('sound-only.mp4'))).toMatch(/it has sound but no video track/);
  });

  test('a folder, a missing file, and a pipe that nobody writes to', async () => {
    expect(String(await endingOf(folder))).toMatch(/MediaError: .*must be a file/);
    expect(String(await endingOf(join(folder, 'none.mp4')))).toMatch(/none\.mp4: there is no such file/);
    const pipe = join(folder, 'pipe.mp4');
    execFileSync('mkfifo', [pipe]);
    expect(String(await endingOf(pipe))).toMatch(/must be a file/);
  });

  test('frames of four thousand million pixels', async () => {
    // A visual sample entry holds width and height 28 bytes behind its name.
    const wide = patched(patched(await fixture('steps.mp4'), 'avc1', 28, 65_535, 2), 'avc1', 30, 65_535, 2);
    expect(await refusal(wide)).toMatch(/a frame must have 1 to 40 million pixels, got 65535 x 65535/);
  });

  test('counts of frames and lengths that are not so', async () => {
    const whole = await fixture('steps.mp4');
    // A header of tables tells the number of entries behind its version.
    for (const table of ['stsz', 'stts', 'stco']) {
      const distance = table === 'stsz' ? 12 : 8;
      const path = join(folder, `${table}.mp4`);
      await writeFile(path, patched(whole, table, distance, 0x7fff_ffff));
      const ending = await endingOf(path);
      if (typeof ending !== 'number') {
        expect(ending).toBeInstanceOf(MediaError);
        expect(ending.message).toContain(path);
      }
    }
  });
});

test('bytes changed at random give frames or a MediaError, and harm nothing', async () => {
  const rng = new Rng('changed videos');
  for (const name of ['steps.mp4', 'steps.webm', 'uneven.mkv']) {
    const whole = await fixture(name);
    for (let round = 0; round < 6; round++) {
      const changed = Buffer.from(whole);
      for (let i = 0; i < 12; i++) changed[rng.integer(changed.length)] = rng.integer(256);
      const path = join(folder, `changed-${round}-${name}`);
      await writeFile(path, changed);
      const ending = await endingOf(path);
      if (typeof ending === 'number') expect(ending).toBeGreaterThan(0);
      else expect(`${ending.name}: ${ending.message}`).toMatch(/^MediaError: .*changed-/);
    }
  }
  const video = await fixture('steps.mp4');
  expect(await probeVideo(video)).toMatchObject({ width: 64, height: 48 });
});

test('a decoder that takes too long is given up, and the next video has a fresh one', async () => {
  const video = await fixture('steps.mp4');
  const late = readFrames(video, { numFrames: 4, size: 16, timeoutMs: 0.001 });
  await expect(late.next()).rejects.toThrow(/^video: decoding a frame must take at most 0\.00\d ms$/);
  expect(await probeVideo(video)).toMatchObject({ durationSeconds: 2 });
});
