/** @file Which of several kinds comes first: what stands out among its own, whatever the kinds' cosines and numbers are. */
import { describe, expect, it } from 'vitest';
import { Rng } from '../../engine/core/index.ts';
import type { MediaKind } from './media-table.ts';
import { type MemoryScan, scanNearest } from './memory-scan.ts';

const dim = 4;
const query = Float32Array.of(1, 0, 0, 0);

/** A library whose rows have the given scores for `query`. */
function scanOf(scores: Partial<Record<MediaKind, readonly number[]>>): MemoryScan {
  const rows = Object.entries(scores).flatMap(([kind, values]) =>
    values.map((score) => ({ kind: kind as MediaKind, score })),
  );
  const vectors = new Float32Array(rows.length * dim);
  rows.forEach(({ score }, row) => {
    vectors[row * dim] = score;
  });
  const numbers = Float64Array.from(rows, () => 0);
  return {
    version: 1,
    kinds: rows.map(({ kind }) => kind),
    paths: rows.map(({ kind }, row) => `/media/${kind}/${row}`),
    widths: Int32Array.from(numbers),
    heights: Int32Array.from(numbers),
    durations: numbers,
    formats: rows.map(() => 'any'),
    indexedAtMs: numbers,
    vectors,
  };
}

const rng = new Rng(5);
const normal = (count: number, mean: number, deviation: number) =>
  Array.from(rng.fillNormal(new Float32Array(count), deviation), (value) => mean + value);
const first = (scan: MemoryScan) => scan.kinds[scanNearest(scan, query, 1)[0]!.row];

describe('scanNearest over several kinds', () => {
  it('prefers a sound that stands out among few to the best by chance of many pictures, whose cosines are all higher', () => {
    const pictures = [...normal(4000, 0.4, 0.05), 0.4 + 3.5 * 0.05];
    const sounds = [...normal(150, 0.1, 0.02), 0.1 + 3.3 * 0.02];
    // By standard scores alone the pictures would lead.
    expect((Math.max(...pictures) - 0.4) / 0.05).toBeGreaterThan(3.3);
    expect(first(scanOf({ image: pictures, audio: sounds }))).toBe('audio');
  });

  it('lets many matches of a kind not hide each other', () => {
    const sounds = [...normal(120, 0, 0.02), ...normal(60, 0.3, 0.02)];
    expect(first(scanOf({ image: normal(4000, 0.4, 0.05), audio: sounds }))).toBe('audio');
  });

  it('puts what is the query itself first, however its kind is spread', () => {
    const wide = [...normal(50, 0.4, 0.4).map((score) => Math.min(score, 0.9)), 1];
    const scan = scanOf({ image: [...normal(4000, 0, 0.02), 0.2], audio: wide });
    const [hit] = scanNearest(scan, query, 3);
    expect(hit!.score).toBe(1);
  });

  it('keeps the order of cosines within a kind', () => {
    const scan = scanOf({ image: normal(100, 0.4, 0.05), audio: normal(100, 0.1, 0.05) });
    for (const kind of ['image', 'audio'] as const) {
      const scores = scanNearest(scan, query, 200).filter(({ row }) => scan.kinds[row] === kind);
      expect(scores.map(({ score }) => score)).toEqual(scores.map(({ score }) => score).sort((a, b) => b - a));
    }
  });
});
