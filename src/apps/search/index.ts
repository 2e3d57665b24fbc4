/** @file Search in libraries of pictures, sounds and videos, by text and by any of them. */
export { EncoderMismatchError, LibraryBusyError } from './errors.ts';
export { type IndexOptions, type IndexReport, indexFolder } from './index-folder.ts';
export { Library, type OpenLibraryOptions, openLibrary, type SearchHit } from './library.ts';
export type { LibraryEncoder } from './library-encoder.ts';
export { type MediaKind, mediaKinds } from './media-table.ts';
export type { Among } from './memory-scan.ts';
export { type QueryLanguage, type QueryNotice, queryLanguage } from './query-language.ts';
export {
  maxQueryLength,
  type SearchOptions,
  type SearchQuery,
  type SearchResult,
  searchLibrary,
} from './search-library.ts';
export { soundEnvelope } from './sound-envelope.ts';
export type { SkippedPath } from './walk-folder.ts';
