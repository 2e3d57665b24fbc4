/** @file Gradient rules of determinants, inverses and triangles. */
import {
  fusedMatMul,
  intOf,
  inverse,
  type matrixOps,
  mul,
  transpose,
  trilu,
  unsqueeze,
  type Value,
} from '../../graph/index.ts';
import { type GradientRule, inputAt } from '../rule.ts';

type Rules = { readonly [Op in keyof typeof matrixOps]: GradientRule };

/** The last two axes swapped. */
function transposed(x: Value): Value {
  const { rank } = x;
  return transpose(x, [...Array.from({ length: rank - 2 }, (_, axis) => axis), rank - 1, rank - 2]);
}

const triangleRule: GradientRule = (context) => {
  const diagonal = context.inputs[1];
  const upper = intOf(context.node.attributes, 'upper', 1) === 1;
  return [trilu(context.cotangent, { upper, ...(diagonal ? { diagonal } : {}) })];
};

/** The rules of the matrix ops. */
export const matrixRules: Rules = {
  // g det(x) x⁻ᵀ (Jacobi); a singular matrix gives no finite derivative this way
  Det: (context) => {
    const x = inputAt(context, 0);
    const scale = unsqueeze(mul(context.cotangent, context.outputs[0]!), [-2, -1]);
    return [mul(transposed(inverse(x)), scale)];
  },
  Trilu: triangleRule,
  'com.microsoft.Trilu': triangleRule,
  // -yᵀ g yᵀ
  'com.microsoft.Inverse': (context) => {
    const y = context.outputs[0]!;
    const left = fusedMatMul(y, context.cotangent, { transA: true, alpha: -1 });
    return [fusedMatMul(left, y, { transB: true })];
  },
};
