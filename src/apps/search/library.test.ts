/** @file Opening, rebuilding and searching a library; the scan in memory and LanceDB must agree. */
import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { colourEncoder, colourSvg } from '../../../test/search/colour-encoder.ts';
import { FormatError, MissingDataError, Rng, ShapeError } from '../../engine/core/index.ts';
import {
  EncoderMismatchError,
  indexFolder,
  type Library,
  LibraryBusyError,
  LibraryTooLargeError,
  type OpenLibraryOptions,
  openLibrary,
  searchLibrary,
  type WeightedPart,
} from './index.ts';
import type { IndexedFile } from './store/segment.ts';
import { acquireWriterLock } from './writer-lock.ts';

let root: string;
let directory: string;
const open: Library[] = [];

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'library-'));
  directory = join(root, 'library');
});
afterEach(async () => {
  for (const library of open.splice(0)) await library.close();
  await rm(root, { recursive: true, force: true });
});

async function openAt(options: OpenLibraryOptions): Promise<Library> {
  const library = await openLibrary(directory, options);
  open.push(library);
  return library;
}

const dim = 12;
const make = { create: true, encoderId: 'one', dim } as const;

function randomUnit(rng: Rng): Float32Array {
  const vector = rng.fillNormal(new Float32Array(dim));
  const length = Math.hypot(...vector);
  return vector.map((value) => value / length);
}

function row(path: string, vector: Float32Array): IndexedFile {
  const file = {
    format: 'png',
    sizeBytes: 10,
    modifiedMs: 1,
    contentHash: 'h',
    indexedAtMs: 1.7e12,
    tenant: '',
    tags: [],
  };
  const times = { startSeconds: 0, endSeconds: 0, keyFrameSeconds: 0, page: 0 };
  const segment = {
    ...times,
    kind: 'image',
    vector,

    text: '',
    thumbnail: new Uint8Array(),
  } as const;
  return { file: { kind: 'image', path, width: 3, height: 4, durationSeconds: 0, ...file }, segments: [segment] };
}

async function fill(library: Library, indexed: readonly IndexedFile[]): Promise<void> {
  const writer = await library.startWriting();
  await writer.put({ indexed });
  await writer.close();
}

describe('openLibrary', () => {
  test('says how to make a library where there is none', async () => {
    await expect(openAt({})).rejects.toThrow(MissingDataError);
    await expect(openAt({})).rejects.toThrow(/sensorium index <folder> --library/);
  });

  test('a new library is empty, and is the same when opened again', async () => {
    const library = await openAt(make);
    expect(await library.count()).toBe(0);
    expect(await library.nearest(new Float32Array(dim), 5)).toEqual([]);
    const again = await openAt({});
    expect([again.encoderId, again.dim]).toEqual(['one', dim]);
  });

  test('refuses another encoder and says what to do; --rebuild empties it', async () => {
    const rng = new Rng(1);
    await fill(await openAt(make), [row('/a.png', randomUnit(rng))]);
    await expect(openAt({ encoderId: 'two', dim })).rejects.toThrow(EncoderMismatchError);
    await expect(openAt({ create: true, encoderId: 'two', dim })).rejects.toThrow(/--rebuild/);
    const rebuilt = await openAt({ create: true, rebuild: true, encoderId: 'two', dim: 5 });
    expect([rebuilt.encoderId, rebuilt.dim, await rebuilt.count()]).toEqual(['two', 5, 0]);
    await fill(rebuilt, [row('/b.png', new Float32Array([1, 0, 0, 0, 0]))]);
    expect((await rebuilt.nearest(new Float32Array([1, 0, 0, 0, 0]), 3)).map(({ path }) => path)).toEqual(['/b.png']);
  });

  test('takes no folder that holds other things', async () => {
    await mkdir(directory);
    await writeFile(join(directory, 'diary.txt'), 'dear diary');
    await expect(openAt(make)).rejects.toThrow(/holds other files/);
    expect(await readFile(join(directory, 'diary.txt'), 'utf8')).toBe('dear diary');
  });

  test.each([
    '',
    '{',
    '[]',
    '{"format":"sensorium-library","version":2}',
    '{"format":"sensorium-library","version":1,"encoderId":"x","dim":-1,"createdAt":""}',
  ])('refuses the damaged manifest %j', async (text) => {
    await mkdir(directory);
    await writeFile(join(directory, 'library.json'), text);
    await expect(openAt({})).rejects.toThrow(FormatError);
  });
});

