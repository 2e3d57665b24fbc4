/**
 * @file What codes are worth: how many of a query's nearest rows by exact cosine are among the first rows by code. Q: queries; N: rows; D: dimension; K: bits.
 */
import { Tensor } from '../../engine/core/index.ts';
import { type Products, rowsBetween } from './products.ts';

/** What `codeRecall` compares. */
export interface CodeRecallOptions {
  /** Unit vectors of queries `[Q, D]` and of rows `[N, D]`. */
  readonly queries: Tensor<'float32'>;
  readonly rows: Tensor<'float32'>;
  /** `[Q, K]` and `[N, K]`: a row is before another if its dot product is larger. Of signs, that is the order of Hamming distances. */
  readonly queryCodes: Tensor<'float32'>;
  readonly rowCodes: Tensor<'float32'>;
  /** The row that each query is itself, which is not looked for; absent if queries are no rows. */
  readonly own?: readonly number[];
  /** How many exact neighbours are looked for; 10 if absent. */
  readonly numNeighbours?: number;
  /** Among how many first rows by code. */
  readonly depths: readonly number[];
}

/** Queries compared at once. */
const chunk = 256;

/** The share of exact neighbours within each depth, over all queries. Of rows with equal distances, the first come first. */
export async function codeRecall(options: CodeRecallOptions, products: Products): Promise<number[]> {
  const { queries, rows, queryCodes, rowCodes, own, numNeighbours = 10, depths } = options;
  const [numQueries, numRows] = [queries.shape[0]!, rows.shape[0]!];
  const found = depths.map(() => 0);
  let wanted = 0;
  for (let start = 0; start < numQueries; start += chunk) {
    const end = Math.min(numQueries, start + chunk);
    const exact = await products.dots(rowsBetween(queries, start, end), rows);
    const coded = await products.dots(rowsBetween(queryCodes, start, end), rowCodes);
    for (let i = 0; i < end - start; i++) {
      const self = own?.[start + i] ?? -1;
      const near = largest(exact.subarray(i * numRows, (i + 1) * numRows), numNeighbours, self);
      wanted += near.length;
      for (const rank of ranksIn(coded.subarray(i * numRows, (i + 1) * numRows), near, self)) {
        depths.forEach((depth, d) => {
          if (rank < depth) found[d]!++;
        });
      }
    }
  }
  return found.map((count) => count / wanted);
}

/** The places of the `count` largest values but that of `self`, the largest first; of equal ones the first. */
export function largest(values: Float32Array, count: number, self = -1): number[] {
  const best: number[] = [];
  let least = Number.NEGATIVE_INFINITY;
  for (let i = 0; i < values.length; i++) {
    const value = values[i]!;
    if ((best.length >= count && value <= least) || i === self) continue;
    let at = best.length;
    while (at > 0 && values[best[at - 1]!]! < value) at--;
    best.splice(at, 0, i);
    if (best.length > count) best.pop();
    least = values[best.at(-1)!]!;
  }
  return best;
}

/** How many rows come before each of some rows. */
function ranksIn(values: Float32Array, rows: readonly number[], self: number): number[] {
  return rows.map((row) => {
    const value = values[row]!;
    let rank = 0;
    for (let i = 0; i < values.length; i++) {
      if (values[i]! > value || (values[i] === value && i < row)) rank++;
    }
    return self >= 0 && (values[self]! > value || (values[self] === value && self < row)) ? rank - 1 : rank;
  });
}

/** 1 where a number is above zero, else -1, in a matrix of the same shape. */
export function signsOf({ shape, data }: Tensor<'float32'>): Tensor<'float32'> {
  return new Tensor(
    'float32',
    shape,
    Float32Array.from(data, (value) => (value > 0 ? 1 : -1)),
  );
}
