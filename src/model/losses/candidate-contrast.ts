/**
 * @file InfoNCE with more candidates than pairs (arXiv:1807.03748): where one side is cheap to embed, as texts are beside pictures, each row
 * of the costly side must find its partner among the whole batch and further negatives. B: pairs; C: candidates, at least B; D: dimension.
 */
import { ShapeError, Tensor } from '../../engine/core/index.ts';
import {
  add,
  argMax,
  cast,
  constant,
  constantInts,
  equal,
  fusedMatMul,
  logSoftmax,
  mul,
  neg,
  reduceMean,
  reduceSum,
  slice,
  type Value,
} from '../../engine/graph/index.ts';

/**
 * The mean of two cross-entropies: rows `a` `[B, D]` among `candidates` `[C, D]`, of which candidate i belongs to row i and those beyond B to
 * none; and candidates 0 to B - 1 among the rows of `a`. Embeddings that say nothing give (ln B + ln C) / 2.
 * @throws ShapeError unless both are matrices of one width, and C is at least B.
 */
export function candidateContrast(
  a: Value,
  candidates: Value,
  logitScale: Value,
): { readonly loss: Value; readonly accuracy: Value } {
  const [numRows, dim] = a.shape;
  const [numCandidates] = candidates.shape;
  const known = typeof numRows === 'number' && typeof numCandidates === 'number';
  if (a.rank !== 2 || candidates.rank !== 2 || candidates.shape[1] !== dim || !known || numCandidates < numRows) {
    throw new ShapeError(`candidateContrast: needs [B, D] and [C, D] with C of at least B, got ${a} and ${candidates}`);
  }
  const logits = mul(fusedMatMul(a, candidates, { transB: true }), logitScale);
  const own = slice(logits, { starts: [0], ends: [numRows], axes: [1] });
  const meanOfDiagonal = (rows: Value, width: number) =>
    mul(reduceSum(mul(rows, constant(diagonal(numRows, width)))), 1 / numRows);
  const towardsCandidates = neg(meanOfDiagonal(logSoftmax(logits, 1), numCandidates));
  const towardsRows = neg(meanOfDiagonal(logSoftmax(own, 0), numRows));
  const found = equal(argMax(logits, 1), constantInts(Array.from({ length: numRows }, (_, i) => i)));
  return {
    loss: mul(add(towardsCandidates, towardsRows), 0.5),
    accuracy: reduceMean(cast(found, 'float32')),
  };
}

function diagonal(height: number, width: number): Tensor {
  const data = new Float32Array(height * width);
  for (let i = 0; i < height; i++) data[i * width + i] = 1;
  return new Tensor('float32', [height, width], data);
}
