/**
 * @file What one thread does of a job: chunks of rows to scan, to score or to bring in, through the kernels. The same code serves in the calling thread and
 * in worker threads, to which it is sent as text (worker files have no path that is right in sources, in `dist/` and in bundles alike):
 * `shareOf` and `serveShares` use nothing from outside themselves but types.
 */
import type { controlWords, extentParts, Layout, threadParts } from './layout.ts';

/** The kinds of jobs. */
export const jobKinds = { scan: 0, score: 1, encode: 2, sample: 3 } as const;

/** Set in the word of workers while there is no job to join. */
export const closedFlag = 1 << 16;

/** Everything that a thread needs to know. */
export interface ShareSetup {
  readonly memory: WebAssembly.Memory;
  readonly module: WebAssembly.Module;
  readonly layout: Layout;
  readonly extentParts: typeof extentParts;
  readonly threadParts: typeof threadParts;
  readonly controlWords: typeof controlWords;
  readonly closedFlag: number;
  readonly rowsPerGroup: number;
  readonly groupBytes: number;
  readonly codeBytes: number;
  readonly rowsPerExtent: number;
  readonly rowsPerChunk: number;
  readonly rowsPerScoreChunk: number;
  /** Which of the threads this is; the calling one is 0. */
  readonly thread: number;
}

type Kernel = (...parameters: number[]) => number;

/** Does chunks of jobs. */
export interface Share {
  /** Does one chunk of a job with these arguments. */
  work(kind: number, chunk: number, job: Int32Array): void;
  /**
   * Takes chunks of the job at hand until none are left, or, if a moment is given (in milliseconds of `performance.now()`), until then.
   * @returns whether none are left.
   */
  takeChunks(until?: number): boolean;
}

