/** @file Gradient rules of the normalizations over last axes. g is the cotangent of the result. */
import { normalizeAxis, numElements, staticShape } from '../../core/index.ts';
import {
  add,
  cast,
  constantOf,
  constantScalar,
  div,
  floatOf,
  gemm,
  intOf,
  mul,
  type normalizationOps,
  reduceMean,
  reduceSum,
  reduceSumSquare,
  reshape,
  sqrt,
  sub,
  type Value,
} from '../../graph/index.ts';
import { type GradientRule, inputAt, type RuleContext, sumToShape } from '../rule.ts';
import { lrnRule, meanVarianceRule } from './normalization-axes.ts';
import { batchNormalizationRule, groupNormalizationRule, instanceNormalizationRule } from './normalization-planes.ts';

type Rules = { readonly [Op in keyof typeof normalizationOps]: GradientRule };

/** The rows and columns into which a normalization over the axes from `axis` on folds x. */
function matrixOf(context: RuleContext, x: Value) {
  const shape = staticShape(x.shape, `gradient of ${context.node.op.opType}`);
  const axis = normalizeAxis(intOf(context.node.attributes, 'axis', -1), x.rank, context.node.op.opType);
  const [rows, dim] = [numElements(shape.slice(0, axis)), numElements(shape.slice(axis))];
  const isWhole = (parameter: Value) => parameter.shape.join() === shape.slice(axis).join();
  const matrix = (value: Value) => reshape(value, [rows, dim]);
  const column = (value: Value) => cast(reshape(value, [rows, 1]), x.dtype);
  return { shape, axis, rows, dim, isWhole, matrix, column };
}

/** What LayerNormalization's gradients are made of: x (which may be a sum), its statistics, and what arrived. */
interface LayerParts {
  readonly x: Value;
  readonly scale: Value;
  readonly bias?: Value | undefined;
  /** `[rows, 1]` */
  readonly mean: Value;
  /** `[rows, 1]` */
  readonly inverseDeviation: Value;
  readonly g: Value;
  readonly towardMean?: Value | undefined;
  readonly towardInverse?: Value | undefined;
  needs(which: 'x' | 'scale' | 'bias'): boolean;
}

/** Whether a scale is known to change nothing, as where the normalization of a group is written with this one. */
function isOnes(scale: Value): boolean {
  const tensor = constantOf(scale);
  return tensor?.dtype === 'float32' && (tensor.data as Float32Array).every((value) => value === 1);
}

/** The cotangents of x, scale and bias; undefined where not wanted. */
interface LayerCotangents {
  readonly x: Value | undefined;
  readonly scale: Value | undefined;
  readonly bias: Value | undefined;
}

/**
 * With x̂ = (x - μ) r, r = 1/σ, y = x̂ s + b, and means over the normalized axes:
 * toward x: r (g s - mean(g s) - x̂ mean(g s x̂)); toward s: Σ g x̂; toward b: Σ g. Rows and columns are folded into a matrix, where
 * the two means are products with the vector s / D, unless s stretches along the rows. A derivative of a derivative also arrives at μ
 * and r themselves: ∂μ/∂x = 1 / D and ∂r/∂x = -r² x̂ / D.
 */
export function layerCotangents(context: RuleContext, parts: LayerParts): LayerCotangents {
  const { x, scale, bias, mean, inverseDeviation } = parts;
  const { shape, axis, dim, isWhole, matrix, column } = matrixOf(context, x);
  const g = matrix(parts.g);
  const normalized = mul(sub(matrix(x), mean), inverseDeviation);
  const weighted = mul(g, normalized);
  const whole = isWhole(scale);
  const scaled = whole ? (isOnes(scale) ? g : mul(g, reshape(scale, [1, dim]))) : matrix(mul(parts.g, scale));
  const weights = reshape(scale, whole ? [dim, 1] : scale.shape);
  const meanOf = (product: Value, ready: Value) =>
    whole
      ? gemm(product, weights, undefined, { alpha: 1 / dim })
      : mul(reduceSum(ready, { axes: [1], keepDims: true }), 1 / dim);
  const towardX = (): Value => {
    const along = meanOf(weighted, whole ? weighted : mul(scaled, normalized));
    const centred = sub(sub(scaled, meanOf(g, scaled)), mul(normalized, along));
    let total = mul(centred, inverseDeviation);
    if (parts.towardMean) total = add(total, mul(column(parts.towardMean), 1 / dim));
    if (parts.towardInverse) {
      const slope = mul(mul(normalized, mul(inverseDeviation, inverseDeviation)), -1 / dim);
      total = add(total, mul(slope, column(parts.towardInverse)));
    }
    return reshape(total, shape);
  };
  const summed = (value: Value, parameter: Value) =>
    isWhole(parameter)
      ? reshape(reduceSum(value, { axes: [0] }), shape.slice(axis))
      : sumToShape(reshape(value, shape), parameter);
  return {
    x: parts.needs('x') ? towardX() : undefined,
    scale: parts.needs('scale') ? summed(weighted, scale) : undefined,
    bias: bias && parts.needs('bias') ? summed(g, bias) : undefined,
  };
}

