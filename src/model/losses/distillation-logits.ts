/**
 * @file Distillation of logits (Hinton et al., arXiv:1503.02531): the student gives the classes the probabilities that the teacher gives them, both
 * softened by a temperature, so that what the teacher thinks of the wrong classes is learned too. B: inputs; C: classes.
 */
import { ShapeError } from '../../engine/core/index.ts';
import {
  exp,
  logSoftmax,
  mul,
  reduceMean,
  reduceSum,
  stopGradient,
  sub,
  type Value,
} from '../../engine/graph/index.ts';

/**
 * T² times the mean over rows of KL(teacher ‖ student) of softmax(logits / T), both `[B, C]`: a scalar, 0 for equal logits. T² keeps the
 * gradients of a size at any temperature (section 2 of the paper). The gradient goes to the student alone.
 * @throws ShapeError unless both are `[B, C]`; RangeError unless the temperature is above 0.
 */
export function logitDistillation(student: Value, teacher: Value, temperature = 1): Value {
  if (student.rank !== 2 || student.shape.join() !== teacher.shape.join()) {
    throw new ShapeError(`logitDistillation: both must be [B, C], got ${student} and ${teacher}`);
  }
  if (!(temperature > 0)) {
    throw new RangeError(`logitDistillation: the temperature must be above 0, got ${temperature}`);
  }
  return mul(divergence(mul(student, 1 / temperature), mul(stopGradient(teacher), 1 / temperature)), temperature ** 2);
}

/** The mean over rows of KL(softmax(target) ‖ softmax(logits)). */
function divergence(logits: Value, target: Value): Value {
  const wanted = logSoftmax(target, 1);
  const perRow = reduceSum(mul(exp(wanted), sub(wanted, logSoftmax(logits, 1))), { axes: [1] });
  return reduceMean(perRow);
}
