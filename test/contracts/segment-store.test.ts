import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect } from '@lancedb/lancedb';
import { expect, it } from 'vitest';
import { openLanceStore } from '../../src/apps/search/store/lance-store.ts';
import type { IndexedFile } from '../../src/apps/search/store/segment.ts';
import { acquireWriterLock } from '../../src/apps/search/writer-lock.ts';
import { Rng } from '../../src/engine/core/index.ts';
import { describeSegmentStore } from './segment-store.ts';

describeSegmentStore('LanceDB', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'sensorium-store-'));
  return {
    open: (options) => openLanceStore(folder, { ...options, lock: () => acquireWriterLock(folder) }),
    dispose: () => rm(folder, { recursive: true, force: true }),
  };
});

it('LanceDB finds by an index over the vectors once there are many, under a filter and among what came later too', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'sensorium-store-'));
  const dim = 64;
  const store = await openLanceStore(folder, { dim, minIndexedRows: 2000, lock: () => acquireWriterLock(folder) });
  const rng = new Rng('indexed');
  const unit = () => {
    const vector = rng.fillNormal(new Float32Array(dim));
    const length = Math.hypot(...vector);
    return vector.map((value) => value / length);
  };
  const vectors: Float32Array[] = [];
  const indexed = (count: number): IndexedFile[] =>
    Array.from({ length: count }, () => {
      const number = vectors.length;
      const vector = unit();
      vectors.push(vector);
      const stamp = {
        sizeBytes: 1,
        modifiedMs: number,
        contentHash: String(number),
        indexedAtMs: 1,
        tenant: '',
        tags: [],
      };
      const size = { format: 'png', width: 1, height: 1, durationSeconds: 0 };
      const times = { startSeconds: 0, endSeconds: 0, keyFrameSeconds: 0, page: 0 };
      return {
        file: { ...stamp, ...size, path: `/${number % 20}/${number}`, kind: 'image' },
        segments: [{ ...times, kind: 'image', vector, text: '', thumbnail: new Uint8Array() }],
      };
    });
  try {
    const writer = await store.startWriting();
    await writer.put({ indexed: indexed(3000) });
    await writer.compact();
    const connection = await connect(folder);
    const indices = await (await connection.openTable('segments')).listIndices();
    expect(indices.flatMap(({ columns }) => columns)).toContain('vector');
    connection.close();
    await writer.put({ indexed: indexed(200) });
    // File numbers begin at 1, in the order in which files were put.
    const { added } = await store.changesSince(0);
    const pathOf = new Map(added.map(({ fileNumber, path }) => [fileNumber, path]));
    let found = 0;
    const numQueries = 20;
    for (let q = 0; q < numQueries; q++) {
      const query = unit();
      const isAmong = (number: number) => q % 2 === 0 || number % 20 === 3;
      const best = vectors
        .map((vector, number) => ({ number, score: vector.reduce((sum, value, i) => sum + value * query[i]!, 0) }))
        .filter(({ number }) => isAmong(number))
        .sort((a, b) => b.score - a.score)
        .slice(0, 10);
      const hits = await store.nearest(query, 10, q % 2 === 0 ? {} : { folder: '/3' });
      const paths = new Set(hits.map(({ fileNumber }) => pathOf.get(fileNumber)));
      found += best.filter(({ number }) => paths.has(`/${number % 20}/${number}`)).length;
      expect(hits).toHaveLength(10);
      expect(hits[0]!.score).toBeCloseTo(best[0]!.score, 3);
    }
    expect(found / (10 * numQueries)).toBeGreaterThanOrEqual(0.97);
    await writer.close();
  } finally {
    await store.close();
    await rm(folder, { recursive: true, force: true });
  }
});
