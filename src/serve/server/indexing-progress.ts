/** @file Turns what an indexing run reports into what the page shows: how far, how fast, how long still. */
import type { IndexingStatus } from '../protocol/index.ts';

/** What an indexing run reports. */
export type IndexingEvent =
  /** The encoder is loaded: its converted towers are in the cache. */
  | { readonly type: 'encoder-ready' }
  /** The library can be opened. */
  | { readonly type: 'library-ready' }
  /** So many of the files are in the library. */
  | {
      readonly type: 'progress';
      readonly done: number;
      readonly total: number;
      /** Hours of sounds and videos per hour, where enough of them was indexed to tell. */
      readonly mediaHoursPerHour?: number;
    }
  | { readonly type: 'done'; readonly skipped: number }
  | { readonly type: 'failed'; readonly message: string };

/** The speed is that of the last so many milliseconds. */
const windowMs = 15_000;

/** The status before anything was asked for. */
export const idleIndexing: IndexingStatus = {
  state: 'idle',
  done: 0,
  total: null,
  filesPerSecond: null,
  mediaHoursPerHour: null,
  secondsLeft: null,
  skipped: 0,
};

/** Follows one indexing run. */
export class IndexingProgress {
  /** What the page shows. */
  status: IndexingStatus = { ...idleIndexing, state: 'starting' };
  readonly #now: () => number;
  /** Reports of late, the oldest first; the first report of a run counts what earlier runs did. */
  #reports: { readonly atMs: number; readonly done: number }[] = [];

  /** `now` gives the present time in milliseconds. */
  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
  }

  /** Takes in one event. */
  update(event: IndexingEvent): void {
    const before = this.status;
    if (event.type === 'progress') {
      const { done, total } = event;
      const filesPerSecond = this.#speed(done);
      const secondsLeft = filesPerSecond === null || filesPerSecond === 0 ? null : (total - done) / filesPerSecond;
      const mediaHoursPerHour = event.mediaHoursPerHour ?? before.mediaHoursPerHour;
      this.status = { ...before, state: 'running', done, total, filesPerSecond, mediaHoursPerHour, secondsLeft };
    } else if (event.type === 'done') {
      const total = before.total ?? before.done;
      this.status = {
        ...before,
        state: 'done',
        done: total,
        total,
        filesPerSecond: null,
        mediaHoursPerHour: null,
        secondsLeft: null,
        skipped: event.skipped,
      };
    } else if (event.type === 'failed') {
      this.status = {
        ...before,
        state: 'failed',
        filesPerSecond: null,
        mediaHoursPerHour: null,
        secondsLeft: null,
        message: event.message,
      };
    }
  }

  /** Files per second over the window, or `null` after the first report. */
  #speed(done: number): number | null {
    const atMs = this.#now();
    this.#reports.push({ atMs, done });
    while (this.#reports.length > 2 && atMs - this.#reports[0]!.atMs > windowMs) this.#reports.shift();
    const first = this.#reports[0]!;
    return atMs > first.atMs ? ((done - first.done) * 1000) / (atMs - first.atMs) : null;
  }
}
