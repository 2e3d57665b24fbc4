/** @file Cases of determinants, inverses and triangles of matrices. */
import { applyOp, constantInts, det, inverse, matrixOps, trilu, type Value } from '../../src/engine/graph/index.ts';
import { int } from '../../src/engine/graph/value.ts';
import { type GradientCase, type OperandSpec, uniform } from './checker.ts';

/** Square matrices far from singular: a heavy diagonal. */
function regular(shape: readonly number[]): OperandSpec {
  const size = shape.at(-1)!;
  return {
    shape,
    draw: (rng, index) => rng.uniform() - 0.5 + ((index % (size * size)) % (size + 1) === 0 ? 2 : 0),
  };
}

const one = (name: string, operand: OperandSpec, apply: (x: Value) => Value, dtype?: 'float32'): GradientCase => ({
  name,
  operands: [operand],
  apply: ([x]) => apply(x!),
  ...(dtype ? { dtype } : {}),
});

const contribTrilu = (x: Value, diagonal: number, upper: boolean): Value =>
  applyOp(matrixOps['com.microsoft.Trilu'], [x, constantInts([diagonal])], { upper: int(upper ? 1 : 0) })[0]!;

/** The cases of the matrix ops. */
export const matrixCases = {
  Det: [
    one('Det of a matrix', regular([3, 3]), det, 'float32'),
    one('Det of a stack', regular([2, 2, 2]), det, 'float32'),
  ],
  'com.microsoft.Inverse': [
    one('Inverse of a matrix', regular([3, 3]), inverse, 'float32'),
    one('Inverse of a stack', regular([2, 2, 2]), inverse, 'float32'),
  ],
  Trilu: [
    one('Trilu, upper', uniform([3, 4]), (x) => trilu(x)),
    one('Trilu, lower with a diagonal', uniform([2, 3, 3]), (x) => trilu(x, { upper: false, diagonal: -1 })),
    one('Trilu, upper with a diagonal', uniform([3, 3]), (x) => trilu(x, { diagonal: 1 })),
  ],
  'com.microsoft.Trilu': [
    one('com.microsoft.Trilu, upper', uniform([3, 3]), (x) => contribTrilu(x, 1, true)),
    one('com.microsoft.Trilu, lower', uniform([2, 3, 4]), (x) => contribTrilu(x, 0, false)),
  ],
} as const satisfies { readonly [Op in keyof typeof matrixOps]: readonly GradientCase[] };
