/**
 * @file The two tables of a library in LanceDB. `files` is the log of what happened: a row for each file that is there or was refused, and for each that is
 * gone; what is not in it does not count, so that one append to it is the moment at which a commit happens. `segments` holds the rest.
 */
import type { Table } from '@lancedb/lancedb';
import { type Columns, type Row, rowsOf, sqlText } from './arrow-columns.ts';
import { folderPrefix } from './folder-prefix.ts';
import type { FileKind, StoredFile } from './segment.ts';
import type { SegmentFilter } from './segment-store.ts';

/** The tables of a store, once they are there. */
export interface LanceTables {
  readonly files: Table;
  readonly segments: Table;
}

/** What a row of `files` says: the file is there; it could not be used; the file of that number is gone; older rows of gone files were deleted. */
export type FileState = 'indexed' | 'refused' | 'removed' | 'purged';

/** The columns of `files`. */
export const fileColumns = {
  fileNumber: { type: 'int32' },
  commit: { type: 'int32' },
  state: { type: 'text' },
  path: { type: 'text' },
  sizeBytes: { type: 'float64' },
  modifiedMs: { type: 'float64' },
  kind: { type: 'text' },
  contentHash: { type: 'text' },
  format: { type: 'text' },
  width: { type: 'int32' },
  height: { type: 'int32' },
  durationSeconds: { type: 'float64' },
  tenant: { type: 'text' },
  tags: { type: 'texts' },
  reason: { type: 'text' },
  indexedAtMs: { type: 'float64' },
} as const satisfies Columns;

/** A row of `files`. */
export type FileRow = Row<typeof fileColumns>;

/** The columns of `segments`, for vectors of dimension `dim`. */
export function segmentColumns(dim: number) {
  return {
    fileNumber: { type: 'int32' },
    index: { type: 'int32' },
    commit: { type: 'int32' },
    kind: { type: 'text' },
    startSeconds: { type: 'float64' },
    endSeconds: { type: 'float64' },
    keyFrameSeconds: { type: 'float64' },
    page: { type: 'int32' },
    vector: { type: 'vector', length: dim },
    text: { type: 'text' },
    thumbnail: { type: 'bytes' },
    // Of the file, so that LanceDB can filter without a join.
    path: { type: 'text' },
    tenant: { type: 'text' },
    modifiedMs: { type: 'float64' },
  } as const satisfies Columns;
}

/** A row of `segments`. */
export type SegmentRow = Row<ReturnType<typeof segmentColumns>>;

/** What a row of `files` holds where nothing is known. */
export const emptyFileRow: FileRow = {
  fileNumber: 0,
  commit: 0,
  state: 'removed',
  path: '',
  sizeBytes: 0,
  modifiedMs: 0,
  kind: '',
  contentHash: '',
  format: '',
  width: 0,
  height: 0,
  durationSeconds: 0,
  tenant: '',
  tags: [],
  reason: '',
  indexedAtMs: 0,
};

/** A filter of segments in the filter language; undefined if it lets everything through. */
export function whereSegments(filter: SegmentFilter): string | undefined {
  const { kinds, folder, tenant, modifiedFromMs, modifiedBeforeMs } = filter;
  const parts = [
    kinds && `kind IN (${kinds.map(sqlText).join(', ') || "''"})`,
    folder === undefined ? undefined : `starts_with(path, ${sqlText(folderPrefix(folder))})`,
    tenant === undefined ? undefined : `tenant = ${sqlText(tenant)}`,
    modifiedFromMs === undefined ? undefined : `"modifiedMs" >= ${modifiedFromMs}`,
    modifiedBeforeMs === undefined ? undefined : `"modifiedMs" < ${modifiedBeforeMs}`,
  ].filter((part) => part !== undefined);
  return parts.length === 0 ? undefined : parts.join(' AND ');
}

/** Rows whose `column` is one of these numbers. */
export function whereIn(column: string, numbers: readonly number[]): string {
  return `${column} IN (${numbers.join(', ')})`;
}

/** Rows of `files`, whole. */
export async function fileRows(files: Table, where?: string): Promise<FileRow[]> {
  const query = files.query();
  const rows: FileRow[] = [];
  for await (const part of where === undefined ? query : query.where(where)) {
    rows.push(...rowsOf(part, fileColumns));
  }
  return rows;
}

/** The file that a row of `files` tells of. */
export function storedFile({ commit: _, state: __, reason: ___, kind, tags, ...rest }: FileRow): StoredFile {
  return { ...rest, kind: kind as FileKind, tags: [...tags] };
}
