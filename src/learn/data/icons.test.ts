/** @file Names of icons in words. */
import { describe, expect, it } from 'vitest';
import { inWords } from './icons.ts';

describe('inWords', () => {
  it.each([
    ['arrow-up-right', 'arrow up right'],
    ['home-2', 'home'],
    ['home-variant-outline', 'home outline'],
    ['clock-2', 'clock 2'],
    ['circle-number-4', 'circle number 4'],
    ['numeric-0-circle', 'numeric 0 circle'],
    ['battery-10', 'battery 10'],
    ['crop-3-2', 'crop 3 2'],
    ['Food', 'food'],
    ['2', '2'],
  ])('of "%s" is "%s"', (tag, words) => expect(inWords(tag)).toBe(words));
});
