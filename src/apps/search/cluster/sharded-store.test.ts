import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openLibrary } from '../library.ts';
import { placeOf } from '../library-place.ts';
import type { SegmentWriter } from '../store/segment-store.ts';
import { shardOf } from './shard-of.ts';

const dim = 4;
let directory: string;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'sensorium-shards-'));
});
afterAll(() => rm(directory, { recursive: true, force: true }));

/** The unit vector that lies `i` steps on a circle. */
const step = (i: number) => Float32Array.of(Math.cos(i / 40), Math.sin(i / 40), 0, 0);

const put = (writer: SegmentWriter, path: string, i: number) =>
  writer.put({
    indexed: [
      {
        file: {
          ...{
            path,
            sizeBytes: 1,
            modifiedMs: i,
            kind: 'image',
            contentHash: path,
            format: 'png',
            width: 1,
            height: 1,
          },
          ...{ durationSeconds: 0, tenant: '', tags: [], indexedAtMs: 0 },
        },
        segments: [
          {
            ...{ kind: 'image', startSeconds: 0, endSeconds: 0, keyFrameSeconds: 0, page: 0 },
            ...{ vector: step(i), text: path, thumbnail: new Uint8Array() },
          },
        ],
      },
    ],
  });

describe('a library in shards', () => {
  it('finds over all shards what one library would find, and follows each of them', async () => {
    const whole = await openLibrary(join(directory, 'whole'), { create: true, encoderId: 'e', dim });
    const sharded = await openLibrary(join(directory, 'sharded'), { create: true, encoderId: 'e', dim, shards: 3 });
    const stores = await Promise.all([0, 1, 2].map((k) => placeOf(sharded.directory).shard(k).openStore(dim)));
    const writers = await Promise.all(stores.map((store) => store.startWriting()));
    const one = await whole.startWriting();
    const putBoth = async (path: string, i: number) => {
      await put(one, path, i);
      await put(writers[shardOf(path, 3)]!, path, i);
    };
    const same = async (query: Float32Array) => {
      const told = (library: typeof whole) =>
        library
          .nearest(query, 7)
          .then((hits) => hits.map(({ path, score, standing }) => [path, score.toFixed(5), standing.toFixed(4)]));
      expect(await told(sharded)).toEqual(await told(whole));
    };
    for (let i = 0; i < 16; i++) await putBoth(`/a/${i}.png`, i);
    await same(step(11));
    expect(await sharded.count()).toBe(16);
    expect(new Set(Array.from({ length: 16 }, (_, i) => shardOf(`/a/${i}.png`, 3)))).toEqual(new Set([0, 1, 2]));
    // Later changes in one shard only, also to files whose numbers are below those of others.
    for (let i = 0; i < 4; i++) await putBoth(`/a/${i}.png`, 100 + i);
    await Promise.all([one.remove(['/a/11.png']), writers[shardOf('/a/11.png', 3)]!.remove(['/a/11.png'])]);
    await same(step(11));
    await same(step(102));
    const { fileNumber, index } = (await sharded.nearest(step(5), 1))[0]!;
    expect((await sharded.segment(fileNumber, index))!.text).toBe('/a/5.png');
    for (const writer of writers) await writer.compact();
    expect((await sharded.nearestWords('5 png', step(5), 3)).map(({ path }) => path)).toEqual(['/a/5.png']);
    await expect(sharded.startWriting()).rejects.toThrow(/sensorium worker/);
    await expect(openLibrary(sharded.directory, { create: true, encoderId: 'e', dim, shards: 2 })).rejects.toThrow(
      /has 3 shards/,
    );
    for (const writer of [one, ...writers]) await writer.close();
    for (const store of [whole, sharded, ...stores]) await store.close();
  });
});