describe.each([
  ['in memory', undefined],
  ['by LanceDB', 0],
])('nearest, %s', (_, maxMemoryBytes) => {
  const options = maxMemoryBytes === undefined ? make : { ...make, maxMemoryBytes };

  // 300 is whole groups of four rows; the others leave one, two and three over.
  test.each([300, 301, 302, 303, 3])('gives the exact best of %i by cosine, best first', async (count) => {
    const rng = new Rng('nearest');
    const rows = Array.from({ length: count }, (_, i) => row(`/p/${i}.png`, randomUnit(rng)));
    const library = await openAt(options);
    await fill(library, rows);
    for (let i = 0; i < 5; i++) {
      const query = randomUnit(rng);
      const expected = rows
        .map(({ file, segments }) => ({
          path: file.path,
          score: segments[0]!.vector.reduce((sum, value, d) => sum + value * query[d]!, 0),
        }))
        .sort((a, b) => b.score - a.score)
        .slice(0, 7);
      const hits = await library.nearest(query, 7);
      expect(hits.map(({ path }) => path)).toEqual(expected.map(({ path }) => path));
      hits.forEach((hit, k) => {
        expect(hit.score).toBeCloseTo(expected[k]!.score, 5);
      });
      expect(hits[0]).toMatchObject({ width: 3, height: 4, indexedAt: new Date(1.7e12).toISOString() });
    }
  });

  test('filters by folder before it takes the best, and knows /a from /ab', async () => {
    const rng = new Rng('folders');
    const query = randomUnit(rng);
    const far = query.map((value) => -value);
    const library = await openAt(options);
    const near = Array.from({ length: 50 }, (_, i) => row(`/ab/${i}.png`, query));
    await fill(library, [...near, row("/a/it's.png", far), row('/a/deep/er.png', far)]);
    const hits = await library.nearest(query, 10, { folder: '/a' });
    expect(hits.map(({ path }) => path).sort()).toEqual(['/a/deep/er.png', "/a/it's.png"]);
    expect(await library.nearest(query, 10, { folder: '/b' })).toEqual([]);
    expect(await library.count('/a')).toBe(2);
    expect(await library.has("/a/it's.png")).toBe(true);
    expect(await library.has("/a/it's")).toBe(false);
  });

  test('sees what another opening has written, at once', async () => {
    const rng = new Rng('fresh');
    const [writer, reader] = [await openAt(options), await openAt(options)];
    const query = randomUnit(rng);
    expect(await reader.nearest(query, 3)).toEqual([]);
    for (let i = 0; i < 3; i++) {
      await fill(writer, [row(`/${i}.png`, randomUnit(rng))]);
      expect(await reader.nearest(query, 10)).toHaveLength(i + 1);
    }
  });

  test('tells the moments of a file, or that they do not fit in memory', async () => {
    const library = await openAt(options);
    const query = randomUnit(new Rng('moments'));
    await fill(library, [row('/a.png', query)]);
    const { fileNumber } = (await library.nearest(query, 1))[0]!;
    const moments = library.momentsOf([fileNumber], query);
    if (maxMemoryBytes === 0) await expect(moments).rejects.toThrow(LibraryTooLargeError);
    else expect((await moments)[0]!.score).toBeCloseTo(1, 5);
    expect([await library.count(), await library.countSegments()]).toEqual([1, 1]);
    await fill(library, [row('/b.png', query)]);
    expect([await library.count(), await library.countSegments()]).toEqual([2, 2]);
  });

  test('refuses a query of another dimension', async () => {
    const library = await openAt(options);
    await expect(library.nearest(new Float32Array(3), 1)).rejects.toThrow(ShapeError);
  });
});

