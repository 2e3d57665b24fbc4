/** @file Gradient rules of the normalizations. */
import { normalizeAxis, numElements, staticShape } from '../../core/index.ts';
import { add, cast, gemm, intOf, mul, type normalizationOps, reshape, sub, type Value } from '../../graph/index.ts';
import { type GradientRule, inputAt, sumRows } from '../rule.ts';

type Rules = { readonly [Op in keyof typeof normalizationOps]: GradientRule };

/**
 * With x̂ = (x - μ) r, r = 1/σ, y = x̂ s + b, and means over the normalized axes:
 * toward x: r (g s - mean(g s) - x̂ mean(g s x̂)); toward s: Σ g x̂; toward b: Σ g. Rows and columns are folded into a matrix, where
 * the two means are products with the vector s / D. A derivative of a derivative also arrives at μ and r themselves: ∂μ/∂x = 1 / D and
 * ∂r/∂x = -r² x̂ / D.
 */
const layerNormalizationRule: GradientRule = (context) => {
  const [x, scale] = [inputAt(context, 0), inputAt(context, 1)];
  const shape = staticShape(x.shape, 'gradient of LayerNormalization');
  const axis = normalizeAxis(intOf(context.node.attributes, 'axis', -1), x.rank, 'LayerNormalization');
  const [rows, dim] = [numElements(shape.slice(0, axis)), numElements(shape.slice(axis))];
  const matrix = (value: Value) => reshape(value, [rows, dim]);
  const column = (value: Value) => cast(reshape(value, [rows, 1]), x.dtype);
  const [mean, inverseDeviation] = [column(context.outputs[1]!), column(context.outputs[2]!)];
  const g = matrix(context.cotangent);
  const normalized = mul(sub(matrix(x), mean), inverseDeviation);
  const weighted = mul(g, normalized);
  const towardX = (): Value => {
    const weights = reshape(scale, [dim, 1]);
    const meanOf = (value: Value) => gemm(value, weights, undefined, { alpha: 1 / dim });
    const centred = sub(sub(mul(g, reshape(scale, [1, dim])), meanOf(g)), mul(normalized, meanOf(weighted)));
    let total = mul(centred, inverseDeviation);
    const [, towardMean, towardInverse] = context.cotangents;
    if (towardMean) total = add(total, mul(column(towardMean), 1 / dim));
    if (towardInverse) {
      const slope = mul(mul(normalized, mul(inverseDeviation, inverseDeviation)), -1 / dim);
      total = add(total, mul(slope, column(towardInverse)));
    }
    return reshape(total, shape);
  };
  const sumOverRows = (value: Value) => reshape(sumRows(value, 1), shape.slice(axis));
  return [
    context.needs(0) ? towardX() : undefined,
    context.needs(1) ? sumOverRows(weighted) : undefined,
    context.needs(2) ? sumOverRows(g) : undefined,
  ];
};

/** The rules of the normalizations. */
export const normalizationRules: Rules = { LayerNormalization: layerNormalizationRule };
