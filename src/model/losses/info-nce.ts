/**
 * @file Symmetric InfoNCE (arXiv:1807.03748, in CLIP's two-sided form, arXiv:2103.00020): each row of one modality must find its partner
 * among all rows of the other. B: pairs in the batch; D: dimension of the space.
 */
import { ShapeError, Tensor } from '../../engine/core/index.ts';
import {
  add,
  argMax,
  cast,
  clip,
  constant,
  constantInts,
  equal,
  exp,
  fusedMatMul,
  logSoftmax,
  mul,
  neg,
  reduceMean,
  reduceSum,
  type Value,
} from '../../engine/graph/index.ts';

/** The largest logit scale, 1 / the smallest temperature, as in CLIP. */
export const maxLogitScale = 100;

/** exp(`logLogitScale`), a scalar kept within [1, 100]; the parameter starts at ln(1 / 0.07). */
export function clampedLogitScale(logLogitScale: Value): Value {
  return exp(clip(logLogitScale, 0, Math.log(maxLogitScale)));
}

/**
 * The mean cross-entropy of matching `a` to `b` and `b` to `a`, both `[B, D]` unit rows in which row i belongs to row i: a scalar.
 * Embeddings that say nothing give ln B.
 * @throws ShapeError unless both are `[B, D]`.
 */
export function infoNce(a: Value, b: Value, logitScale: Value): { loss: Value; accuracy: Value } {
  if (a.rank !== 2 || a.shape.join() !== b.shape.join() || typeof a.shape[0] !== 'number') {
    throw new ShapeError(`infoNce: both sides must be [B, D] with B known, got ${a} and ${b}`);
  }
  const size = a.shape[0];
  const logits = mul(fusedMatMul(a, b, { transB: true }), logitScale);
  const diagonal = constant(identityMatrix(size));
  const towards = (axis: number) => neg(mul(reduceSum(mul(logSoftmax(logits, axis), diagonal)), 1 / size));
  const found = equal(argMax(logits, 1), constantInts(Array.from({ length: size }, (_, i) => i)));
  return {
    loss: mul(add(towards(1), towards(0)), 0.5),
    accuracy: reduceMean(cast(found, 'float32')),
  };
}

function identityMatrix(size: number): Tensor {
  const data = new Float32Array(size * size);
  for (let i = 0; i < size; i++) data[i * size + i] = 1;
  return new Tensor('float32', [size, size], data);
}
