import { describe, expect, it } from 'vitest';
import { bleu, captionWords, cider, exactShare } from './caption-metrics.ts';

describe('captionWords', () => {
  it('reads English by words and Chinese by characters', () => {
    expect(captionWords('Person: Red-haired, don’t!')).toEqual(['person', 'red', 'haired', 'don’t']);
    expect(captionWords('红心 T恤')).toEqual(['红', '心', 't', '恤']);
    expect(captionWords('!')).toEqual([]);
  });
});

describe('exactShare', () => {
  it('takes signs and case for nothing, and any reference for right', () => {
    const pairs = [
      { caption: 'red heart', references: ['Red heart!'] },
      { caption: 'blue heart', references: ['red heart', 'blue heart'] },
      { caption: 'heart', references: ['red heart'] },
      { caption: 'heart red', references: ['red heart'] },
    ];
    expect(exactShare(pairs)).toBe(0.5);
  });
});

describe('bleu', () => {
  it('is 1 for what is right, 0 where no run of four words is', () => {
    expect(bleu([{ caption: 'the cat sat down', references: ['the cat sat down'] }])).toBe(1);
    expect(bleu([{ caption: 'the cat sat up', references: ['the cat sat down'] }])).toBe(0);
  });

  it('clips words that are repeated: "the the the ..." has a precision of 2 in 7 (Papineni et al. 2002, example 2)', () => {
    const pair = {
      caption: 'the the the the the the the',
      references: ['The cat is on the mat', 'There is a cat on the mat'],
    };
    // Its nearest reference has seven words, so nothing is taken off for length.
    expect(bleu([pair], 1)).toBeCloseTo(2 / 7, 12);
  });

  it('is the geometric mean of precisions over the whole set, times the penalty for shortness', () => {
    const pairs = [
      { caption: 'a b c', references: ['a b c d'] },
      { caption: 'a x', references: ['a b'] },
    ];
    // Single words: 3 + 1 of 5; pairs: 2 + 0 of 3; 5 words for 6.
    expect(bleu(pairs, 2)).toBeCloseTo(Math.exp(1 - 6 / 5) * Math.sqrt((4 / 5) * (2 / 3)), 12);
  });
});

describe('cider', () => {
  it('is 10 where every caption is its reference, 0 where none shares a word with it', () => {
    const references = ['red heart', 'old tree'];
    expect(cider(references.map((text) => ({ caption: text, references: [text] })))).toBeCloseTo(10, 12);
    expect(cider(references.map((text) => ({ caption: 'blue car', references: [text] })))).toBe(0);
  });

  it('weighs words by how few references hold them', () => {
    const pairs = [
      { caption: 'red cat', references: ['red heart'] },
      { caption: 'red tree', references: ['red tree'] },
      { caption: 'old car', references: ['old car'] },
    ];
    // "red" is in 2 of 3 references, "heart" in 1; "cat" in none, which counts as 1. Of runs of two words the first shares none.
    const [red, rare] = [Math.log(3 / 2), Math.log(3)];
    const first = (red * red) / (red * red + rare * rare);
    expect(cider(pairs)).toBeCloseTo((10 * ((first + 0) / 2 + 1 + 1)) / 3, 12);
  });

  it('gives a word that every reference holds no weight', () => {
    const pairs = [
      { caption: 'face', references: ['face'] },
      { caption: 'face', references: ['face'] },
    ];
    expect(cider(pairs)).toBe(0);
  });
});