const layerNormalizationRule: GradientRule = (context) => {
  const [x, scale, bias] = [inputAt(context, 0), inputAt(context, 1), context.inputs[2]];
  const { column } = matrixOf(context, x);
  const names = ['x', 'scale', 'bias'] as const;
  const toward = layerCotangents(context, {
    x,
    scale,
    bias,
    mean: column(context.outputs[1]!),
    inverseDeviation: column(context.outputs[2]!),
    g: context.cotangent,
    towardMean: context.cotangents[1],
    towardInverse: context.cotangents[2],
    needs: (which) => context.needs(names.indexOf(which)),
  });
  return [toward.x, toward.scale, toward.bias];
};

/** The mean and 1 / deviation of the rows, `[rows, 1]`, where the op does not give them. */
export function rowStatistics(context: RuleContext, x: Value): { mean: Value; inverseDeviation: Value } {
  const { matrix, dim } = matrixOf(context, x);
  const epsilon = floatOf(context.node.attributes, 'epsilon', 1e-5);
  const mean = reduceMean(matrix(x), { axes: [1], keepDims: true });
  const squares = reduceSumSquare(sub(matrix(x), mean), { axes: [1], keepDims: true });
  const deviation = sqrt(add(mul(squares, 1 / dim), epsilon));
  return { mean, inverseDeviation: div(constantScalar(1, x.dtype), deviation) };
}

/**
 * With r = 1 / sqrt(mean(x²) + ε) and y = x r s: toward x r (g s - x r² mean(g s x)), toward s Σ g x r; where a derivative arrives at r
 * itself, ∂r/∂x = -r³ x / D.
 */
export function rootMeanSquareCotangents(
  context: RuleContext,
  parts: Pick<LayerParts, 'x' | 'scale' | 'g' | 'towardInverse' | 'needs'> & { readonly inverse?: Value | undefined },
): { x: Value | undefined; scale: Value | undefined } {
  const { x, scale, g } = parts;
  const { shape, axis, dim, isWhole, matrix, column } = matrixOf(context, x);
  const epsilon = floatOf(context.node.attributes, 'epsilon', 1e-5);
  const rows = matrix(x);
  const squares = () => mul(reduceSumSquare(rows, { axes: [1], keepDims: true }), 1 / dim);
  const inverse = parts.inverse
    ? column(parts.inverse)
    : div(constantScalar(1, x.dtype), sqrt(add(squares(), epsilon)));
  const normalized = mul(rows, inverse);
  const towardX = (): Value => {
    const scaled = matrix(mul(g, scale));
    const along = mul(reduceSum(mul(scaled, normalized), { axes: [1], keepDims: true }), 1 / dim);
    const total = mul(sub(scaled, mul(normalized, along)), inverse);
    if (!parts.towardInverse) return reshape(total, shape);
    const slope = mul(mul(normalized, mul(inverse, inverse)), -1 / dim);
    return reshape(add(total, mul(slope, column(parts.towardInverse))), shape);
  };
  const towardScale = () => {
    const weighted = mul(matrix(g), normalized);
    return isWhole(scale)
      ? reshape(reduceSum(weighted, { axes: [0] }), shape.slice(axis))
      : sumToShape(reshape(weighted, shape), scale);
  };
  return {
    x: parts.needs('x') ? towardX() : undefined,
    scale: parts.needs('scale') ? towardScale() : undefined,
  };
}

const rootMeanSquareRule: GradientRule = (context) => {
  const names = ['x', 'scale'];
  const toward = rootMeanSquareCotangents(context, {
    x: inputAt(context, 0),
    scale: inputAt(context, 1),
    g: context.cotangent,
    inverse: context.outputs[1],
    towardInverse: context.cotangents[1],
    needs: (which) => context.needs(names.indexOf(which)),
  });
  return [toward.x, toward.scale];
};

/** The rules of the normalizations. */
export const normalizationRules: Rules = {
  LayerNormalization: layerNormalizationRule,
  RMSNormalization: rootMeanSquareRule,
  SimplifiedLayerNormalization: rootMeanSquareRule,
  BatchNormalization: batchNormalizationRule,
  InstanceNormalization: instanceNormalizationRule,
  GroupNormalization: groupNormalizationRule,
  LRN: lrnRule,
  MeanVarianceNormalization: meanVarianceRule,
};
