/** @file Sounds made to harm, and damaged ones: each is refused with a MediaError that names the file and the rule, and soon. */
import { execFileSync } from 'node:child_process';
import { chmod, copyFile, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { MediaError, Rng } from '../../engine/core/index.ts';
import { decodeAudio } from './audio-clip.ts';

const fixture = (name: string) => fileURLToPath(new URL(`../../../test/fixtures/media/${name}`, import.meta.url));

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'hostile-audio-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** The error of decoding, which must be a MediaError that names the file. */
async function refusal(path: string, timeoutMs = 30_000): Promise<string> {
  const failure = await decodeAudio(path, { timeoutMs }).then(
    () => undefined,
    (error: unknown) => error,
  );
  expect(failure, `${path} was decoded`).toBeInstanceOf(MediaError);
  const { message } = failure as MediaError;
  expect(message.startsWith(`${path}: `), message).toBe(true);
  expect(message.length).toBeLessThan(path.length + 400);
  return message;
}

/** A WAV of 16 bits whose header may lie. */
function wav(change: (view: DataView) => void = () => {}, numFrames = 100): Uint8Array {
  const bytes = new Uint8Array(44 + numFrames * 2);
  const view = new DataView(bytes.buffer);
  bytes.set(Buffer.from('RIFF\0\0\0\0WAVEfmt \x10\0\0\0', 'latin1'));
  view.setUint16(20, 1, true);
  view.setUint16(22, 1, true);
  view.setUint32(24, 16_000, true);
  view.setUint32(28, 32_000, true);
  view.setUint16(32, 2, true);
  view.setUint16(34, 16, true);
  bytes.set(Buffer.from('data'), 36);
  view.setUint32(40, numFrames * 2, true);
  change(view);
  return bytes;
}

const formats = ['wav', 'flac', 'mp3', 'ogg', 'opus', 'm4a', 'aac', 'webm'] as const;

async function bytesOf(format: (typeof formats)[number]): Promise<Uint8Array> {
  return format === 'wav' ? wav(undefined, 5000) : await readFile(fixture(`audio-tones.${format}`));
}

describe.each(formats)('%s', (format) => {
  test('cut at every eighth', async () => {
    const bytes = await bytesOf(format);
    for (let eighth = 1; eighth < 8; eighth++) {
      const path = join(folder, `cut-${eighth}.${format}`);
      await writeFile(path, bytes.subarray(0, Math.floor((bytes.length * eighth) / 8)));
      await refusal(path);
    }
  });

  test('with bytes changed at random it is decoded or refused, and the next sound is well', async () => {
    const bytes = await bytesOf(format);
    const rng = new Rng(`hostile ${format}`);
    for (let attempt = 0; attempt < 3; attempt++) {
      const changed = Uint8Array.from(bytes);
      for (let i = 0; i < 20; i++) changed[rng.integer(changed.length)] = rng.integer(256);
      const path = join(folder, `changed.${format}`);
      await writeFile(path, changed);
      const samples = await decodeAudio(path, { timeoutMs: 3000 }).then(
        (clip) => clip.samples,
        (error: unknown) => {
          expect(error).toBeInstanceOf(MediaError);
        },
      );
      samples?.forEach((sample) => {
        if (!(sample >= -1 && sample <= 1)) expect.fail(`sample ${sample}`);
      });
    }
    expect((await decodeAudio(fixture('audio-tones.flac'))).samples.length).toBe(16_000);
  });

  test('with zeros behind its beginning', async () => {
    const bytes = Uint8Array.from(await bytesOf(format));
    if (format === 'wav') return;
    bytes.fill(0, 600);
    const path = join(folder, `zeros.${format}`);
    await writeFile(path, bytes);
    // The reader of WebM walks on the spot forever on zeros.
    await refusal(path, format === 'webm' ? 2000 : 30_000);
  });
});

describe('a header that lies', () => {
  const cases: readonly (readonly [name: string, bytes: () => Uint8Array, rule: RegExp])[] = [
    [
      'samples that are not there',
      () => wav((view) => view.setUint32(40, 0x7fffffff, true)),
      /promises 2147483647 bytes/,
    ],
    ['no channels', () => wav((view) => view.setUint16(22, 0, true)), /1 to 32 channels, got 0/],
    ['65535 channels', () => wav((view) => view.setUint16(22, 65_535, true)), /1 to 32 channels, got 65535/],
    ['a rate of 0', () => wav((view) => view.setUint32(24, 0, true)), /1000 to 768000 samples a second, got 0/],
    ['a rate of 4 GHz', () => wav((view) => view.setUint32(24, 4e9, true)), /samples a second, got 4000000000/],
    ['48 bits', () => wav((view) => view.setUint16(34, 48, true)), /got format 1 of 48 bits/],
    [
      'a compressed WAV',
      () => wav((view) => view.setUint16(20, 2, true)),
      /got format 2 of 16 bits; convert it to PCM/,
    ],
    ['frames of another size', () => wav((view) => view.setUint16(32, 4, true)), /take 2 bytes, its header says 4/],
    ['no samples', () => wav(undefined, 0), /the sound has no samples/],
    ['no format', () => wav((view) => view.setUint32(12, 0)), /its samples come before their format/],
    ['samples that are no numbers', () => notNumbers(), /must be finite numbers, got NaN/],
    ['a WAV of empty chunks', () => emptyChunks(), /no samples among the first 1000 chunks/],
    ['a FLAC header alone', () => Buffer.concat([Buffer.from('fLaC'), Buffer.alloc(20)]), /damaged FLAC/],
    ['tags without end', () => Buffer.from('ID3\x04\0\0\x7f\x7f\x7f\x7f', 'latin1'), /not a sound/],
  ];
  test.each(cases)('%s', async (_, bytes, rule) => {
    const path = join(folder, 'lie.wav');
    await writeFile(path, bytes());
    expect(await refusal(path)).toMatch(rule);
  });

  test('a FLAC that promises more than it holds', async () => {
    const bytes = Uint8Array.from(await readFile(fixture('audio-tones.flac')));
    new DataView(bytes.buffer).setUint32(22, 0xfffffff0);
    const path = join(folder, 'promise.flac');
    await writeFile(path, bytes);
    expect(await refusal(path)).toMatch(/4294967280 samples are promised, 22050 could be decoded/);
  });

  test('an Ogg page that was changed', async () => {
    const bytes = Uint8Array.from(await readFile(fixture('audio-tones.opus')));
    bytes[bytes.length - 100]! ^= 1;
    const path = join(folder, 'changed.opus');
    await writeFile(path, bytes);
    expect(await refusal(path)).toMatch(/has a wrong checksum/);
  });

  test('an Ogg page that is left out', async () => {
    const bytes = await readFile(fixture('audio-tones.opus'));
    const second = bytes.indexOf('OggS', 4);
    const third = bytes.indexOf('OggS', second + 4);
    const path = join(folder, 'gap.opus');
    await writeFile(path, Buffer.concat([bytes.subarray(0, second), bytes.subarray(third)]));
    expect(await refusal(path)).toMatch(/page 1 is missing/);
  });
});

function notNumbers(): Uint8Array {
  const bytes = wav((view) => view.setUint16(20, 3, true), 200);
  const view = new DataView(bytes.buffer);
  view.setUint16(32, 4, true);
  view.setUint16(34, 32, true);
  view.setFloat32(60, Number.NaN, true);
  return bytes;
}

function emptyChunks(): Uint8Array {
  const chunk = Buffer.from('junk\0\0\0\0', 'latin1');
  return Buffer.concat([Buffer.from('RIFF\0\0\0\0WAVE', 'latin1'), ...Array.from({ length: 2000 }, () => chunk)]);
}

describe('what is no sound', () => {
  test.each([
    ['nothing', () => new Uint8Array(0), /must not be empty, got 0 bytes/],
    ['a text', () => Buffer.from('Dear reader, this is no sound.'), /not a sound/],
    [
      'noise',
      () => Uint8Array.from({ length: 50_000 }, (_, i) => (i * 7919 + (i >> 3) * 104_729) & 255),
      /not a sound/,
    ],
    ['zeros', () => new Uint8Array(50_000), /not a sound/],
    ['a picture', () => Buffer.from('\x89PNG\r\n\x1a\n', 'latin1'), /not a sound/],
  ])('%s', async (_, bytes, rule) => {
    const path = join(folder, 'no-sound.mp3');
    await writeFile(path, bytes());
    expect(await refusal(path)).toMatch(rule);
  });

  test('a folder, a missing file, and a pipe that nobody writes to', async () => {
    expect(await refusal(folder)).toMatch(/must be a file/);
    expect(await refusal(join(folder, 'none.wav'))).toMatch(/there is no such file/);
    const pipe = join(folder, 'pipe.wav');
    execFileSync('mkfifo', [pipe]);
    expect(await refusal(pipe)).toMatch(/must be a file/);
  });

  test.skipIf(process.getuid?.() === 0)('a file that may not be read', async () => {
    const path = join(folder, 'secret.wav');
    await writeFile(path, wav());
    await chmod(path, 0);
    expect(await refusal(path)).toMatch(/no permission to read it/);
  });
});

test('a wrong name does no harm', async () => {
  const path = join(folder, 'really-a-flac.mp3');
  await copyFile(fixture('audio-tones.flac'), path);
  expect((await decodeAudio(path)).samples.length).toBe(16_000);
});
