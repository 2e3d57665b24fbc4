/**
 * @file What a reader keeps in memory of a store: files, and of each segment its times, kind, code and vector. It follows the store commit by commit, so that a
 * library that is being indexed is never read anew.
 *
 * N: number of rows; D: dimension of the vectors.
 */
import {
  maxCosinesOfSpread,
  mergeKinds,
  minCosinesOfSpread,
  type Spread,
  spreadOf,
  standingOf,
} from './between-kinds.ts';
import { PlainRows } from './plain-rows.ts';
import { folderPrefix } from './store/folder-prefix.ts';
import { type FileKind, type SegmentKey, type SegmentKind, type StoredFile, segmentKinds } from './store/segment.ts';
import type { SegmentBatch, SegmentFilter, SegmentStore } from './store/segment-store.ts';

/** Which segments are looked at, in memory. */
export interface MemoryFilter extends SegmentFilter {
  /** Of files of these kinds. */
  readonly fileKinds?: readonly FileKind[];
  /** Of files with all of these tags. */
  readonly tags?: readonly string[];
  /** Of files that play at least so long, in seconds. */
  readonly minSeconds?: number;
  /** Of files that play at most so long, in seconds. */
  readonly maxSeconds?: number;
}

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
const bytesOfRow = 4 + 4 + 1 + 4 + 4 + 4 + 4;

/** Filters whose rows are kept. */
const maxKeptFilters = 16;

/** One store in memory. */
export class SegmentMemory {
  readonly #dim: number;
  #commit = 0;
  #files = new Map<number, StoredFile>();
  #rowsOfFile = new Map<number, number[]>();
  #rows: PlainRows;
  #fileNumbers = new Int32Array(0);
  #indices = new Int32Array(0);
  #kinds = new Uint8Array(0);
  #startSeconds = new Float32Array(0);
  #endSeconds = new Float32Array(0);
  #keyFrameSeconds = new Float32Array(0);
  #pages = new Int32Array(0);
  /** Rows of each kind under a filter, by the filter as text. */
  readonly #kept = new Map<string, ReadonlyMap<SegmentKind, Int32Array>>();
  #refreshing: Promise<void> = Promise.resolve();

  constructor(dim: number) {
    this.#dim = dim;
    this.#rows = new PlainRows(dim);
  }

  /** The number of segments. */
  get length(): number {
    return this.#rows.numLive;
  }

  /** Files by their numbers. */
  get files(): ReadonlyMap<number, StoredFile> {
    return this.#files;
  }

  /** Memory of one segment, in bytes. */
  static bytesPerSegment(dim: number): number {
    return dim * 4 + bytesOfRow;
  }

  /** Takes in what has changed in the store; one call after another. */
  refresh(store: SegmentStore): Promise<void> {
    const next = this.#refreshing.then(() => this.#follow(store));
    this.#refreshing = next.catch(() => {});
    return next;
  }

  async #follow(store: SegmentStore): Promise<void> {
    const changes = await store.changesSince(this.#commit);
    if (changes.isWhole) this.#forget();
    if (changes.commit === this.#commit) return;
    // A file becomes visible with all its segments: they are taken in first.
    const added = new Map(changes.added.map((file) => [file.fileNumber, file]));
    for await (const batch of changes.segments()) this.#take(batch, added);
    for (const fileNumber of changes.removed) this.#remove(fileNumber);
    for (const file of changes.added) this.#files.set(file.fileNumber, file);
    this.#commit = changes.commit;
    this.#kept.clear();
  }

  #forget(): void {
    this.#files = new Map();
    this.#rowsOfFile = new Map();
    this.#rows = new PlainRows(this.#dim);
    this.#commit = 0;
  }

  #take(batch: SegmentBatch, added: ReadonlyMap<number, StoredFile>): void {
    const first = this.#rows.add(batch.vectors);
    const end = first + batch.length;
    if (end > this.#fileNumbers.length) this.#grow(Math.max(1024, end, this.#fileNumbers.length * 2));
    this.#fileNumbers.set(batch.fileNumbers, first);
    this.#indices.set(batch.indices, first);
    this.#kinds.set(batch.kinds, first);
    this.#startSeconds.set(batch.startSeconds, first);
    this.#endSeconds.set(batch.endSeconds, first);
    this.#keyFrameSeconds.set(batch.keyFrameSeconds, first);
    this.#pages.set(batch.pages, first);
    const strangers: number[] = [];
    for (let i = 0; i < batch.length; i++) {
      const fileNumber = batch.fileNumbers[i]!;
      // Of a file that is gone again, or of a commit that this reader does not know yet and will read once more.
      if (!added.has(fileNumber)) strangers.push(first + i);
      else {
        const rows = this.#rowsOfFile.get(fileNumber);
        if (rows === undefined) this.#rowsOfFile.set(fileNumber, [first + i]);
        else rows.push(first + i);
      }
    }
    this.#rows.remove(strangers);
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
    this.#rows.remove(this.#rowsOfFile.get(fileNumber) ?? []);
    this.#rowsOfFile.delete(fileNumber);
    this.#files.delete(fileNumber);
  }

