import { describe, expect, it } from 'vitest';
import { Rng } from '../../engine/core/index.ts';
import {
  type GroupItem,
  type PairItem,
  sampleGroups,
  samplePairs,
  samplingStrategies,
  sourceProbabilities,
} from './sampler.ts';

/** `size` items with a concept, two rows and three texts each; items of two sources with one index share concept and texts. */
function source(size: number): { items: PairItem[] } {
  const items = Array.from({ length: size }, (_, i) => ({
    concept: `concept ${i}`,
    rows: [2 * i, 2 * i + 1],
    texts: [3 * i, 3 * i + 1, 3 * i + 2],
  }));
  return { items };
}

describe('sourceProbabilities', () => {
  it('is log N / Σ log N', () => {
    // log 2 : log 4 : log 16 = 1 : 2 : 4.
    const [small, middle, large] = sourceProbabilities([2, 4, 16]);
    expect(small).toBeCloseTo(1 / 7, 12);
    expect(middle).toBeCloseTo(2 / 7, 12);
    expect(large).toBeCloseTo(4 / 7, 12);
  });

  it('is 1 / sources or N / Σ N where that is asked for', () => {
    expect(sourceProbabilities([2, 4, 16, 10], 'uniform')).toEqual([0.25, 0.25, 0.25, 0.25]);
    expect(sourceProbabilities([2, 4, 10], 'proportional')).toEqual([0.125, 0.25, 0.625]);
    for (const strategy of samplingStrategies) {
      expect(sourceProbabilities([3, 50, 7], strategy).reduce((sum, p) => sum + p)).toBeCloseTo(1, 12);
    }
  });

  it('refuses sources of fewer than two items, and none at all', () => {
    expect(() => sourceProbabilities([10, 1])).toThrow(RangeError);
    expect(() => sourceProbabilities([10, Number.NaN])).toThrow(RangeError);
    expect(() => sourceProbabilities([])).toThrow(RangeError);
  });
});

describe('samplePairs', () => {
  it('draws sources as often as they should be', () => {
    const sources = [source(2), source(4), source(16)];
    const rng = new Rng(1);
    const counts = [0, 0, 0];
    const draws = 14_000;
    for (let i = 0; i < draws; i++) counts[samplePairs(sources, 1, rng)[0]!.source]!++;
    // Four standard deviations of a binomial.
    [1 / 7, 2 / 7, 4 / 7].forEach((p, i) => {
      expect(Math.abs(counts[i]! / draws - p)).toBeLessThan(4 * Math.sqrt((p * (1 - p)) / draws));
    });
  });

  it('draws the items of a source evenly, their rows too, and the name as often as asked', () => {
    const sources = [source(4)];
    const rng = new Rng(2);
    const rows = new Array<number>(8).fill(0);
    let names = 0;
    const draws = 8000;
    for (let i = 0; i < draws; i++) {
      const pair = samplePairs(sources, 1, rng, 0.7)[0]!;
      rows[pair.row]!++;
      if (pair.text % 3 === 0) names++;
    }
    for (const count of rows) expect(Math.abs(count / draws - 1 / 8)).toBeLessThan(4 * Math.sqrt(7 / 64 / draws));
    // The name itself is also one of the three texts: 0.7 + 0.3 / 3.
    expect(Math.abs(names / draws - 0.8)).toBeLessThan(4 * Math.sqrt(0.16 / draws));
  });

  it('takes the name alone when asked to', () => {
    const pairs = samplePairs([source(50)], 20, new Rng(3), 1);
    expect(pairs.every(({ text }) => text % 3 === 0)).toBe(true);
  });

  it('takes row and text from one item', () => {
    const sources = [source(20), source(30)];
    for (const { row, text } of samplePairs(sources, 30, new Rng(3))) {
      expect(Math.floor(row / 2)).toBe(Math.floor(text / 3));
    }
  });

  it('never has one concept or one text twice in a batch', () => {
    const sources = [source(20), source(25)];
    const sharedTexts = {
      items: source(12).items.map((item, i) => ({ ...item, concept: `other ${i}`, texts: [3 * i] })),
    };
    const rng = new Rng(4);
    for (let batch = 0; batch < 50; batch++) {
      const pairs = samplePairs([...sources, sharedTexts], 20, rng);
      expect(pairs).toHaveLength(20);
      expect(new Set(pairs.map(({ text }) => text)).size).toBe(20);
      const concepts = pairs.map(
        ({ source: from, row }) => `${from === 2 ? 'other' : 'concept'} ${Math.floor(row / 2)}`,
      );
      expect(new Set(concepts).size).toBe(20);
    }
  });

  it('gives up on a batch that cannot be filled: too few concepts, or too few texts', () => {
    expect(() => samplePairs([source(4), source(6)], 7, new Rng(5))).toThrow(RangeError);
    expect(() => samplePairs([source(4), source(6)], 7, new Rng(5))).toThrow('only 6 different concepts');
    const oneText = { items: source(6).items.map((item) => ({ ...item, texts: [0] })) };
    expect(() => samplePairs([oneText], 2, new Rng(5))).toThrow(RangeError);
  });

  it('is the same for the same random state, and another for another', () => {
    const sources = [source(40), source(60)];
    const rng = new Rng(6);
    samplePairs(sources, 10, rng);
    const { state } = rng;
    const batch = samplePairs(sources, 10, rng);
    expect(samplePairs(sources, 10, Rng.fromState(state))).toEqual(batch);
    expect(samplePairs(sources, 10, rng)).not.toEqual(batch);
  });
});

