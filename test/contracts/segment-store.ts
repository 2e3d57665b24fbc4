/** @file What every SegmentStore must do, as a suite that is run for each. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { LibraryBusyError } from '../../src/apps/search/errors.ts';
import type { MediaFile, Segment, SegmentKind } from '../../src/apps/search/store/segment.ts';
import type { SegmentStore, StoreChanges } from '../../src/apps/search/store/segment-store.ts';
import { Rng } from '../../src/engine/core/index.ts';

const dim = 16;

/** Makes stores for the suite. */
export interface StoreMaker {
  /** Opens the store of this test; again, as another process would. */
  open(options: { dim: number }): Promise<SegmentStore>;
  /** Removes it. */
  dispose(): Promise<void>;
}

function file(path: string, change: Partial<MediaFile> = {}): MediaFile {
  return {
    path,
    kind: 'image',
    sizeBytes: 10,
    modifiedMs: 1000,
    contentHash: `hash of ${path}`,
    format: 'png',
    width: 4,
    height: 3,
    durationSeconds: 0,
    tenant: '',
    tags: [],
    indexedAtMs: 5,
    ...change,
  };
}

function segment(seed: string, change: Partial<Segment> = {}): Segment {
  const rng = new Rng(seed);
  const vector = Float32Array.from({ length: dim }, () => rng.normal());
  const norm = Math.hypot(...vector);
  return {
    kind: 'image',
    startSeconds: 0,
    endSeconds: 0,
    keyFrameSeconds: 0,
    page: 0,
    vector: vector.map((value) => value / norm),
    text: seed,
    thumbnail: new Uint8Array(),
    ...change,
  };
}

async function read(changes: StoreChanges) {
  const rows: { fileNumber: number; index: number; kind: number; start: number; vector: number[] }[] = [];
  for await (const batch of changes.segments()) {
    for (let i = 0; i < batch.length; i++) {
      rows.push({
        fileNumber: batch.fileNumbers[i]!,
        index: batch.indices[i]!,
        kind: batch.kinds[i]!,
        start: batch.startSeconds[i]!,
        vector: [...batch.vectors.subarray(i * dim, (i + 1) * dim)],
      });
    }
  }
  const live = new Set(changes.added.map(({ fileNumber }) => fileNumber));
  return rows
    .filter(({ fileNumber }) => live.has(fileNumber))
    .sort((a, b) => a.fileNumber - b.fileNumber || a.index - b.index);
}

