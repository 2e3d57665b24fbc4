/**
 * @file Projections compared: of the exact neighbours of held-out queries, how many stand among the first by code; for rows of each kind, asked by their like and by
 * texts. D: dimension of the space; K: bits.
 */
import type { CodeSide, RowKind } from '../../bundle/index.ts';
import { Tensor } from '../../engine/core/index.ts';
import { codeRecall, signsOf } from './code-recall.ts';
import { centreRows } from './matrix-rows.ts';
import type { Products } from './products.ts';

/** Rows of one kind and those who look for them. */
export interface CodeQuestion {
  /** "held-out", "held-out and training". */
  readonly library: string;
  readonly rowKind: RowKind;
  /** What asks, and how it is centred. */
  readonly asker: CodeSide;
  /** `[N, D]` */
  readonly rows: Tensor<'float32'>;
  /** `[Q, D]` */
  readonly queries: Tensor<'float32'>;
  /** The row that each query is; absent if they are none. */
  readonly own?: readonly number[];
}

/** Among how many first rows neighbours are looked for. */
const codeDepths = [30, 100, 300] as const;

/** One row of a report. */
export interface CodeResult {
  readonly library: string;
  readonly rowKind: RowKind;
  readonly asker: CodeSide;
  /** "learned", "itq", ... */
  readonly projection: string;
  readonly rows: number;
  readonly queries: number;
  /** Recall@10 of exact neighbours within each of `codeDepths`, by Hamming distance. */
  readonly hamming: readonly number[];
  /** The same where the query keeps its numbers, and only rows are signs. */
  readonly asymmetric: readonly number[];
}

/** Measures a projection `[K, D]` on questions. */
export async function measureCodes(
  name: string,
  projection: Float32Array,
  offsets: Readonly<Record<CodeSide, Float32Array>>,
  questions: readonly CodeQuestion[],
  products: Products,
): Promise<CodeResult[]> {
  const results: CodeResult[] = [];
  for (const { library, rowKind, asker, rows, queries, own } of questions) {
    const dim = rows.shape[1]!;
    const directions = new Tensor('float32', [projection.length / dim, dim], projection);
    const project = async (vectors: Tensor<'float32'>, side: CodeSide) =>
      new Tensor(
        'float32',
        [vectors.shape[0]!, directions.shape[0]!],
        await products.dots(centreRows(vectors, offsets[side]), directions),
      );
    const rowCodes = signsOf(await project(rows, rowKind));
    const floats = await project(queries, asker);
    const recall = (queryCodes: Tensor<'float32'>) =>
      codeRecall({ queries, rows, queryCodes, rowCodes, depths: codeDepths, ...(own ? { own } : {}) }, products);
    results.push({
      library,
      rowKind,
      asker,
      projection: name,
      rows: rows.shape[0]!,
      queries: queries.shape[0]!,
      hamming: await recall(signsOf(floats)),
      asymmetric: await recall(floats),
    });
  }
  return results;
}