describe('searchLibrary', () => {
  async function indexed(): Promise<Library> {
    const pictures = join(root, 'pictures');
    await mkdir(pictures);
    for (const colour of ['red', 'green', 'blue'] as const) {
      await writeFile(join(pictures, `${colour}.svg`), colourSvg(colour));
    }
    const encoder = colourEncoder();
    const library = await openAt({ create: true, encoderId: encoder.id, dim: encoder.dim });
    await indexFolder({ library, folder: pictures, encoder });
    return library;
  }

  test('takes a folder by any of its names', async () => {
    const [library, encoder] = [await indexed(), colourEncoder()];
    await symlink(join(root, 'pictures'), join(root, 'other name'));
    const query = { text: 'red' };
    const { hits } = await searchLibrary({ library, encoder, query, folder: join(root, 'other name') });
    expect(hits).toHaveLength(3);
    expect(await library.count(join(root, 'other name'))).toBe(3);
    expect(await library.count(join(root, 'gone'))).toBe(0);
  });

  test('finds by text, by a path and by bytes', async () => {
    const [library, encoder] = [await indexed(), colourEncoder()];
    const first = async (query: Parameters<typeof searchLibrary>[0]['query']) => {
      const { hits, notice } = await searchLibrary({ library, encoder, query, top: 2 });
      expect(hits).toHaveLength(2);
      expect(notice).toBeUndefined();
      return hits[0]!.path.slice(root.length);
    };
    expect(await first({ text: '  something GREEN ' })).toBe('/pictures/green.svg');
    expect(await first({ picture: join(root, 'pictures', 'blue.svg') })).toBe('/pictures/blue.svg');
    expect(await first({ picture: Buffer.from(colourSvg('red')) })).toBe('/pictures/red.svg');
  });

  test('answers a Chinese text with nothing and says why, a mixed one with what it understands', async () => {
    const [library, encoder] = [await indexed(), colourEncoder()];
    expect(await searchLibrary({ library, encoder, query: { text: '红色的东西' } })).toEqual({
      hits: [],
      weaker: [],
      notice: 'chinese-not-yet',
    });
    const mixed = await searchLibrary({ library, encoder, query: { text: 'red 苹果' }, top: 1 });
    expect(mixed.notice).toBe('chinese-not-yet');
    expect(mixed.hits[0]!.path).toBe(join(root, 'pictures', 'red.svg'));
  });

  test('tells what matches from what is merely nearest, where the encoder was calibrated', async () => {
    const library = await indexed();
    // Likely from a cosine of 0.9 on: a colour matches itself and no other.
    const image = { bias: -90, cosine: 100, standing: 0 };
    const pair = { image, audio: image, video: image, text: image };
    const pairs = { 'text-en': pair, 'text-zh': pair, image: pair, audio: pair, video: pair };
    const encoder = { ...colourEncoder(), calibration: { version: 1 as const, cutoff: 0.5, pairs } };
    const names = (hits: readonly { path: string }[]) => hits.map(({ path }) => path.slice(root.length)).sort();
    const red = await searchLibrary({ library, encoder, query: { text: 'red' }, minCalibrated: 0 });
    expect(names(red.hits)).toEqual(['/pictures/red.svg']);
    expect(red.hits[0]!.probability).toBeGreaterThan(0.99);
    expect(names(red.weaker)).toEqual(['/pictures/blue.svg', '/pictures/green.svg']);
    const grey = await searchLibrary({ library, encoder, query: { text: 'yellow blue' }, minCalibrated: 0 });
    expect(grey.hits).toEqual([]);
    expect(grey.weaker).toHaveLength(3);
  });

  test('finds by name what looks like something else', async () => {
    const [library, encoder] = [await indexed(), colourEncoder()];
    await writeFile(join(root, 'pictures', 'my holiday house.svg'), colourSvg('yellow'));
    await indexFolder({ library, folder: join(root, 'pictures'), encoder });
    const { hits } = await searchLibrary({ library, encoder, query: { text: 'Holiday' }, top: 1 });
    expect(hits[0]).toMatchObject({ path: join(root, 'pictures', 'my holiday house.svg'), hasWords: true });
  });

  test('puts parts of a query together, for and against', async () => {
    const [library, encoder] = [await indexed(), colourEncoder()];
    await writeFile(join(root, 'pictures', 'orange.svg'), colourSvg('orange'));
    await writeFile(join(root, 'pictures', 'yellow.svg'), colourSvg('yellow'));
    await indexFolder({ library, folder: join(root, 'pictures'), encoder });
    const first = async (parts: readonly WeightedPart[]) =>
      (await searchLibrary({ library, encoder, query: { parts }, top: 1 })).hits[0]!.path.slice(root.length);
    expect(await first([{ picture: join(root, 'pictures', 'red.svg') }, { text: 'yellow' }])).toBe(
      '/pictures/orange.svg',
    );
    expect(await first([{ text: 'orange' }, { text: 'red', weight: -0.6 }])).not.toBe('/pictures/orange.svg');
    const { hits } = await searchLibrary({ library, encoder, query: { text: 'blue' }, top: 1 });
    const { fileNumber, index } = hits[0]!;
    expect(await first([{ like: { fileNumber, index } }])).toBe('/pictures/blue.svg');
    await expect(first([{ text: 'red', weight: -1 }])).rejects.toThrow(/weight above 0/);
    await expect(first([{ like: { fileNumber: 999, index: 0 } }])).rejects.toThrow(MissingDataError);
  });

  test('refuses what cannot be asked', async () => {
    const [library, encoder] = [await indexed(), colourEncoder()];
    const ask = (text: string, top?: number) =>
      searchLibrary({ library, encoder, query: { text }, ...(top === undefined ? {} : { top }) });
    await expect(ask(' \n ')).rejects.toThrow(/must not be empty/);
    await expect(ask('a'.repeat(2001))).rejects.toThrow(/at most 2000 characters, got 2001/);
    for (const top of [0, 1.5, 1001, Number.NaN]) await expect(ask('red', top)).rejects.toThrow(RangeError);
    const other = searchLibrary({ library, encoder: colourEncoder({ id: 'colour-2' }), query: { text: 'red' } });
    await expect(other).rejects.toThrow(EncoderMismatchError);
    const missing = searchLibrary({ library, encoder, query: { picture: join(root, 'none.png') } });
    await expect(missing).rejects.toThrow(/none\.png: there is no such file/);
  });
});

