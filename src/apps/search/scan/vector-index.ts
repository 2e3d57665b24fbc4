/**
 * @file Search in memory over unit vectors: a scan of 256-bit codes finds as many candidates as `depth` tells, their 8-bit vectors put them in order, and
 * for the last few the vectors as they came. Few rows are looked at one by one, without codes. It cannot be saved: it is filled from a store, in seconds a million.
 *
 * N: number of rows; D: dimension of the vectors.
 */
import { availableParallelism } from 'node:os';
import { ShapeError } from '../../../engine/core/index.ts';
import { bestRows, type ScoredRows } from './best-rows.ts';
import { scanCodes, writeQuery } from './code-scan.ts';
import { rowsPerScoreChunk } from './crew.ts';
import { maxDepth, rowsPerScoring } from './layout.ts';
import { type RecallReport, recallOf } from './recall.ts';
import { type AddOptions, RowMemory } from './row-memory.ts';
import type { RowSet } from './row-set.ts';
import { jobKinds } from './share.ts';

/** How an index is made. */
export interface VectorIndexOptions {
  /** D. */
  readonly dim: number;
  /** `[256, D]`, whose signs are the codes; seeded random directions if absent. */
  readonly projection?: Float32Array;
  /** Memory that it may take, in bytes; 1 GiB if absent. The vectors as they came are kept while they fit. */
  readonly maxBytes?: number;
  /** Threads that search, with the calling one; all cores, at most 8, if absent. */
  readonly numThreads?: number;
  /** Candidates that a scan hands on, where they were measured before; 400 if absent. */
  readonly depth?: number;
}

/** How one search is done. */
export interface SearchOptions {
  /** Only these rows. */
  readonly among?: RowSet;
  /** Gives the vectors `[rows, D]` of rows, where they are not kept in memory. */
  readonly exact?: (rows: Int32Array) => Float32Array | Promise<Float32Array>;
  /** Candidates of the scan; what `measureRecall` found if absent. 0 looks at every row. */
  readonly depth?: number;
}

/** Candidates before anything was measured. */
const defaultDepth = 400;

/** How the costs of looking at a row compare: a code takes a fiftieth of what the 8-bit vector takes for each of these dimensions. */
const dimsPerCode = 28;

/** Rows that are looked at one by one whatever the number of all rows. */
const minRowsOfScan = 4096;

/** An index in memory. Its methods may be called while others wait; searches are done one after another. */
export class VectorIndex {
  readonly #memory: RowMemory;
  #depth: number;
  #last: Promise<unknown> = Promise.resolve();
  #isClosed = false;

  private constructor(memory: RowMemory, depth: number) {
    this.#memory = memory;
    this.#depth = depth;
  }

  /**
   * An empty index.
   * @throws RangeError for a dimension, limit or number of threads that cannot be; ShapeError if the projection does not fit.
   */
  static create({
    dim,
    projection,
    maxBytes = 2 ** 30,
    numThreads,
    depth = defaultDepth,
  }: VectorIndexOptions): VectorIndex {
    const threads = numThreads ?? Math.min(8, availableParallelism());
    if (!(Number.isInteger(dim) && dim >= 1 && dim <= 65_536)) {
      throw new RangeError(`VectorIndex.create: dim must be a whole number in [1, 65536], got ${dim}`);
    }
    if (!(Number.isInteger(threads) && threads >= 1 && threads <= 64)) {
      throw new RangeError(`VectorIndex.create: numThreads must be a whole number in [1, 64], got ${threads}`);
    }
    return new VectorIndex(
      new RowMemory({ dim, maxBytes, numThreads: threads, ...(projection === undefined ? {} : { projection }) }),
      depth,
    );
  }

  /** D. */
  get dim(): number {
    return this.#memory.layout.dim;
  }

  /** How many rows were added; the next has this number. */
  get numRows(): number {
    return this.#memory.numRows;
  }

  /** How many of them were not removed. */
  get numLive(): number {
    return this.#memory.numLive;
  }

  /** Whether scores are exact without help; else those of rows are right to about 0.002, unless a search is given `exact`. */
  get isExact(): boolean {
    return this.#memory.isExact;
  }

  /** Bytes of memory taken. */
  get bytes(): number {
    return this.#memory.bytes;
  }

  /** Candidates that a scan hands on; 0 if codes are not used. */
  get depth(): number {
    return this.#depth;
  }

