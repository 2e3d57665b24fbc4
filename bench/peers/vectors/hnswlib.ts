/** @file hnswlib-node: HNSW over vectors in memory, built by one thread, saved to a file. Its filter calls back for every row. */
import { join } from 'node:path';
import { type Contender, peerPackage } from './contender.ts';

interface HnswlibIndex {
  initIndex(options: { maxElements: number; m: number; efConstruction: number; randomSeed: number }): void;
  addPoint(vector: number[], row: number): void;
  searchKnn(query: number[], top: number): { neighbors: number[] };
  setEf(effort: number): void;
  writeIndexSync(path: string): void;
  readIndexSync(path: string): void;
}
type HnswlibPackage = { HierarchicalNSW: new (space: string, dim: number) => HnswlibIndex };

/** hnswlib with its defaults; the efforts are its `ef`. */
export const hnswlib: Contender = {
  efforts: [50, 100, 200, 400],
  canFilter: false,
  async build({ vectors, dim, classes }, directory) {
    const { HierarchicalNSW } = peerPackage<HnswlibPackage>('hnswlib-node');
    const index = new HierarchicalNSW('cosine', dim);
    index.initIndex({ maxElements: classes.length, m: 16, efConstruction: 200, randomSeed: 1 });
    for (let row = 0; row < classes.length; row++) {
      index.addPoint(Array.from(vectors.subarray(row * dim, (row + 1) * dim)), row);
    }
    index.writeIndexSync(join(directory, 'index'));
  },
  async open(directory, dim) {
    const { HierarchicalNSW } = peerPackage<HnswlibPackage>('hnswlib-node');
    const index = new HierarchicalNSW('cosine', dim);
    index.readIndexSync(join(directory, 'index'));
    return {
      async search(query, top, effort) {
        index.setEf(effort);
        return index.searchKnn(Array.from(query), top).neighbors;
      },
      close: async () => {},
    };
  },
};
