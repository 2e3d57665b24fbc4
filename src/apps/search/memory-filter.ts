/** @file Which files and segments a search in memory looks at. */
import { folderPrefix } from './store/folder-prefix.ts';
import type { FileKind, StoredFile } from './store/segment.ts';
import type { SegmentFilter } from './store/segment-store.ts';

/** Which segments are looked at, in memory. */
export interface MemoryFilter extends SegmentFilter {
  /** Of files of these kinds. */
  readonly fileKinds?: readonly FileKind[];
  /** Of files with all of these tags. */
  readonly tags?: readonly string[];
  /** Of files that play at least so long, in seconds. */
  readonly minSeconds?: number;
  /** Of files that play at most so long, in seconds. */
  readonly maxSeconds?: number;
}

/** Whether a filter lets a file through. */
export function passes(file: StoredFile, filter: MemoryFilter): boolean {
  const { folder, tenant, modifiedFromMs, modifiedBeforeMs, fileKinds, tags, minSeconds, maxSeconds } = filter;
  return (
    (folder === undefined || file.path.startsWith(folderPrefix(folder))) &&
    (tenant === undefined || file.tenant === tenant) &&
    (modifiedFromMs === undefined || file.modifiedMs >= modifiedFromMs) &&
    (modifiedBeforeMs === undefined || file.modifiedMs < modifiedBeforeMs) &&
    (fileKinds === undefined || fileKinds.includes(file.kind)) &&
    (tags === undefined || tags.every((tag) => file.tags.includes(tag))) &&
    (minSeconds === undefined || file.durationSeconds >= minSeconds) &&
    (maxSeconds === undefined || file.durationSeconds <= maxSeconds)
  );
}
