/**
 * @file The contract of a durable store of segments. One suite (test/contracts/segment-store.ts) holds for every implementation. A store has any number
 * of readers, in any process, and one writer at a time. What a writer has put is durable when `put` returns, and seen whole or not at all.
 *
 * N: number of rows; D: dimension of the vectors.
 */
import type {
  FileKind,
  FileStamp,
  IndexedFile,
  MediaFile,
  RefusedFile,
  SegmentKey,
  SegmentKind,
  StoredFile,
  StoredSegment,
} from './segment.ts';

/** Segments in columns, as an index in memory takes them. */
export interface SegmentBatch {
  readonly length: number;
  readonly fileNumbers: Int32Array;
  readonly indices: Int32Array;
  /** Places in `segmentKinds`. */
  readonly kinds: Uint8Array;
  readonly startSeconds: Float32Array;
  readonly endSeconds: Float32Array;
  readonly keyFrameSeconds: Float32Array;
  readonly pages: Int32Array;
  /** `[N, D]`, row-major. */
  readonly vectors: Float32Array;
}

/** What has changed since a commit. */
export interface StoreChanges {
  /** The commit up to which this goes; ask with it next time. */
  readonly commit: number;
  /** Whether the reader must forget all it knows first, because the store no longer remembers what was removed since. */
  readonly isWhole: boolean;
  /** Files that are there now and were not then. */
  readonly added: readonly StoredFile[];
  /** Numbers of files that are gone, or were replaced under another number. */
  readonly removed: readonly number[];
  /** The segments of `added`, and perhaps of files that are gone again: leave out those whose number is not known. */
  segments(): AsyncIterable<SegmentBatch>;
}

/** Which segments are looked at. */
export interface SegmentFilter {
  readonly kinds?: readonly SegmentKind[];
  /** Within this folder, at any depth; an absolute path. */
  readonly folder?: string;
  readonly tenant?: string;
  /** Of files that were changed at or after this moment, in milliseconds since 1970. */
  readonly modifiedFromMs?: number;
  /** Of files that were changed before this moment. */
  readonly modifiedBeforeMs?: number;
}

/** A segment with how well it answers. */
export interface ScoredKey extends SegmentKey {
  readonly score: number;
}

/** How much a store holds. */
export interface StoreCounts {
  readonly files: Readonly<Record<FileKind, number>>;
  readonly segments: number;
  readonly refused: number;
}

/** A durable store of segments. */
export interface SegmentStore {
  /** D, the dimension of the vectors. */
  readonly dim: number;
  /** A number that is another one after every write. */
  version(): Promise<number>;
  counts(): Promise<StoreCounts>;
  /** How many files there are within a folder at any depth, or at this very path. */
  countFiles(at: { readonly folder: string } | { readonly path: string }): Promise<number>;
  /** Files by their numbers, in any order; those that are not there are left out. */
  files(numbers: readonly number[]): Promise<StoredFile[]>;
  /** What has changed since a commit that an earlier call gave; everything since 0. */
  changesSince(commit: number): Promise<StoreChanges>;
  /** Whole segments, in the order of the keys; those that are not there are left out. */
  segments(keys: readonly SegmentKey[]): Promise<StoredSegment[]>;
  /** Vectors `[N, D]` alone, in the order of the keys; zeros where there is none. */
  vectors(keys: readonly SegmentKey[]): Promise<Float32Array>;
  /** The nearest by the cosine with a unit vector `[D]`, by the store's own index or scan: for what does not fit in memory. */
  nearest(query: Float32Array, top: number, filter?: SegmentFilter): Promise<ScoredKey[]>;
  /** The best by words (BM25 or what the store has) of those that hold every word, in English and Chinese. */
  searchText(text: string, top: number, filter?: SegmentFilter): Promise<ScoredKey[]>;
  /** Files that could not be indexed, with their reasons. */
  refused(): Promise<RefusedFile[]>;
  /** Begins to write. @throws LibraryBusyError while another writer is at work. */
  startWriting(): Promise<SegmentWriter>;
  close(): Promise<void>;
}

/** What a writer knows of a file from an earlier run. */
export interface KnownFile extends FileStamp {
  /** Empty of a refused file. */
  readonly contentHash: string;
  readonly fileNumber: number;
  readonly isRefused: boolean;
}

/** What is written at once. */
export interface StoreCommit {
  /** Files with their segments. */
  readonly indexed?: readonly IndexedFile[];
  /** Files with the segments of others that have the same content and are there already. */
  readonly copied?: readonly { readonly from: string; readonly file: MediaFile }[];
  /** Files that could not be indexed. */
  readonly refused?: readonly RefusedFile[];
}

/** The one writer of a store. */
export interface SegmentWriter {
  /** Every file that was indexed or refused, by path. */
  known(): Promise<Map<string, KnownFile>>;
  /** The files at these paths; those that are not there are left out. */
  files(paths: readonly string[]): Promise<StoredFile[]>;
  /**
   * Writes a commit. What was there under the same paths is replaced. Doing it again changes nothing but numbers.
   * @throws Error if a file is to be copied that is not there.
   */
  put(commit: StoreCommit): Promise<void>;
  /** Takes files out. */
  remove(paths: readonly string[]): Promise<void>;
  /** Brings the store into the form in which it is read fastest; readers need not stop. */
  compact(): Promise<void>;
  /** Lets the next writer in. */
  close(): Promise<void>;
}
