/** @file Gradients in float16: the graphs load, and agree with those in full precision as far as half floats go. */
import { describe, expect, it } from 'vitest';
import { gradientRules } from '../../src/engine/autodiff/index.ts';
import { cast, Value } from '../../src/engine/graph/index.ts';
import { activationCases } from './activation-cases.ts';
import { type GradientCase, PreparedCase } from './checker.ts';
import { einsumCases } from './einsum-cases.ts';
import { elementwiseCases } from './elementwise-cases.ts';
import { linearCases } from './linear-cases.ts';
import { lossCases } from './loss-cases.ts';
import { matrixCases } from './matrix-cases.ts';
import { alongAxisCases, reduceCases, selectionCases } from './reduce-cases.ts';
import { trigonometricCases } from './trigonometric-cases.ts';

const { Cast: _, CastLike: __, ...elementwise } = elementwiseCases;
/** Celu is float32 by its definition. */
const { Celu: ___, ...activations } = activationCases;

const casesByOp: Readonly<Record<string, readonly GradientCase[]>> = {
  ...elementwise,
  ...activations,
  ...trigonometricCases,
  ...reduceCases,
  ...alongAxisCases,
  ...selectionCases,
  ...matrixCases,
  ...linearCases,
  ...einsumCases,
  ...lossCases,
};

/** The case with its operands rounded to float16 and its results widened again. */
function inHalf(one: GradientCase): GradientCase {
  return {
    ...one,
    dtype: 'float32',
    apply: (operands, dtype) => {
      const results = one.apply(
        operands.map((operand) => cast(operand, 'float16')),
        dtype,
      );
      return (results instanceof Value ? [results] : results).map((result) => cast(result, 'float32'));
    },
  };
}

describe('a gradient in float16', () => {
  it.each(Object.entries(casesByOp))('of %s is the one in full precision, rounded', async (_opType, cases) => {
    const one = cases[0]!;
    const [full, half] = [new PreparedCase(one), new PreparedCase(inHalf(one))];
    const [expected, found] = [await full.analytic(gradientRules), await half.analytic(gradientRules)];
    expected.derivatives.forEach((list, operand) => {
      const scale = Math.max(0.1, ...list.map(Math.abs));
      list.forEach((want, i) => {
        const got = found.derivatives[operand]![i]!;
        expect(Math.abs(got - want), `operand ${operand}, element ${i}: ${got}, not ${want}`).toBeLessThan(
          0.02 * scale,
        );
      });
    });
  });
});
