/**
 * @file A library: the segments of the files of folders, with their vectors, kept in a folder of its own. A store holds them durably; what fits in memory
 * is searched there. Any number of processes may read while one writes.
 *
 * D: dimension of the vectors.
 */
import { realpath } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { Codes } from '../../bundle/index.ts';
import { MissingDataError, ShapeError } from '../../engine/core/index.ts';
import { EncoderMismatchError, LibraryTooLargeError } from './errors.ts';
import { FileIds, facetsOf, type LibraryFacets } from './library-files.ts';
import { openPlace, placeOf } from './library-place.ts';
import type { LibraryManifest } from './manifest.ts';
import { type MemoryFilter, passes } from './memory-filter.ts';
import type { RecallReport } from './scan/index.ts';
import { type SearchHit, searchHit } from './search-hit.ts';
import { SegmentMemory, type WeightedVector } from './segment-memory.ts';
import {
  type FileKind,
  type FileStamp,
  type RefusedFile,
  type StoredFile,
  type StoredSegment,
  segmentKinds,
} from './store/segment.ts';
import { onlyOf } from './store/segment-batch.ts';
import type { SegmentBatch, SegmentStore, SegmentWriter, StoreCounts } from './store/segment-store.ts';

/** Which segments are looked at; all by default. */
export interface SearchFilter extends Omit<MemoryFilter, 'folder'> {
  /** Within this folder, at any depth, by any of its names. */
  readonly folder?: string;
}

/** What is looked for: a unit vector `[D]`, or several that count together. */
export type LibraryQuery = Float32Array | readonly WeightedVector[];

/** The most memory that a library takes by default, in bytes. */
const defaultMaxMemoryBytes = 1_000_000_000;

/** How `openLibrary` opens. */
export interface OpenLibraryOptions {
  /** Makes a new library where there is none; needs `encoderId` and `dim`. */
  readonly create?: boolean;
  /** Empties a library that was made with another encoder, or with this one; needs `create`. */
  readonly rebuild?: boolean;
  /** The encoder that will be used; absent, the library is opened whatever made it. */
  readonly encoderId?: string;
  /** D of that encoder. */
  readonly dim?: number;
  /** In how many shards a new library lies, each with a writer of its own; a library that is there must have as many. */
  readonly shards?: number;
  /** The most memory that segments may take, in bytes; beyond it LanceDB answers, more slowly. 1 GB by default. */
  readonly maxMemoryBytes?: number;
}

/**
 * Opens the library in `directory`, or makes one. `postgres://host/database` is a place for a library too.
 * @throws MissingDataError if there is none and `create` is not set.
 * @throws EncoderMismatchError if another encoder made it and `rebuild` is not set.
 * @throws LibraryBusyError if `rebuild` is set while another process writes.
 */
export async function openLibrary(directory: string, options: OpenLibraryOptions = {}): Promise<Library> {
  const place = placeOf(directory);
  const at = place.address;
  const { create = false, rebuild = false, encoderId, dim, shards } = options;
  let manifest = await place.readManifest();
  if (manifest === undefined || (create && rebuild)) {
    if (!create) {
      throw new MissingDataError(`no library in ${at}; make one with: sensorium index <folder> --library ${directory}`);
    }
    if (encoderId === undefined || dim === undefined) {
      throw new TypeError('openLibrary: a new library needs encoderId and dim');
    }
    manifest = await place.make({ encoderId, dim, rebuild, shards });
  }
  if (manifest.version < 3) {
    throw new EncoderMismatchError(
      `library ${at} was made by an earlier version, which knew no segments; index again with --rebuild`,
    );
  }
  if (encoderId !== undefined && (manifest.encoderId !== encoderId || (dim !== undefined && manifest.dim !== dim))) {
    throw new EncoderMismatchError(
      `library ${at} was made with encoder ${manifest.encoderId}, whose vectors do not compare with those of ${encoderId}; ` +
        'index again with --rebuild, or give the model that made it with --model',
    );
  }
  if (shards !== undefined && shards !== manifest.shards) {
    throw new TypeError(
      `library ${at} has ${manifest.shards ?? 'no'} shards, got ${shards}; index again with --rebuild`,
    );
  }
  const store = await openPlace(place, manifest);
  return new Library(at, manifest, store, options.maxMemoryBytes ?? defaultMaxMemoryBytes);
}

