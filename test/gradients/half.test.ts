/** @file Gradients in float16: the graphs load, and agree with those in full precision as far as half floats go. */
import { describe, expect, it } from 'vitest';
import { gradientRules } from '../../src/engine/autodiff/index.ts';
import { cast, type OpType, Value } from '../../src/engine/graph/index.ts';
import { casesByOp } from './cases.ts';
import { type GradientCase, PreparedCase } from './checker.ts';

/** Ops whose cases fix an element type: their operands are not all float16, or the op takes no half floats. */
const fixed: readonly OpType[] = [
  'Cast',
  'CastLike',
  'Celu',
  'RotaryEmbedding',
  'com.microsoft.RotaryEmbedding',
  'QuantizeLinear',
  'com.microsoft.QuantizeLinear',
  'DynamicQuantizeLinear',
  'com.microsoft.MatMulNBits',
  'com.microsoft.CDist',
  'ai.onnx.ml.Scaler',
  'ai.onnx.ml.LinearRegressor',
  'ai.onnx.ml.ArrayFeatureExtractor',
];
const halves = Object.entries(casesByOp).filter(([opType]) => !fixed.includes(opType as OpType));

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
  it.each(halves)('of %s is the one in full precision, rounded', async (_opType, cases) => {
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
