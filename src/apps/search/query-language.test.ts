/** @file Which scripts are told apart. */
import { expect, test } from 'vitest';
import { queryLanguage } from './query-language.ts';

test.each(['a slice of pizza', 'café', 'PIZZA!', '42', '🍕', 'naïve Ærø', '½ °C', ''])('%j is understood', (text) => {
  expect(queryLanguage(text)).toEqual({ isUnderstood: true });
});

test.each([
  ['披萨', 'chinese-not-yet', false],
  ['一块披萨 🍕', 'chinese-not-yet', false],
  ['ㄅㄆㄇ', 'chinese-not-yet', false],
  ['pizza 披萨', 'chinese-not-yet', true],
  ['ピザの一切れ', 'script-not-yet', false],
  ['犬のおもちゃ', 'script-not-yet', false],
  ['пицца', 'script-not-yet', false],
  ['بيتزا', 'script-not-yet', false],
  ['피자', 'script-not-yet', false],
  ['big пицца', 'script-not-yet', true],
] as const)('%j gives %s', (text, notice, isUnderstood) => {
  expect(queryLanguage(text)).toEqual({ notice, isUnderstood });
});
