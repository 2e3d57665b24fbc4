/** @file What a search finds: a file by the moment of it that answers best. */
import type { MemoryHit } from './segment-memory.ts';
import type { FileKind, SegmentKind } from './store/segment.ts';

/** When something in a file was found. */
export interface Moment {
  /** What was found there: a video is seen and heard. */
  readonly kind: SegmentKind;
  /** Its place among the segments of the file. */
  readonly index: number;
  /** When it plays, in seconds; 0 to 0 of what does not play. */
  readonly startSeconds: number;
  readonly endSeconds: number;
  /** The moment that shows it, in seconds. */
  readonly keyFrameSeconds: number;
  /** Its page, from 1; 0 where there are no pages. */
  readonly page: number;
  /** Cosine of the angle between query and segment, in [-1, 1]. */
  readonly score: number;
  /** How much it stands out among the segments of its kind: 0 at their median, 1 where the best of all lies by chance; NaN in a library too large for memory. */
  readonly standing: number;
}

/** One file found, by the moment of it that answers best. */
export interface SearchHit extends Moment {
  /** Names the segment: `library.segment` gives all of it. */
  readonly fileNumber: number;
  readonly fileKind: FileKind;
  /** Absolute path of the file. */
  readonly path: string;
  /** Width in pixels as shown; 0 where there is nothing to see. */
  readonly width: number;
  /** Height in pixels as shown; 0 where there is nothing to see. */
  readonly height: number;
  /** Length of the file in seconds; 0 of what does not play. */
  readonly durationSeconds: number;
  /** How the format is called: png, flac, mp4. */
  readonly format: string;
  readonly tags: readonly string[];
  /** When the file was last changed, ISO 8601. */
  readonly modifiedAt: string;
  /** When the file was indexed, ISO 8601. */
  readonly indexedAt: string;
}

/** A segment that was found, as a hit. */
export function searchHit(hit: Omit<MemoryHit, 'row'>): SearchHit {
  const { file, kind, index, startSeconds, endSeconds, keyFrameSeconds, page, score, standing } = hit;
  const { fileNumber, path, width, height, durationSeconds, format, tags } = file;
  const moment = { kind, index, startSeconds, endSeconds, keyFrameSeconds, page, score, standing };
  return {
    ...moment,
    ...{ fileNumber, fileKind: file.kind, path, width, height, durationSeconds, format, tags },
    modifiedAt: new Date(file.modifiedMs).toISOString(),
    indexedAt: new Date(file.indexedAtMs).toISOString(),
  };
}