describe('the writer lock', () => {
  beforeEach(() => mkdir(directory));
  const lockFile = () => join(directory, 'writer.lock.1');
  const holder = (change: object) =>
    JSON.stringify({ token: 't', pid: process.pid, host: hostname(), processStart: null, since: 'noon', ...change });

  test('keeps a second writer out until it is released', async () => {
    const lock = await acquireWriterLock(directory);
    await expect(acquireWriterLock(directory)).rejects.toThrow(LibraryBusyError);
    await lock.release();
    await lock.release();
    await (await acquireWriterLock(directory)).release();
  });

  test('lets exactly one of many in, however often they race for the lock of a dead process', async () => {
    for (let round = 0; round < 60; round++) {
      await rm(directory, { recursive: true });
      await mkdir(directory);
      await writeFile(lockFile(), holder({ pid: 2 ** 22 + 1 }));
      const tries = await Promise.allSettled(Array.from({ length: 8 }, () => acquireWriterLock(directory)));
      expect(tries.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
      const refused = tries.filter((result) => result.status === 'rejected');
      expect(refused.every(({ reason }) => reason instanceof LibraryBusyError)).toBe(true);
    }
  });

  test.each([
    ['its process is gone', { pid: 2 ** 22 + 1 }],
    ['its process id belongs to a later process', { processStart: '1' }],
  ])('is taken over when %s', async (_, change) => {
    await writeFile(lockFile(), holder(change));
    await (await acquireWriterLock(directory)).release();
  });

  test('of another machine is never taken over', async () => {
    await writeFile(lockFile(), holder({ host: 'elsewhere', pid: 2 ** 22 + 1 }));
    await expect(acquireWriterLock(directory)).rejects.toThrow(/on elsewhere.*delete .*writer\.lock\.1/);
  });

  test('that is just being written counts', async () => {
    await writeFile(lockFile(), '');
    await expect(acquireWriterLock(directory)).rejects.toThrow(/about to write/);
  });
});
