/** @file The concept key, lemma, joining and split, on cases where two emoji draw the same thing under different code points. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  codePointsOf,
  emojiKey,
  isFlagEmoji,
  joinConcepts,
  lemmaOf,
  sequenceKey,
  splitOf,
  wordsOf,
} from './concept.ts';

const keyOf = (emoji: string) => emojiKey(codePointsOf(emoji));

describe('emojiKey', () => {
  const same: [string, ...string[]][] = [
    ['❤', '❤️', '❤️‍🔥', '❤️‍🩹'],
    ['👍', '👍🏿'],
    ['🧑', '👨', '👩', '👩🏽', '👨‍🦰', '🧑‍🦲'],
    ['🧒', '👦', '👧'],
    ['🧑‍🚒', '👨‍🚒', '👩🏾‍🚒'],
    ['🏃', '🏃‍♂️', '🏃‍♀️‍➡️', '🏃🏻‍➡️'],
    ['🧑‍🦯', '👨‍🦯', '👩‍🦯‍➡️'],
    ['👪', '👨‍👩‍👧', '👩‍👩‍👦‍👦', '🧑‍🧒', '🧑‍🧑‍🧒‍🧒'],
    ['💑', '👩‍❤️‍👨', '🧑🏻‍❤️‍🧑🏿'],
    ['💏', '👩‍❤️‍💋‍👨'],
    ['👫', '👬', '👭', '🧑‍🤝‍🧑'],
    ['🎅', '🤶', '🧑‍🎄'],
    ['🫅', '🤴', '👸'],
    ['🐻', '🐻‍❄️'],
    ['🐈', '🐈‍⬛'],
    ['🐦', '🐦‍🔥'],
    ['🙂', '🙂‍↔️', '🙂‍↕️'],
    ['🏴', '🏴‍☠️'],
    ['🏳️', '🏳️‍🌈', '🏳️‍⚧️'],
  ];
  it.each(same)('gives one key to the variants of %s', (first, ...others) => {
    for (const other of others) expect(keyOf(other), other).toBe(keyOf(first));
  });

  const different: [string, string][] = [
    ['🧑‍🚒', '🧑‍🚀'],
    ['🧑‍🚒', '🧑'],
    ['🧑‍🚒', '🚒'],
    ['1️⃣', '2️⃣'],
    ['#️⃣', '*️⃣'],
    ['🇩🇪', '🇩🇰'],
    ['🏴󠁧󠁢󠁥󠁮󠁧󠁿', '🏴󠁧󠁢󠁳󠁣󠁴󠁿'],
    ['👪', '💑'],
    ['➡️', '⬅️'],
    ['↔️', '↕️'],
  ];
  it.each(different)('tells %s from %s', (first, second) => expect(keyOf(first)).not.toBe(keyOf(second)));

  it('keeps the object of a profession', () => expect(keyOf('👩‍🚒')).toBe('1f9d1-1f692'));
  it('keeps the digit of a keycap', () => expect(keyOf('7️⃣')).toBe('0037'));
  it('keeps both letters of a region', () => expect(keyOf('🇩🇪')).toBe('1f1e9-1f1ea'));
  it('refuses to name nothing', () => expect(() => emojiKey([])).toThrow(RangeError));

  it('does not depend on skin tone or variation selectors', () => {
    const base = fc.constantFrom('👍', '🧑‍🚒', '🏃‍♀️', '👋', '🧑‍🤝‍🧑', '💃');
    fc.assert(
      fc.property(base, fc.integer({ min: 0x1f3fb, max: 0x1f3ff }), (emoji, tone) => {
        const points = codePointsOf(emoji);
        const toned = [points[0]!, tone, ...points.slice(1).filter((point) => point !== 0xfe0f)];
        expect(emojiKey(toned)).toBe(emojiKey(points));
      }),
    );
  });
});

describe('the spelling of file names', () => {
  it('is read in either case, with or without variation selectors', () => {
    expect(sequenceKey(codePointsOf('1F468-200D-1F692'))).toBe(sequenceKey(codePointsOf('👨‍🚒')));
    expect(sequenceKey(codePointsOf('23-fe0f-20e3'))).toBe('0023-20e3');
    expect(sequenceKey(codePointsOf('0023-20e3'))).toBe('0023-20e3');
  });
});

describe('isFlagEmoji', () => {
  it.each(['🇩🇪', '🏴󠁧󠁢󠁥󠁮󠁧󠁿', '🏴‍☠️', '🏳️‍🌈', '🏳️', '🇺🇳'])('says yes of %s', (emoji) =>
    expect(isFlagEmoji(codePointsOf(emoji))).toBe(true),
  );
  it.each(['🏁', '🚩', '🍕', '🧑‍🚒'])('says no of %s', (emoji) => expect(isFlagEmoji(codePointsOf(emoji))).toBe(false));
});

describe('lemmaOf', () => {
  it.each([
    ['dog face', 'dog'],
    ['blue heart', 'heart'],
    ['white medium-small square', 'square'],
    ['woman firefighter', 'firefighter'],
    ['woman: blond hair', 'hair'],
    ['man walking: facing right', 'walking'],
    ['woman’s sandal', 'sandal'],
    ['piñata', 'pinata'],
    ['woman', 'woman'],
    ['orange', 'orange'],
    ['cherries', 'cherry'],
    ['keycap: 1', 'keycap 1'],
    ['flag: Chad', 'flag chad'],
  ])('of "%s" is "%s"', (name, lemma) => expect(lemmaOf(name)).toBe(lemma));
});

describe('wordsOf', () => {
  it('gives singular and plural the same form', () => {
    for (const [one, many] of [
      ['tomato', 'tomatoes'],
      ['box', 'boxes'],
      ['berry', 'berries'],
      ['glass', 'glasses'],
      ['cat', 'cats'],
    ]) {
      expect(wordsOf(many!)).toEqual(wordsOf(one!));
    }
  });
});

describe('joinConcepts', () => {
  const plain = (key: string, name: string) => ({ key, name, isFlag: false });
  const joined = joinConcepts([
    plain('1f436', 'dog face'),
    plain('1f415', 'dog'),
    plain('1f32d', 'hot dog'),
    plain('1f975', 'hot face'),
    plain('1f9ad', 'seal'),
    plain('1f4bf', 'optical disk'),
    plain('1f4c0', 'dvd'),
    { key: '1f1f9-1f1e9', name: 'flag: Chad', isFlag: true },
    { key: '1f1f7-1f1f4', name: 'flag: Romania', isFlag: true },
    { key: '1f1eb-1f1f7', name: 'flag: France', isFlag: true },
  ]);
  it('joins names that share a lemma or hold one another', () => {
    const dog = joined.get('1f415');
    expect([joined.get('1f436'), joined.get('1f32d'), joined.get('1f975')]).toEqual([dog, dog, dog]);
    expect(dog).toBe('1f32d');
  });
  it('joins what some artist drew the same', () => {
    expect(joined.get('1f4c0')).toBe(joined.get('1f4bf'));
    expect(joined.get('1f1f9-1f1e9')).toBe(joined.get('1f1f7-1f1f4'));
  });
  it('leaves others apart, and flags that look different', () => {
    expect(joined.get('1f9ad')).toBe('1f9ad');
    expect(joined.get('1f1eb-1f1f7')).toBe('1f1eb-1f1f7');
  });
});

describe('splitOf', () => {
  // Worked out with Python's hashlib, so that a change of the hash is seen here.
  it.each([
    ['1f355', 'train'],
    ['1f436', 'test'],
    ['1f680', 'train'],
    ['icon:home', 'train'],
    ['1f471', 'validation'],
    ['1f6b6', 'validation'],
    ['2194', 'test'],
    ['1f9d1-1f692', 'train'],
  ] as const)('puts %s into %s', (concept, split) => expect(splitOf(concept)).toBe(split));

  it('comes close to 70/15/15', () => {
    const counts = { train: 0, validation: 0, test: 0 };
    for (let index = 0; index < 2000; index += 1) counts[splitOf(`icon:${index}`)] += 1;
    expect(counts).toEqual({ train: 1409, validation: 283, test: 308 });
  });
});
