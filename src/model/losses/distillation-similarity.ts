/**
 * @file Distillation of similarities: not where the teacher puts each input, but which inputs it finds alike (TinyCLIP's affinity mimicking,
 * arXiv:2309.12314; "interactive" and relational losses of CLIP-KD, arXiv:2307.12732). Teacher and student may have different dimensions.
 * B: inputs in the batch; D, E: dimensions of student and teacher.
 */
import { ShapeError } from '../../engine/core/index.ts';
import { fusedMatMul, stopGradient, type Value } from '../../engine/graph/index.ts';
import { unitVectors } from '../nn/unit-vectors.ts';
import { logitDistillation } from './distillation-logits.ts';

/**
 * The mean over rows of KL(teacher ‖ student) between the softmax rows of their matrices of cosines times `logitScale`: a scalar, 0 where all
 * similarities agree. `student` `[B, D]`, `teacher` `[B, E]`. With `candidates`, the student's rows are compared with those in place of its
 * own: with the teacher's rows (D = E), a text must be as near to every target as its own target is. The gradient goes to the student alone.
 * @throws ShapeError unless both are matrices with the same number of rows.
 */
export function similarityDistillation(
  student: Value,
  teacher: Value,
  { logitScale = 20, candidates = student }: { readonly logitScale?: number; readonly candidates?: Value } = {},
): Value {
  const fit = student.rank === 2 && teacher.rank === 2 && candidates.rank === 2;
  if (!fit || student.shape[0] !== teacher.shape[0] || candidates.shape.join() !== student.shape.join()) {
    throw new ShapeError(
      `similarityDistillation: needs [B, D] and [B, E], and candidates like the student, got ${student}, ${teacher}, ${candidates}`,
    );
  }
  const cosines = (a: Value, b: Value) =>
    fusedMatMul(unitVectors(a), unitVectors(b), { transB: true, alpha: logitScale });
  const target = stopGradient(teacher);
  return logitDistillation(cosines(student, candidates), cosines(target, target));
}
