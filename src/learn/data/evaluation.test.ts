/** @file Which pictures an evaluation set takes. */
import { describe, expect, it } from 'vitest';
import type { PictureRecord } from './catalog.ts';
import type { Split } from './concept.ts';
import { type EvaluationSplit, evaluationItems } from './evaluation.ts';

const record = (name: string, split: Split, id = name, isFlag = false): PictureRecord => ({
  id: `twemoji/${id}`,
  source: 'twemoji',
  path: `/pictures/${id}.svg`,
  skinTonePaths: [],
  concept: id,
  name,
  keywords: [],
  split,
  isFlag,
  heldOutArtist: true,
});
const records = [
  record('pizza', 'train'),
  record('snail', 'validation'),
  record('rocket', 'test'),
  record('rocket', 'test', 'rocket again'),
  record('flag: Chad', 'test', 'td', true),
];
const texts = (split: EvaluationSplit, flags?: 'without' | 'only') =>
  evaluationItems(records, split, flags).map(({ text }) => text);

describe('evaluationItems', () => {
  it('takes the concepts of the split, one picture for each text', () => {
    expect(texts('seen')).toEqual(['pizza']);
    expect(texts('validation')).toEqual(['snail']);
    expect(texts('unseen')).toEqual(['rocket']);
    expect(texts('held-out')).toEqual(['snail', 'rocket']);
  });
  it('asks for flags apart', () => expect(texts('unseen', 'only')).toEqual(['flag: Chad']));
});
