/** @file Eigenvectors of a symmetric matrix by one-sided Jacobi rotations (Hestenes 1958), and orthonormal rows by Gram and Schmidt. D: its side. */
import { ShapeError } from '../../engine/core/index.ts';

/** Rotations end when all rows are at right angles up to this cosine. */
const tolerance = 1e-7;
const maxSweeps = 30;

/**
 * The eigenvectors of a symmetric, positive semidefinite matrix `[D, D]`, the largest eigenvalue first: `axes` `[D, D]`, one a row, and their eigenvalues `[D]`.
 * Axes of eigenvalues that are zero are zero.
 * @throws ShapeError unless it is square.
 */
export function principalAxes(symmetric: ArrayLike<number>): { axes: Float64Array; eigenvalues: Float64Array } {
  const dim = Math.sqrt(symmetric.length);
  if (!Number.isInteger(dim))
    throw new ShapeError(`principalAxes: needs a square matrix, got ${symmetric.length} numbers`);
  // Rotations of rows turn C into a matrix whose rows are λ v: Cᵀ C = C² keeps its eigenvectors.
  const rows = Float64Array.from(symmetric);
  for (let sweep = 0; sweep < maxSweeps && rotateAll(rows, dim) > tolerance; sweep++);
  const eigenvalues = Float64Array.from({ length: dim }, (_, i) =>
    Math.hypot(...rows.subarray(i * dim, (i + 1) * dim)),
  );
  const order = Array.from(eigenvalues.keys()).sort((a, b) => eigenvalues[b]! - eigenvalues[a]!);
  const axes = new Float64Array(dim * dim);
  order.forEach((row, place) => {
    const length = eigenvalues[row]!;
    if (length > 0) for (let d = 0; d < dim; d++) axes[place * dim + d] = rows[row * dim + d]! / length;
  });
  return { axes, eigenvalues: Float64Array.from(order, (row) => eigenvalues[row]!) };
}

/** Puts every two rows at right angles once; gives the largest cosine that it met. */
function rotateAll(rows: Float64Array, dim: number): number {
  let largest = 0;
  for (let p = 0; p < dim; p++) {
    for (let q = p + 1; q < dim; q++) {
      const [a, b] = [p * dim, q * dim];
      let [pp, qq, pq] = [0, 0, 0];
      for (let d = 0; d < dim; d++) {
        const x = rows[a + d]!;
        const y = rows[b + d]!;
        pp += x * x;
        qq += y * y;
        pq += x * y;
      }
      const scale = Math.sqrt(pp * qq);
      if (scale < Number.MIN_VALUE || Math.abs(pq) <= tolerance * scale) continue;
      largest = Math.max(largest, Math.abs(pq) / scale);
      const zeta = (qq - pp) / (2 * pq);
      const tangent = (zeta < 0 ? -1 : 1) / (Math.abs(zeta) + Math.sqrt(1 + zeta * zeta));
      const cosine = 1 / Math.sqrt(1 + tangent * tangent);
      const sine = cosine * tangent;
      for (let d = 0; d < dim; d++) {
        const x = rows[a + d]!;
        const y = rows[b + d]!;
        rows[a + d] = cosine * x - sine * y;
        rows[b + d] = sine * x + cosine * y;
      }
    }
  }
  return largest;
}

/**
 * Makes the rows of `[rows, D]` orthonormal in place (modified Gram and Schmidt).
 * @throws ShapeError if there are more rows than columns.
 */
export function orthonormalize(matrix: Float64Array, dim: number): Float64Array {
  const numRows = matrix.length / dim;
  if (numRows > dim)
    throw new ShapeError(`orthonormalize: ${numRows} rows cannot be at right angles in ${dim} dimensions`);
  for (let i = 0; i < numRows; i++) {
    const own = matrix.subarray(i * dim, (i + 1) * dim);
    for (let j = 0; j < i; j++) {
      let dot = 0;
      for (let d = 0; d < dim; d++) dot += own[d]! * matrix[j * dim + d]!;
      for (let d = 0; d < dim; d++) own[d]! -= dot * matrix[j * dim + d]!;
    }
    let square = 0;
    for (const value of own) square += value * value;
    for (let d = 0; d < dim; d++) own[d]! /= Math.sqrt(square);
  }
  return matrix;
}
