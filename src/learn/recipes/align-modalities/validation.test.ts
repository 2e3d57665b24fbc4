/** @file Which heads stage one keeps. */
import { describe, expect, it } from 'vitest';
import { preferred } from './validation.ts';

const heads = (en: number, zh: number) => {
  const all = (value: number) => ({ heldOutConcepts: value, heldOutArtist: value, heldOutBoth: value });
  return { table: { en: all(en), zh: all(zh) } };
};

describe('preferred', () => {
  const start = heads(0.5, 0.3);

  it('takes the best mean over languages that keeps English', () => {
    const [kept, costly] = [heads(0.5, 0.36), heads(0.49, 0.5)];
    expect(preferred(start, [heads(0.52, 0.31), kept, costly])).toBe(kept);
  });

  it('keeps the start where nothing is better, or all that is costs English', () => {
    expect(preferred(start, [heads(0.51, 0.2), heads(0.4, 0.9)])).toBe(start);
  });
});
