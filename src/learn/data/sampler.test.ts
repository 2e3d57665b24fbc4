import { describe, expect, it } from 'vitest';
import { Rng } from '../../engine/core/index.ts';
import { type PairItem, samplePairs, sourceProbabilities } from './sampler.ts';

/** A source of `size` items, each a concept of its own with rows and texts of its own. */
const source = (name: string, size: number, firstText: number): { items: PairItem[] } => ({
  items: Array.from({ length: size }, (_, i) => ({
    concept: `${name}/${i}`,
    rows: [2 * i, 2 * i + 1],
    texts: [firstText + 2 * i, firstText + 2 * i + 1],
  })),
});

describe('sourceProbabilities', () => {
  it('grow with the logarithm of the size and sum to 1', () => {
    // ln 100 : ln 10 = 2 : 1
    const [large, small] = sourceProbabilities([100, 10]);
    expect(large).toBeCloseTo(2 / 3, 12);
    expect(small).toBeCloseTo(1 / 3, 12);
  });

  it('refuse a source of one item, which would never be drawn', () => {
    expect(() => sourceProbabilities([100, 1])).toThrow(RangeError);
    expect(() => sourceProbabilities([])).toThrow(RangeError);
  });
});

describe('samplePairs', () => {
  it('draws sources by the logarithm of their size', () => {
    const sources = [source('large', 100, 0), source('small', 10, 1000)];
    const rng = new Rng(7);
    let numLarge = 0;
    const draws = 3000;
    // Batches of one: nothing is refused as a repetition.
    for (let i = 0; i < draws; i++) if (samplePairs(sources, 1, rng)[0]!.source === 0) numLarge++;
    // Four standard deviations of a binomial with p = 2/3.
    expect(Math.abs(numLarge / draws - 2 / 3)).toBeLessThan(4 * Math.sqrt(2 / 9 / draws));
  });

  it('never puts a concept or a text twice into a batch', () => {
    const shared = source('a', 40, 0);
    const sources = [shared, { items: shared.items.map((item) => ({ ...item, concept: `other ${item.concept}` })) }];
    const pairs = samplePairs(sources, 40, new Rng(1));
    expect(new Set(pairs.map((pair) => pair.text)).size).toBe(40);
    const concepts = pairs.map((pair) => {
      const items = sources[pair.source]!.items;
      return items.find((item) => item.rows.includes(pair.row) && item.texts.includes(pair.text))?.concept;
    });
    expect(concepts).not.toContain(undefined);
    expect(new Set(concepts).size).toBe(40);
  });

  it('takes the name alone when asked to, and gives the same batch for the same seed', () => {
    const sources = [source('a', 50, 0)];
    const pairs = samplePairs(sources, 20, new Rng(3), 1);
    expect(pairs.every((pair) => pair.text % 2 === 0)).toBe(true);
    expect(samplePairs(sources, 20, new Rng(3), 1)).toEqual(pairs);
  });

  it('gives up on a batch that the concepts cannot fill', () => {
    expect(() => samplePairs([source('a', 5, 0)], 6, new Rng(1))).toThrow(/found only 5/);
  });
});
