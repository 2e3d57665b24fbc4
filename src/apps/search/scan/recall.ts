/**
 * @file How many candidates a scan of codes must hand on so that the nearest rows are among them, measured on an index's own rows or on given queries.
 */
import { Rng } from '../../../engine/core/index.ts';
import type { ScoredRows } from './best-rows.ts';
import { maxDepth } from './layout.ts';
import type { RowMemory } from './row-memory.ts';

/** What was measured. */
export interface RecallReport {
  /** The share of the nearest rows that are among the candidates. */
  readonly recall: number;
  /** Candidates to hand on; 0 if codes are of no use here. */
  readonly depth: number;
  /** Whether codes do not tell rows apart: fewer than 9 of 10 are found however deep one looks. */
  readonly isCollapsed: boolean;
  readonly numQueries: number;
}

/** Two ways to ask an index. */
export interface Ways {
  /** By every row. */
  all(query: Float32Array, top: number): Promise<ScoredRows>;
  /** The candidates of a scan, with their sums of bits. */
  coded(query: Float32Array, depth: number): Promise<ScoredRows>;
}

/** The fewest candidates that are handed on. */
const minDepth = 64;

/** The largest share of all rows for which candidates are worth their scan. */
const maxShare = 1 / 8;

/** How much deeper than measured: queries differ. */
const margin = 1.25;

/** Measures the depth that gives a recall of `target` among the `top` nearest. */
export async function recallOf(
  memory: RowMemory,
  {
    numQueries = 64,
    queries,
    target = 0.99,
    top = 10,
    seed = 'recall',
  }: { numQueries?: number; queries?: Float32Array; target?: number; top?: number; seed?: number | string },
  ways: Ways,
): Promise<RecallReport> {
  const { dim } = memory.layout;
  const asked = queries === undefined ? ownQueries(memory, numQueries, seed) : given(queries, dim, numQueries);
  const deepest = Math.min(maxDepth, Math.ceil(memory.numRows * maxShare));
  // A small index is looked at row by row.
  if (asked.length === 0 || deepest < 8 * top) return { recall: 1, depth: 0, isCollapsed: false, numQueries: 0 };
  /** For each of the nearest rows, how many candidates bring it. */
  const places: number[] = [];
  for (const { vector, row } of asked) {
    const nearest = (await ways.all(vector, top + 1)).rows.filter((other) => other !== row).slice(0, top);
    const { rows, scores } = await ways.coded(vector, deepest);
    const scoreOf = new Map(Array.from(rows, (other, i) => [other, scores[i]!]));
    const sorted = scores.sort();
    for (const other of nearest) {
      const score = scoreOf.get(other);
      places.push(score === undefined ? Number.POSITIVE_INFINITY : sorted.length - firstNotBelow(sorted, score));
    }
  }
  places.sort((a, b) => a - b);
  const needed = places[Math.max(0, Math.ceil(target * places.length) - 1)]!;
  const shareWithin = (depth: number) => places.filter((place) => place <= depth).length / places.length;
  const isCollapsed = shareWithin(deepest) < 0.9;
  if (needed > deepest) return { recall: 1, depth: 0, isCollapsed, numQueries: asked.length };
  const depth = Math.min(deepest, Math.max(minDepth, Math.ceil(needed * margin)));
  return { recall: shareWithin(depth), depth, isCollapsed, numQueries: asked.length };
}

interface Asked {
  readonly vector: Float32Array;
  /** The row that the query is; -1 if it is none. */
  readonly row: number;
}

function ownQueries(memory: RowMemory, numQueries: number, seed: number | string): Asked[] {
  if (memory.numLive === 0) return [];
  const rng = new Rng(seed);
  const rows = new Set<number>();
  for (let draws = 0; rows.size < Math.min(numQueries, memory.numLive) && draws < 64 * numQueries; draws++) {
    const row = rng.integer(memory.numRows);
    if (memory.has(row)) rows.add(row);
  }
  return Array.from(rows, (row) => ({ vector: memory.vector(row) ?? memory.roundedVector(row), row }));
}

function given(queries: Float32Array, dim: number, numQueries: number): Asked[] {
  const count = Math.min(numQueries, Math.floor(queries.length / dim));
  return Array.from({ length: count }, (_, i) => ({ vector: queries.subarray(i * dim, (i + 1) * dim), row: -1 }));
}

/** The first place in a sorted list whose value is not below `value`. */
function firstNotBelow(sorted: Float32Array, value: number): number {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (sorted[middle]! < value) low = middle + 1;
    else high = middle;
  }
  return low;
}
