/**
 * @file Distillation of similarities: not where the teacher puts each input, but which inputs it finds alike (TinyCLIP's affinity mimicking,
 * arXiv:2309.12314; "interactive" and relational losses of CLIP-KD, arXiv:2307.12732). Teacher and student may have different dimensions.
 * B: inputs in the batch; D, E: dimensions of student and teacher.
 */
import { ShapeError } from '../../engine/core/index.ts';
import { fusedMatMul, stopGradient, type Value } from '../../engine/graph/index.ts';
import { unitVectors } from '../nn/unit-vectors.ts';
import { logitDistillation } from './distillation-logits.ts';

/** What the student's rows are compared with: its own, or the teacher's. */
export type SimilarityCandidates = 'students' | 'targets';

/**
 * The mean over rows of KL(teacher ‖ student) between the softmax rows of their matrices of cosines times `logitScale`: a scalar, 0 where all
 * similarities agree. `student` `[B, D]`, `teacher` `[B, E]`. Among `students` (the default), the student's rows are compared with each
 * other; among `targets` (D = E), with the teacher's rows, so that each must be as near to every target as its own target is.
 * The gradient goes to the student alone.
 * @throws ShapeError unless both are matrices with the same number of rows, and of the same width among `targets`.
 */
export function similarityDistillation(
  student: Value,
  teacher: Value,
  { logitScale = 20, among = 'students' }: { readonly logitScale?: number; readonly among?: SimilarityCandidates } = {},
): Value {
  const fit = student.rank === 2 && teacher.rank === 2 && student.shape[0] === teacher.shape[0];
  if (!fit || (among === 'targets' && student.shape[1] !== teacher.shape[1])) {
    throw new ShapeError(
      `similarityDistillation: needs [B, D] and [B, E], with D = E among targets, got ${student} and ${teacher}`,
    );
  }
  const cosines = (a: Value, b: Value) =>
    fusedMatMul(unitVectors(a), unitVectors(b), { transB: true, alpha: logitScale });
  const target = stopGradient(teacher);
  return logitDistillation(cosines(student, among === 'targets' ? target : student), cosines(target, target));
}
