/**
 * @file The sigmoid loss (SigLIP, arXiv:2303.15343, algorithm 1): each of the B · B pairs of a batch is asked by itself whether it belongs
 * together, so nothing is normalized over the batch. B: pairs in the batch; D: dimension of the space.
 */
import { ShapeError } from '../../engine/core/index.ts';
import {
  add,
  argMax,
  cast,
  constant,
  constantInts,
  equal,
  fusedMatMul,
  mul,
  neg,
  reduceMean,
  reduceSum,
  softplus,
  type Value,
} from '../../engine/graph/index.ts';
import { diagonalMatrix } from './diagonal.ts';

/** Where the learned scale and bias of the loss start, so that a new model answers "no" to nearly all pairs, and is nearly always right. */
export const sigmoidStart = { logLogitScale: Math.log(10), logitBias: -10 };

/**
 * -1 / B · Σ log σ(z (t a·b + β)) over all pairs of a row of `a` and a row of `b`, both `[B, D]` unit rows; z is 1 where the rows have the same
 * index and -1 elsewhere. Where t a·b + β is 0 for all, it is B ln 2.
 * @param logitScale t, a scalar.
 * @param logitBias β, a scalar.
 * @throws ShapeError unless both are `[B, D]`.
 */
export function sigmoidContrast(
  a: Value,
  b: Value,
  logitScale: Value,
  logitBias: Value,
): { readonly loss: Value; readonly accuracy: Value } {
  if (a.rank !== 2 || a.shape.join() !== b.shape.join() || typeof a.shape[0] !== 'number') {
    throw new ShapeError(`sigmoidContrast: both sides must be [B, D] with B known, got ${a} and ${b}`);
  }
  const size = a.shape[0];
  const logits = add(mul(fusedMatMul(a, b, { transB: true }), logitScale), logitBias);
  const wrong = softplus(neg(mul(logits, constant(diagonalMatrix(size, 1, -1)))));
  const found = equal(argMax(logits, 1), constantInts(Array.from({ length: size }, (_, i) => i)));
  return { loss: mul(reduceSum(wrong), 1 / size), accuracy: reduceMean(cast(found, 'float32')) };
}
