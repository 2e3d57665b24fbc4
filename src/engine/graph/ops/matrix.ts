/** @file Ops on square matrices and on triangles of matrices; leading axes are stacks of them. */
import { type Dtype, dimsFit, formatShape, isRanked, type Shape, ShapeError, unknownShape } from '../../core/index.ts';
import { constantScalar } from '../constants.ts';
import { applyOp1, defineOp, int, type OpDefinition, type Value } from '../value.ts';
import { numbers } from './element-types.ts';
import { requireDtype, required } from './operand.ts';

const solved: readonly Dtype[] = ['float32', 'float64', 'float16'];

/** The leading axes of a stack of square matrices. */
function requireSquare(opType: string, x: Value): Shape {
  if (!isRanked(x.shape)) return unknownShape;
  if (x.rank < 2 || !dimsFit(x.shape.at(-1), x.shape.at(-2))) {
    throw new ShapeError(`${opType}: needs square matrices, got ${formatShape(x.shape)}`);
  }
  return x.shape.slice(0, -2);
}

const triangle =
  (allowed: readonly Dtype[]): OpDefinition['infer'] =>
  (inputs) => {
    const [x, diagonal] = [required('Trilu', inputs, 0), inputs[1]];
    requireDtype('Trilu', 'the operand', x, ...allowed);
    if (diagonal) requireDtype('Trilu', 'the diagonal', diagonal, 'int64');
    if (isRanked(x.shape) && x.rank < 2) throw new ShapeError(`Trilu: needs matrices, got ${formatShape(x.shape)}`);
    return [{ dtype: x.dtype, shape: x.shape }];
  };

/** The matrix op definitions. */
export const matrixOps = {
  Det: defineOp('Det', (inputs) => {
    const x = required('Det', inputs, 0);
    requireDtype('Det', 'the operand', x, ...solved);
    return [{ dtype: x.dtype, shape: requireSquare('Det', x) }];
  }),
  Trilu: defineOp('Trilu', triangle([...numbers, 'bool'])),
  'com.microsoft.Trilu': defineOp('Trilu', triangle([...numbers, 'bool']), 'com.microsoft'),
  'com.microsoft.Inverse': defineOp(
    'Inverse',
    (inputs) => {
      const x = required('Inverse', inputs, 0);
      requireDtype('Inverse', 'the operand', x, ...solved);
      requireSquare('Inverse', x);
      return [{ dtype: x.dtype, shape: x.shape }];
    },
    'com.microsoft',
  ),
} as const;

/** The determinants of square matrices, `[..., N, N]` to `[...]`. */
export function det(x: Value): Value {
  return applyOp1(matrixOps.Det, [x]);
}

/** The inverses of square matrices (ONNX Runtime's com.microsoft.Inverse); infinite where a matrix has none. */
export function inverse(x: Value): Value {
  return applyOp1(matrixOps['com.microsoft.Inverse'], [x]);
}

/** The upper or lower triangle of matrices, `diagonal` steps to the right of the main one; zeros elsewhere. */
export function trilu(x: Value, options: { upper?: boolean; diagonal?: number | Value } = {}): Value {
  const { upper = true, diagonal = 0 } = options;
  const offset = typeof diagonal === 'number' ? constantScalar(diagonal, 'int64') : diagonal;
  return applyOp1(matrixOps.Trilu, [x, offset], { upper: int(upper ? 1 : 0) });
}
