/** @file Our index, filled from files of vectors and codes. */
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { RowSet, VectorIndex } from '../../../src/apps/search/scan/index.ts';
import type { Contender } from './contender.ts';

const rowsAtOnce = 16_384;
const maxBytes = 8e9;

/** `VectorIndex` with all vectors in memory. */
export const ours: Contender = {
  efforts: [0],
  canFilter: true,
  async build({ vectors, dim, classes }, directory) {
    const index = VectorIndex.create({ dim, maxBytes });
    for (let at = 0; at < vectors.length; at += rowsAtOnce * dim) {
      index.add(vectors.subarray(at, at + rowsAtOnce * dim));
    }
    const { depth } = await index.measureRecall();
    await index.close();
    await writeFile(join(directory, 'vectors'), vectors);
    await writeFile(join(directory, 'classes'), classes);
    await writeFile(join(directory, 'depth'), String(depth));
  },
  async open(directory, dim) {
    const index = VectorIndex.create({ dim, maxBytes });
    for (const part of partsOf(join(directory, 'vectors'), rowsAtOnce * dim * 4)) index.add(new Float32Array(part));
    const [classes] = partsOf(join(directory, 'classes'), 1e9);
    const column = new Uint8Array(classes!);
    const [text] = partsOf(join(directory, 'depth'), 100);
    const depth = Number(Buffer.from(text!).toString());
    const kept = new Map<number, RowSet>();
    return {
      async search(query, top, _, ofClass) {
        if (ofClass === undefined) return [...(await index.search(query, top, { depth })).rows];
        let among = kept.get(ofClass);
        if (among === undefined) {
          among = RowSet.where(column, [ofClass]);
          kept.set(ofClass, among);
        }
        return [...(await index.search(query, top, { among, depth })).rows];
      },
      close: () => index.close(),
    };
  },
};

/** A file in pieces of `bytes`. */
function* partsOf(path: string, bytes: number): Generator<ArrayBuffer> {
  const file = openSync(path, 'r');
  try {
    const { size } = fstatSync(file);
    for (let at = 0; at < size; ) {
      const part = new ArrayBuffer(Math.min(bytes, size - at));
      for (let end = 0; end < part.byteLength; )
        end += readSync(file, new Uint8Array(part), end, part.byteLength - end, at + end);
      yield part;
      at += part.byteLength;
    }
  } finally {
    closeSync(file);
  }
}
