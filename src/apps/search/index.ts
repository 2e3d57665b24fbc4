/** @file Search in libraries of pictures, sounds, videos and documents, by text and by any of them. */

export { type EnqueueOptions, type EnqueueReport, enqueueFolder } from './cluster/enqueue-folder.ts';
export { type RunWorkerOptions, runWorker } from './cluster/run-worker.ts';
export { type DeadLetter, WorkQueue, type WorkQueueOptions } from './cluster/work-queue.ts';
export { type Cluster, type ClusterOptions, clusterLibrary } from './clusters.ts';
export { type DuplicateGroup, type DuplicateOptions, defaultDuplicateScore, findDuplicates } from './duplicates.ts';
export { EncoderMismatchError, LibraryBusyError, LibraryTooLargeError } from './errors.ts';
export { fileIdOf } from './file-id.ts';
export {
  type FindMomentsOptions,
  type FindSequencesOptions,
  type FoundSequence,
  type FoundStretch,
  findMoments,
  findSequences,
} from './find-moments.ts';
export { type IndexOptions, type IndexReport, indexFolder } from './ingest/index-folder.ts';
export type { SkippedPath } from './ingest/walk-folder.ts';
export { type WatchOptions, watchFolder } from './ingest/watch-folder.ts';
export {
  Library,
  type LibraryQuery,
  type OpenLibraryOptions,
  openLibrary,
  type SearchFilter,
} from './library.ts';
export type { LibraryEncoder } from './library-encoder.ts';
export type { LibraryFacets, LibraryFolder } from './library-files.ts';
export { type QueryLanguage, type QueryNotice, queryLanguage } from './query-language.ts';
export type { Moment, SearchHit } from './search-hit.ts';
export {
  type EncodedQuery,
  encodeQuery,
  type JudgedHit,
  maxQueryLength,
  type QueryPart,
  type SearchOptions,
  type SearchQuery,
  type SearchResult,
  searchLibrary,
  type WeightedPart,
} from './search-library.ts';
export { soundEnvelope } from './sound-envelope.ts';
export { type FileKind, fileKinds, type SegmentKind, type StoredSegment, segmentKinds } from './store/segment.ts';
