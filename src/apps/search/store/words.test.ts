import { describe, expect, it } from 'vitest';
import { indexedWords, queriedWords } from './words.ts';

describe('words', () => {
  it('are runs of letters and digits in small letters, and characters with their pairs in Chinese', () => {
    expect(indexedWords("A Dog's 2nd 一只狗!")).toEqual(['a', 'dog', 's', '2nd', '一', '一只', '只', '只狗', '狗']);
    expect(indexedWords('IMG狗01')).toEqual(['img', '狗', '01']);
    expect(indexedWords(" ' & | ! ")).toEqual([]);
  });

  it('of a query are all among those of a text that holds it', () => {
    const text = new Set(indexedWords('海浪的声音，一只狗在奔跑 Ｃａｆé'));
    for (const query of ['声音', '狗', '一只狗', '奔跑', 'CAFÉ'])
      expect(queriedWords(query).every((word) => text.has(word))).toBe(true);
    for (const query of ['只在', '浪声', '猫']) expect(queriedWords(query).every((word) => text.has(word))).toBe(false);
  });
});
