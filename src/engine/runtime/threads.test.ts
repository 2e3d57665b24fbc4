/** @file How many threads an operation uses, from 1 core to many. */
import { describe, expect, it } from 'vitest';
import { defaultNumThreads } from './index.ts';

describe('the threads of an operation', () => {
  it('are all cores where there are few, half of the logical ones where there are many, and at most 16', () => {
    expect([1, 2, 4, 5, 8, 16, 32, 64, 256].map((cores) => defaultNumThreads(cores))).toEqual([
      1, 2, 4, 3, 4, 8, 16, 16, 16,
    ]);
  });
});
