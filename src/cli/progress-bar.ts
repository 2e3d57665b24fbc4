/**
 * @file Shows progress events on stderr: a bar on a terminal, otherwise a plain line now and then. Rate and time left are
 * counted from the first event of a stage, so resumed work is not credited with what an earlier run did.
 */
import { SingleBar } from 'cli-progress';
import type { OnProgress, Progress } from '../engine/core/index.ts';

/** Shows progress until closed. */
export interface ProgressBar {
  readonly onProgress: OnProgress;
  /** Leaves the terminal as it should be; safe to call twice. */
  close(): void;
}

/** How progress is shown. */
export interface ProgressBarOptions {
  /** Machine-readable output is wanted: show nothing. */
  readonly json?: boolean | undefined;
  /** Show nothing. */
  readonly quiet?: boolean | undefined;
  /** Where to write; stderr unless a test says otherwise. */
  readonly stream?: NodeJS.WriteStream;
  /** The present time in milliseconds. */
  readonly now?: () => number;
}

/** Milliseconds between two plain lines of the same stage. */
const plainIntervalMs = 5000;

/** A view of progress events that fits the stream. */
export function showProgress(options: ProgressBarOptions = {}): ProgressBar {
  if (options.json || options.quiet) return { onProgress: () => {}, close: () => {} };
  const stream = options.stream ?? process.stderr;
  const now = options.now ?? (() => performance.now());
  return stream.isTTY ? terminalBar(stream, now) : plainLines(stream, now);
}

function terminalBar(stream: NodeJS.WriteStream, now: () => number): ProgressBar {
  let bar: SingleBar | undefined;
  let stage: StageClock | undefined;
  let latest: Progress | undefined;
  const close = () => {
    bar?.stop();
    bar = undefined;
  };
  const format = () => {
    if (latest === undefined || stage === undefined) return '';
    const room = Math.max(0, (stream.columns ?? 80) - 1);
    const text = describeProgress(latest, stage, now());
    const width = Math.min(24, room - text.length - 3);
    if (latest.total === undefined || latest.total <= 0 || width < 8) return text.slice(0, room);
    const filled = Math.round(Math.min(1, latest.done / latest.total) * width);
    return `${'█'.repeat(filled)}${'░'.repeat(width - filled)} ${text}`;
  };
  return {
    onProgress(progress) {
      latest = progress;
      if (stage?.stage !== progress.stage) {
        close();
        stage = { stage: progress.stage, startedAtMs: now(), startedDone: progress.done };
        bar = new SingleBar({
          format,
          stream,
          fps: 8,
          clearOnComplete: false,
          hideCursor: true,
          stopOnComplete: false,
        });
        bar.start(progress.total ?? 0, progress.done);
      }
      bar?.setTotal(progress.total ?? 0);
      bar?.update(progress.done);
    },
    close,
  };
}

function plainLines(stream: NodeJS.WriteStream, now: () => number): ProgressBar {
  let stage: StageClock | undefined;
  let printedAtMs = Number.NEGATIVE_INFINITY;
  let unprinted: Progress | undefined;
  const print = (progress: Progress) => {
    stream.write(`${describeProgress(progress, stage!, now())}\n`);
    printedAtMs = now();
    unprinted = undefined;
  };
  const close = () => {
    if (unprinted !== undefined) print(unprinted);
  };
  return {
    onProgress(progress) {
      if (stage?.stage !== progress.stage) {
        close();
        stage = { stage: progress.stage, startedAtMs: now(), startedDone: progress.done };
      }
      unprinted = progress;
      if (now() - printedAtMs >= plainIntervalMs) print(progress);
    },
    close,
  };
}

/** When a stage began, and how much was done by then. */
export interface StageClock {
  readonly stage: string;
  readonly startedAtMs: number;
  readonly startedDone: number;
}

/** `indexing pictures: 1,200 of 3,660 pictures (33%), 85 pictures/s, 29 s left, loss 2.31`. */
export function describeProgress(progress: Progress, stage: StageClock, nowMs: number): string {
  const { done, total, unit } = progress;
  const parts: string[] = [];
  const amount = (value: number) => (unit === 'bytes' ? formatBytes(value) : value.toLocaleString('en-US'));
  const counted = unit === 'bytes' ? '' : ` ${unit}`;
  if (total === undefined) parts.push(`${amount(done)}${counted}`);
  else {
    const percent = total > 0 ? Math.floor((100 * Math.min(done, total)) / total) : 100;
    parts.push(`${amount(done)} of ${amount(total)}${counted} (${percent}%)`);
  }
  const seconds = (nowMs - stage.startedAtMs) / 1000;
  const rate = seconds > 0 ? (done - stage.startedDone) / seconds : 0;
  if (rate > 0) {
    parts.push(unit === 'bytes' ? `${formatBytes(rate)}/s` : `${formatRate(rate)} ${unit}/s`);
    if (total !== undefined && done < total) parts.push(`${formatDuration((total - done) / rate)} left`);
  }
  for (const [name, value] of Object.entries(progress.figures ?? {})) parts.push(`${name} ${formatFigure(value)}`);
  return `${progress.stage}: ${parts.join(', ')}`;
}

/** `29 s`, `3 min 20 s`, `2 h 5 min`. */
export function formatDuration(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${whole % 60} s`;
  return `${Math.floor(whole / 3600)} h ${Math.floor((whole % 3600) / 60)} min`;
}

/** `512 B`, `1.4 MB`: powers of 1000. */
export function formatBytes(bytes: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB'];
  let value = bytes;
  let index = 0;
  while (value >= 1000 && index < units.length - 1) {
    value /= 1000;
    index += 1;
  }
  return `${index === 0 || value >= 100 ? Math.round(value) : value.toFixed(1)} ${units[index]}`;
}

function formatRate(rate: number): string {
  return rate >= 100 ? Math.round(rate).toLocaleString('en-US') : rate.toPrecision(2);
}

function formatFigure(value: number): string {
  if (Number.isInteger(value)) return value.toLocaleString('en-US');
  const size = Math.abs(value);
  return size >= 1e-3 && size < 1e5 ? String(Number(value.toPrecision(4))) : value.toExponential(2);
}