/** Runs the suite. */
export function describeSegmentStore(name: string, make: () => Promise<StoreMaker>): void {
  describe(name, () => {
    let maker: StoreMaker;
    let store: SegmentStore;
    const open = () => maker.open({ dim });
    beforeEach(async () => {
      maker = await make();
      store = await open();
    });
    afterEach(async () => {
      await store.close();
      await maker.dispose();
    });

    it('is empty at first', async () => {
      expect(await store.counts()).toEqual({
        files: { image: 0, audio: 0, video: 0, document: 0 },
        segments: 0,
        refused: 0,
      });
      expect(await store.nearest(new Float32Array(dim), 3)).toEqual([]);
      expect(await store.searchText('cat', 3)).toEqual([]);
      expect(await store.segments([{ fileNumber: 1, index: 0 }])).toEqual([]);
      expect(await store.refused()).toEqual([]);
      const { commit, added, removed, isWhole } = await store.changesSince(0);
      expect({ commit, added, removed, isWhole }).toEqual({ commit: 0, added: [], removed: [], isWhole: false });
    });

    it('gives back what was put, to another reader too, as soon as put has returned', async () => {
      const writer = await store.startWriting();
      const film = file('/films/a film.mp4', {
        kind: 'video',
        durationSeconds: 12.5,
        tags: ["sea's", 'holiday'],
        tenant: 't',
      });
      const own = [
        segment('first', {
          kind: 'video',
          startSeconds: 0,
          endSeconds: 4.25,
          keyFrameSeconds: 2,
          thumbnail: Uint8Array.of(1, 0, 255),
        }),
        segment('heard', { kind: 'audio', startSeconds: 1.5, endSeconds: 12.5, text: '海浪的声音' }),
      ];
      await writer.put({ indexed: [{ file: film, segments: own }] });
      const other = await open();
      const changes = await other.changesSince(0);
      expect(changes.added).toEqual([{ ...film, fileNumber: changes.added[0]!.fileNumber }]);
      const rows = await read(changes);
      expect(rows.map(({ kind, start, index }) => [kind, start, index])).toEqual([
        [2, 0, 0],
        [1, 1.5, 1],
      ]);
      expect(rows[1]!.vector).toEqual([...own[1]!.vector]);
      const { fileNumber } = changes.added[0]!;
      const keys = [1, 7, 0].map((index) => ({ fileNumber, index }));
      const whole = await other.segments(keys);
      expect(whole.map(({ text }) => text)).toEqual(['海浪的声音', 'first']);
      expect(whole[1]).toEqual({ ...own[0], fileNumber, index: 0 });
      expect([...(await other.vectors(keys))]).toEqual([
        ...own[1]!.vector,
        ...new Float32Array(dim),
        ...own[0]!.vector,
      ]);
      expect(await other.counts()).toEqual({
        files: { image: 0, audio: 0, video: 1, document: 0 },
        segments: 2,
        refused: 0,
      });
      await other.close();
      await writer.close();
    });

    it('tells readers what was added, replaced and removed since they looked', async () => {
      const writer = await store.startWriting();
      const put = (path: string, ...seeds: string[]) =>
        writer.put({ indexed: [{ file: file(path), segments: seeds.map((seed) => segment(seed)) }] });
      await put('/a', 'a');
      await put('/b', 'b1', 'b2');
      const first = await store.changesSince(0);
      expect(first.added.map(({ path }) => path)).toEqual(['/a', '/b']);
      const numberOf = new Map(first.added.map(({ path, fileNumber }) => [path, fileNumber]));
      const before = await store.version();
      await put('/a', 'a of now');
      await put('/c', 'c');
      await writer.remove(['/b', '/never there']);
      expect(await store.version()).not.toBe(before);
      const second = await store.changesSince(first.commit);
      expect(second.isWhole).toBe(false);
      expect(second.added.map(({ path }) => path)).toEqual(['/a', '/c']);
      expect(new Set(second.removed)).toEqual(new Set([numberOf.get('/a'), numberOf.get('/b')]));
      expect(await read(second)).toHaveLength(2);
      const third = await store.changesSince(second.commit);
      expect([third.added, third.removed, third.commit]).toEqual([[], [], second.commit]);
      await writer.compact();
      const all = await store.changesSince(0);
      expect(all.added.map(({ path }) => path).sort()).toEqual(['/a', '/c']);
      expect(await read(all)).toHaveLength(2);
      expect((await store.counts()).segments).toBe(2);
      expect(await store.segments([{ fileNumber: numberOf.get('/b')!, index: 0 }])).toEqual([]);
      await writer.close();
    });

    it('knows what it holds and what it refused, also for the next writer', async () => {
      const writer = await store.startWriting();
      await writer.put({
        indexed: [{ file: file('/a', { sizeBytes: 3, modifiedMs: 7.5 }), segments: [segment('a')] }],
        refused: [{ path: '/bad', sizeBytes: 1, modifiedMs: 2, reason: 'damaged' }],
      });
      await writer.put({ indexed: [{ file: file('/silent'), segments: [] }] });
      await writer.close();
      const next = await store.startWriting();
      const known = await next.known();
      expect([...known.keys()].sort()).toEqual(['/a', '/bad', '/silent']);
      expect(known.get('/a')).toMatchObject({
        sizeBytes: 3,
        modifiedMs: 7.5,
        contentHash: 'hash of /a',
        isRefused: false,
      });
      expect(known.get('/bad')).toMatchObject({ sizeBytes: 1, isRefused: true });
      expect(await store.refused()).toEqual([{ path: '/bad', sizeBytes: 1, modifiedMs: 2, reason: 'damaged' }]);
      // A file that is good now is refused no longer, and the other way round.
      await next.put({
        indexed: [{ file: file('/bad'), segments: [segment('good')] }],
        refused: [{ path: '/a', sizeBytes: 9, modifiedMs: 9, reason: 'cut short' }],
      });
      expect((await store.refused()).map(({ path }) => path)).toEqual(['/a']);
      expect((await store.changesSince(0)).added.map(({ path }) => path).sort()).toEqual(['/bad', '/silent']);
      await next.close();
    });

    it('copies the segments of a file with the same content', async () => {
      const writer = await store.startWriting();
      const segments = [segment('one'), segment('two', { thumbnail: Uint8Array.of(9) })];
      await writer.put({ indexed: [{ file: file('/a'), segments }] });
      const copy = (path: string) => ({ from: '/a', file: file(path, { contentHash: 'hash of /a' }) });
      await writer.put({ copied: [copy('/b'), copy('/c')] });
      await expect(writer.put({ copied: [{ from: '/nowhere', file: file('/d') }] })).rejects.toThrow(/nowhere/);
      const { added } = await store.changesSince(0);
      const keys = added
        .filter(({ path }) => path === '/b')
        .flatMap(({ fileNumber }) => [0, 1].map((index) => ({ fileNumber, index })));
      expect(added.map(({ path }) => path)).toEqual(['/a', '/b', '/c']);
      const copied = await store.segments(keys);
      expect(copied[0]!.vector).toEqual(segments[0]!.vector);
      expect(copied.map(({ text, thumbnail }) => [text, [...thumbnail]])).toEqual([
        ['one', []],
        ['two', [9]],
      ]);
      await writer.close();
    });

    it('lets one writer in at a time', async () => {
      const writer = await store.startWriting();
      const other = await open();
      await expect(other.startWriting()).rejects.toThrow(LibraryBusyError);
      await writer.close();
      await (await other.startWriting()).close();
      await other.close();
    });

    it('finds the nearest vectors and words, before and after compacting, within a filter', async () => {
      const writer = await store.startWriting();
      const kinds: SegmentKind[] = ['image', 'audio', 'video', 'text'];
      const all = Array.from({ length: 40 }, (_, i) =>
        segment(`row ${i}`, { kind: kinds[i % 4]!, text: i === 5 ? 'a dog runs 一只狗在奔跑' : `number ${i}` }),
      );
      await writer.put({
        indexed: all.map((one, i) => ({
          file: file(`/${i < 20 ? 'x' : "y's"}/${i}`, { modifiedMs: i, tenant: i % 2 ? 'odd' : 'even' }),
          segments: [one],
        })),
      });
      await writer.compact();
      await writer.put({
        indexed: [{ file: file('/late', { modifiedMs: 99 }), segments: [segment('late', { text: 'another dog' })] }],
      });
      const { added } = await store.changesSince(0);
      const pathOf = new Map(added.map(({ path, fileNumber }) => [fileNumber, path]));
      const query = segment('query').vector;
      const cosine = ({ vector }: Segment) => vector.reduce((sum, value, i) => sum + value * query[i]!, 0);
      const best = (which: (i: number) => boolean) =>
        all
          .map((one, i) => ({ i, score: cosine(one) }))
          .filter(({ i }) => which(i))
          .sort((a, b) => b.score - a.score)
          .slice(0, 3);
      const paths = (which: (i: number) => boolean) => best(which).map(({ i }) => `/${i < 20 ? 'x' : "y's"}/${i}`);
      const found = async (filter?: Parameters<SegmentStore['nearest']>[2]) =>
        (await store.nearest(query, 3, filter)).map(({ fileNumber }) => pathOf.get(fileNumber));
      expect(await found({ modifiedBeforeMs: 99 })).toEqual(paths(() => true));
      expect((await store.nearest(query, 1, { modifiedBeforeMs: 99 }))[0]!.score).toBeCloseTo(
        best(() => true)[0]!.score,
        5,
      );
      expect(await found({ kinds: ['audio'] })).toEqual(paths((i) => i % 4 === 1));
      expect(await found({ folder: "/y's" })).toEqual(paths((i) => i >= 20));
      expect(await found({ tenant: 'odd', modifiedFromMs: 10, modifiedBeforeMs: 30 })).toEqual(
        paths((i) => i % 2 === 1 && i >= 10 && i < 30),
      );
      const words = async (text: string, filter?: Parameters<SegmentStore['nearest']>[2]) =>
        (await store.searchText(text, 5, filter)).map(({ fileNumber }) => pathOf.get(fileNumber)).sort();
      expect(await words('dog')).toEqual(['/late', '/x/5']);
      expect(await words('奔跑')).toEqual(['/x/5']);
      expect(await words('dog', { folder: '/x' })).toEqual(['/x/5']);
      expect(await words("it's ' OR zero=zero --")).toEqual([]);
      await writer.remove(['/x/5']);
      expect(await words('dog')).toEqual(['/late']);
      await writer.close();
    });
  });
}
