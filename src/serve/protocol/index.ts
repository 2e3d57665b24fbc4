/** @file What travels between server and page: schemas, shared by both sides. Knows nothing of either. */
export { type ApiError, type ApiErrorKind, apiError } from './errors.ts';
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
