/** @file LanceDB with its index of RaBitQ codes, as our store would have it. */
import { connect, Index } from '@lancedb/lancedb';
import {
  Field,
  FixedSizeList,
  Float32,
  Int32,
  makeData,
  RecordBatch,
  Schema,
  Struct,
  Table,
  Uint8,
  vectorFromArray,
} from 'apache-arrow';
import type { Contender } from './contender.ts';

/** IVF_RQ of 4 bits; the efforts are the partitions that a query looks into. */
export const lancedb: Contender = {
  efforts: [10, 20, 40, 80],
  canFilter: true,
  async build({ vectors, dim, classes }, directory) {
    const connection = await connect(directory);
    const item = new Field('item', new Float32(), true);
    const type = new FixedSizeList(dim, item);
    const schema = new Schema([
      new Field('row', new Int32(), false),
      new Field('class', new Uint8(), false),
      new Field('vector', type, false),
    ]);
    const rowsAtOnce = 50_000;
    const batchOf = (start: number) => {
      const length = Math.min(rowsAtOnce, classes.length - start);
      const child = makeData({ type: new Float32(), data: vectors.subarray(start * dim, (start + length) * dim) });
      const children = [
        vectorFromArray(Int32Array.from({ length }, (_, i) => start + i)).data[0]!,
        makeData({ type: new Uint8(), data: classes.subarray(start, start + length) }),
        makeData({ type, length, nullCount: 0, child }),
      ];
      return new RecordBatch(schema, makeData({ type: new Struct(schema.fields), length, children }));
    };
    const table = await connection.createTable('rows', new Table(schema, [batchOf(0)]));
    for (let start = rowsAtOnce; start < classes.length; start += rowsAtOnce) {
      await table.add(new Table(schema, [batchOf(start)]));
    }
    await table.createIndex('vector', { config: Index.ivfRq({ distanceType: 'cosine', numBits: 4 }) });
    await table.createIndex('class', { config: Index.bitmap() });
    await table.optimize();
    connection.close();
  },
  async open(directory) {
    const connection = await connect(directory);
    const table = await connection.openTable('rows');
    return {
      async search(query, top, effort, ofClass) {
        const search = table.vectorSearch(query).distanceType('cosine').refineFactor(4);
        if (ofClass === undefined) search.nprobes(effort);
        // Under a filter, a fixed number of partitions may hold too few rows.
        else search.maximumNprobes(0).minimumNprobes(effort).where(`class = ${ofClass}`);
        const rows = await search.select(['row', '_distance']).limit(top).toArray();
        return rows.map(({ row }) => Number(row));
      },
      close: async () => connection.close(),
    };
  },
};
