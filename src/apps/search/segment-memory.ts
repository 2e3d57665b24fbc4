/**
 * @file What a reader keeps in memory of a store: files, and of each segment its times, kind, code and vector. It follows the store commit by commit, so that a
 * library that is being indexed is never read anew.
 *
 * N: number of rows; D: dimension of the vectors.
 */
import { type Codes, type CosineSpread, cosineSpread, standingOf } from '../../bundle/index.ts';
import { maxCosinesOfSpread, mergeKinds, minCosinesOfSpread } from './between-kinds.ts';
import { type MemoryFilter, passes } from './memory-filter.ts';
import { type RecallReport, RowSet, VectorIndex } from './scan/index.ts';
import { type SegmentKey, type SegmentKind, type StoredFile, segmentKinds } from './store/segment.ts';
import type { SegmentBatch, SegmentStore } from './store/segment-store.ts';

/** A part of a query: a unit vector `[D]`, and how much it counts; below 0, against. */
export interface WeightedVector {
  readonly vector: Float32Array;
  readonly weight: number;
}

/** A segment that was found in memory. */
export interface MemoryHit {
  readonly row: number;
  readonly kind: SegmentKind;
  readonly file: StoredFile;
  /** Its place in the file. */
  readonly index: number;
  readonly startSeconds: number;
  readonly endSeconds: number;
  readonly keyFrameSeconds: number;
  readonly page: number;
  /** The cosine with the query. */
  readonly score: number;
  /** How much it stands out among its kind; see between-kinds.ts. */
  readonly standing: number;
}

/** Bytes of a row beside its vector. */
const bytesOfRow = 32 + 4 + 4 + 4 + 1 + 4 + 4 + 4 + 4;

/** An index takes at least so much. */
const minIndexBytes = 2 ** 26;

/** Filters whose rows are kept. */
const maxKeptFilters = 16;

/** From so many segments on it is worth finding out how well codes find. */
const minMeasuredLength = 20_000;

/** It is found out again when there are so many times more. */
const remeasureFactor = 2;

/** How vectors become codes, and how much memory may be taken. */
export interface SegmentMemoryOptions {
  /** D. */
  readonly dim: number;
  /** In bytes; vectors as they came are kept while they fit, else their 8-bit forms. */
  readonly maxBytes: number;
  readonly codes?: Pick<Codes, 'projection' | 'offsets'> | undefined;
}

/** One store in memory. */
export class SegmentMemory {
  readonly #options: SegmentMemoryOptions;
  #commit = 0;
  #files = new Map<number, StoredFile>();
  #rowsOfFile = new Map<number, number[]>();
  #index: VectorIndex;
  #fileNumbers = new Int32Array(0);
  #indices = new Int32Array(0);
  #kinds = new Uint8Array(0);
  #startSeconds = new Float32Array(0);
  #endSeconds = new Float32Array(0);
  #keyFrameSeconds = new Float32Array(0);
  #pages = new Int32Array(0);
  /** Rows of each kind under a filter, by the filter as text. */
  readonly #kept = new Map<string, ReadonlyMap<SegmentKind, RowSet>>();
  #refreshing: Promise<void> = Promise.resolve();
  #measuredLength = 0;
  #recall: RecallReport | undefined;

  constructor(options: SegmentMemoryOptions) {
    this.#options = options;
    this.#index = this.#newIndex();
  }

