/** @file Groups and duplicates of a library whose vectors say what they are. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Rng } from '../../engine/core/index.ts';
import { clusterLibrary } from './clusters.ts';
import { findDuplicates } from './duplicates.ts';
import { type Library, openLibrary } from './library.ts';
import type { IndexedFile } from './store/segment.ts';

const dim = 16;
const rng = new Rng('browse');
const unit = (values: ArrayLike<number>): Float32Array => {
  const length = Math.hypot(...Array.from(values));
  return Float32Array.from(values, (value) => value / length);
};
const near = (centre: Float32Array, by: number) => unit(centre.map((value) => value + by * rng.normal()));
const centres = Array.from({ length: 3 }, () => unit(Float32Array.from({ length: dim }, () => rng.normal())));

function picture(path: string, vector: Float32Array, contentHash = path, width = 10): IndexedFile {
  const stamp = { path, sizeBytes: 1, modifiedMs: 1, contentHash, indexedAtMs: 1, tenant: '', tags: [] };
  const times = { startSeconds: 0, endSeconds: 0, keyFrameSeconds: 0, page: 0 };
  return {
    file: { ...stamp, kind: 'image', format: 'png', width, height: 10, durationSeconds: 0 },
    segments: [{ ...times, kind: 'image', vector, text: '', thumbnail: new Uint8Array() }],
  };
}

let folder: string;
let library: Library;
const sizes = [30, 20, 10];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'browse-'));
  library = await openLibrary(join(folder, 'library'), { create: true, encoderId: 'one', dim });
  const writer = await library.startWriting();
  const indexed = sizes.flatMap((size, c) =>
    Array.from({ length: size }, (_, i) => picture(`/${c}/${i}`, near(centres[c]!, 0.12))),
  );
  const original = indexed[0]!.segments[0]!.vector;
  indexed.push(picture('/copy', original, '/0/0'), picture('/small', near(original, 0.004), 'other bytes', 5));
  const again = near(centres[2]!, 0.4);
  indexed.push(picture('/x', again, 'same'), picture('/y', again, 'same'));
  await writer.put({ indexed });
  await writer.close();
});
afterAll(async () => {
  await library.close();
  await rm(folder, { recursive: true });
});

test('groups are those that the vectors form, the largest first', async () => {
  const clusters = await clusterLibrary({ library, numClusters: 3, numExamples: 5 });
  expect(clusters.map(({ size }) => size)).toEqual([32, 20, 12]);
  clusters.forEach(({ examples }, c) => {
    expect(examples).toHaveLength(5);
    expect(examples.every(({ path }) => path.startsWith(`/${c}/`) || path === '/copy' || path === '/small')).toBe(true);
  });
  expect(await clusterLibrary({ library, kind: 'audio' })).toEqual([]);
  await expect(clusterLibrary({ library, numClusters: 0 })).rejects.toThrow(/numClusters/);
});

test('there are no more groups than different segments', async () => {
  const all = await clusterLibrary({ library, numClusters: 200 });
  expect(all.length).toBeLessThanOrEqual(64);
  expect(all.reduce((sum, { size }) => sum + size, 0)).toBe(64);
});

test('duplicates are found with their copies, the largest file first', async () => {
  const groups = await findDuplicates({ library, minScore: 0.99 });
  expect(groups.map(({ files, isExact }) => [isExact, ...files.map(({ path }) => path)])).toEqual([
    [false, '/0/0', '/copy', '/small'],
    [true, '/x', '/y'],
  ]);
  expect(groups[0]!.score).toBeGreaterThan(0.99);
  await expect(findDuplicates({ library, minScore: 2 })).rejects.toThrow(/minScore/);
});
