/** @file Search in memory over unit vectors and their 256-bit codes. */
export type { ScoredRows } from './best-rows.ts';
export { randomProjection } from './projection.ts';
export type { RecallReport } from './recall.ts';
export type { AddOptions } from './row-memory.ts';
export { RowSet } from './row-set.ts';
export { type SearchOptions, VectorIndex, type VectorIndexOptions } from './vector-index.ts';
