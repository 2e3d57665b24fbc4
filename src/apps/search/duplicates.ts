/** @file Files of a library that are the same, or nearly: another size, another compression, a copy of a part. */
import type { OnProgress } from '../../engine/core/index.ts';
import type { Library } from './library.ts';
import type { SearchHit } from './search-hit.ts';
import { type SegmentKind, segmentKinds } from './store/segment.ts';

/** Files that show or sound the same. */
export interface DuplicateGroup {
  /** Whether all have the same bytes. */
  readonly isExact: boolean;
  /** The smallest cosine by which one of them was joined to another. */
  readonly score: number;
  /** At least two, the largest file first: by pixels, then by length. */
  readonly files: readonly SearchHit[];
}

/** How `findDuplicates` looks. */
export interface DuplicateOptions {
  readonly library: Library;
  /** Only segments of these kinds; all but texts by default. */
  readonly kinds?: readonly SegmentKind[];
  /** Segments from this cosine on are taken for the same, in (0, 1]; by default `defaultDuplicateScore`. */
  readonly minScore?: number;
  readonly onProgress?: OnProgress;
  readonly signal?: AbortSignal;
}

/** Of pictures made a quarter as wide and compressed, two of three are above it with their originals, of different pictures one in a hundred (decisions/0068). */
export const defaultDuplicateScore = 0.96;

/** A segment is joined to so many others at most; groups join through each other. */
const maxNeighbours = 8;

/**
 * Groups of files that are the same or nearly so, the largest group first. A video belongs with another when any of their segments do.
 * @throws RangeError if `minScore` is out of range.
 */
export async function findDuplicates(options: DuplicateOptions): Promise<DuplicateGroup[]> {
  const {
    library,
    kinds = ['image', 'video', 'audio'],
    minScore = defaultDuplicateScore,
    onProgress,
    signal,
  } = options;
  if (!(minScore > 0 && minScore <= 1))
    throw new RangeError(`findDuplicates: minScore must be in (0, 1], got ${minScore}`);
  const groups = new Groups();
  const hits = new Map<number, SearchHit>();
  const total = await library.countSegments();
  let done = 0;
  const { dim } = library;
  for await (const { length, kinds: kindPlaces, vectors, fileNumbers } of library.batches()) {
    for (let i = 0; i < length; i++) {
      signal?.throwIfAborted();
      const kind = segmentKinds[kindPlaces[i]!]!;
      done += 1;
      if (!kinds.includes(kind)) continue;
      const vector = vectors.subarray(i * dim, (i + 1) * dim);
      for (const hit of await library.nearest(vector, maxNeighbours, { kinds: [kind] })) {
        if (hit.score < minScore) break;
        hits.set(hit.fileNumber, hit);
        if (hit.fileNumber !== fileNumbers[i]) groups.join(fileNumbers[i]!, hit.fileNumber, hit.score);
      }
      if (done % 200 === 0) onProgress?.({ stage: 'looking for duplicates', done, total, unit: 'segments' });
    }
  }
  onProgress?.({ stage: 'looking for duplicates', done, total, unit: 'segments' });
  const hashes = await library.contentHashes();
  return groups
    .all()
    .map(({ members, score }) => {
      const files = members.flatMap((member) => hits.get(member) ?? []);
      const isExact = new Set(members.map((member) => hashes.get(member))).size === 1;
      return { isExact, score: Math.min(1, score), files: files.sort(byExtent) };
    })
    .filter(({ files }) => files.length > 1)
    .sort((a, b) => b.files.length - a.files.length || b.score - a.score);
}

function byExtent(a: SearchHit, b: SearchHit): number {
  return b.width * b.height - a.width * a.height || b.durationSeconds - a.durationSeconds || (a.path < b.path ? -1 : 1);
}

/** Numbers that belong together (union-find with path halving). */
class Groups {
  readonly #parents = new Map<number, number>();
  readonly #scores = new Map<number, number>();

  join(a: number, b: number, score: number): void {
    const [one, other] = [this.#root(a), this.#root(b)];
    const least = Math.min(score, this.#scores.get(one) ?? 1, this.#scores.get(other) ?? 1);
    if (one !== other) this.#parents.set(other, one);
    this.#scores.set(one, least);
  }

  all(): { members: number[]; score: number }[] {
    const members = new Map<number, number[]>();
    for (const number of this.#parents.keys()) {
      const root = this.#root(number);
      const group = members.get(root);
      if (group === undefined) members.set(root, [number]);
      else group.push(number);
    }
    return Array.from(members, ([root, own]) => ({ members: own, score: this.#scores.get(root) ?? 1 }));
  }

  #root(number: number): number {
    let at = number;
    for (;;) {
      const parent = this.#parents.get(at) ?? at;
      if (parent === at) {
        this.#parents.set(at, at);
        return at;
      }
      const grandparent = this.#parents.get(parent) ?? parent;
      this.#parents.set(at, grandparent);
      at = grandparent;
    }
  }
}
