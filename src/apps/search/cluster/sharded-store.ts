/**
 * @file The shards of a library as one store, to be read. Each shard has a writer of its own, perhaps on another machine. What a shard calls file n is called
 * n * S + k here, for shard k of S, so that numbers mean the same to every reader; what is found is merged exactly, for scores of shards are cosines alike. Only scores by
 * words are each shard's own.
 */
import type { RefusedFile, SegmentKey, StoredFile, StoredSegment } from '../store/segment.ts';
import type {
  ScoredKey,
  SegmentBatch,
  SegmentFilter,
  SegmentStore,
  SegmentWriter,
  StoreChanges,
  StoreCounts,
} from '../store/segment-store.ts';

/** States of the shards that are remembered for readers who ask what has changed since. */
const maxKnownStates = 64;

/** Several stores as one; each number of a file is unique among them. */
export class ShardedStore implements SegmentStore {
  readonly dim: number;
  readonly #address: string;
  readonly #shards: readonly SegmentStore[];
  /** The commits of the shards, by the commit of all that was given out. */
  readonly #states = new Map<number, readonly number[]>();

  /** @param shards at least one, all of vectors of the same dimension; they are closed with this store. */
  constructor(address: string, shards: readonly SegmentStore[]) {
    this.dim = shards[0]!.dim;
    this.#address = address;
    this.#shards = shards;
  }

  /** Changes whenever a shard does: versions of each only ascend, and so does their sum. */
  version(): Promise<number> {
    return this.#sum((shard) => shard.version());
  }

  async counts(): Promise<StoreCounts> {
    const all = await Promise.all(this.#shards.map((shard) => shard.counts()));
    const files = { image: 0, audio: 0, video: 0, document: 0 };
    for (const one of all)
      for (const kind of Object.keys(files) as (keyof typeof files)[]) files[kind] += one.files[kind];
    const sumOf = (of: (one: StoreCounts) => number) => all.reduce((sum, one) => sum + of(one), 0);
    return { files, segments: sumOf(({ segments }) => segments), refused: sumOf(({ refused }) => refused) };
  }

  countFiles(at: { readonly folder: string } | { readonly path: string }): Promise<number> {
    return this.#sum((shard) => shard.countFiles(at));
  }

  async files(numbers: readonly number[]): Promise<StoredFile[]> {
    const asked = this.#apart(numbers.map((fileNumber) => ({ fileNumber, index: 0 })));
    const found = await Promise.all(
      asked.map(async ({ shard, keys }) => {
        const files = await this.#shards[shard]!.files(keys.map(({ fileNumber }) => fileNumber));
        return files.map((file) => this.#outer(file, shard));
      }),
    );
    return found.flat();
  }

  async changesSince(commit: number): Promise<StoreChanges> {
    const known = commit === 0 ? this.#shards.map(() => 0) : this.#states.get(commit);
    let since = known ?? this.#shards.map(() => 0);
    let all = await Promise.all(this.#shards.map((shard, k) => shard.changesSince(since[k]!)));
    const isWhole = known === undefined || all.some((changes) => changes.isWhole);
    if (isWhole && since.some((one) => one > 0)) {
      // One shard has to be read anew, so all have: the reader forgets all it knows.
      since = this.#shards.map(() => 0);
      all = await Promise.all(this.#shards.map((shard) => shard.changesSince(0)));
    }
    const state = all.map((changes) => changes.commit);
    const next = state.reduce((sum, one) => sum + one, 0);
    this.#states.set(next, state);
    if (this.#states.size > maxKnownStates) this.#states.delete(this.#states.keys().next().value!);
    const outer = <T extends { readonly fileNumber: number }>(one: T, shard: number) => this.#outer(one, shard);
    const numShards = this.#shards.length;
    return {
      commit: next,
      isWhole,
      added: all.flatMap(({ added }, k) => added.map((file) => outer(file, k))),
      removed: all.flatMap(({ removed }, k) => removed.map((fileNumber) => fileNumber * numShards + k)),
      async *segments() {
        for (const [k, changes] of all.entries()) {
          for await (const batch of changes.segments()) {
            const fileNumbers = batch.fileNumbers.map((fileNumber) => fileNumber * numShards + k);
            yield { ...batch, fileNumbers } satisfies SegmentBatch;
          }
        }
      },
    };
  }

  async segments(keys: readonly SegmentKey[]): Promise<StoredSegment[]> {
    const found = new Map<string, StoredSegment>();
    await Promise.all(
      this.#apart(keys).map(async ({ shard, keys: own }) => {
        for (const segment of await this.#shards[shard]!.segments(own)) {
          const one = this.#outer(segment, shard);
          found.set(`${one.fileNumber}.${one.index}`, one);
        }
      }),
    );
    return keys.flatMap(({ fileNumber, index }) => found.get(`${fileNumber}.${index}`) ?? []);
  }

  async vectors(keys: readonly SegmentKey[]): Promise<Float32Array> {
    const out = new Float32Array(keys.length * this.dim);
    await Promise.all(
      this.#apart(keys).map(async ({ shard, keys: own, places }) => {
        const vectors = await this.#shards[shard]!.vectors(own);
        places.forEach((place, i) => {
          out.set(vectors.subarray(i * this.dim, (i + 1) * this.dim), place * this.dim);
        });
      }),
    );
    return out;
  }

  nearest(query: Float32Array, top: number, filter?: SegmentFilter): Promise<ScoredKey[]> {
    return this.#best(top, (shard) => shard.nearest(query, top, filter));
  }

  searchText(text: string, top: number, filter?: SegmentFilter): Promise<ScoredKey[]> {
    return this.#best(top, (shard) => shard.searchText(text, top, filter));
  }

  async refused(): Promise<RefusedFile[]> {
    return (await Promise.all(this.#shards.map((shard) => shard.refused()))).flat();
  }

  /** @throws TypeError always: each shard has a writer of its own. */
  async startWriting(): Promise<SegmentWriter> {
    throw new TypeError(
      `library ${this.#address} has ${this.#shards.length} shards, and each is written by a worker: ` +
        'start them with sensorium worker, and give them files with sensorium enqueue',
    );
  }

  async close(): Promise<void> {
    await Promise.all(this.#shards.map((shard) => shard.close()));
  }

  /** Keys as each shard names them, with their places among all. */
  #apart(keys: readonly SegmentKey[]): { shard: number; keys: SegmentKey[]; places: number[] }[] {
    const numShards = this.#shards.length;
    const groups = new Map<number, { shard: number; keys: SegmentKey[]; places: number[] }>();
    keys.forEach(({ fileNumber, index }, place) => {
      const shard = fileNumber % numShards;
      const group = groups.get(shard) ?? { shard, keys: [], places: [] };
      groups.set(shard, group);
      group.keys.push({ fileNumber: (fileNumber - shard) / numShards, index });
      group.places.push(place);
    });
    return [...groups.values()];
  }

  #outer<T extends { readonly fileNumber: number }>(one: T, shard: number): T {
    return { ...one, fileNumber: one.fileNumber * this.#shards.length + shard };
  }

  async #best(top: number, ask: (shard: SegmentStore) => Promise<ScoredKey[]>): Promise<ScoredKey[]> {
    const lists = await Promise.all(
      this.#shards.map(async (shard, k) => (await ask(shard)).map((key) => this.#outer(key, k))),
    );
    return lists
      .flat()
      .sort((a, b) => b.score - a.score)
      .slice(0, top);
  }

  async #sum(of: (shard: SegmentStore) => Promise<number>): Promise<number> {
    return (await Promise.all(this.#shards.map(of))).reduce((sum, one) => sum + one, 0);
  }
}
