/** @file What people see while they wait. */
import { describe, expect, test } from 'vitest';
import { describeProgress, formatBytes, formatDuration, showProgress } from './progress-bar.ts';

/** A stream that keeps what is written; a terminal or not. */
function collector(isTTY: boolean) {
  const written: string[] = [];
  const stream = {
    isTTY,
    columns: 100,
    write: (text: string) => written.push(text) > 0,
    cursorTo: () => true,
    clearLine: () => true,
    moveCursor: () => true,
    on: () => stream,
  };
  return { written, stream: stream as unknown as NodeJS.WriteStream };
}

const stage = { stage: 'indexing', startedAtMs: 0, startedDone: 1000 };

describe('describeProgress', () => {
  test('counts rate and time left from where the stage began, not from what was there before', () => {
    const text = describeProgress({ stage: 'indexing', done: 1200, total: 3600, unit: 'pictures' }, stage, 2000);
    expect(text).toBe('indexing: 1,200 of 3,600 pictures (33%), 100 pictures/s, 24 s left');
  });

  test('without a total, and before anything is done, promises nothing', () => {
    expect(describeProgress({ stage: 'indexing', done: 1000, unit: 'files' }, stage, 2000)).toBe(
      'indexing: 1,000 files',
    );
    expect(describeProgress({ stage: 'x', done: 1000, total: 0, unit: 'files' }, stage, 0)).toBe(
      'x: 1,000 of 0 files (100%)',
    );
  });

  test('shows bytes in units, and figures in few digits', () => {
    const progress = {
      stage: 'reading',
      done: 2_500_000,
      total: 5e6,
      unit: 'bytes',
      figures: { loss: 2.312345, step: 7 },
    };
    const text = describeProgress(progress, { ...stage, startedDone: 0 }, 1000);
    expect(text).toBe('reading: 2.5 MB of 5.0 MB (50%), 2.5 MB/s, 1 s left, loss 2.312, step 7');
  });
});

test('durations and sizes read well', () => {
  expect([0, 59.4, 59.6, 200, 7500].map(formatDuration)).toEqual([
    '0 s',
    '59 s',
    '1 min 0 s',
    '3 min 20 s',
    '2 h 5 min',
  ]);
  expect([0, 999, 1000, 123_456_789, 2e12].map(formatBytes)).toEqual(['0 B', '999 B', '1.0 kB', '123 MB', '2.0 TB']);
});

describe('showProgress', () => {
  test.each([{ json: true }, { quiet: true }])('shows nothing with %j', (options) => {
    const { written, stream } = collector(true);
    const bar = showProgress({ ...options, stream });
    bar.onProgress({ stage: 'a', done: 1, total: 2, unit: 'x' });
    bar.close();
    expect(written).toEqual([]);
  });

  test('off a terminal prints a line at most every 5 s, and always the last of a stage', () => {
    const { written, stream } = collector(false);
    let nowMs = 0;
    const bar = showProgress({ stream, now: () => nowMs });
    for (let done = 0; done <= 120; done++, nowMs += 100) bar.onProgress({ stage: 'a', done, total: 120, unit: 'x' });
    expect(written).toHaveLength(3);
    bar.onProgress({ stage: 'b', done: 0, total: 1, unit: 'x' });
    bar.close();
    bar.close();
    expect(written).toHaveLength(5);
    expect(written[3]).toMatch(/^a: 120 of 120/);
    expect(written[4]).toMatch(/^b: 0 of 1/);
    expect(written.every((line) => line.endsWith('\n') && !line.includes('\u001B'))).toBe(true);
  });

  test('on a terminal draws a bar that fits the width', () => {
    const { written, stream } = collector(true);
    let nowMs = 0;
    const bar = showProgress({ stream, now: () => nowMs });
    bar.onProgress({ stage: 'a', done: 0, total: 4, unit: 'x' });
    nowMs = 1000;
    bar.onProgress({ stage: 'a', done: 2, total: 4, unit: 'x' });
    bar.close();
    const drawn = written.filter((text) => text.includes('█')).at(-1)!;
    expect(drawn).toContain('a: 2 of 4 x (50%)');
    expect(drawn.split('█').length - 1).toBe(drawn.split('░').length - 1);
    expect(Math.max(...written.map((text) => text.trimEnd().length))).toBeLessThan(100);
  });
});
