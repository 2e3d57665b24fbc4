/** @file What files are told to be, whatever their names say. */
import { copyFile, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import sharp from 'sharp';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { MediaError, Tensor } from '../engine/core/index.ts';
import { writeDicom } from './medical/write-dicom.ts';
import { probeMedia } from './probe.ts';

const fixture = (name: string) => fileURLToPath(new URL(`../../test/fixtures/media/${name}`, import.meta.url));

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'probe-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

test.each([
  ['flac', { format: 'FLAC', sampleRateHz: 22_050, durationSeconds: 1 }],
  ['mp3', { format: 'MP3', sampleRateHz: 44_100 }],
  ['ogg', { format: 'Ogg Vorbis', sampleRateHz: 44_100, durationSeconds: 1 }],
  ['opus', { format: 'Ogg Opus', sampleRateHz: 48_000, durationSeconds: 1 }],
  ['m4a', { format: 'MP4', codec: 'aac', sampleRateHz: 44_100, durationSeconds: 1 }],
  ['aac', { format: 'ADTS', codec: 'aac', sampleRateHz: 44_100 }],
  ['webm', { format: 'WebM', codec: 'opus', sampleRateHz: 48_000 }],
])('a sound in %s under another name', async (name, info) => {
  const path = join(folder, `${name}.png`);
  await copyFile(fixture(`audio-tones.${name}`), path);
  const found = await probeMedia(path);
  expect(found).toMatchObject({ kind: 'audio', numChannels: 2, sizeBytes: (await readFile(path)).length, ...info });
  expect(Math.abs(found.durationSeconds! - 1)).toBeLessThan(0.06);
});

test('pictures and animations', async () => {
  const picture = (format: 'png' | 'jpeg' | 'webp') =>
    sharp({ create: { width: 30, height: 20, channels: 3, background: '#f00' } })
      .toFormat(format)
      .toBuffer();
  for (const [format, name] of [
    ['png', 'PNG'],
    ['jpeg', 'JPEG'],
    ['webp', 'WebP'],
  ] as const) {
    expect(await probeMedia(await picture(format))).toMatchObject({
      kind: 'image',
      format: name,
      width: 30,
      height: 20,
    });
  }
  const frames = Buffer.from(Array.from({ length: 8 * 8 * 3 * 4 }, (_, i) => (i * 37) & 255));
  const moving = await sharp(frames, { raw: { width: 8, height: 32, channels: 3, pageHeight: 8 } })
    .gif({ delay: [100, 100, 200, 100] })
    .toBuffer();
  expect(await probeMedia(moving)).toMatchObject({
    kind: 'animation',
    format: 'GIF',
    width: 8,
    height: 8,
    numFrames: 4,
    durationSeconds: 0.5,
  });
});

test('DICOM, PDF, Markdown, text', async () => {
  const slice = writeDicom(new Tensor('float32', [2, 3], new Float32Array(6)));
  expect(await probeMedia(slice)).toMatchObject({ kind: 'dicom', width: 3, height: 2, numFrames: 1 });
  expect(await probeMedia(Buffer.from('%PDF-1.4\n'))).toEqual({ kind: 'pdf', format: 'PDF', sizeBytes: 9 });
  expect(await probeMedia(Buffer.from('# Title\n\nwords'))).toMatchObject({ kind: 'markdown', format: 'UTF-8' });
  expect(await probeMedia(Buffer.from('Only words.'))).toEqual({ kind: 'text', format: 'UTF-8', sizeBytes: 11 });
  // A character that lies across the end of what is looked at.
  expect(await probeMedia(Buffer.from(`a${'语'.repeat(20_000)}`))).toMatchObject({ kind: 'text' });
});

test('what is of no kind is refused by name', async () => {
  const path = join(folder, 'program.mp4');
  await writeFile(path, Buffer.from('\x7fELF\x02\x01\x01\0\0\0\0\0', 'latin1'));
  await expect(probeMedia(path)).rejects.toThrow(`${path}: not a file of a known kind`);
  await expect(probeMedia(folder)).rejects.toThrow(MediaError);
  await writeFile(path, '');
  await expect(probeMedia(path)).rejects.toThrow(/must not be empty/);
  const cut = join(folder, 'cut.png');
  await writeFile(cut, (await readFile(fixture('audio-tones.m4a'))).subarray(0, 6000));
  await expect(probeMedia(cut)).rejects.toThrow(/damaged MP4: it is cut short/);
});
