/**
 * @file Indexes a folder in a process of its own: ONNX Runtime holds the thread it runs on, and a server must answer meanwhile.
 * The process yields to others (a lower priority), and ends when the server does, however that ends.
 */
import { fork } from 'node:child_process';
import { extname } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { IndexingEvent } from './indexing-progress.ts';

/** What is to be indexed; travels as JSON. */
export interface IndexingTask {
  /** The folder of the library; made if it is not there. */
  readonly library: string;
  /** The folders of files, one after another. */
  readonly folders: readonly string[];
  /** A bundle; the built-in one if absent. */
  readonly model?: string;
  /** Empties a library that was made with another encoder, instead of failing. */
  readonly rebuild?: boolean;
}

/** An indexing run under way. */
export interface IndexingRun {
  /** Ends the run; the batches that it has written stay. */
  stop(): Promise<void>;
}

/** Starts indexing; `onEvent` is told of everything until the run is done, failed or stopped. */
export function startIndexing(task: IndexingTask, onEvent: (event: IndexingEvent) => void): IndexingRun {
  const worker = new URL(`../workers/index-folder${extname(import.meta.url)}`, import.meta.url);
  const child = fork(fileURLToPath(worker), [JSON.stringify(task)], { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });
  let isOver = false;
  const tell = (event: IndexingEvent) => {
    if (isOver) return;
    isOver = event.type === 'done' || event.type === 'failed';
    onEvent(event);
  };
  child.on('message', (message) => tell(message as IndexingEvent));
  child.on('error', (error) => tell({ type: 'failed', message: error.message }));
  const exited = new Promise<void>((resolve) => {
    child.on('exit', (code, signal) => {
      tell({ type: 'failed', message: `the indexing process ended early (${signal ?? `exit code ${code}`})` });
      resolve();
    });
  });
  return {
    async stop() {
      isOver = true;
      child.kill('SIGKILL');
      await exited;
    },
  };
}