/** An open library. Made by `openLibrary`. */
export class Library {
  /** The folder that holds the library, or its address. */
  readonly directory: string;
  /** In how many shards it lies; absent, it has none. */
  readonly shards: number | undefined;
  /** The encoder whose vectors it holds. */
  readonly encoderId: string;
  /** D, the dimension of the vectors. */
  readonly dim: number;
  readonly #store: SegmentStore;
  readonly #maxMemoryBytes: number;
  readonly #fileIds = new FileIds();
  #memory: SegmentMemory | undefined;
  #version = -1;
  #counts: { readonly version: number; readonly of: Promise<StoreCounts> } | undefined;
  #codes: Codes | undefined;

  constructor(directory: string, manifest: LibraryManifest, store: SegmentStore, maxMemoryBytes: number) {
    this.directory = directory;
    this.shards = manifest.shards;
    this.encoderId = manifest.encoderId;
    this.dim = manifest.dim;
    this.#store = store;
    this.#maxMemoryBytes = maxMemoryBytes;
  }

  /** The number of files, in all or within a folder at any depth. */
  async count(folder?: string): Promise<number> {
    if (folder !== undefined) return await this.#store.countFiles({ folder: await realOf(folder) });
    return Object.values(await this.countByKind()).reduce((sum, count) => sum + count, 0);
  }

