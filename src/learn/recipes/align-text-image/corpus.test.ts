import { describe, expect, it } from 'vitest';
import { Rng } from '../../../engine/core/index.ts';
import { fillDropout } from './batches.ts';
import { captionsOf } from './corpus.ts';

describe('captionsOf', () => {
  it('gives the name first, then forms with keywords', () => {
    const keywords = ['cheese', 'slice', 'food'];
    const captions = captionsOf({ name: 'pizza', keywords }, new Rng(1));
    expect(captions[0]).toBe('pizza');
    expect(captions.slice(1, 3)).toEqual(['a pizza', 'a picture of a pizza']);
    const joined = captions.find((caption) => caption.startsWith('pizza, '))!;
    for (const keyword of keywords) {
      expect(joined).toContain(keyword);
      expect(captions).toContain(keyword);
    }
    expect(keywords).toEqual(['cheese', 'slice', 'food']);
  });

  it('gives the name alone where there are no keywords', () => {
    expect(captionsOf({ name: 'pizza', keywords: [] }, new Rng(1))).toEqual([
      'pizza',
      'a pizza',
      'a picture of a pizza',
    ]);
  });
});

describe('fillDropout', () => {
  it('drops the given share and keeps the mean at 1', () => {
    const factors = new Float32Array(40_001);
    fillDropout(factors, 0.25, new Rng(2));
    const dropped = factors.filter((factor) => factor === 0).length / factors.length;
    expect(Math.abs(dropped - 0.25)).toBeLessThan(4 * Math.sqrt((0.25 * 0.75) / factors.length));
    expect(new Set(factors)).toEqual(new Set([0, Math.fround(4 / 3)]));
  });

  it('changes nothing at rate 0', () => {
    const factors = new Float32Array(9);
    fillDropout(factors, 0, new Rng(2));
    expect([...factors]).toEqual(Array(9).fill(1));
  });
});
