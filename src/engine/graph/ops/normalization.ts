/** @file Normalizations, in their fused form. */
import { formatShape, normalizeAxis, ShapeError } from '../../core/index.ts';
import { applyOp, defineOp, float, int, intOf, type Value, type ValueType } from '../value.ts';
import { required, requireFloat, requireSameDtype } from './operand.ts';

/** The normalizing op definitions. */
export const normalizationOps = {
  /** The second and third outputs are the mean and 1 / deviation, float32 whatever x is. */
  LayerNormalization: {
    firstOptionalOutput: 1,
    ...defineOp('LayerNormalization', (inputs, attributes) => {
      const [x, scale] = [required('LayerNormalization', inputs, 0), required('LayerNormalization', inputs, 1)];
      requireFloat('LayerNormalization', x);
      requireSameDtype('LayerNormalization', x, scale, inputs[2]);
      const axis = normalizeAxis(intOf(attributes, 'axis', -1), x.rank, 'LayerNormalization');
      const normalized = x.shape.slice(axis);
      for (const parameter of [scale, inputs[2]]) {
        if (parameter && parameter.shape.join() !== normalized.join()) {
          throw new ShapeError(
            `LayerNormalization: scale and bias must be ${formatShape(normalized)}, got ${formatShape(parameter.shape)}`,
          );
        }
      }
      const statistics: ValueType = { dtype: 'float32', shape: x.shape.map((dim, a) => (a < axis ? dim : 1)) };
      return [{ dtype: x.dtype, shape: x.shape }, statistics, statistics];
    }),
  },
} as const;

/**
 * (x - mean) / sqrt(variance + epsilon) · scale + bias over the axes from `axis` on (arXiv:1607.06450).
 * `scale` and `bias` have the shape of the normalized axes.
 */
export function layerNormalization(
  x: Value,
  scale: Value,
  bias?: Value,
  options: { axis?: number; epsilon?: number } = {},
): Value {
  const attributes = { axis: int(options.axis ?? -1), epsilon: float(options.epsilon ?? 1e-5) };
  return applyOp(normalizationOps.LayerNormalization, [x, scale, bias], attributes)[0]!;
}
