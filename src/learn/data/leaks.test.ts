/** @file What counts as naming a held-out concept. */
import { describe, expect, it } from 'vitest';
import type { Split } from './concept.ts';
import type { Emoji } from './emoji.ts';
import { heldOutVocabulary } from './leaks.ts';

const emojiOf = (name: string, split: Split, isFlag = false): Emoji => ({
  sequence: name,
  name,
  keywords: [],
  concept: `concept of ${name}`,
  split,
  isFlag,
  otherNames: [],
});

const synonyms: Readonly<Record<string, string[]>> = {
  automobile: ['car', 'motor car', 'machine'],
  'check mark': ['check', 'tick'],
  snail: ['escargot'],
};
const vocabulary = heldOutVocabulary(
  [
    emojiOf('automobile', 'test'),
    emojiOf('check mark', 'validation'),
    emojiOf('snail', 'validation'),
    emojiOf('art', 'test'),
    emojiOf('person', 'test'),
    emojiOf('flag: Chad', 'test', true),
    emojiOf('machine', 'train'),
  ],
  { synonyms: (noun) => synonyms[noun] ?? [] },
);

describe('heldOutVocabulary', () => {
  it.each(['automobile', 'Automobiles', 'fast car', 'motor car', 'cars'])('finds the test concept in "%s"', (text) => {
    expect(vocabulary.named(text)).toEqual({ concept: 'concept of automobile', split: 'test' });
  });
  it.each(['check', 'user check', 'ticks'])('finds the validation concept in "%s"', (text) => {
    expect(vocabulary.named(text)?.split).toBe('validation');
  });
  it('prefers a test concept to a validation concept', () => {
    expect(vocabulary.named('snail in a car')?.split).toBe('test');
  });
  it.each(['chart', 'carpet', 'checker', 'motor', 'mark', ''])('does not find parts of words in "%s"', (text) => {
    expect(vocabulary.named(text)).toBeUndefined();
  });
  it('leaves words for people, names of flags, and lemmas of training concepts alone', () => {
    for (const text of ['person', 'Chad', 'machine']) expect(vocabulary.named(text)).toBeUndefined();
  });
});
