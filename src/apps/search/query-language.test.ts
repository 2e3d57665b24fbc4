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

test.each(['披萨', 'pizza 披萨', '一块披萨 🍕'])('%j is understood by an encoder that learned Chinese', (text) => {
  expect(queryLanguage(text, ['en', 'zh'])).toEqual({ isUnderstood: true });
});

test.each(['ピザ', 'пицца'])('%j is not, whatever else it learned', (text) => {
  expect(queryLanguage(text, ['en', 'zh'])).toEqual({ notice: 'script-not-yet', isUnderstood: false });
});
