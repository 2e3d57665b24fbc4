/** @file Parts of segments in columns. D: dimension of the vectors. */
import type { SegmentBatch } from './segment-store.ts';

/** The rows of a batch that belong to some files. */
export function onlyOf(batch: SegmentBatch, live: ReadonlySet<number>, dim: number): SegmentBatch {
  const places = [...batch.fileNumbers.keys()].filter((i) => live.has(batch.fileNumbers[i]!));
  const vectors = new Float32Array(places.length * dim);
  places.forEach((place, i) => {
    vectors.set(batch.vectors.subarray(place * dim, (place + 1) * dim), i * dim);
  });
  return {
    length: places.length,
    vectors,
    fileNumbers: Int32Array.from(places, (i) => batch.fileNumbers[i]!),
    indices: Int32Array.from(places, (i) => batch.indices[i]!),
    kinds: Uint8Array.from(places, (i) => batch.kinds[i]!),
    startSeconds: Float32Array.from(places, (i) => batch.startSeconds[i]!),
    endSeconds: Float32Array.from(places, (i) => batch.endSeconds[i]!),
    keyFrameSeconds: Float32Array.from(places, (i) => batch.keyFrameSeconds[i]!),
    pages: Int32Array.from(places, (i) => batch.pages[i]!),
  };
}
