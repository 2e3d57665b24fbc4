/**
 * @file From a sentence to a stretch of time inside long videos and recordings, and sentences that must come one after another.
 */
import type { Library, SearchFilter } from './library.ts';
import type { LibraryEncoder } from './library-encoder.ts';
import type { SearchHit } from './search-hit.ts';
import { encodeQuery, type SearchQuery } from './search-library.ts';
import type { WeightedVector } from './segment-memory.ts';

/** A stretch of time within a file. */
export interface FoundStretch {
  /** The segment of the stretch that answers best. */
  readonly best: SearchHit;
  readonly startSeconds: number;
  readonly endSeconds: number;
  /** How much the stretch stands out: the mean over its segments. */
  readonly standing: number;
}

/** Files in which something comes before something else. */
export interface FoundSequence {
  /** A stretch for each sentence, in the order of time. */
  readonly stretches: readonly FoundStretch[];
  /** The mean over the stretches. */
  readonly standing: number;
}

/** What `findMoments` needs. */
export interface FindMomentsOptions extends SearchFilter {
  readonly library: Library;
  readonly encoder: LibraryEncoder;
  readonly query: SearchQuery;
  /** How many stretches to return at most, in [1, 1000]; 10 by default. */
  readonly top?: number;
}

/** Neighbours belong to a stretch that stand out at least this share as much as its best. */
const shareOfBest = 0.6;

/** Segments further apart than this are not one stretch, in seconds. */
const maxGapSeconds = 1.5;

/** For each file that is wanted, so many are looked into. */
const filesPerResult = 4;

/**
 * The stretches of videos and recordings that answer a query, best first; several may lie in one file, but they do not overlap.
 * @throws as `searchLibrary` does.
 */
export async function findMoments(options: FindMomentsOptions): Promise<FoundStretch[]> {
  const { library, encoder, query, top = 10, ...filter } = options;
  checkTop(top);
  const { vectors } = await encodeQuery(library, encoder, query);
  if (vectors.length === 0) return [];
  const playing: SearchFilter = { ...filter, kinds: (filter.kinds ?? ['video', 'audio']).filter(plays) };
  const best = await library.nearest(vectors, top * filesPerResult, playing);
  const moments = await library.momentsOf(
    best.map(({ fileNumber }) => fileNumber),
    vectors,
    playing,
  );
  return lanesOf(moments)
    .flatMap(stretchesOf)
    .sort((a, b) => b.best.standing - a.best.standing)
    .slice(0, top);
}

/** What `findSequences` needs. */
export interface FindSequencesOptions extends Omit<FindMomentsOptions, 'query'> {
  /** At least two, in the order in which they must come. */
  readonly queries: readonly SearchQuery[];
}

/**
 * Videos and recordings in which the answers to some queries come one after another: "a dog, then a car". Best first.
 * @throws RangeError if there are fewer than two queries or more than eight; else as `searchLibrary` does.
 */
export async function findSequences(options: FindSequencesOptions): Promise<FoundSequence[]> {
  const { library, encoder, queries, top = 10, ...filter } = options;
  checkTop(top);
  if (queries.length < 2 || queries.length > 8) {
    throw new RangeError(`findSequences: give 2 to 8 queries, got ${queries.length}`);
  }
  const playing: SearchFilter = { ...filter, kinds: (filter.kinds ?? ['video', 'audio']).filter(plays) };
  const encoded: (readonly WeightedVector[])[] = [];
  for (const query of queries) {
    const { vectors } = await encodeQuery(library, encoder, query);
    if (vectors.length === 0) return [];
    encoded.push(vectors);
  }
  const files = new Set<number>();
  for (const vectors of encoded) {
    for (const { fileNumber } of await library.nearest(vectors, top * filesPerResult, playing)) files.add(fileNumber);
  }
  const numbers = [...files];
  const moments = await Promise.all(encoded.map((vectors) => library.momentsOf(numbers, vectors, playing)));
  const byFile = moments.map((list) => groupBy(list, keyOfFile));
  return numbers
    .flatMap((fileNumber) => bestSequence(byFile.map((groups) => groups.get(fileNumber) ?? [])) ?? [])
    .sort((a, b) => b.standing - a.standing)
    .slice(0, top);
}

function checkTop(top: number): void {
  if (!Number.isInteger(top) || top < 1 || top > 1000) {
    throw new RangeError(`findMoments: top must be a whole number in [1, 1000], got ${top}`);
  }
}

