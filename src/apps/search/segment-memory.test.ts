/** @file Segments in memory: which of several kinds comes first, whatever the kinds' cosines and numbers are, and how a reader follows its store. */
import { afterEach, describe, expect, it } from 'vitest';
import { Rng } from '../../engine/core/index.ts';
import { SegmentMemory } from './segment-memory.ts';
import { type SegmentKind, type StoredFile, segmentKinds } from './store/segment.ts';
import type { SegmentBatch, SegmentStore, StoreChanges } from './store/segment-store.ts';

const dim = 4;
const query = [{ vector: Float32Array.of(1, 0, 0, 0), weight: 1 }];
const opened: SegmentMemory[] = [];
afterEach(async () => {
  for (const memory of opened.splice(0)) await memory.close();
});

/** A row of a file of its own, whose cosine with the query is `score`. */
interface Scored {
  readonly kind: SegmentKind;
  readonly score: number;
}

function fileOf(fileNumber: number, kind: SegmentKind): StoredFile {
  const stamp = { sizeBytes: 1, modifiedMs: 1, contentHash: '', tenant: '', tags: [], indexedAtMs: 1 };
  const size = { width: 1, height: 1, durationSeconds: 0, format: 'any' };
  return { ...stamp, ...size, fileNumber, path: `/${fileNumber}`, kind: kind === 'text' ? 'document' : kind };
}

function batchOf(rows: readonly Scored[], firstNumber: number): SegmentBatch {
  const vectors = new Float32Array(rows.length * dim);
  rows.forEach(({ score }, row) => {
    vectors[row * dim] = score;
    vectors[row * dim + 1] = Math.sqrt(1 - score * score);
  });
  const zeros = new Float32Array(rows.length);
  return {
    length: rows.length,
    vectors,
    fileNumbers: Int32Array.from(rows, (_, row) => firstNumber + row),
    indices: new Int32Array(rows.length),
    kinds: Uint8Array.from(rows, ({ kind }) => segmentKinds.indexOf(kind)),
    startSeconds: zeros,
    endSeconds: zeros,
    keyFrameSeconds: zeros,
    pages: new Int32Array(rows.length),
  };
}

/** Takes changes in, one after another, as a store would tell them. */
async function follow(memory: SegmentMemory, changes: readonly Omit<StoreChanges, 'isWhole'>[]): Promise<void> {
  let next = 0;
  const store = { changesSince: async () => ({ isWhole: false, ...changes[next++]! }) } as unknown as SegmentStore;
  for (const _ of changes) await memory.refresh(store);
}

async function memoryOf(scores: Partial<Record<SegmentKind, readonly number[]>>): Promise<SegmentMemory> {
  const rows = Object.entries(scores).flatMap(([kind, values]) =>
    values.map((score) => ({ kind: kind as SegmentKind, score: Math.max(-1, Math.min(1, score)) })),
  );
  const memory = new SegmentMemory({ dim, maxBytes: 1e8 });
  opened.push(memory);
  await follow(memory, [
    {
      commit: 1,
      added: rows.map(({ kind }, row) => fileOf(row, kind)),
      removed: [],
      async *segments() {
        yield batchOf(rows, 0);
      },
    },
  ]);
  return memory;
}

const rng = new Rng(5);
const normal = (count: number, mean: number, deviation: number) =>
  Array.from(rng.fillNormal(new Float32Array(count), deviation), (value) => mean + value);
const first = async (memory: SegmentMemory) => (await memory.nearest(query, 1))[0]!.kind;

describe('the nearest of several kinds', () => {
  it('prefers a sound that stands out among few to the best by chance of many pictures, whose cosines are all higher', async () => {
    const pictures = [...normal(4000, 0.4, 0.05), 0.4 + 3.5 * 0.05];
    const sounds = [...normal(150, 0.1, 0.02), 0.1 + 3.3 * 0.02];
    // By standard scores alone the pictures would lead.
    expect((Math.max(...pictures) - 0.4) / 0.05).toBeGreaterThan(3.3);
    expect(await first(await memoryOf({ image: pictures, audio: sounds }))).toBe('audio');
  });

  it('lets many matches of a kind not hide each other', async () => {
    const sounds = [...normal(120, 0, 0.02), ...normal(60, 0.3, 0.02)];
    expect(await first(await memoryOf({ image: normal(4000, 0.4, 0.05), audio: sounds }))).toBe('audio');
  });

  it('puts what is the query itself first, however its kind is spread', async () => {
    const wide = [...normal(50, 0.4, 0.4).map((score) => Math.min(score, 0.9)), 1];
    const memory = await memoryOf({ image: [...normal(4000, 0, 0.02), 0.2], audio: wide });
    const [hit] = await memory.nearest(query, 3);
    expect(hit!.score).toBeCloseTo(1, 6);
  });

  it('keeps the order of cosines within a kind', async () => {
    const memory = await memoryOf({ image: normal(100, 0.4, 0.05), audio: normal(100, 0.1, 0.05) });
    const hits = await memory.nearest(query, 200);
    expect(hits).toHaveLength(200);
    for (const kind of ['image', 'audio'] as const) {
      const scores = hits.filter((hit) => hit.kind === kind).map(({ score }) => score);
      expect(scores).toEqual(scores.toSorted((a, b) => b - a));
    }
  });
});

describe('following a store', () => {
  const rows = (...scores: number[]): Scored[] => scores.map((score) => ({ kind: 'image', score }));
  const found = async (memory: SegmentMemory) => (await memory.nearest(query, 10)).map(({ file }) => file.fileNumber);

  it('takes in what comes, forgets what goes, and leaves out segments whose file is not known', async () => {
    const memory = new SegmentMemory({ dim, maxBytes: 1e8 });
    opened.push(memory);
    await follow(memory, [
      {
        commit: 1,
        added: [fileOf(0, 'image'), fileOf(1, 'image')],
        removed: [],
        async *segments() {
          // The third is of a commit that has only begun.
          yield batchOf(rows(0.9, 0.8, 0.99), 0);
        },
      },
    ]);
    expect(await found(memory)).toEqual([0, 1]);
    await follow(memory, [
      {
        commit: 2,
        added: [fileOf(2, 'image')],
        removed: [0],
        async *segments() {
          yield batchOf(rows(0.99), 2);
        },
      },
    ]);
    expect(await found(memory)).toEqual([2, 1]);
    expect(memory.length).toBe(2);
  });
});