  /** The number of files of each kind. */
  async countByKind(): Promise<Readonly<Record<FileKind, number>>> {
    return (await this.#counted()).files;
  }

  /** The number of segments. */
  async countSegments(): Promise<number> {
    return (await this.#counted()).segments;
  }

  /** Whether the library holds this very path. */
  async has(path: string): Promise<boolean> {
    return (await this.#store.countFiles({ path })) > 0;
  }

  /** Files that could not be indexed, with their reasons. */
  refused(): Promise<RefusedFile[]> {
    return this.#store.refused();
  }

  /** The sizes and times of all files, also of those that could not be indexed, by path. */
  async stamps(): Promise<Map<string, FileStamp>> {
    const { added } = await this.#store.changesSince(0);
    return new Map([...added, ...(await this.#store.refused())].map((file) => [file.path, file]));
  }

  /** How many files could not be indexed. */
  async countRefused(): Promise<number> {
    return (await this.#counted()).refused;
  }

  /** The file that has this id (see `fileIdOf`), whether it was ever found or not; nothing if the library has no such file. */
  async fileById(id: string): Promise<StoredFile | undefined> {
    return this.#fileIds.find(id, await this.#files());
  }

  /** What the files can be told apart by. */
  async facets(): Promise<LibraryFacets> {
    return facetsOf((await this.#files()).values());
  }

  /** A whole segment, with its text and thumbnail; nothing if it is not there any more. */
  async segment(fileNumber: number, index: number): Promise<StoredSegment | undefined> {
    return (await this.#store.segments([{ fileNumber, index }]))[0];
  }

  /**
   * The `top` files nearest to a unit vector `[D]`, or to several that count together, best first, each by its best moment. Within a kind the order is that of the cosine, exact. Between kinds it is
   * that of what stands out among its kind (see between-kinds.ts), for cosines of one kind may all lie above those of another; only of a library too large for
   * memory it is the bare cosine.
   */
  async nearest(query: LibraryQuery, top: number, filter: SearchFilter = {}): Promise<SearchHit[]> {
    const vectors = this.#checkedQuery(query);
    const within = await withRealFolder(filter);
    const memory = await this.#inMemory();
    if (memory === undefined) return await this.#nearestOnDisk(vectors, top, within);
    // A file may be found by more than one kind: what is seen and what is heard.
    const seen = new Set<number>();
    const hits = await memory.nearest(vectors, top * segmentKinds.length, within, 1);
    return hits
      .filter(({ file }) => !seen.has(file.fileNumber) && seen.add(file.fileNumber))
      .slice(0, top)
      .map(searchHit);
  }

  /**
   * The moments nearest to a unit vector `[D]`, best first: as `nearest`, but several may be of one file. Without memory for it, LanceDB answers.
   */
  async nearestMoments(query: LibraryQuery, top: number, filter: SearchFilter = {}): Promise<SearchHit[]> {
    const vectors = this.#checkedQuery(query);
    const within = await withRealFolder(filter);
    const memory = await this.#inMemory();
    if (memory === undefined) return await this.#nearestOnDisk(vectors, top, within, Number.POSITIVE_INFINITY);
    return (await memory.nearest(vectors, top, within)).map(searchHit);
  }

  /**
   * All moments of files, file by file in the order of time, with how well each answers a query.
   * @throws LibraryTooLargeError if it does not fit in memory.
   */
  async momentsOf(
    fileNumbers: readonly number[],
    query: LibraryQuery,
    filter: SearchFilter = {},
  ): Promise<SearchHit[]> {
    const vectors = this.#checkedQuery(query);
    const memory = await this.#inMemory();
    if (memory === undefined) {
      throw new LibraryTooLargeError(
        `library ${this.directory}: too large for memory to look at every moment; raise maxMemoryBytes`,
      );
    }
    return (await memory.ofFiles(fileNumbers, vectors, await withRealFolder(filter))).map(searchHit);
  }

  /** The best files among those that hold every word of a text, best first; their scores are those of the query. */
  async nearestWords(text: string, query: LibraryQuery, top: number, filter: SearchFilter = {}): Promise<SearchHit[]> {
    const vectors = this.#checkedQuery(query);
    const within = await withRealFolder(filter);
    const memory = await this.#inMemory();
    const keys = await this.#store.searchText(text, top * 4, within);
    if (memory === undefined) {
      const unit = this.#joined(vectors);
      return (await this.#hitsOf(keys, within, 1, ({ vector }) => dot(vector, unit))).slice(0, top);
    }
    const seen = new Set<number>();
    return (await memory.hitsOf(keys, vectors, within))
      .filter(({ file }) => !seen.has(file.fileNumber) && seen.add(file.fileNumber))
      .slice(0, top)
      .map(searchHit);
  }

  /**
   * Begins to write; nobody else can until `close`.
   * @throws LibraryBusyError while another writer is at work.
   */
  startWriting(): Promise<SegmentWriter> {
    return this.#store.startWriting();
  }

  /** All segments with their vectors, part by part, in no particular order. */
  async *batches(): AsyncGenerator<SegmentBatch> {
    const { added, segments } = await this.#store.changesSince(0);
    const live = new Set(added.map(({ fileNumber }) => fileNumber));
    for await (const batch of segments()) {
      if (batch.fileNumbers.every((number) => live.has(number))) yield batch;
      else yield onlyOf(batch, live, this.dim);
    }
  }

  /** The SHA-256 of every file, by its number. */
  async contentHashes(): Promise<ReadonlyMap<number, string>> {
    return new Map(Array.from(await this.#files(), ([fileNumber, { contentHash }]) => [fileNumber, contentHash]));
  }

  /** Finds by the codes of an encoder from now on; without any, by random ones. */
  async useCodes(codes: Codes | undefined): Promise<void> {
    if (this.#codes?.id === codes?.id) return;
    this.#codes = codes;
    await this.#forgetMemory();
  }

  /** How well codes find what is nearest in this library; nothing while it is small enough to do without, or not in memory. */
  get recall(): RecallReport | undefined {
    return this.#memory?.recall;
  }

  /** Frees what the library holds open. */
  async close(): Promise<void> {
    await this.#forgetMemory();
    await this.#store.close();
  }

  /** How much the store holds, counted once for each of its versions. */
  async #counted(): Promise<StoreCounts> {
    const version = await this.#store.version();
    if (this.#counts?.version !== version) this.#counts = { version, of: this.#store.counts() };
    const counting = this.#counts;
    try {
      return await counting.of;
    } catch (error) {
      if (this.#counts === counting) this.#counts = undefined;
      throw error;
    }
  }

  async #forgetMemory(): Promise<void> {
    const memory = this.#memory;
    this.#memory = undefined;
    this.#version = -1;
    await memory?.close();
  }

  #checkedQuery(query: LibraryQuery): readonly WeightedVector[] {
    const vectors = query instanceof Float32Array ? [{ vector: query, weight: 1 }] : query;
    const wrong = vectors.find(({ vector }) => vector.length !== this.dim);
    if (wrong === undefined) return vectors;
    throw new ShapeError(`library ${this.directory}: a query must be [${this.dim}], got [${wrong.vector.length}]`);
  }

  /** The segments in memory, as of now; undefined when they would take too much. */
  async #inMemory(): Promise<SegmentMemory | undefined> {
    const version = await this.#store.version();
    if (this.#memory !== undefined && version === this.#version) return this.#memory;
    const { segments } = await this.#counted();
    if (segments * SegmentMemory.bytesPerSegment(this.dim) > this.#maxMemoryBytes) {
      await this.#forgetMemory();
      return undefined;
    }
    this.#memory ??= new SegmentMemory({ dim: this.dim, maxBytes: this.#maxMemoryBytes, codes: this.#codes });
    const memory = this.#memory;
    await memory.refresh(this.#store);
    this.#version = version;
    return memory;
  }

  /** All files by their numbers, as of now. */
  async #files(): Promise<ReadonlyMap<number, StoredFile>> {
    const memory = await this.#inMemory();
    if (memory !== undefined) return memory.files;
    const { added } = await this.#store.changesSince(0);
    return new Map(added.map((file) => [file.fileNumber, file]));
  }

  async #nearestOnDisk(
    query: readonly WeightedVector[],
    top: number,
    filter: MemoryFilter,
    perFile = 1,
  ): Promise<SearchHit[]> {
    const unit = this.#joined(query);
    const keys = await this.#store.nearest(unit, top * 4, filter);
    return (await this.#hitsOf(keys, filter, perFile)).slice(0, top);
  }

  /** Several vectors as one. */
  #joined(query: readonly WeightedVector[]): Float32Array {
    if (query.length === 1) return query[0]!.vector;
    const sum = new Float32Array(this.dim);
    for (const { vector, weight } of query) for (let d = 0; d < sum.length; d++) sum[d]! += weight * vector[d]!;
    const length = Math.hypot(...sum) || 1;
    return sum.map((value) => value / length);
  }

  /** What is known of segments that the store has found. */
  async #hitsOf(
    keys: readonly { fileNumber: number; index: number; score: number }[],
    filter: MemoryFilter,
    perFile: number,
    scoreOf?: (segment: StoredSegment) => number,
  ): Promise<SearchHit[]> {
    const files = new Map<number, StoredFile>();
    const numbers = [...new Set(keys.map(({ fileNumber }) => fileNumber))];
    for (const file of await this.#store.files(numbers)) files.set(file.fileNumber, file);
    const seen = new Map<number, number>();
    const kept = keys.filter(({ fileNumber }) => {
      const file = files.get(fileNumber);
      const count = seen.get(fileNumber) ?? 0;
      seen.set(fileNumber, count + 1);
      return file !== undefined && passes(file, filter) && count < perFile;
    });
    const segments = new Map(
      (await this.#store.segments(kept)).map((segment) => [`${segment.fileNumber}.${segment.index}`, segment]),
    );
    return kept.flatMap(({ fileNumber, index, score }) => {
      const segment = segments.get(`${fileNumber}.${index}`);
      const file = files.get(fileNumber)!;
      if (segment === undefined) return [];
      return [searchHit({ ...segment, file, score: scoreOf?.(segment) ?? score, standing: Number.NaN })];
    });
  }
}

async function withRealFolder(filter: SearchFilter): Promise<MemoryFilter> {
  const { folder, ...rest } = filter;
  return folder === undefined ? rest : { ...rest, folder: await realOf(folder) };
}

/** The path under which rows of a folder are kept, however it is named; of a folder that is gone, the path as given. */
async function realOf(folder: string): Promise<string> {
  return await realpath(folder).catch(() => resolve(folder));
}

function dot(a: Float32Array, b: Float32Array): number {
  return a.reduce((sum, value, i) => sum + value * b[i]!, 0);
}