describe('sampleGroups', () => {
  const sampling = { strategy: 'uniform', texts: ['text'], nameProbability: 0.5 } as const;
  /** Items of three modalities, of which every third lacks sound and every second lacks pictures. */
  const items = Array.from(
    { length: 60 },
    (_, i): GroupItem => ({
      concept: `concept ${i}`,
      rows: { text: [3 * i, 3 * i + 1], picture: i % 2 === 0 ? [i] : [], audio: i % 3 === 0 ? [] : [2 * i, 2 * i + 1] },
    }),
  );
  const sources = [{ items: items.slice(0, 20) }, { items: items.slice(20) }];

  it('gives each sample the modalities that its item has, and no sample a single one', () => {
    const rng = new Rng(1);
    for (let batch = 0; batch < 5; batch++) {
      for (const { source, rows } of sampleGroups(sources, 12, rng, sampling)) {
        const item = Math.floor(rows.text! / 3);
        expect(source).toBe(item < 20 ? 0 : 1);
        expect(Object.keys(rows).length).toBeGreaterThanOrEqual(2);
        expect(rows.picture).toBe(item % 2 === 0 ? item : undefined);
        if (item % 3 === 0) expect(rows.audio).toBeUndefined();
        else expect(Math.floor(rows.audio! / 2)).toBe(item);
      }
    }
  });

  it('leaves out a text that is in the batch already, and keeps the rest of the sample', () => {
    const sharing = [0, 1, 2].map(
      (i): GroupItem => ({ concept: `c${i}`, rows: { text: [0], picture: [i], audio: [i] } }),
    );
    const groups = sampleGroups([{ items: sharing }], 3, new Rng(2), sampling);
    expect(groups.filter(({ rows }) => rows.text === 0)).toHaveLength(1);
    expect(groups.every(({ rows }) => rows.picture !== undefined && rows.picture === rows.audio)).toBe(true);
  });

  it('takes the name as often as asked', () => {
    const rng = new Rng(3);
    const draws = 1000;
    let names = 0;
    for (let i = 0; i < draws; i++) {
      if (sampleGroups(sources, 1, rng, sampling)[0]!.rows.text! % 3 === 0) names++;
    }
    // Half as the name, half any of two.
    expect(Math.abs(names / draws - 0.75)).toBeLessThan(4 * Math.sqrt(0.1875 / draws));
  });

  it('gives up on a batch that cannot be filled', () => {
    expect(() => sampleGroups([{ items: items.slice(0, 4) }], 5, new Rng(4), sampling)).toThrow('only');
  });
});
