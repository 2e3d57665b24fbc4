/**
 * @file What a library holds: files, and the segments that they were cut into. A segment is what a query finds: a picture, a piece of a video or of a
 * sound with the times at which it plays, a passage of a document.
 *
 * D: dimension of the vectors.
 */

/** What a segment is: a picture, a sound, what moves, a passage of text. */
export type SegmentKind = 'image' | 'audio' | 'video' | 'text';

/** The kinds of segments, in the order in which they are named. */
export const segmentKinds: readonly SegmentKind[] = ['image', 'audio', 'video', 'text'];

/** What a file is. A video has segments of what is seen and segments of what is heard. */
export type FileKind = 'image' | 'audio' | 'video' | 'document';

/** The kinds of files, in the order in which they are named. */
export const fileKinds: readonly FileKind[] = ['image', 'audio', 'video', 'document'];

/** What tells whether a file has changed. */
export interface FileStamp {
  /** Absolute path, or an address; no two files of a library have the same. */
  readonly path: string;
  readonly sizeBytes: number;
  /** When it was last changed, in milliseconds since 1970. */
  readonly modifiedMs: number;
}

/** A file of a library. */
export interface MediaFile extends FileStamp {
  readonly kind: FileKind;
  /** SHA-256 of the content, in hexadecimal. */
  readonly contentHash: string;
  /** How the format is called: png, jpeg, webp, gif, svg, flac, mp4, pdf and so on. */
  readonly format: string;
  /** Width in pixels as shown; 0 where there is nothing to see. */
  readonly width: number;
  /** Height in pixels as shown; 0 where there is nothing to see. */
  readonly height: number;
  /** Length in seconds; 0 of what does not play. */
  readonly durationSeconds: number;
  /** Whose file it is, where a library serves several parties; empty otherwise. */
  readonly tenant: string;
  /** Words that were given to it. */
  readonly tags: readonly string[];
  /** When it was indexed, in milliseconds since 1970. */
  readonly indexedAtMs: number;
}

/** A piece of a file, as it is written. */
export interface Segment {
  readonly kind: SegmentKind;
  /** When it begins to play, in seconds; 0 of what does not play. */
  readonly startSeconds: number;
  /** When it has ended, in seconds; 0 of what does not play. */
  readonly endSeconds: number;
  /** The moment that shows what it is, in seconds. */
  readonly keyFrameSeconds: number;
  /** Its page, from 1; 0 where there are no pages. */
  readonly page: number;
  /** Unit vector `[D]`. */
  readonly vector: Float32Array;
  /** Words of it or about it: a passage, what is written in a picture, the name of the file. Full-text search finds them. */
  readonly text: string;
  /** A small picture of it, WebP; empty where there is none. */
  readonly thumbnail: Uint8Array;
}

/** A file with all its segments; there may be none, as of a silent recording. */
export interface IndexedFile {
  readonly file: MediaFile;
  readonly segments: readonly Segment[];
}

/** A file that could not be indexed. */
export interface RefusedFile extends FileStamp {
  /** Why, in words for people. */
  readonly reason: string;
}

/** Names a segment within a store: the number that the store gave the file, and the place of the segment in it. */
export interface SegmentKey {
  readonly fileNumber: number;
  readonly index: number;
}

/** A segment that was read back. */
export interface StoredSegment extends Segment, SegmentKey {}

/** A file that was read back. */
export interface StoredFile extends MediaFile {
  /** Never given twice: a file that changes gets another one. */
  readonly fileNumber: number;
}