function plays(kind: string): kind is 'video' | 'audio' {
  return kind === 'video' || kind === 'audio';
}

const keyOfFile = ({ fileNumber }: SearchHit) => fileNumber;

function groupBy<K>(list: readonly SearchHit[], keyOf: (hit: SearchHit) => K): Map<K, SearchHit[]> {
  const groups = new Map<K, SearchHit[]>();
  for (const one of list) {
    const group = groups.get(keyOf(one));
    if (group === undefined) groups.set(keyOf(one), [one]);
    else group.push(one);
  }
  return groups;
}

/** What is seen and what is heard in each file, each in the order of time. */
function lanesOf(moments: readonly SearchHit[]): SearchHit[][] {
  return [...groupBy(moments, ({ fileNumber, kind }) => `${fileNumber} ${kind}`).values()].map((lane) =>
    lane.toSorted((a, b) => a.startSeconds - b.startSeconds),
  );
}

/** The stretches of a lane: its best segment with the neighbours that answer nearly as well, then the same for what is left. */
function stretchesOf(lane: readonly SearchHit[]): FoundStretch[] {
  const stretches: FoundStretch[] = [];
  const isTaken = new Array<boolean>(lane.length).fill(false);
  const order = lane.map((_, i) => i).sort((a, b) => lane[b]!.standing - lane[a]!.standing);
  for (const at of order) {
    if (isTaken[at]) continue;
    const best = lane[at]!;
    const belongs = (i: number, neighbour: number) =>
      i >= 0 &&
      i < lane.length &&
      !isTaken[i] &&
      best.standing > 0 &&
      lane[i]!.standing >= shareOfBest * best.standing &&
      gapBetween(lane[i]!, lane[neighbour]!) <= maxGapSeconds;
    let first = at;
    let last = at;
    while (belongs(first - 1, first)) first -= 1;
    while (belongs(last + 1, last)) last += 1;
    isTaken.fill(true, first, last + 1);
    stretches.push(stretchOf(best, lane.slice(first, last + 1)));
  }
  return stretches;
}

function gapBetween(a: SearchHit, b: SearchHit): number {
  return Math.max(a.startSeconds - b.endSeconds, b.startSeconds - a.endSeconds);
}

function stretchOf(best: SearchHit, parts: readonly SearchHit[]): FoundStretch {
  return {
    best,
    startSeconds: Math.min(...parts.map(({ startSeconds }) => startSeconds)),
    endSeconds: Math.max(...parts.map(({ endSeconds }) => endSeconds)),
    standing: parts.reduce((sum, { standing }) => sum + standing, 0) / parts.length,
  };
}

/**
 * The best choice of a segment for each query such that each begins no earlier than the one before has ended, by dynamic programming over the order of ends.
 * @param lanes the segments of one file, for each query.
 */
function bestSequence(lanes: readonly (readonly SearchHit[])[]): FoundSequence | undefined {
  interface Chain {
    readonly sum: number;
    readonly hit: SearchHit;
    readonly before: Chain | undefined;
  }
  let chains: Chain[] = [];
  for (const [place, lane] of lanes.entries()) {
    // Best chain among those that have ended by a time: ends ascend, and so does the best so far.
    const ended = chains.toSorted((a, b) => a.hit.endSeconds - b.hit.endSeconds);
    let next = 0;
    let best: Chain | undefined;
    const longer: Chain[] = [];
    for (const hit of lane.toSorted((a, b) => a.startSeconds - b.startSeconds)) {
      while (next < ended.length && ended[next]!.hit.endSeconds <= hit.startSeconds + 1e-3) {
        if (best === undefined || ended[next]!.sum > best.sum) best = ended[next];
        next += 1;
      }
      if (place === 0) longer.push({ sum: hit.standing, hit, before: undefined });
      else if (best !== undefined) longer.push({ sum: best.sum + hit.standing, hit, before: best });
    }
    chains = longer;
  }
  let last = chains.reduce<Chain | undefined>(
    (best, one) => (best === undefined || one.sum > best.sum ? one : best),
    undefined,
  );
  if (last === undefined) return undefined;
  const standing = last.sum / lanes.length;
  const stretches: FoundStretch[] = [];
  for (; last !== undefined; last = last.before) stretches.unshift(stretchOf(last.hit, [last.hit]));
  return { stretches, standing };
}
