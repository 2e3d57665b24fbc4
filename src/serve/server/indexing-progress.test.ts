/** @file How the speed and the time left are reckoned. */
import { describe, expect, it } from 'vitest';
import { IndexingProgress } from './indexing-progress.ts';

/** A run whose clock the test sets, in seconds. */
function runAt() {
  let seconds = 0;
  const progress = new IndexingProgress(() => seconds * 1000);
  const report = (atSeconds: number, done: number) => {
    seconds = atSeconds;
    progress.update({ type: 'progress', done, total: 1000 });
    return progress.status;
  };
  return { progress, report };
}

describe('IndexingProgress', () => {
  it('knows no speed after the first report, and a steady one after more', () => {
    const { report } = runAt();
    expect(report(0, 0)).toMatchObject({ state: 'running', filesPerSecond: null, secondsLeft: null });
    expect(report(2, 80)).toMatchObject({ filesPerSecond: 40, secondsLeft: 23 });
  });

  it('does not credit a resumed run with what was indexed before', () => {
    const { report } = runAt();
    report(100, 600);
    expect(report(101, 632)).toMatchObject({ filesPerSecond: 32, secondsLeft: (1000 - 632) / 32 });
  });

  it('forgets the speed of long ago', () => {
    const { report } = runAt();
    report(0, 0);
    report(1, 500);
    report(30, 510);
    expect(report(40, 610).filesPerSecond).toBeCloseTo(10);
  });

  it('knows no time left while nothing gets done', () => {
    const { report } = runAt();
    report(0, 10);
    expect(report(5, 10)).toMatchObject({ filesPerSecond: 0, secondsLeft: null });
  });

  it('keeps how fast media go, until the run ends', () => {
    const { progress, report } = runAt();
    expect(report(0, 0).mediaHoursPerHour).toBeNull();
    progress.update({ type: 'progress', done: 10, total: 1000, mediaHoursPerHour: 42 });
    expect(progress.status.mediaHoursPerHour).toBe(42);
    expect(report(5, 20).mediaHoursPerHour).toBe(42);
    progress.update({ type: 'done', skipped: 0 });
    expect(progress.status.mediaHoursPerHour).toBeNull();
  });

  it('ends whole, or with the reason', () => {
    const { progress, report } = runAt();
    report(0, 10);
    progress.update({ type: 'done', skipped: 3 });
    expect(progress.status).toMatchObject({ state: 'done', done: 1000, total: 1000, secondsLeft: null, skipped: 3 });
    const other = new IndexingProgress();
    other.update({ type: 'failed', message: 'the disk is full' });
    expect(other.status).toMatchObject({ state: 'failed', message: 'the disk is full' });
  });
});
