/** @file What the HTTP handlers need from whoever searches: a contract between them, so that each is tested alone. */
import type {
  Facets,
  FileKind,
  FileMoment,
  Hit,
  MomentKey,
  RefusedResponse,
  SearchNotice,
  SegmentKind,
  Status,
} from '../protocol/index.ts';

/** One thing to look for: a text, the bytes of a file, or something like what was found; it counts 1 unless it says otherwise, below 0 against. */
export type Part = ({ readonly text: string } | { readonly media: Uint8Array } | { readonly like: MomentKey }) & {
  readonly weight?: number | undefined;
};

/** Which segments are looked at; all by default. */
export interface Filter {
  readonly kinds?: readonly SegmentKind[];
  readonly fileKinds?: readonly FileKind[];
  /** The id of a folder, as `facets` names it. */
  readonly folder?: string;
  /** Files with all of these. */
  readonly tags?: readonly string[];
  /** Files that were changed at or after, and before, these moments, in milliseconds since 1970. */
  readonly modifiedFromMs?: number;
  readonly modifiedBeforeMs?: number;
  /** Files that play at least, and at most, so long, in seconds. */
  readonly minSeconds?: number;
  readonly maxSeconds?: number;
}

/** A file of the library that may be sent. */
export interface ServedFile {
  readonly path: string;
  readonly kind: FileKind;
}

/** The answer to a query. */
export interface Found {
  /** What matches, best first. */
  readonly hits: readonly Hit[];
  /** What is nearest beside it, but more likely does not match. */
  readonly weaker: readonly Hit[];
  readonly searched: number;
  readonly notice: SearchNotice | null;
}

/** Searches one library and says how it is. */
export interface SearchService {
  /** How things are now. */
  status(): Status;
  /** Calls back after every change of the status until the returned function is called. */
  onStatus(listener: () => void): () => void;
  /**
   * The files nearest to the parts together, best first; waits for the encoder.
   * @throws MediaError for an unreadable file. @throws NotFoundError for a folder or a find that the library does not have.
   */
  search(parts: readonly Part[], top: number, filter?: Filter): Promise<Found>;
  /**
   * All segments of a file, with how well each answers the parts together; waits for the encoder.
   * @throws as `search` does, and NotFoundError for a file that the library does not have.
   */
  momentsOf(id: string, parts: readonly Part[]): Promise<readonly FileMoment[]>;
  /** What the files can be told apart by. */
  facets(): Promise<Facets>;
  /** Files that could not be indexed: `limit` of them from `offset` on. */
  refused(offset: number, limit: number): Promise<RefusedResponse>;
  /** The small picture of a segment, WebP, or nothing if there is none. */
  thumbnailOf(id: string, segment: number): Promise<Uint8Array | undefined>;
  /** A file of this library, or nothing if the library has no such file. */
  fileOf(id: string): Promise<ServedFile | undefined>;
}

/** Thrown by `search` when the encoder could not be loaded. */
export class NotReadyError extends Error {
  override readonly name = 'NotReadyError';
}

/** Thrown where the library does not have what was named. */
export class NotFoundError extends Error {
  override readonly name = 'NotFoundError';
}
