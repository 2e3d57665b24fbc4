/**
 * @file A library in groups of what is alike, for people who want to look around before they ask: spherical k-means (Dhillon, Modha, 2001) over a sample, then every segment
 * to its nearest centre. Vectors are read past one another, so that memory does not grow with the library.
 *
 * K: groups; D: dimension of the vectors.
 */
import { Rng } from '../../engine/core/index.ts';
import type { Library } from './library.ts';
import type { SearchHit } from './search-hit.ts';
import { type SegmentKind, segmentKinds } from './store/segment.ts';

/** Segments that are alike. */
export interface Cluster {
  /** How many segments are in it. */
  readonly size: number;
  /** Those nearest to its centre, best first. */
  readonly examples: readonly SearchHit[];
}

/** How `clusterLibrary` looks. */
export interface ClusterOptions {
  readonly library: Library;
  /** What is grouped; one kind at a time, for kinds lie apart whatever they show. `image` by default. */
  readonly kind?: SegmentKind;
  /** K, in [1, 256]; about √(N/2), at most 40, by default. */
  readonly numClusters?: number;
  /** Examples of each; 8 by default. */
  readonly numExamples?: number;
  readonly seed?: number | string;
  readonly signal?: AbortSignal;
}

/** Segments that the centres are found from. */
const maxSample = 10_000;

const numRounds = 15;

/**
 * The groups of a library, largest first; fewer than K where there are fewer different segments.
 * @throws RangeError if an option is out of range.
 */
export async function clusterLibrary(options: ClusterOptions): Promise<Cluster[]> {
  const { library, kind = 'image', numExamples = 8, seed = 0, signal } = options;
  const { numClusters } = options;
  if (numClusters !== undefined && !(Number.isInteger(numClusters) && numClusters >= 1 && numClusters <= 256)) {
    throw new RangeError(`clusterLibrary: numClusters must be a whole number in [1, 256], got ${numClusters}`);
  }
  if (!(Number.isInteger(numExamples) && numExamples >= 1 && numExamples <= 100)) {
    throw new RangeError(`clusterLibrary: numExamples must be a whole number in [1, 100], got ${numExamples}`);
  }
  const rng = new Rng(`clusters ${seed}`);
  const { dim } = library;
  const sample: Float32Array[] = [];
  let seen = 0;
  for await (const vector of vectorsOfKind(library, kind, signal)) {
    seen += 1;
    // Reservoir sampling: each segment is in the sample with the same probability.
    if (sample.length < maxSample) sample.push(vector.slice());
    else {
      const at = rng.integer(seen);
      if (at < maxSample) sample[at] = vector.slice();
    }
  }
  if (seen === 0) return [];
  const count = Math.min(numClusters ?? Math.min(40, Math.max(1, Math.round(Math.sqrt(seen / 2)))), sample.length);
  const centres = centresOf(sample, count, dim, rng, signal);
  const sizes = new Array<number>(centres.length).fill(0);
  for await (const vector of vectorsOfKind(library, kind, signal)) sizes[nearestOf(vector, centres).at]! += 1;
  const clusters: Cluster[] = [];
  for (const [k, centre] of centres.entries()) {
    if (sizes[k] === 0) continue;
    const near = await library.nearest(centre, numExamples, { kinds: [kind] });
    clusters.push({ size: sizes[k]!, examples: near });
  }
  return clusters.sort((a, b) => b.size - a.size);
}

async function* vectorsOfKind(
  library: Library,
  kind: SegmentKind,
  signal: AbortSignal | undefined,
): AsyncGenerator<Float32Array> {
  const wanted = segmentKinds.indexOf(kind);
  for await (const { length, kinds, vectors } of library.batches()) {
    signal?.throwIfAborted();
    for (let i = 0; i < length; i++) {
      if (kinds[i] === wanted) yield vectors.subarray(i * library.dim, (i + 1) * library.dim);
    }
  }
}

/** Centres of length 1, found from a sample; k-means++ seeding (Arthur, Vassilvitskii, 2007). */
function centresOf(
  sample: readonly Float32Array[],
  count: number,
  dim: number,
  rng: Rng,
  signal: AbortSignal | undefined,
): Float32Array[] {
  const centres = [sample[rng.integer(sample.length)]!.slice()];
  const far = sample.map((vector) => Math.max(0, 1 - dot(vector, centres[0]!)));
  while (centres.length < count) {
    const sum = far.reduce((total, value) => total + value, 0);
    // What is left is the same as centres that are there.
    if (!(sum > 1e-9)) break;
    let left = rng.uniform() * sum;
    let at = far.findIndex((value) => {
      left -= value;
      return left <= 0;
    });
    if (at === -1) at = far.length - 1;
    const centre = sample[at]!.slice();
    centres.push(centre);
    sample.forEach((vector, i) => {
      far[i] = Math.min(far[i]!, Math.max(0, 1 - dot(vector, centre)));
    });
  }
  for (let round = 0; round < numRounds; round++) {
    signal?.throwIfAborted();
    const sums = centres.map(() => new Float64Array(dim));
    for (const vector of sample) {
      const sum = sums[nearestOf(vector, centres).at]!;
      for (let d = 0; d < dim; d++) sum[d]! += vector[d]!;
    }
    let moved = 0;
    sums.forEach((sum, k) => {
      const length = Math.hypot(...sum);
      // A centre that nobody is nearest to stays.
      if (length === 0) return;
      const next = Float32Array.from(sum, (value) => value / length);
      moved = Math.max(moved, 1 - dot(next, centres[k]!));
      centres[k] = next;
    });
    if (moved < 1e-6) break;
  }
  return centres;
}

function nearestOf(vector: Float32Array, centres: readonly Float32Array[]): { at: number; score: number } {
  let best = { at: 0, score: Number.NEGATIVE_INFINITY };
  for (const [at, centre] of centres.entries()) {
    const score = dot(vector, centre);
    if (score > best.score) best = { at, score };
  }
  return best;
}

function dot(a: Float32Array, b: Float32Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i]! * b[i]!;
  return sum;
}
