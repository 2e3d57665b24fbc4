/** @file A library behind HTTP: the handlers, the socket, and the indexing beside them. */
export * from './protocol/index.ts';
export { type AppOptions, createApp } from './server/app.ts';
export { type IndexingRun, type IndexingTask, startIndexing } from './server/indexing-process.ts';
export type { IndexingEvent } from './server/indexing-progress.ts';
export { LibraryService, type LibraryServiceOptions } from './server/library-service.ts';
export { defaultHost, defaultPort, ListenError, type Listening, listen } from './server/listen.ts';
export { maxQueryBytes } from './server/search-request.ts';
export { type ServeOptions, type Serving, serveLibrary } from './server/serve-library.ts';
export {
  type Filter,
  type Found,
  NotFoundError,
  NotReadyError,
  type Part,
  type SearchService,
  type ServedFile,
} from './server/service.ts';
