/**
 * @file Exact search over vectors held in memory. Measured against LanceDB's exact search (256 dimensions, one query, two
 * cores): 1.2 ms against 4.1 ms over 4,000 vectors, 13 ms against 37 ms over 50,000. It costs 4 D bytes a picture, so beyond
 * `defaultMaxScanBytes` the library asks LanceDB.
 *
 * N: number of pictures; D: dimension of the vectors.
 */
import type { Table } from 'apache-arrow';
import { folderPrefix, vectorsOfTable } from './picture-table.ts';

/** The most memory that vectors may take, in bytes. */
export const defaultMaxScanBytes = 256_000_000;

/** The columns that a scan needs. */
export const scanColumns = ['path', 'vector', 'width', 'height', 'indexedAtMs'] as const;

/** One version of a library's table, in memory. */
export interface MemoryScan {
  /** The version of the table that this is. */
  readonly version: number;
  readonly paths: readonly string[];
  readonly widths: Int32Array;
  readonly heights: Int32Array;
  readonly indexedAtMs: Float64Array;
  /** `[N, D]`, row-major. */
  readonly vectors: Float32Array;
}

/** Takes the columns of a query over `scanColumns` into memory. */
export function loadScan(table: Table, dim: number, version: number): MemoryScan {
  const column = <T>(name: string): T => table.getChild(name)?.toArray() as T;
  return {
    version,
    paths: Array.from(table.getChild('path') ?? [], String),
    widths: column<Int32Array>('width') ?? new Int32Array(),
    heights: column<Int32Array>('height') ?? new Int32Array(),
    indexedAtMs: column<Float64Array>('indexedAtMs') ?? new Float64Array(),
    vectors: vectorsOfTable(table, dim),
  };
}

/** The rows with the largest dot product with `query` (`[D]`), best first; equal scores in the order of the rows. */
export function scanNearest(
  scan: MemoryScan,
  query: Float32Array,
  top: number,
  folder?: string,
): { row: number; score: number }[] {
  const { paths, vectors } = scan;
  const dim = query.length;
  const prefix = folder === undefined ? undefined : folderPrefix(folder);
  const best: { row: number; score: number }[] = [];
  let worst = Number.NEGATIVE_INFINITY;
  for (let row = 0; row < paths.length; row++) {
    const score = dotAt(vectors, row * dim, query);
    if (best.length >= top && score <= worst) continue;
    if (prefix !== undefined && !paths[row]!.startsWith(prefix)) continue;
    let at = best.length;
    while (at > 0 && best[at - 1]!.score < score) at -= 1;
    best.splice(at, 0, { row, score });
    if (best.length > top) best.pop();
    if (best.length === top) worst = best[top - 1]!.score;
  }
  return best;
}

/** The dot product of `query` with the values from `start`; four sums, so that additions do not wait for each other. */
function dotAt(values: Float32Array, start: number, query: Float32Array): number {
  const dim = query.length;
  const whole = dim - (dim % 4);
  let [s0, s1, s2, s3] = [0, 0, 0, 0];
  let i = 0;
  for (let p = start; i < whole; i += 4, p += 4) {
    s0 += values[p]! * query[i]!;
    s1 += values[p + 1]! * query[i + 1]!;
    s2 += values[p + 2]! * query[i + 2]!;
    s3 += values[p + 3]! * query[i + 3]!;
  }
  for (; i < dim; i++) s0 += values[start + i]! * query[i]!;
  return s0 + s1 + s2 + s3;
}