  #newIndex(): VectorIndex {
    const { dim, maxBytes, codes } = this.#options;
    return VectorIndex.create({
      dim,
      maxBytes: Math.max(maxBytes, minIndexBytes),
      ...(codes === undefined ? {} : { projection: codes.projection }),
    });
  }

  /** The number of segments. */
  get length(): number {
    return this.#index.numLive;
  }

  /** Files by their numbers. */
  get files(): ReadonlyMap<number, StoredFile> {
    return this.#files;
  }

  /** How well codes find what is nearest here, once it was found out; small libraries do without codes. */
  get recall(): RecallReport | undefined {
    return this.#recall;
  }

  /** Memory that is taken, in bytes. */
  get bytes(): number {
    return this.#index.bytes + this.#fileNumbers.length * bytesOfRow;
  }

  /** Memory that a segment takes at least, in bytes. */
  static bytesPerSegment(dim: number): number {
    return Math.ceil(dim / 16) * 16 + bytesOfRow;
  }

  /** Ends the threads that search. */
  async close(): Promise<void> {
    await this.#refreshing;
    await this.#index.close();
  }

  /** Takes in what has changed in the store; one call after another. */
  refresh(store: SegmentStore): Promise<void> {
    const next = this.#refreshing.then(() => this.#follow(store));
    this.#refreshing = next.catch(() => {});
    return next;
  }

  async #follow(store: SegmentStore): Promise<void> {
    const changes = await store.changesSince(this.#commit);
    if (changes.isWhole) await this.#forget();
    if (changes.commit === this.#commit) return;
    // A file becomes visible with all its segments: they are taken in first.
    const added = new Map(changes.added.map((file) => [file.fileNumber, file]));
    for await (const batch of changes.segments()) this.#take(batch, added);
    for (const fileNumber of changes.removed) this.#remove(fileNumber);
    for (const file of changes.added) this.#files.set(file.fileNumber, file);
    this.#commit = changes.commit;
    this.#kept.clear();
    if (this.length >= Math.max(minMeasuredLength, remeasureFactor * this.#measuredLength)) {
      this.#measuredLength = this.length;
      this.#measure(this.#index);
    }
  }

  /** Finds out, while searches go on, how well codes find what is nearest; until then they are not used. */
  #measure(index: VectorIndex): void {
    index.measureRecall().then(
      (recall) => {
        if (index === this.#index) this.#recall = recall;
      },
      // The index was closed meanwhile.
      () => {},
    );
  }

  async #forget(): Promise<void> {
    await this.#index.close();
    this.#files = new Map();
    this.#rowsOfFile = new Map();
    this.#index = this.#newIndex();
    this.#commit = 0;
    this.#measuredLength = 0;
    this.#recall = undefined;
  }

  #take(batch: SegmentBatch, added: ReadonlyMap<number, StoredFile>): void {
    const placesOfKind: number[][] = segmentKinds.map(() => []);
    for (let i = 0; i < batch.length; i++) {
      // Others are of a file that is gone again, or of a commit that this reader does not know yet and will read once more.
      if (added.has(batch.fileNumbers[i]!)) placesOfKind[batch.kinds[i]!]!.push(i);
    }
    placesOfKind.forEach((places, kind) => {
      if (places.length > 0) this.#takePlaces(batch, places, segmentKinds[kind]!);
    });
  }

  /** Takes rows of one kind from a batch. */
  #takePlaces(batch: SegmentBatch, places: readonly number[], kind: SegmentKind): void {
    const { dim, codes } = this.#options;
    let { vectors } = batch;
    if (places.length < batch.length) {
      vectors = new Float32Array(places.length * dim);
      places.forEach((place, i) => {
        vectors.set(batch.vectors.subarray(place * dim, (place + 1) * dim), i * dim);
      });
    }
    const first = this.#index.add(vectors, codes === undefined ? {} : { mean: codes.offsets[kind] });
    const end = first + places.length;
    if (end > this.#fileNumbers.length) this.#grow(Math.max(1024, end, this.#fileNumbers.length * 2));
    places.forEach((place, i) => {
      const row = first + i;
      const fileNumber = batch.fileNumbers[place]!;
      this.#fileNumbers[row] = fileNumber;
      this.#indices[row] = batch.indices[place]!;
      this.#kinds[row] = batch.kinds[place]!;
      this.#startSeconds[row] = batch.startSeconds[place]!;
      this.#endSeconds[row] = batch.endSeconds[place]!;
      this.#keyFrameSeconds[row] = batch.keyFrameSeconds[place]!;
      this.#pages[row] = batch.pages[place]!;
      const rows = this.#rowsOfFile.get(fileNumber);
      if (rows === undefined) this.#rowsOfFile.set(fileNumber, [row]);
      else rows.push(row);
    });
  }

  #grow(length: number): void {
    const grown = <T extends Int32Array | Uint8Array | Float32Array>(to: T, from: T): T => {
      to.set(from as never);
      return to;
    };
    this.#fileNumbers = grown(new Int32Array(length), this.#fileNumbers);
    this.#indices = grown(new Int32Array(length), this.#indices);
    this.#kinds = grown(new Uint8Array(length), this.#kinds);
    this.#startSeconds = grown(new Float32Array(length), this.#startSeconds);
    this.#endSeconds = grown(new Float32Array(length), this.#endSeconds);
    this.#keyFrameSeconds = grown(new Float32Array(length), this.#keyFrameSeconds);
    this.#pages = grown(new Int32Array(length), this.#pages);
  }

  #remove(fileNumber: number): void {
    this.#index.remove(this.#rowsOfFile.get(fileNumber) ?? []);
    this.#rowsOfFile.delete(fileNumber);
    this.#files.delete(fileNumber);
  }

  /**
   * The best `top` for a query of weighted unit vectors `[D]`, best first. Within a kind the order is that of the cosine, between kinds that of what stands out. Of
   * several vectors the weighted sum of what stands out by each counts.
   * @param perFile how many of one file and kind are kept at most.
   */
  async nearest(
    query: readonly WeightedVector[],
    top: number,
    filter: MemoryFilter = {},
    perFile = Number.POSITIVE_INFINITY,
  ): Promise<MemoryHit[]> {
    const rowsOfKind = this.#rowsOf(filter);
    const queries = await this.#queryOfKind(query, rowsOfKind);
    const lists: Omit<MemoryHit, 'standing'>[][] = [];
    for (const [kind, rows] of rowsOfKind) lists.push(await this.#best(rows, queries.get(kind)!, top, perFile));
    return mergeKinds(lists, await this.#spreads(rowsOfKind, (kind) => queries.get(kind)!), top);
  }

  /**
   * One vector for each kind that says the same as several: cosines are linear in the query, so the weighted sum of what stands out is the cosine with the sum of the
   * vectors, each over its spread among the kind.
   */
  async #queryOfKind(
    query: readonly WeightedVector[],
    rowsOfKind: ReadonlyMap<SegmentKind, RowSet>,
  ): Promise<ReadonlyMap<SegmentKind, Float32Array>> {
    const kinds = [...rowsOfKind.keys()];
    const [first] = query;
    if (query.length === 1 && first!.weight > 0) return new Map(kinds.map((kind) => [kind, first!.vector]));
    const spreads: ReadonlyMap<SegmentKind, CosineSpread>[] = [];
    for (const { vector } of query) spreads.push(await this.#spreads(rowsOfKind, () => vector));
    return new Map(
      kinds.map((kind) => {
        const sum = new Float32Array(this.#options.dim);
        query.forEach(({ vector, weight }, i) => {
          const share = weight / spreads[i]!.get(kind)!.unit;
          for (let d = 0; d < sum.length; d++) sum[d]! += share * vector[d]!;
        });
        const length = Math.hypot(...sum);
        // What adds up to nothing is asked as its first part.
        return [kind, length > 0 ? sum.map((value) => value / length) : first!.vector];
      }),
    );
  }

  async #spreads(
    rowsOfKind: ReadonlyMap<SegmentKind, RowSet>,
    vectorOf: (kind: SegmentKind) => Float32Array,
  ): Promise<ReadonlyMap<SegmentKind, CosineSpread>> {
    const cosines = new Map<SegmentKind, Float32Array>();
    for (const [kind, rows] of rowsOfKind) {
      cosines.set(kind, await this.#index.sampleScores(vectorOf(kind), rows, maxCosinesOfSpread));
    }
    const together = Float32Array.from([...cosines.values()].flatMap((some) => [...some]));
    const count = [...rowsOfKind.values()].reduce((sum, rows) => sum + rows.size, 0);
    return new Map(
      Array.from(rowsOfKind, ([kind, rows]) => [
        kind,
        // Too few have no spread of their own: they take that of all kinds together.
        rows.size < minCosinesOfSpread ? cosineSpread(together, count) : cosineSpread(cosines.get(kind)!, rows.size),
      ]),
    );
  }

  #hit(row: number, score: number): Omit<MemoryHit, 'standing'> {
    return {
      row,
      kind: segmentKinds[this.#kinds[row]!]!,
      file: this.#files.get(this.#fileNumbers[row]!)!,
      index: this.#indices[row]!,
      startSeconds: this.#startSeconds[row]!,
      endSeconds: this.#endSeconds[row]!,
      keyFrameSeconds: this.#keyFrameSeconds[row]!,
      page: this.#pages[row]!,
      score,
    };
  }

  async #best(
    among: RowSet,
    query: Float32Array,
    top: number,
    perFile: number,
  ): Promise<Omit<MemoryHit, 'standing'>[]> {
    // Where files hold many segments, more are asked for, until enough files have shown.
    for (let wanted = top; ; wanted *= 4) {
      const options = this.#recall === undefined ? { among, depth: 0 } : { among };
      const { rows, scores } = await this.#index.search(query, wanted, options);
      const perFileSoFar = new Map<number, number>();
      const kept: Omit<MemoryHit, 'standing'>[] = [];
      for (let i = 0; i < rows.length && kept.length < top; i++) {
        const fileNumber = this.#fileNumbers[rows[i]!]!;
        const count = perFileSoFar.get(fileNumber) ?? 0;
        // A file may have gone since the filter was made.
        if (count >= perFile || !this.#files.has(fileNumber)) continue;
        perFileSoFar.set(fileNumber, count + 1);
        kept.push(this.#hit(rows[i]!, scores[i]!));
      }
      if (kept.length === top || rows.length < wanted) return kept;
    }
  }

  /** Segments that were found by other means, with what the query says of them; those that are not known or do not pass are left out. */
  hitsOf(
    keys: readonly SegmentKey[],
    query: readonly WeightedVector[],
    filter: MemoryFilter = {},
  ): Promise<MemoryHit[]> {
    const rows = keys.flatMap(({ fileNumber, index }) => {
      const file = this.#files.get(fileNumber);
      const row = this.#rowsOfFile.get(fileNumber)?.find((one) => this.#indices[one] === index);
      return file === undefined || row === undefined || !passes(file, filter) ? [] : [row];
    });
    return this.#judged(rows, query, filter);
  }

  /** All segments of files, file by file in the order of their places, with what the query says of them. */
  ofFiles(
    fileNumbers: readonly number[],
    query: readonly WeightedVector[],
    filter: MemoryFilter = {},
  ): Promise<MemoryHit[]> {
    const rows = fileNumbers.flatMap((fileNumber) =>
      (this.#rowsOfFile.get(fileNumber) ?? []).toSorted((a, b) => this.#indices[a]! - this.#indices[b]!),
    );
    return this.#judged(rows, query, filter);
  }

  /** What a query says of these rows; how much they stand out is told among all that a filter lets through. */
  async #judged(rows: readonly number[], query: readonly WeightedVector[], filter: MemoryFilter): Promise<MemoryHit[]> {
    const rowsOfKind = this.#rowsOf(filter);
    const queries = await this.#queryOfKind(query, rowsOfKind);
    const spreads = await this.#spreads(rowsOfKind, (kind) => queries.get(kind)!);
    const hits = new Map<number, MemoryHit>();
    for (const kind of rowsOfKind.keys()) {
      const own = rows.filter((row) => segmentKinds[this.#kinds[row]!] === kind);
      const scores = await this.#index.scores(queries.get(kind)!, own);
      own.forEach((row, i) => {
        const hit = this.#hit(row, scores[i]!);
        if (hit.file !== undefined && Number.isFinite(hit.score)) {
          hits.set(row, { ...hit, standing: standingOf(hit.score, spreads.get(kind)!) });
        }
      });
    }
    return rows.flatMap((row) => hits.get(row) ?? []);
  }

  /** The rows that a filter lets through, by kind; kinds without any are left out. */
  #rowsOf(filter: MemoryFilter): ReadonlyMap<SegmentKind, RowSet> {
    const key = JSON.stringify(Object.entries(filter).sort());
    const kept = this.#kept.get(key);
    if (kept !== undefined) return kept;
    const { numRows } = this.#index;
    const { kinds = segmentKinds, ...ofFiles } = filter;
    const live = new Set<number>();
    for (const [fileNumber, file] of this.#files) if (passes(file, ofFiles)) live.add(fileNumber);
    const rows = new Map<SegmentKind, RowSet>();
    for (const kind of segmentKinds.filter((one) => kinds.includes(one))) {
      let ofKind = RowSet.where(this.#kinds.subarray(0, numRows), [segmentKinds.indexOf(kind)]);
      if (live.size < this.#files.size || this.length < numRows) {
        ofKind = ofKind.and(RowSet.where(this.#fileNumbers.subarray(0, numRows), live));
      }
      if (ofKind.size > 0) rows.set(kind, ofKind);
    }
    if (this.#kept.size >= maxKeptFilters) this.#kept.delete(this.#kept.keys().next().value!);
    this.#kept.set(key, rows);
    return rows;
  }
}
