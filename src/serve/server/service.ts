/** @file What the HTTP handlers need from whoever searches: a contract between them, so that each is tested alone. */
import type { SearchNotice, Status } from '../protocol/index.ts';

/** What is looked for. */
export type Query = { readonly text: string } | { readonly picture: Uint8Array };

/** One picture that was found, by its path as the library knows it. */
export interface FoundPicture {
  readonly id: string;
  readonly name: string;
  readonly score: number;
  readonly width: number;
  readonly height: number;
}

/** The answer to a query. */
export interface Found {
  readonly hits: readonly FoundPicture[];
  readonly searched: number;
  readonly notice: SearchNotice | null;
}

/** Searches one library and says how it is. */
export interface SearchService {
  /** How things are now. */
  status(): Status;
  /** Calls back after every change of the status until the returned function is called. */
  onStatus(listener: () => void): () => void;
  /** The pictures nearest to the query, best first; waits for the encoder. @throws MediaError for an unreadable picture. */
  search(query: Query, top: number): Promise<Found>;
  /** The file of a picture of this library, or nothing if the library has no such picture. */
  pictureFile(id: string): Promise<string | undefined>;
}

/** Thrown by `search` when the encoder could not be loaded. */
export class NotReadyError extends Error {
  override readonly name = 'NotReadyError';
}
