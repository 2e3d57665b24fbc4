/** @file usearch: HNSW over vectors in memory, saved to a file. Its JavaScript side has no filter. */
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { type Contender, peerPackage } from './contender.ts';

interface UsearchIndex {
  add(keys: BigUint64Array, vectors: Float32Array, threads: number): void;
  search(query: Float32Array, top: number, threads: number): { keys: BigUint64Array };
  save(path: string): void;
  load(path: string): void;
}
type UsearchPackage = { Index: new (config: Record<string, unknown>) => UsearchIndex };

/** usearch with vectors of 8 bits (`i8`) or as they came (`f32`); the efforts are its `expansion_search`. */
export function usearch(quantization: 'i8' | 'f32'): Contender {
  const create = (dim: number, effort: number) => {
    const { Index } = peerPackage<UsearchPackage>('usearch');
    const sizes = { connectivity: 16, expansion_add: 128, expansion_search: effort };
    return new Index({ dimensions: dim, metric: 'cos', quantization, multi: false, ...sizes });
  };
  return {
    efforts: [64, 128, 256, 512],
    canFilter: false,
    async build({ vectors, dim, classes }, directory) {
      const index = create(dim, 64);
      const rowsAtOnce = 10_000;
      for (let start = 0; start < classes.length; start += rowsAtOnce) {
        const end = Math.min(classes.length, start + rowsAtOnce);
        const keys = BigUint64Array.from({ length: end - start }, (_, i) => BigInt(start + i));
        index.add(keys, vectors.slice(start * dim, end * dim), availableParallelism());
      }
      index.save(join(directory, 'index'));
    },
    async open(directory, dim) {
      // What it searches is fixed when it is made.
      const made = new Map<number, UsearchIndex>();
      return {
        async search(query, top, effort) {
          let index = made.get(effort);
          if (index === undefined) {
            made.clear();
            index = create(dim, effort);
            index.load(join(directory, 'index'));
            made.set(effort, index);
          }
          return Array.from(index.search(query, top, 1).keys, Number);
        },
        close: async () => made.clear(),
      };
    },
  };
}