/** The share of one thread. */
export function shareOf(setup: ShareSetup): Share {
  const { memory, module, layout, extentParts, threadParts, controlWords, thread } = setup;
  const { rowsPerGroup, groupBytes, codeBytes, rowsPerExtent, rowsPerChunk, rowsPerScoreChunk } = setup;
  const kernels = new WebAssembly.Instance(module, { env: { memory } }).exports as Record<string, Kernel>;
  const { scanPlanes, scoreRows, narrowRows, projectRows, turnCodes } = kernels as Record<
    'scanPlanes' | 'scoreRows' | 'narrowRows' | 'projectRows' | 'turnCodes',
    Kernel
  >;
  const own = layout.threads + thread * layout.threadBytes;
  let words = new Int32Array(memory.buffer);

  /** Takes out of the list what the threshold has passed by; of the rows that equal it, those that came first stay. */
  function tidyList(): void {
    const at = own >> 2;
    const [threshold, depth] = [words[at + threadParts.threshold / 4]!, words[at + threadParts.depth / 4]!];
    let equal = depth - words[at + threadParts.above / 4]!;
    const list = at + threadParts.list / 4;
    const length = words[at + threadParts.length / 4]!;
    let kept = 0;
    for (let i = 0; i < length; i++) {
      const score = words[list + 2 * i + 1]!;
      if (score < threshold || (score === threshold && equal-- <= 0)) continue;
      words[list + 2 * kept] = words[list + 2 * i]!;
      words[list + 2 * kept + 1] = score;
      kept += 1;
    }
    words[at + threadParts.length / 4] = kept;
  }

  function scan(chunk: number, numRows: number, mask: number): void {
    const row = chunk * rowsPerChunk;
    const extent = layout.extents + Math.floor(row / rowsPerExtent) * layout.extentBytes;
    const group = (row % rowsPerExtent) / rowsPerGroup;
    const numGroups = Math.ceil(Math.min(rowsPerChunk, numRows - row) / rowsPerGroup);
    let left = numGroups;
    while (left > 0) {
      const done = numGroups - left;
      left = scanPlanes(
        extent + extentParts.planes + (group + done) * groupBytes,
        extent + mask + ((group + done) * rowsPerGroup) / 8,
        left,
        row + done * rowsPerGroup,
        own,
        layout.weights,
      );
      if (left > 0) tidyList();
    }
  }

  /** Scans every `step`-th group. */
  function sample(numRows: number, mask: number, step: number): void {
    for (let row = 0; row < numRows; row += step * rowsPerGroup) {
      const extent = layout.extents + Math.floor(row / rowsPerExtent) * layout.extentBytes;
      const group = (row % rowsPerExtent) / rowsPerGroup;
      const planes = extent + extentParts.planes + group * groupBytes;
      if (scanPlanes(planes, extent + mask + (group * rowsPerGroup) / 8, 1, row, own, layout.weights) > 0) tidyList();
    }
  }

  function score(chunk: number, numRows: number): void {
    const start = chunk * rowsPerScoreChunk;
    const numFours = Math.ceil(Math.min(rowsPerScoreChunk, numRows - start) / 4);
    scoreRows(
      layout.rowList + 4 * start,
      numFours,
      layout.rowScores + 4 * start,
      layout.extents + extentParts.values,
      layout.extents + extentParts.scales,
      layout.extentBytes,
      layout.query,
      layout.paddedDim,
      1 / 32767,
    );
  }

  /** Brings in the rows of a group from the stage, where the first row of the first group lies first. */
  function encode(chunk: number, firstRow: number, numRows: number, hasCodes: number): void {
    const inGroup = firstRow % rowsPerGroup;
    const start = chunk === 0 ? inGroup : chunk * rowsPerGroup;
    const end = Math.min((chunk + 1) * rowsPerGroup, inGroup + numRows);
    const row = firstRow - inGroup + start;
    const extent = layout.extents + Math.floor(row / rowsPerExtent) * layout.extentBytes;
    const inExtent = row % rowsPerExtent;
    const { paddedDim, stage, stageWide, stageCodes } = layout;
    narrowRows(
      stage + 4 * start * paddedDim,
      end - start,
      extent + extentParts.values + inExtent * paddedDim,
      extent + extentParts.scales + 4 * inExtent,
      stageWide + 2 * start * paddedDim,
      layout.stageNorms + 4 * start,
      paddedDim,
    );
    if (hasCodes === 0) {
      // Pairs of rows: what is beside the ends of the rows is no row of this chunk, and stays without a bit.
      const [from, to] = [start & ~1, (end + 1) & ~1];
      const wide = stageWide + 2 * from * paddedDim;
      const codes = stageCodes + from * codeBytes;
      projectRows(wide, (to - from) / 2, layout.projection, layout.codeThresholds, codes, paddedDim);
      words.fill(0, codes >> 2, (stageCodes + start * codeBytes) >> 2);
      words.fill(0, (stageCodes + end * codeBytes) >> 2, (stageCodes + to * codeBytes) >> 2);
    }
    const sixteen = start & ~15;
    const group = extent + extentParts.planes + Math.floor(inExtent / rowsPerGroup) * groupBytes;
    turnCodes(stageCodes + sixteen * codeBytes, group + (sixteen % rowsPerGroup) / 8, Math.ceil((end - sixteen) / 16));
  }

  function work(kind: number, chunk: number, job: Int32Array): void {
    if (words.buffer !== memory.buffer) words = new Int32Array(memory.buffer);
    const [first, second, third] = job as unknown as [number, number, number];
    if (kind === 0) scan(chunk, first, second);
    else if (kind === 1) score(chunk, first);
    else if (kind === 3) sample(first, second, third);
    else encode(chunk, first, second, third);
  }

  return {
    work,
    takeChunks(until = Number.POSITIVE_INFINITY) {
      if (words.buffer !== memory.buffer) words = new Int32Array(memory.buffer);
      const kind = words[controlWords.kind]!;
      const numChunks = words[controlWords.numChunks]!;
      const job = words.slice(controlWords.arguments, controlWords.arguments + 4);
      for (;;) {
        const chunk = Atomics.add(words, controlWords.next, 1);
        if (chunk >= numChunks) return true;
        work(kind, chunk, job);
        if (performance.now() > until) return Atomics.load(words, controlWords.next) >= numChunks;
      }
    },
  };
}

/** Joins one job after another, in a worker thread, for as long as the thread lives. */
export function serveShares(share: Share, setup: ShareSetup): void {
  const { memory, controlWords, closedFlag } = setup;
  const words = new Int32Array(memory.buffer, 0, 64);
  for (let last = 0; ; ) {
    Atomics.wait(words, controlWords.job, last);
    last = Atomics.load(words, controlWords.job);
    const before = Atomics.add(words, controlWords.workers, 1);
    if ((before & closedFlag) === 0) share.takeChunks();
    Atomics.sub(words, controlWords.workers, 1);
    Atomics.notify(words, controlWords.workers);
  }
}
