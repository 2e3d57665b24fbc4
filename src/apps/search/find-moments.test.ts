/** @file Stretches of time and their order, over a library of vectors that say what they are. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { float32, Rng } from '../../engine/core/index.ts';
import { findMoments, findSequences } from './find-moments.ts';
import { type Library, openLibrary } from './library.ts';
import type { LibraryEncoder } from './library-encoder.ts';
import type { IndexedFile, Segment } from './store/segment.ts';

const words = ['dog', 'car', 'sea'];
const dim = 8;

/** A unit vector near that of a word, or far from all. */
function vectorOf(word: string, rng: Rng): Float32Array {
  const vector = Float32Array.from({ length: dim }, () => 0.15 * rng.normal());
  vector[words.indexOf(word) === -1 ? dim - 1 : words.indexOf(word)]! += 1;
  const length = Math.hypot(...vector);
  return vector.map((value) => value / length);
}

const encoder: LibraryEncoder = {
  id: 'words',
  dim,
  languages: ['en'],
  pictureView: { size: 8, padding: 0 },
  encodeTexts: async (texts) =>
    float32(
      texts.flatMap((text) => [...vectorOf(text, new Rng(text))]),
      [texts.length, dim],
    ),
  encodePictures: async () => float32([], [0, dim]),
  close: async () => {},
};

/** A film in which each word is shown for four seconds. */
function film(path: string, shown: readonly string[]): IndexedFile {
  const rng = new Rng(path);
  const segments = shown.map(
    (word, i): Segment => ({
      kind: 'video',
      startSeconds: 4 * i,
      endSeconds: 4 * i + 4,
      keyFrameSeconds: 4 * i + 2,
      page: 0,
      vector: vectorOf(word, rng),
      text: '',
      thumbnail: new Uint8Array(),
    }),
  );
  const stamp = { sizeBytes: 1, modifiedMs: 1, contentHash: path, indexedAtMs: 1, tenant: '', tags: [] };
  return {
    file: { ...stamp, path, kind: 'video', format: 'mp4', width: 1, height: 1, durationSeconds: 4 * shown.length },
    segments,
  };
}

let folder: string;
let library: Library;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'moments-'));
  library = await openLibrary(join(folder, 'library'), { create: true, encoderId: 'words', dim });
  const writer = await library.startWriting();
  const nothing = new Array<string>(12).fill('nothing');
  const with_ = (at: Record<number, string>) => nothing.map((word, i) => at[i] ?? word);
  await writer.put({
    indexed: [
      film('/dog then car', with_({ 2: 'dog', 3: 'dog', 4: 'dog', 8: 'car' })),
      film('/car then dog', with_({ 1: 'car', 7: 'dog' })),
      film('/sea', with_({ 5: 'sea', 6: 'sea' })),
      film('/nothing', nothing),
    ],
  });
  await writer.close();
});
afterAll(async () => {
  await library.close();
  await rm(folder, { recursive: true });
});

test('a sentence finds the whole stretch in which it is shown, and no more', async () => {
  const [first, second, ...rest] = await findMoments({ library, encoder, query: { text: 'dog' } });
  const stretches = [first!, second!].map(({ best, startSeconds, endSeconds }) => [
    best.path,
    startSeconds,
    endSeconds,
  ]);
  expect(new Set(stretches)).toEqual(
    new Set([
      ['/dog then car', 8, 20],
      ['/car then dog', 28, 32],
    ]),
  );
  expect(Math.min(first!.best.score, second!.best.score)).toBeGreaterThan(0.8);
  expect(rest.every(({ best }) => best.score < 0.6)).toBe(true);
  const [sea] = await findMoments({ library, encoder, query: { text: 'sea' }, top: 1 });
  expect([sea!.best.path, sea!.startSeconds, sea!.endSeconds]).toEqual(['/sea', 20, 28]);
});

test('stretches of a file do not overlap', async () => {
  const found = await findMoments({ library, encoder, query: { text: 'dog' }, top: 100 });
  for (const a of found) {
    for (const b of found) {
      if (a === b || a.best.path !== b.best.path) continue;
      expect(a.endSeconds <= b.startSeconds || b.endSeconds <= a.startSeconds).toBe(true);
    }
  }
});

test('what must come first comes first', async () => {
  const [first, second] = await findSequences({ library, encoder, queries: [{ text: 'dog' }, { text: 'car' }] });
  expect(first!.stretches.map(({ best, startSeconds }) => [best.path, startSeconds])).toEqual([
    ['/dog then car', expect.any(Number)],
    ['/dog then car', 32],
  ]);
  expect(first!.stretches[0]!.startSeconds).toBeLessThan(20);
  expect(second!.standing).toBeLessThan(first!.standing);
  const [other] = await findSequences({ library, encoder, queries: [{ text: 'car' }, { text: 'dog' }], top: 1 });
  expect(other!.stretches.map(({ best, startSeconds }) => [best.path, startSeconds])).toEqual([
    ['/car then dog', 4],
    ['/car then dog', 28],
  ]);
});

test('refuses what makes no sequence', async () => {
  await expect(findSequences({ library, encoder, queries: [{ text: 'dog' }] })).rejects.toThrow(
    /2 to 8 queries, got 1/,
  );
  await expect(findMoments({ library, encoder, query: { text: 'dog' }, top: 0 })).rejects.toThrow(/top/);
});
