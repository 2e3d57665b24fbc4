/**
 * @file How an index lies in the memory that kernels and threads share. Rows live in extents of a fixed number of rows, so that the
 * memory grows without copying and the address of a row follows from its number. In an extent the codes come first, turned by 90°:
 * for a group of 128 rows, bit plane p holds bit p of each of their codes, 16 bytes, so that one SIMD operation works on 128 rows.
 *
 * D: dimension of the vectors, in memory filled up with zeros to a multiple of 16.
 */

/** Bits of a code. */
export const numCodeBits = 256;
/** Bytes of a code. */
export const codeBytes = numCodeBits / 8;
/** Rows whose codes lie together; the bits of a SIMD register. */
export const rowsPerGroup = 128;
/** Bytes of the codes of a group. */
export const groupBytes = rowsPerGroup * codeBytes;
/** Rows for which memory is taken at a time. */
export const rowsPerExtent = 8192;
/** The power of two that `rowsPerExtent` is. */
export const extentShift = 13;
/** Rows that a thread takes at a time. */
export const rowsPerChunk = 4096;
/** Bits of a score of a scan; its weights are chosen to fit. */
export const scoreBits = 10;
/** One more than the largest score of a scan. */
export const numScores = 1 << scoreBits;

/** Where the parts of an extent begin, in bytes from its start. */
export const extentParts = {
  planes: 0,
  /** One bit a row: whether it is there. */
  alive: rowsPerExtent * codeBytes,
  /** One bit a row: whether a search with a filter looks at it. */
  wanted: rowsPerExtent * codeBytes + rowsPerExtent / 8,
  /** What the 8-bit values of a row are multiplied by. */
  scales: rowsPerExtent * codeBytes + rowsPerExtent / 4,
  /** 8-bit values of rows, `[rows, D]`. */
  values: rowsPerExtent * codeBytes + rowsPerExtent / 4 + rowsPerExtent * 4,
} as const;

/** Where the parts of what a thread has for itself begin, in bytes from its start. */
export const threadParts = {
  /** The score that a row must exceed to be kept. */
  threshold: 0,
  /** How many rows are looked for. */
  depth: 4,
  /** How many of the kept rows exceed the threshold. */
  above: 8,
  /** How many rows are in the list. */
  length: 12,
  /** Of no meaning. */
  touched: 16,
  /** The bits of the threshold + 1, each as a register of equal bits. */
  thresholdBits: 64,
  /** The bits of the scores of a group. */
  scoreBits: 256,
  /** The rows of a group to look at closer. */
  groupRows: 448,
  /** How many rows were seen with each score. */
  histogram: 512,
  /** Pairs of a row and its score. */
  list: 512 + 4 * numScores,
} as const;

/** Rows that a thread's list holds before those that fell below its threshold are taken out. */
export const listCapacity = 40_960;
/** The most rows that a scan can look for. */
export const maxDepth = 16_384;
const threadBytes = threadParts.list + 8 * listCapacity;

/** Where the parts of a query's weights begin, in bytes from their start. */
export const weightParts = {
  /** How many steps of 16 planes have weight 4, 2, 1, -4, -2 and -1. */
  steps: 0,
  /** Where in a group each plane begins, in that order. */
  planes: 64,
} as const;

/** Planes that a step of a scan adds up. */
export const planesPerStep = 16;
/** The weights that a plane can have, in the order of a scan. */
export const planeWeights = [4, 2, 1, -4, -2, -1] as const;

/** Rows that are encoded between two looks at whether they are sound. */
export const rowsPerStage = 2048;
/** Rows whose scores are computed in one call. */
export const rowsPerScoring = 65_536;

/** Numbers that threads read, in 32-bit words from the start of the memory. */
export const controlWords = {
  /** Changes with every job; workers sleep on it. */
  job: 0,
  /** The next chunk to take. */
  next: 1,
  /** How many workers are at work; `closedFlag` is set while there is none to be had. */
  workers: 2,
  kind: 3,
  numChunks: 4,
  /** What the job's kind needs to know. */
  arguments: 8,
} as const;

/** Where everything lies, in bytes. */
export interface Layout {
  readonly dim: number;
  /** D in memory. */
  readonly paddedDim: number;
  readonly numThreads: number;
  /** `int16[D]`, in units of 1 / 32767. */
  readonly query: number;
  /** `int32[256]`: the query projected. */
  readonly projectedQuery: number;
  readonly weights: number;
  /** `int16[256, D]`. */
  readonly projection: number;
  /** `int32[256]`: a bit is set where the projected vector exceeds it. */
  readonly codeThresholds: number;
  /** `int32[rowsPerScoring]`. */
  readonly rowList: number;
  /** `float32[rowsPerScoring]`. */
  readonly rowScores: number;
  /** `float32[rowsPerStage + rowsPerGroup, D]`, so that rows may begin within a group. */
  readonly stage: number;
  /** `int16[rowsPerStage + rowsPerGroup, D]`. */
  readonly stageWide: number;
  /** `uint8[rowsPerStage + rowsPerGroup, 32]`. */
  readonly stageCodes: number;
  /** `float32[rowsPerStage + rowsPerGroup]`: squared lengths. */
  readonly stageNorms: number;
  readonly threads: number;
  readonly threadBytes: number;
  readonly extents: number;
  readonly extentBytes: number;
}

const aligned = (bytes: number) => Math.ceil(bytes / 64) * 64;

/** The layout of an index of vectors `[dim]` that `numThreads` threads work on. */
export function layoutOf(dim: number, numThreads: number): Layout {
  const paddedDim = Math.ceil(dim / 16) * 16;
  let end = 1024;
  const take = (bytes: number) => {
    const start = end;
    end += aligned(bytes);
    return start;
  };
  const fields = {
    query: take(2 * paddedDim),
    projectedQuery: take(4 * numCodeBits),
    weights: take(weightParts.planes + 4 * numCodeBits),
    projection: take(2 * numCodeBits * paddedDim),
    codeThresholds: take(4 * numCodeBits),
    rowList: take(4 * rowsPerScoring),
    rowScores: take(4 * rowsPerScoring),
    stage: take(4 * (rowsPerStage + rowsPerGroup) * paddedDim),
    stageWide: take(2 * (rowsPerStage + rowsPerGroup) * paddedDim),
    stageCodes: take((rowsPerStage + rowsPerGroup) * codeBytes),
    stageNorms: take(4 * (rowsPerStage + rowsPerGroup)),
    threads: take(numThreads * aligned(threadBytes)),
  };
  return {
    dim,
    paddedDim,
    numThreads,
    ...fields,
    threadBytes: aligned(threadBytes),
    // A page of its own for the first extent, so that groups lie on pages.
    extents: Math.ceil(end / 65536) * 65536,
    extentBytes: Math.ceil((extentParts.values + rowsPerExtent * paddedDim) / 4096) * 4096,
  };
}
