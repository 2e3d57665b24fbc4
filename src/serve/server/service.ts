/** @file What the HTTP handlers need from whoever searches: a contract between them, so that each is tested alone. */
import type { FileKind, Hit, SearchNotice, SegmentKind, Status } from '../protocol/index.ts';

/** What is looked for. */
export type Query = { readonly text: string } | { readonly media: Uint8Array };

/** A file of the library that may be sent. */
export interface ServedFile {
  readonly path: string;
  readonly kind: FileKind;
}

/** The answer to a query. */
export interface Found {
  readonly hits: readonly Hit[];
  readonly searched: number;
  readonly notice: SearchNotice | null;
}

/** Searches one library and says how it is. */
export interface SearchService {
  /** How things are now. */
  status(): Status;
  /** Calls back after every change of the status until the returned function is called. */
  onStatus(listener: () => void): () => void;
  /** The files nearest to the query, of these kinds or of all, best first; waits for the encoder. @throws MediaError for an unreadable file. */
  search(query: Query, top: number, kinds?: readonly SegmentKind[]): Promise<Found>;
  /** The small picture of a segment, WebP, or nothing if there is none. */
  thumbnailOf(id: string, segment: number): Promise<Uint8Array | undefined>;
  /** A file of this library, or nothing if the library has no such file. */
  fileOf(id: string): Promise<ServedFile | undefined>;
}

/** Thrown by `search` when the encoder could not be loaded. */
export class NotReadyError extends Error {
  override readonly name = 'NotReadyError';
}
