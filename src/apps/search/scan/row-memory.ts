/**
 * @file The rows of an index in memory: codes as bit planes, vectors in 8 bits, which rows are there, and, where memory allows, the vectors as they came.
 *
 * N: number of rows; D: dimension of the vectors.
 */
import { ShapeError } from '../../../engine/core/index.ts';
import { Crew } from './crew.ts';
import { codeBytes, extentParts, type Layout, layoutOf, rowsPerExtent, rowsPerGroup, rowsPerStage } from './layout.ts';
import { randomProjection, thresholdsOf, type WideProjection, widened } from './projection.ts';
import { jobKinds } from './share.ts';

/** How far the length of a vector may be from 1. */
const lengthTolerance = 0.01;

/** What rows need beside their number. */
export interface RowMemoryOptions {
  readonly dim: number;
  readonly projection?: Float32Array;
  readonly maxBytes: number;
  readonly numThreads: number;
}

/** What is known of rows that are added. */
export interface AddOptions {
  /** `uint8[N, 32]`, bit p at bit `p & 7` of byte `p >> 3`; made from the vectors if absent. */
  readonly codes?: Uint8Array;
  /** `[D]`, taken from the vectors before their codes are made; of the rows of one kind, say. */
  readonly mean?: Float32Array;
}

/** Rows in memory. */
export class RowMemory {
  readonly layout: Layout;
  readonly crew: Crew;
  readonly #maxBytes: number;
  readonly #projection: WideProjection;
  #numExtents = 0;
  #numRows = 0;
  #numLive = 0;
  /** Bit `row & 31` of word `row >> 5` is set while the row is there. */
  #alive = new Uint32Array(0);
  /** The vectors by extent; undefined when there is no room for them. */
  #exact: Float32Array[] | undefined = [];

  /** @throws RangeError if not even an empty index fits; ShapeError if the projection does not fit the vectors. */
  constructor({ dim, projection, maxBytes, numThreads }: RowMemoryOptions) {
    this.layout = layoutOf(dim, numThreads);
    this.#maxBytes = maxBytes;
    this.#projection = widened(projection ?? randomProjection(dim), dim, this.layout.paddedDim);
    this.crew = new Crew(this.layout);
    new Int16Array(this.crew.memory.buffer, this.layout.projection, this.#projection.rows.length).set(
      this.#projection.rows,
    );
  }

  /** How many rows were added. */
  get numRows(): number {
    return this.#numRows;
  }

  /** How many of them were not removed. */
  get numLive(): number {
    return this.#numLive;
  }

  /** Bits of the rows that are there. */
  get alive(): Uint32Array {
    return this.#alive;
  }

  /** Whether the vectors are kept as they came. */
  get isExact(): boolean {
    return this.#exact !== undefined;
  }

  /** Length of each row of the projection. */
  get projectionLengths(): Float32Array {
    return this.#projection.lengths;
  }

  /** Bytes of memory taken. */
  get bytes(): number {
    return this.crew.memory.buffer.byteLength + this.#exactBytes(this.#exact?.length ?? 0) + this.#alive.byteLength;
  }

  /** Whether a row is there. */
  has(row: number): boolean {
    return row >= 0 && row < this.#numRows && ((this.#alive[row >> 5]! >>> (row & 31)) & 1) === 1;
  }

