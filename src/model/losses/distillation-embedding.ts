/**
 * @file Distillation of embeddings: the student puts each input where the teacher does (arXiv:2004.09813, where the student reads
 * the translation of what the teacher reads). B: inputs in the batch; D: dimension.
 */
import { ShapeError } from '../../engine/core/index.ts';
import { mul, reduceMean, reduceSum, stopGradient, sub, type Value } from '../../engine/graph/index.ts';
import { unitVectors } from '../nn/unit-vectors.ts';

/** How far an embedding is from the teacher's: by its direction, or as a vector (the mean over all elements, as in the paper). */
export type EmbeddingDistance = 'cosine' | 'meanSquare';

/**
 * The mean distance of `student` to `teacher`, both `[B, D]`: a scalar. By `cosine`, 1 - cos: 0 for the same direction, 1 for
 * unrelated ones. The gradient goes to the student alone.
 * @throws ShapeError unless both are `[B, D]`.
 */
export function embeddingDistillation(
  student: Value,
  teacher: Value,
  { distance = 'cosine' }: { readonly distance?: EmbeddingDistance } = {},
): Value {
  if (student.rank !== 2 || student.shape.join() !== teacher.shape.join()) {
    throw new ShapeError(`embeddingDistillation: both must be [B, D], got ${student} and ${teacher}`);
  }
  const target = stopGradient(teacher);
  if (distance === 'meanSquare') {
    const difference = sub(student, target);
    return reduceMean(mul(difference, difference));
  }
  return sub(1, reduceMean(reduceSum(mul(unitVectors(student), unitVectors(target)), { axes: [1] })));
}
