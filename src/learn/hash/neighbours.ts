/** @file The nearest rows of queries by exact cosine, on ONNX Runtime. Q: queries; N: rows; D: dimension; k: neighbours. */
import type { Tensor } from '../../engine/core/index.ts';
import { fusedMatMul, spec, topK, trace } from '../../engine/graph/index.ts';
import { compile, type RuntimeOptions } from '../../engine/runtime/index.ts';
import { rowsBetween } from './products.ts';

/** Queries compared at once. */
const chunk = 256;

/** The k rows `[N, D]` with the largest dot product with each query `[Q, D]`, the largest first: `[Q, k]`, row after row. */
export async function nearestRows(
  queries: Tensor<'float32'>,
  rows: Tensor<'float32'>,
  k: number,
  runtime: RuntimeOptions = {},
): Promise<Int32Array> {
  const [numQueries, dim] = queries.shape as [number, number];
  const graph = trace(({ a, b }) => ({ nearest: topK(fusedMatMul(a, b, { transB: true }), k).indices }), {
    a: spec(['Q', dim]),
    b: spec(['N', dim]),
  });
  const executable = await compile(graph, runtime);
  try {
    const nearest = new Int32Array(numQueries * k);
    for (let start = 0; start < numQueries; start += chunk) {
      const end = Math.min(numQueries, start + chunk);
      const found = await executable.run({ a: rowsBetween(queries, start, end), b: rows });
      nearest.set(Int32Array.from(found.nearest!.data as BigInt64Array, Number), start * k);
    }
    return nearest;
  } finally {
    await executable.close();
  }
}