  /**
   * Appends vectors `[N, D]` of length 1. All are appended, or none.
   * @returns the number of the first.
   * @throws ShapeError if vectors, codes or mean do not fit each other; RangeError if a vector is not of length 1 (NaN and infinite values included), or beyond the memory's limit.
   */
  add(vectors: Float32Array, { codes, mean }: AddOptions = {}): number {
    const { dim } = this.layout;
    const count = vectors.length / dim;
    if (!Number.isInteger(count)) {
      throw new ShapeError(`VectorIndex.add: vectors must be [N, ${dim}], got ${vectors.length} values`);
    }
    if (codes !== undefined && codes.length !== count * codeBytes) {
      throw new ShapeError(`VectorIndex.add: codes must be [${count}, ${codeBytes}], got ${codes.length} bytes`);
    }
    if (mean !== undefined && mean.length !== dim) {
      throw new ShapeError(`VectorIndex.add: mean must be [${dim}], got ${mean.length} values`);
    }
    const first = this.#numRows;
    this.#makeRoom(first + count);
    const { words } = this.crew;
    words.set(thresholdsOf(this.#projection, mean, this.layout.paddedDim), this.layout.codeThresholds >> 2);
    try {
      for (let start = 0; start < count; start += rowsPerStage) {
        const end = Math.min(count, start + rowsPerStage);
        this.#encode(
          first + start,
          vectors.subarray(start * dim, end * dim),
          codes?.subarray(start * codeBytes, end * codeBytes),
        );
      }
    } catch (error) {
      this.#clearPlanes(first, first + count);
      throw error;
    }
    this.#numRows += count;
    this.#numLive += count;
    this.#setAlive(first, this.#numRows);
    this.#keepExact(first, vectors);
    return first;
  }

  /** Takes rows out; those that are not there are passed over. */
  remove(rows: Iterable<number>): void {
    const bytes = new Uint8Array(this.crew.memory.buffer);
    for (const row of rows) {
      if (!this.has(row)) continue;
      this.#alive[row >> 5]! &= ~(1 << (row & 31));
      const inExtent = row % rowsPerExtent;
      bytes[this.#extent(row) + extentParts.alive + (inExtent >> 3)]! &= ~(1 << (inExtent & 7));
      this.#numLive -= 1;
    }
  }

  /** Marks the rows that the next scan looks at. */
  want(wanted: Uint32Array): void {
    const { words } = this.crew;
    const perExtent = rowsPerExtent / 32;
    const numWords = Math.ceil(this.#numRows / 32);
    for (let extent = 0; extent < this.#numExtents; extent++) {
      const to = (this.#extent(extent * rowsPerExtent) + extentParts.wanted) >> 2;
      const from = extent * perExtent;
      for (let i = 0; i < perExtent; i++) {
        const at = from + i;
        words[to + i] = at < numWords && at < wanted.length ? wanted[at]! & this.#alive[at]! : 0;
      }
    }
  }

  /** The vector of a row as it came, `[D]`; undefined if those are not kept. */
  vector(row: number): Float32Array | undefined {
    const { dim } = this.layout;
    const at = (row % rowsPerExtent) * dim;
    return this.#exact?.[Math.floor(row / rowsPerExtent)]?.subarray(at, at + dim);
  }

  /** The vector of a row from its 8-bit values, `[D]`. */
  roundedVector(row: number): Float32Array {
    const { dim, paddedDim } = this.layout;
    const extent = this.#extent(row);
    const inExtent = row % rowsPerExtent;
    const { buffer } = this.crew.memory;
    const [scale] = new Float32Array(buffer, extent + extentParts.scales + 4 * inExtent, 1);
    return Float32Array.from(
      new Int8Array(buffer, extent + extentParts.values + inExtent * paddedDim, dim),
      (value) => value * scale!,
    );
  }

  /** The start of the extent that a row is in, in bytes. */
  #extent(row: number): number {
    return this.layout.extents + Math.floor(row / rowsPerExtent) * this.layout.extentBytes;
  }

  #exactBytes(numExtents: number): number {
    return numExtents * rowsPerExtent * this.layout.dim * 4;
  }

  #makeRoom(numRows: number): void {
    const numExtents = Math.ceil(numRows / rowsPerExtent);
    const { extents, extentBytes } = this.layout;
    const bytes = extents + numExtents * extentBytes;
    if (bytes > Math.min(this.#maxBytes, 2 ** 32)) {
      throw new RangeError(
        `VectorIndex.add: ${numRows} rows need ${bytes} bytes, more than the limit of ${Math.min(this.#maxBytes, 2 ** 32)}; search them where they are stored`,
      );
    }
    if (numExtents <= this.#numExtents) return;
    const missing = Math.ceil((bytes - this.crew.memory.buffer.byteLength) / 65536);
    if (missing > 0) this.crew.memory.grow(missing);
    this.#numExtents = numExtents;
    const alive = new Uint32Array((numExtents * rowsPerExtent) / 32);
    alive.set(this.#alive);
    this.#alive = alive;
    if (this.#exact !== undefined && bytes + this.#exactBytes(numExtents) > this.#maxBytes) this.#exact = undefined;
  }

  /** Brings in at most `rowsPerStage` rows. */
  #encode(first: number, vectors: Float32Array, codes: Uint8Array | undefined): void {
    const { dim, paddedDim, stage, stageCodes, stageNorms } = this.layout;
    const { buffer } = this.crew.memory;
    const count = vectors.length / dim;
    const inGroup = first % rowsPerGroup;
    const staged = new Float32Array(buffer, stage, (inGroup + count) * paddedDim);
    if (dim === paddedDim) staged.set(vectors, inGroup * paddedDim);
    else {
      for (let row = 0; row < count; row++) {
        const start = (inGroup + row) * paddedDim;
        staged.set(vectors.subarray(row * dim, (row + 1) * dim), start);
        staged.fill(0, start + dim, start + paddedDim);
      }
    }
    const stagedCodes = new Uint8Array(buffer, stageCodes, (rowsPerStage + rowsPerGroup) * codeBytes).fill(0);
    if (codes !== undefined) stagedCodes.set(codes, inGroup * codeBytes);
    const hasCodes = codes === undefined ? 0 : 1;
    this.crew.runNow(jobKinds.encode, [first, count, hasCodes], Math.ceil((inGroup + count) / rowsPerGroup));
    const norms = new Float32Array(buffer, stageNorms, inGroup + count).subarray(inGroup);
    const wrong = norms.findIndex((squares) => !(Math.abs(Math.sqrt(squares) - 1) <= lengthTolerance));
    if (wrong < 0) return;
    const length = Math.sqrt(norms[wrong]!);
    throw new RangeError(
      `VectorIndex.add: vectors must have length 1, got ${length} at row ${first + wrong}; scale them first`,
    );
  }

  /** Takes away what was written of rows that will not come. */
  #clearPlanes(from: number, to: number): void {
    const bytes = new Uint8Array(this.crew.memory.buffer);
    for (let row = from; row < to; row++) {
      const inExtent = row % rowsPerExtent;
      const group =
        this.#extent(row) + extentParts.planes + Math.floor(inExtent / rowsPerGroup) * rowsPerGroup * codeBytes;
      const inGroup = inExtent % rowsPerGroup;
      for (let plane = 0; plane < codeBytes * 8; plane++) {
        bytes[group + plane * 16 + (inGroup >> 3)]! &= ~(1 << (inGroup & 7));
      }
    }
  }

  #setAlive(from: number, to: number): void {
    const bytes = new Uint8Array(this.crew.memory.buffer);
    for (let row = from; row < to; row++) {
      this.#alive[row >> 5]! |= 1 << (row & 31);
      const inExtent = row % rowsPerExtent;
      bytes[this.#extent(row) + extentParts.alive + (inExtent >> 3)]! |= 1 << (inExtent & 7);
    }
  }

  #keepExact(first: number, vectors: Float32Array): void {
    if (this.#exact === undefined) return;
    const { dim } = this.layout;
    while (this.#exact.length < this.#numExtents) this.#exact.push(new Float32Array(rowsPerExtent * dim));
    for (let row = first; row < this.#numRows; ) {
      const end = Math.min(this.#numRows, (Math.floor(row / rowsPerExtent) + 1) * rowsPerExtent);
      const part = vectors.subarray((row - first) * dim, (end - first) * dim);
      this.#exact[Math.floor(row / rowsPerExtent)]!.set(part, (row % rowsPerExtent) * dim);
      row = end;
    }
  }
}
