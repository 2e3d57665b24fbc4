/** @file What travels between server and page: schemas, shared by both sides. Knows nothing of either. */
export { type ApiError, type ApiErrorKind, apiError } from './errors.ts';
export { type Facets, facets, type RefusedResponse, refusedResponse } from './library.ts';
export { type FileMoment, type MomentsResponse, momentsResponse } from './moments.ts';
export {
  type AskedTogether,
  type MomentKey,
  maxTextLength,
  partsOf,
  type QueryPart,
  queryParts,
} from './query.ts';
export {
  type FileKind,
  fileKind,
  type Hit,
  hit,
  type SearchNotice,
  type SearchResponse,
  type SegmentKind,
  searchNotice,
  searchResponse,
  segmentKind,
} from './search.ts';
export {
  type EncoderStatus,
  encoderStatus,
  type IndexingStatus,
  indexingStatus,
  type Status,
  status,
} from './status.ts';
