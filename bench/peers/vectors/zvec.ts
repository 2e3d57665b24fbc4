/** @file zvec: HNSW with 8-bit vectors in a collection on disk. */
import { join } from 'node:path';
import { type Contender, peerPackage } from './contender.ts';

interface ZvecCollection {
  insertSync(documents: readonly unknown[]): unknown;
  optimizeSync(): unknown;
  querySync(query: unknown): { id: string }[];
  closeSync(): void;
}
interface ZvecPackage {
  ZVecCollectionSchema: new (schema: unknown) => unknown;
  ZVecCreateAndOpen(path: string, schema: unknown): ZvecCollection;
  ZVecOpen(path: string): ZvecCollection;
  ZVecDataType: Record<string, number>;
  ZVecIndexType: Record<string, number>;
  ZVecMetricType: Record<string, number>;
  ZVecQuantizeType: Record<string, number>;
}

/** zvec with HNSW; the efforts are its `ef`. */
export const zvec: Contender = {
  efforts: [100, 200, 400, 800],
  canFilter: true,
  async build({ vectors, dim, classes }, directory) {
    const z = peerPackage<ZvecPackage>('@zvec/zvec');
    const schema = new z.ZVecCollectionSchema({
      name: 'rows',
      fields: { name: 'class', dataType: z.ZVecDataType.INT32, indexParams: { indexType: z.ZVecIndexType.INVERT } },
      vectors: {
        name: 'vector',
        dataType: z.ZVecDataType.VECTOR_FP32,
        dimension: dim,
        indexParams: {
          indexType: z.ZVecIndexType.HNSW,
          metricType: z.ZVecMetricType.COSINE,
          quantizeType: z.ZVecQuantizeType.INT8,
          m: 16,
          efConstruction: 200,
        },
      },
    });
    const collection = z.ZVecCreateAndOpen(join(directory, 'rows'), schema);
    const rowsAtOnce = 1000;
    for (let start = 0; start < classes.length; start += rowsAtOnce) {
      const end = Math.min(classes.length, start + rowsAtOnce);
      collection.insertSync(
        Array.from({ length: end - start }, (_, i) => ({
          id: String(start + i),
          vectors: { vector: vectors.subarray((start + i) * dim, (start + i + 1) * dim) },
          fields: { class: classes[start + i]! },
        })),
      );
    }
    collection.optimizeSync();
    collection.closeSync();
  },
  async open(directory) {
    const z = peerPackage<ZvecPackage>('@zvec/zvec');
    const collection = z.ZVecOpen(join(directory, 'rows'));
    return {
      async search(query, top, effort, ofClass) {
        const found = collection.querySync({
          fieldName: 'vector',
          vector: query,
          topk: top,
          outputFields: [],
          params: { indexType: z.ZVecIndexType.HNSW, ef: effort },
          ...(ofClass === undefined ? {} : { filter: `class = ${ofClass}` }),
        });
        return found.map(({ id }) => Number(id));
      },
      close: async () => collection.closeSync(),
    };
  },
};
