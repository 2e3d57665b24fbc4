import { existsSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { isAnimatedWebP, mirroredName, movingPicturePackages, readMovingPictures } from './moving-pictures.ts';
import { motionQuestions, videoQuestions } from './moving-pictures-questions.ts';
import { defaultDataDirectory } from './packages.ts';

const folder = mkdtempSync(join(tmpdir(), 'moving-pictures-'));

/** A RIFF file of chunks with contents of so many bytes. */
function webp(chunks: readonly (readonly [name: string, length: number])[], cut?: number): string {
  const parts = chunks.map(([name, length]) => {
    const chunk = Buffer.alloc(8 + length + (length & 1));
    chunk.write(name, 'latin1');
    chunk.writeUInt32LE(length, 4);
    return chunk;
  });
  const body = Buffer.concat(parts);
  const header = Buffer.from('RIFF\0\0\0\0WEBP', 'latin1');
  header.writeUInt32LE(body.length + 4, 4);
  const path = join(folder, `${chunks.map(([name, length]) => name + length).join('-')}-${cut}.webp`);
  writeFileSync(path, Buffer.concat([header, body]).subarray(0, cut));
  return path;
}

describe('isAnimatedWebP', () => {
  it('counts frames, past chunks of odd length', () => {
    expect(
      isAnimatedWebP(
        webp([
          ['VP8X', 10],
          ['ANIM', 6],
          ['ANMF', 31],
          ['ANMF', 8],
        ]),
      ),
    ).toBe(true);
    expect(
      isAnimatedWebP(
        webp([
          ['VP8X', 10],
          ['ANIM', 6],
          ['ANMF', 31],
          ['EXIF', 5],
        ]),
      ),
    ).toBe(false);
    expect(isAnimatedWebP(webp([['VP8 ', 12]]))).toBe(false);
  });

  it('takes what is cut short or no WebP for still', () => {
    expect(
      isAnimatedWebP(
        webp(
          [
            ['ANMF', 31],
            ['ANMF', 8],
          ],
          50,
        ),
      ),
    ).toBe(false);
    expect(isAnimatedWebP(webp([], 7))).toBe(false);
    const other = join(folder, 'other.webp');
    writeFileSync(other, 'ANMF ANMF ANMF ANMF ANMF ANMF');
    expect(isAnimatedWebP(other)).toBe(false);
  });
});

describe('mirroredName', () => {
  it('swaps sides in both languages, and leaves other words alone', () => {
    expect(mirroredName('backhand index pointing right')).toBe('backhand index pointing left');
    expect(mirroredName('left-facing fist')).toBe('right-facing fist');
    expect(mirroredName('turning counterclockwise')).toBe('turning clockwise');
    expect(mirroredName('反手食指向右指')).toBe('反手食指向左指');
    expect(mirroredName('bright copyright leftover')).toBe('bright copyright leftover');
    expect(mirroredName(mirroredName('from left to right'))).toBe('from left to right');
  });
});

const modules = join(defaultDataDirectory(), 'node_modules');
const installed = [...movingPicturePackages, 'cldr-annotations-full'].every((name) => existsSync(join(modules, name)));

describe.skipIf(!installed)('the installed moving pictures', () => {
  it('are the animated ones, named in both languages', () => {
    const pictures = readMovingPictures();
    expect(pictures).toHaveLength(734);
    expect(new Set(pictures.map(({ id }) => id)).size).toBe(734);
    expect(pictures.reduce((sum, { skinTonePaths }) => sum + skinTonePaths.length, 0)).toBe(1375);
    for (const { name } of pictures) expect(name.zh).toMatch(/\p{Script=Han}|OK|ZZZ/u);
    expect(pictures.find(({ name }) => name.en === 'cyclone')!.name.zh).toBe('台风');
  });

  it('are what the suites ask for', async () => {
    const { readFileSync } = await import('node:fs');
    const kept = (name: string) => JSON.parse(readFileSync(`data/suites/${name}.json`, 'utf8'));
    expect(kept('text-video')).toEqual(videoQuestions());
    expect(kept('text-motion')).toEqual(await motionQuestions());
  });
});