  /**
   * Appends vectors `[N, D]` of length 1: all, or none. It can be called while a search waits, which then does not see them.
   * @returns the number of the first.
   * @throws ShapeError if vectors, codes or mean do not fit each other; RangeError if a vector is not of length 1 (NaN included) or does not fit in memory.
   */
  add(vectors: Float32Array, options: AddOptions = {}): number {
    this.#checkOpen();
    return this.#memory.add(vectors, options);
  }

  /** Takes rows out of what is found. Those that are not there are passed over; numbers are not used again. */
  remove(rows: Iterable<number>): void {
    this.#checkOpen();
    this.#memory.remove(rows);
  }

  /**
   * The `top` rows nearest to `query` `[D]` by cosine, best first; equal ones in the order of their numbers.
   * @throws ShapeError if the query is not `[D]`; RangeError if it is 0 or not finite, or `top` is no count.
   */
  async search(query: Float32Array, top: number, options: SearchOptions = {}): Promise<ScoredRows> {
    const unit = this.#unit(query);
    if (!(Number.isInteger(top) && top >= 0)) {
      throw new RangeError(`VectorIndex.search: top must be a whole number, at least 0, got ${top}`);
    }
    return this.#inTurn(async () => {
      const numExact = Math.max(2 * top, top + 16);
      const candidates = await this.#candidates(unit, Math.max(numExact, top), options);
      return this.#exactly(unit, candidates, top, options.exact);
    });
  }

  /** The cosines of `query` `[D]` with rows, in their order; NaN for those that are not there. */
  async scores(query: Float32Array, rows: ArrayLike<number>): Promise<Float32Array> {
    const unit = this.#unit(query);
    return this.#inTurn(async () => {
      const some = Int32Array.from(rows);
      if (this.#memory.isExact) {
        return Float32Array.from(some, (row) =>
          this.#memory.has(row) ? dot(unit, this.#memory.vector(row)!) : Number.NaN,
        );
      }
      writeQuery(this.#memory, unit);
      const scores = await this.#roundedScores(some.map((row) => (this.#memory.has(row) ? row : 0)));
      return scores.map((score, i) => (this.#memory.has(some[i]!) ? score : Number.NaN));
    });
  }

  /** Cosines of `query` `[D]` with at most `maxRows` rows, spread evenly over `among` or over all; right to about 0.002. */
  async sampleScores(query: Float32Array, among: RowSet | undefined, maxRows: number): Promise<Float32Array> {
    const unit = this.#unit(query);
    return this.#inTurn(async () => {
      const rows: number[] = [];
      const size = among?.size ?? this.#memory.numRows;
      const step = Math.max(1, Math.ceil(size / maxRows));
      const all = among?.rows;
      for (let i = 0; i < size; i += step) {
        const row = all === undefined ? i : all[i]!;
        if (this.#memory.has(row)) rows.push(row);
      }
      writeQuery(this.#memory, unit);
      return this.#roundedScores(Int32Array.from(rows));
    });
  }

  /**
   * Finds out how many candidates the scan must hand on for a recall of `target` among the ten nearest, against looking at every row, and uses that from then on.
   * Where codes do not tell the rows apart, it uses none.
   * @param options.queries `[Q, D]`, of the kind that will be asked; rows of the index, which then do not count themselves, if absent.
   */
  async measureRecall(
    options: {
      numQueries?: number;
      queries?: Float32Array;
      target?: number;
      top?: number;
      seed?: number | string;
    } = {},
  ): Promise<RecallReport> {
    const report = await recallOf(this.#memory, options, {
      all: (query, top) => this.search(query, top, { depth: 0 }),
      coded: (query, depth) => this.#inTurn(() => scanCodes(this.#memory, this.#unit(query), depth)),
    });
    this.#depth = report.depth;
    return report;
  }

  /** Waits for the search that is under way and ends the threads. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#last.catch(() => {});
    await this.#memory.crew.close();
  }

  #checkOpen(): void {
    if (this.#isClosed) throw new Error('VectorIndex: it is closed');
  }

  /** Does work when what was asked before is done. */
  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    this.#checkOpen();
    const result = this.#last.then(work);
    this.#last = result.catch(() => {});
    return result;
  }

  #unit(query: Float32Array): Float64Array {
    const { dim } = this.#memory.layout;
    if (query.length !== dim) throw new ShapeError(`VectorIndex: a query must be [${dim}], got [${query.length}]`);
    let squares = 0;
    for (let i = 0; i < dim; i++) squares += query[i]! * query[i]!;
    if (!(squares > 0 && squares < Number.POSITIVE_INFINITY)) {
      throw new RangeError(`VectorIndex: a query must be finite and not 0, got length ${Math.sqrt(squares)}`);
    }
    const factor = 1 / Math.sqrt(squares);
    return Float64Array.from(query, (value) => value * factor);
  }

  /** At least `count` rows that may be the best, with their scores by 8-bit vectors, best first. */
  async #candidates(
    unit: Float64Array,
    count: number,
    { among, depth = this.#depth }: SearchOptions,
  ): Promise<ScoredRows> {
    const memory = this.#memory;
    const { paddedDim } = memory.layout;
    const { numRows } = memory;
    const size = among?.size ?? numRows;
    const numHandedOn = Math.min(maxDepth, Math.max(depth, 4 * count));
    const costOfRows = size * paddedDim;
    const costOfScan = numRows * dimsPerCode + numHandedOn * 2 * paddedDim;
    const usesCodes = depth > 0 && size > minRowsOfScan && costOfRows > costOfScan;
    if (usesCodes) {
      const { rows } = await scanCodes(memory, unit, numHandedOn, among);
      return bestRows(rows, await this.#roundedScores(rows), rows.length, count);
    }
    writeQuery(memory, unit);
    if (among === undefined) return bestRows(undefined, await this.#allRoundedScores(), numRows, count);
    const isWhole = memory.numLive === numRows && among.numRows <= numRows;
    const rows = isWhole ? among.rows : among.rows.filter((row) => memory.has(row));
    return bestRows(rows, await this.#roundedScores(rows), rows.length, count);
  }

  /** The cosines of the query that was written with rows, by their 8-bit vectors. */
  async #roundedScores(rows: Int32Array): Promise<Float32Array> {
    const scores = new Float32Array(rows.length);
    for (let start = 0; start < rows.length; start += rowsPerScoring) {
      const part = rows.subarray(start, start + rowsPerScoring);
      this.#memory.crew.words.set(part, this.#memory.layout.rowList >> 2);
      scores.set(await this.#scoresOfList(part.length), start);
    }
    return scores;
  }

  /** The same with every row; -Infinity for those that are not there. */
  async #allRoundedScores(): Promise<Float32Array> {
    const memory = this.#memory;
    const { numRows } = memory;
    const scores = new Float32Array(numRows);
    for (let start = 0; start < numRows; start += rowsPerScoring) {
      const length = Math.min(rowsPerScoring, numRows - start);
      const list = memory.crew.words.subarray(memory.layout.rowList >> 2, (memory.layout.rowList >> 2) + length);
      for (let i = 0; i < length; i++) list[i] = start + i;
      scores.set(await this.#scoresOfList(length), start);
    }
    if (memory.numLive < memory.numRows) {
      for (let row = 0; row < numRows; row++) if (!memory.has(row)) scores[row] = Number.NEGATIVE_INFINITY;
    }
    return scores;
  }

  /** The scores of the first `length` rows of the list in memory; valid until the next. */
  async #scoresOfList(length: number): Promise<Float32Array> {
    const { crew, layout } = this.#memory;
    const list = layout.rowList >> 2;
    // Rows are taken four at a time.
    crew.words.fill(crew.words[list]!, list + length, list + Math.ceil(length / 4) * 4);
    await crew.run(jobKinds.score, [length], Math.ceil(length / rowsPerScoreChunk));
    return new Float32Array(crew.memory.buffer, layout.rowScores, length);
  }

  async #exactly(
    unit: Float64Array,
    { rows, scores }: ScoredRows,
    top: number,
    exact: SearchOptions['exact'],
  ): Promise<ScoredRows> {
    const memory = this.#memory;
    if (memory.isExact) {
      const precise = Float64Array.from(rows, (row) => dot(unit, memory.vector(row)!));
      return bestRows(rows, precise, rows.length, top);
    }
    if (exact === undefined) return bestRows(rows, scores, rows.length, top);
    const { dim } = memory.layout;
    const vectors = await exact(rows);
    if (vectors.length !== rows.length * dim) {
      throw new ShapeError(
        `VectorIndex.search: exact must give [${rows.length}, ${dim}], got ${vectors.length} values`,
      );
    }
    const precise = Float64Array.from(rows, (_, i) => dot(unit, vectors.subarray(i * dim, (i + 1) * dim)));
    return bestRows(rows, precise, rows.length, top);
  }
}

function dot(unit: Float64Array, vector: Float32Array): number {
  let even = 0;
  let odd = 0;
  const length = unit.length & ~1;
  for (let i = 0; i < length; i += 2) {
    even += unit[i]! * vector[i]!;
    odd += unit[i + 1]! * vector[i + 1]!;
  }
  return unit.length > length ? even + odd + unit[length]! * vector[length]! : even + odd;
}
