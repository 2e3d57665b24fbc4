/**
 * @file The threads of an index: the calling one and workers that sleep between jobs. A job is cut into chunks that whoever is awake takes, so that a worker
 * that wakes late costs nothing but its help. Without workers, or where a job is small, the calling thread does it alone.
 */
import { setImmediate as nextTurn } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { maxWasmPages, wasmModule } from '../../../engine/kernels/index.ts';
import { narrowRows, projectRows, turnCodes } from './encode-kernels.ts';
import {
  codeBytes,
  controlWords,
  extentParts,
  groupBytes,
  type Layout,
  rowsPerChunk,
  rowsPerExtent,
  rowsPerGroup,
  threadParts,
} from './layout.ts';
import { scanPlanes } from './plane-kernel.ts';
import { projectQuery, scoreRows } from './query-kernels.ts';
import { closedFlag, type jobKinds, type Share, type ShareSetup, serveShares, shareOf } from './share.ts';

/** The text that a worker thread runs. */
const workerText = `
const { workerData } = require('node:worker_threads');
(${serveShares})((${shareOf})(workerData), workerData);
`;

/** Rows of a list that a thread scores at a time. */
export const rowsPerScoreChunk = 1024;

/** Jobs of fewer chunks, by their kind, are done before a worker would be awake, which takes some 50 microseconds. */
const minChunksToShare: readonly number[] = [24, 3, 2];

/** How long the calling thread works before it gives other events a turn. */
const sliceMs = 1;

/** Kernels that the calling thread runs by itself. */
interface OwnKernels {
  projectQuery(query: number, projection: number, out: number, dim: number): void;
}

/** The threads that work on one memory. */
export class Crew {
  readonly memory: WebAssembly.Memory;
  readonly kernels: OwnKernels;
  readonly #share: Share;
  readonly #workers: Worker[];
  readonly #isShared: boolean;
  #isBusy = false;
  #words: Int32Array;

  /** Takes memory for `layout` without its extents, and starts its workers. */
  constructor(layout: Layout) {
    this.#isShared = layout.numThreads > 1;
    this.memory = new WebAssembly.Memory({
      initial: layout.extents / 65536,
      maximum: maxWasmPages,
      shared: this.#isShared,
    });
    const functions = [scanPlanes(), scoreRows(), narrowRows(), projectRows(), projectQuery(), turnCodes()];
    const module = new WebAssembly.Module(wasmModule(functions, { sharesMemory: this.#isShared }));
    const setup: Omit<ShareSetup, 'thread'> = {
      memory: this.memory,
      module,
      layout,
      extentParts,
      threadParts,
      controlWords,
      closedFlag,
      rowsPerGroup,
      groupBytes,
      codeBytes,
      rowsPerExtent,
      rowsPerChunk,
      rowsPerScoreChunk,
    };
    this.kernels = new WebAssembly.Instance(module, { env: { memory: this.memory } }).exports as unknown as OwnKernels;
    this.#share = shareOf({ ...setup, thread: 0 });
    this.#words = new Int32Array(this.memory.buffer);
    this.#words[controlWords.workers] = closedFlag;
    this.#workers = Array.from({ length: layout.numThreads - 1 }, (_, i) => {
      const worker = new Worker(workerText, {
        eval: true,
        execArgv: [],
        name: 'sensorium scan',
        workerData: { ...setup, thread: i + 1 },
      });
      // One that ends is missed by nobody: the others take its chunks.
      worker.on('error', () => {});
      worker.unref();
      return worker;
    });
  }

  /** The memory as 32-bit words; anew after it has grown. */
  get words(): Int32Array {
    if (this.#words.buffer !== this.memory.buffer) this.#words = new Int32Array(this.memory.buffer);
    return this.#words;
  }

  /** Does a job; one that takes long gives other events their turn. One job at a time. */
  async run(kind: (typeof jobKinds)[keyof typeof jobKinds], job: readonly number[], numChunks: number): Promise<void> {
    this.#isBusy = true;
    try {
      this.#open(kind, job, numChunks);
      while (!this.#share.takeChunks(performance.now() + sliceMs)) await nextTurn();
      this.#close();
    } finally {
      this.#isBusy = false;
    }
  }

  /** Does a job at once, alone if another is under way. */
  runNow(kind: (typeof jobKinds)[keyof typeof jobKinds], job: readonly number[], numChunks: number): void {
    if (this.#isBusy) {
      const words = Int32Array.from(job);
      for (let chunk = 0; chunk < numChunks; chunk++) this.#share.work(kind, chunk, words);
      return;
    }
    this.#open(kind, job, numChunks);
    this.#share.takeChunks();
    this.#close();
  }

  /** Does a job of one chunk in the calling thread. */
  runAlone(kind: (typeof jobKinds)[keyof typeof jobKinds], job: readonly number[]): void {
    this.#share.work(kind, 0, Int32Array.from(job));
  }

  /** Ends the workers. */
  async close(): Promise<void> {
    await Promise.all(this.#workers.map((worker) => worker.terminate()));
  }

  #open(kind: number, job: readonly number[], numChunks: number): void {
    const { words } = this;
    words[controlWords.kind] = kind;
    words[controlWords.numChunks] = numChunks;
    words.set(job, controlWords.arguments);
    words[controlWords.next] = 0;
    if (this.#workers.length === 0 || numChunks < minChunksToShare[kind]!) return;
    Atomics.and(words, controlWords.workers, ~closedFlag);
    Atomics.add(words, controlWords.job, 1);
    Atomics.notify(words, controlWords.job, Math.min(this.#workers.length, numChunks - 1));
  }

  #close(): void {
    if (!this.#isShared) return;
    const { words } = this;
    let before = Atomics.or(words, controlWords.workers, closedFlag) | closedFlag;
    for (let spins = 0; before !== closedFlag; spins++) {
      // The others are within their last chunk: some microseconds.
      if (spins > 20_000) Atomics.wait(words, controlWords.workers, before, 1);
      before = Atomics.load(words, controlWords.workers);
    }
  }
}
