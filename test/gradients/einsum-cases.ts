/** @file Cases of Einsum: products, sums, diagonals, ellipses, letters that one operand has for itself, axes that are stretched. */
import { einsum, type einsumOps } from '../../src/engine/graph/index.ts';
import { type GradientCase, uniform } from './checker.ts';

const of = (equation: string, ...shapes: readonly (readonly number[])[]): GradientCase => ({
  name: `Einsum ${equation} of ${shapes.map((shape) => `[${shape}]`).join(' and ')}`,
  operands: shapes.map((shape) => uniform(shape)),
  apply: (operands) => einsum(equation, operands),
});

/** The cases of Einsum. */
export const einsumCases = {
  Einsum: [
    of('ij,jk->ik', [2, 3], [3, 4]),
    of('bij,bkj->bik', [2, 2, 3], [2, 4, 3]),
    of('ij,jk', [2, 3], [3, 2]),
    of('ij->ji', [2, 3]),
    of('ij->', [2, 3]),
    of('ij->i', [2, 3]),
    of('i,j->ij', [2], [3]),
    of('i,i->', [3], [3]),
    of('ii->i', [3, 3]),
    of('ii', [3, 3]),
    of('bii->b', [2, 3, 3]),
    of('iij,jk->ki', [2, 2, 3], [3, 2]),
    of('ij,kl->il', [2, 3], [2, 4]),
    of('...ij,...jk->...ik', [2, 2, 3], [2, 3, 2]),
    of('...ij,jk->...ik', [2, 1, 2, 3], [3, 2]),
    of('i...->...i', [2, 3, 2]),
    of('ij,jk->ik', [2, 3], [1, 2]),
    of('ij,ij->i', [2, 3], [1, 3]),
    of('ij,jk,kl->il', [2, 3], [3, 2], [2, 4]),
    of('a b c, a b c -> a', [2, 2, 3], [2, 2, 3]),
    of('bhqd,bhkd->bhqk', [1, 2, 2, 3], [1, 2, 3, 3]),
  ],
} as const satisfies { readonly [Op in keyof typeof einsumOps]: readonly GradientCase[] };