  /**
   * The best `top` for a query of weighted unit vectors `[D]`, best first. Within a kind the order is that of the cosine, between kinds that of what stands out. Of
   * several vectors the weighted sum of what stands out by each counts.
   * @param perFile how many of one file and kind are kept at most.
   */
  nearest(
    query: readonly WeightedVector[],
    top: number,
    filter: MemoryFilter = {},
    perFile = Number.POSITIVE_INFINITY,
  ): MemoryHit[] {
    const rowsOfKind = this.#rowsOf(filter);
    const spreadOfKinds = (vectorOf: (kind: SegmentKind) => Float32Array) => this.#spreads(rowsOfKind, vectorOf);
    const queries = this.#queryOfKind(query, spreadOfKinds, rowsOfKind.keys());
    const vectorOf = (kind: SegmentKind) => queries.get(kind)!;
    const lists = Array.from(rowsOfKind, ([kind, rows]) => this.#best(rows, vectorOf(kind), top, perFile));
    return mergeKinds(lists, spreadOfKinds(vectorOf), top);
  }

  /**
   * One vector for each kind that says the same as several: cosines are linear in the query, so the weighted sum of what stands out is the cosine with the sum of the
   * vectors, each over its spread among the kind.
   */
  #queryOfKind(
    query: readonly WeightedVector[],
    spreadOfKinds: (vectorOf: (kind: SegmentKind) => Float32Array) => ReadonlyMap<SegmentKind, Spread>,
    kinds: Iterable<SegmentKind>,
  ): ReadonlyMap<SegmentKind, Float32Array> {
    const [first] = query;
    if (query.length === 1 && first!.weight > 0) return new Map(Array.from(kinds, (kind) => [kind, first!.vector]));
    const spreads = query.map(({ vector }) => spreadOfKinds(() => vector));
    return new Map(
      Array.from(kinds, (kind) => {
        const sum = new Float32Array(this.#dim);
        query.forEach(({ vector, weight }, i) => {
          const share = weight / spreads[i]!.get(kind)!.unit;
          for (let d = 0; d < sum.length; d++) sum[d]! += share * vector[d]!;
        });
        const length = Math.hypot(...sum) || 1;
        return [kind, sum.map((value) => value / length)];
      }),
    );
  }

  #spreads(
    rowsOfKind: ReadonlyMap<SegmentKind, Int32Array>,
    vectorOf: (kind: SegmentKind) => Float32Array,
  ): ReadonlyMap<SegmentKind, Spread> {
    const cosines = new Map(
      Array.from(rowsOfKind, ([kind, rows]) => [
        kind,
        this.#rows.sampleScores(vectorOf(kind), rows, maxCosinesOfSpread),
      ]),
    );
    const together = Float32Array.from([...cosines.values()].flatMap((some) => [...some]));
    const count = [...rowsOfKind.values()].reduce((sum, rows) => sum + rows.length, 0);
    return new Map(
      Array.from(rowsOfKind, ([kind, rows]) => [
        kind,
        // Too few have no spread of their own: they take that of all kinds together.
        rows.length < minCosinesOfSpread ? spreadOf(together, count) : spreadOf(cosines.get(kind)!, rows.length),
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

  #best(rows: Int32Array, query: Float32Array, top: number, perFile: number): Omit<MemoryHit, 'standing'>[] {
    // Where files hold many segments, more are asked for, until enough files have shown.
    for (let wanted = top; ; wanted *= 4) {
      const found = this.#rows.search(query, wanted, rows);
      const perFileSoFar = new Map<number, number>();
      const kept: Omit<MemoryHit, 'standing'>[] = [];
      for (const { row, score } of found) {
        const fileNumber = this.#fileNumbers[row]!;
        const count = perFileSoFar.get(fileNumber) ?? 0;
        if (count >= perFile) continue;
        perFileSoFar.set(fileNumber, count + 1);
        kept.push(this.#hit(row, score));
        if (kept.length === top) break;
      }
      if (kept.length === top || found.length < wanted) return kept;
    }
  }

  /** Segments that were found by other means, with what the query says of them; those that are not known or do not pass are left out. */
  hitsOf(keys: readonly SegmentKey[], query: readonly WeightedVector[], filter: MemoryFilter = {}): MemoryHit[] {
    const rows = keys.flatMap(({ fileNumber, index }) => {
      const file = this.#files.get(fileNumber);
      const row = this.#rowsOfFile.get(fileNumber)?.find((one) => this.#indices[one] === index);
      return file === undefined || row === undefined || !passes(file, filter) ? [] : [row];
    });
    return this.#judged(rows, query, filter);
  }

  /** All segments of files, file by file in the order of their places, with what the query says of them. */
  ofFiles(fileNumbers: readonly number[], query: readonly WeightedVector[], filter: MemoryFilter = {}): MemoryHit[] {
    const rows = fileNumbers.flatMap((fileNumber) =>
      (this.#rowsOfFile.get(fileNumber) ?? []).toSorted((a, b) => this.#indices[a]! - this.#indices[b]!),
    );
    return this.#judged(rows, query, filter);
  }

  /** What a query says of these rows; how much they stand out is told among all that a filter lets through. */
  #judged(rows: readonly number[], query: readonly WeightedVector[], filter: MemoryFilter): MemoryHit[] {
    const rowsOfKind = this.#rowsOf(filter);
    const spreadOfKinds = (vectorOf: (kind: SegmentKind) => Float32Array) => this.#spreads(rowsOfKind, vectorOf);
    const queries = this.#queryOfKind(query, spreadOfKinds, rowsOfKind.keys());
    const spreads = spreadOfKinds((kind) => queries.get(kind)!);
    return rows.flatMap((row) => {
      const kind = segmentKinds[this.#kinds[row]!]!;
      const spread = spreads.get(kind);
      if (spread === undefined) return [];
      const score = this.#rows.scoreOf(queries.get(kind)!, row);
      return [{ ...this.#hit(row, score), standing: standingOf(score, spread) }];
    });
  }

  /** The rows that a filter lets through, by kind; kinds without any are left out. */
  #rowsOf(filter: MemoryFilter): ReadonlyMap<SegmentKind, Int32Array> {
    const key = JSON.stringify(Object.entries(filter).sort());
    const kept = this.#kept.get(key);
    if (kept !== undefined) return kept;
    const rowsOfKind: number[][] = segmentKinds.map(() => []);
    const wanted = new Set((filter.kinds ?? segmentKinds).map((kind) => segmentKinds.indexOf(kind)));
    for (const [fileNumber, file] of this.#files) {
      if (!passes(file, filter)) continue;
      for (const row of this.#rowsOfFile.get(fileNumber) ?? []) {
        const kind = this.#kinds[row]!;
        if (wanted.has(kind)) rowsOfKind[kind]!.push(row);
      }
    }
    const rows = new Map(
      rowsOfKind.flatMap((list, kind) =>
        list.length === 0 ? [] : [[segmentKinds[kind]!, Int32Array.from(list).sort()]],
      ),
    );
    if (this.#kept.size >= maxKeptFilters) this.#kept.delete(this.#kept.keys().next().value!);
    this.#kept.set(key, rows);
    return rows;
  }
}

/** Whether a filter lets a file through. */
export function passes(file: StoredFile, filter: MemoryFilter): boolean {
  const { folder, tenant, modifiedFromMs, modifiedBeforeMs, fileKinds, tags, minSeconds, maxSeconds } = filter;
  return (
    (folder === undefined || file.path.startsWith(folderPrefix(folder))) &&
    (tenant === undefined || file.tenant === tenant) &&
    (modifiedFromMs === undefined || file.modifiedMs >= modifiedFromMs) &&
    (modifiedBeforeMs === undefined || file.modifiedMs < modifiedBeforeMs) &&
    (fileKinds === undefined || fileKinds.includes(file.kind)) &&
    (tags === undefined || tags.every((tag) => file.tags.includes(tag))) &&
    (minSeconds === undefined || file.durationSeconds >= minSeconds) &&
    (maxSeconds === undefined || file.durationSeconds <= maxSeconds)
  );
}
