/** @file Normalizations, in their fused form. B: batch; C: channels. */
import {
  type Dim,
  type Dtype,
  dimsFit,
  formatShape,
  isRanked,
  normalizeAxis,
  type Shape,
  ShapeError,
} from '../../core/index.ts';
import {
  type Attributes,
  applyOp,
  applyOp1,
  defineOp,
  float,
  int,
  intOf,
  ints,
  intsOf,
  type OpDefinition,
  type Value,
  type ValueType,
} from '../value.ts';
import { requireDtype, required, requireFloat, requireSameDtype } from './operand.ts';

/** Whether a shape stretches to another without growing it. */
function stretchesTo(shape: Shape, to: Shape): boolean {
  const lead = to.length - shape.length;
  return lead >= 0 && shape.every((dim, i) => dim === 1 || dimsFit(dim, to[i + lead]));
}

/** @throws ShapeError unless scale and bias stretch to x. */
function requireStretching(opType: string, x: Value, ...parameters: readonly (Value | undefined)[]): void {
  for (const parameter of parameters) {
    if (!parameter || !isRanked(parameter.shape) || !isRanked(x.shape)) continue;
    if (!stretchesTo(parameter.shape, x.shape)) {
      throw new ShapeError(
        `${opType}: scale and bias must broadcast to ${formatShape(x.shape)}, got ${formatShape(parameter.shape)}`,
      );
    }
  }
}

/** What a normalization over the axes from `axis` on gives: the result, and statistics that keep those axes at size 1. */
function overLastAxes(opType: string, inputs: readonly (Value | undefined)[], attributes: Attributes): ValueType[] {
  const [x, scale] = [required(opType, inputs, 0), required(opType, inputs, 1)];
  requireFloat(opType, x);
  requireSameDtype(opType, x, scale, inputs[2]);
  requireStretching(opType, x, scale, inputs[2]);
  if (!isRanked(x.shape)) return [x, { dtype: 'float32', shape: x.shape }];
  const axis = normalizeAxis(intOf(attributes, 'axis', -1), x.rank, opType);
  return [
    { dtype: x.dtype, shape: x.shape },
    { dtype: 'float32', shape: x.shape.map((dim, a) => (a < axis ? dim : 1)) },
  ];
}

/** @throws ShapeError unless each parameter is `[C]` for x `[B, C, ...]`. */
function requirePerChannel(
  opType: string,
  x: Value,
  minRank: number,
  ...parameters: readonly (Value | undefined)[]
): void {
  if (isRanked(x.shape) && x.rank < minRank) {
    const tail = minRank > 2 ? ', ...spatial' : ', ...';
    throw new ShapeError(`${opType}: x must be [B, C${tail}], got ${formatShape(x.shape)}`);
  }
  for (const parameter of parameters) {
    if (!parameter || !isRanked(parameter.shape) || !isRanked(x.shape)) continue;
    if (parameter.rank !== 1 || !dimsFit(parameter.shape[0], x.shape[1])) {
      throw new ShapeError(
        `${opType}: parameters must be [${x.shape[1]}], one for each channel of ${formatShape(x.shape)}, got ${formatShape(parameter.shape)}`,
      );
    }
  }
}

const perChannel =
  (opType: string, minRank: number): OpDefinition['infer'] =>
  (inputs) => {
    const [x, scale, bias] = [0, 1, 2].map((i) => required(opType, inputs, i)) as [Value, Value, Value];
    requireFloat(opType, x);
    requireSameDtype(opType, x, scale, bias);
    requirePerChannel(opType, x, minRank, scale, bias);
    return [{ dtype: x.dtype, shape: x.shape }];
  };

const sameType =
  (opType: string, minRank: number, allowed?: readonly Dtype[]): OpDefinition['infer'] =>
  (inputs) => {
    const x = required(opType, inputs, 0);
    if (allowed) requireDtype(opType, 'x', x, ...allowed);
    requireFloat(opType, x);
    requirePerChannel(opType, x, minRank);
    return [{ dtype: x.dtype, shape: x.shape }];
  };

/** The normalizing op definitions. */
export const normalizationOps = {
  /** The second and third outputs are the mean and 1 / deviation, float32 whatever x is. */
  LayerNormalization: {
    firstOptionalOutput: 1,
    ...defineOp('LayerNormalization', (inputs, attributes) => {
      const [type, statistics] = overLastAxes('LayerNormalization', inputs, attributes) as [ValueType, ValueType];
      return [type, statistics, statistics];
    }),
  },
  RMSNormalization: defineOp(
    'RMSNormalization',
    (inputs, attributes) => overLastAxes('RMSNormalization', inputs.slice(0, 2), attributes).slice(0, 1),
    '',
    { since: 23 },
  ),
  /** What RMSNormalization was before ONNX had it, in ONNX Runtime alone. The second output is 1 / the root mean square. */
  SimplifiedLayerNormalization: {
    firstOptionalOutput: 1,
    ...defineOp('SimplifiedLayerNormalization', (inputs, attributes) =>
      overLastAxes('SimplifiedLayerNormalization', inputs.slice(0, 2), attributes),
    ),
  },
  /** In training mode the second and third outputs are the running mean and variance. */
  BatchNormalization: defineOp('BatchNormalization', (inputs, attributes) => {
    const opType = 'BatchNormalization';
    const [x, ...parameters] = [0, 1, 2, 3, 4].map((i) => required(opType, inputs, i)) as [Value, ...Value[]];
    requireFloat(opType, x);
    for (const parameter of parameters) requireFloat(opType, parameter);
    requireSameDtype(opType, parameters[0]!, parameters[1]);
    requireSameDtype(opType, parameters[2]!, parameters[3]);
    requirePerChannel(opType, x, 2, ...parameters);
    const type = { dtype: x.dtype, shape: x.shape };
    if (intOf(attributes, 'training_mode', 0) !== 1) return [type];
    const statistics = { dtype: parameters[2]!.dtype, shape: channelsOf(x, parameters) };
    return [type, statistics, statistics];
  }),
  InstanceNormalization: defineOp('InstanceNormalization', perChannel('InstanceNormalization', 3)),
  GroupNormalization: defineOp('GroupNormalization', (inputs, attributes) => {
    const types = perChannel('GroupNormalization', 3)(inputs, attributes);
    const channels = inputs[0]!.shape[1];
    const numGroups = intOf(attributes, 'num_groups', 0);
    if (numGroups < 1 || (typeof channels === 'number' && channels % numGroups !== 0)) {
      throw new ShapeError(`GroupNormalization: num_groups must divide the ${channels} channels, got ${numGroups}`);
    }
    return types;
  }),
  LRN: defineOp('LRN', (inputs, attributes) => {
    const size = intOf(attributes, 'size', 0);
    if (size < 1 || size % 2 === 0) throw new RangeError(`LRN: size must be odd and positive, got ${size}`);
    const x = required('LRN', inputs, 0);
    if (isRanked(x.shape) && x.rank !== 4) {
      throw new ShapeError(`LRN: x must be [B, C, H, W], got ${formatShape(x.shape)}`);
    }
    return sameType('LRN', 3)(inputs, attributes);
  }),
  MeanVarianceNormalization: defineOp('MeanVarianceNormalization', (inputs, attributes) => {
    const [type] = sameType('MeanVarianceNormalization', 1)(inputs, attributes);
    if (isRanked(type!.shape)) {
      for (const axis of intsOf(attributes, 'axes', [0, 2, 3])) {
        normalizeAxis(axis, type!.shape.length, 'MeanVarianceNormalization');
      }
    }
    return [type!];
  }),
} as const;

function channelsOf(x: Value, parameters: readonly Value[]): readonly Dim[] {
  return parameters.find(({ shape }) => isRanked(shape))?.shape ?? [isRanked(x.shape) ? x.shape[1]! : '?'];
}

/** Which axes are normalized, and what keeps the root from zero. */
export interface NormalizationOptions {
  /** The first of the normalized axes; the last axis alone if absent. */
  readonly axis?: number;
  /** Added to the variance (or the mean square); 1e-5 if absent. */
  readonly epsilon?: number;
}

const normalizationAttributes = (options: NormalizationOptions): Attributes => ({
  axis: int(options.axis ?? -1),
  epsilon: float(options.epsilon ?? 1e-5),
});

/**
 * (x - mean) / sqrt(variance + epsilon) · scale + bias over the axes from `axis` on (arXiv:1607.06450).
 * @throws ShapeError unless `scale` and `bias` have the shape of the normalized axes.
 */
export function layerNormalization(x: Value, scale: Value, bias?: Value, options: NormalizationOptions = {}): Value {
  requireWhole('layerNormalization', x, options.axis ?? -1, scale, bias);
  return applyOp(normalizationOps.LayerNormalization, [x, scale, bias], normalizationAttributes(options))[0]!;
}

/**
 * x / sqrt(mean(x²) + epsilon) · scale over the axes from `axis` on (arXiv:1910.07467). Written for operator set 23.
 * @throws ShapeError unless `scale` has the shape of the normalized axes.
 */
export function rmsNormalization(x: Value, scale: Value, options: NormalizationOptions = {}): Value {
  requireWhole('rmsNormalization', x, options.axis ?? -1, scale);
  return applyOp1(normalizationOps.RMSNormalization, [x, scale], normalizationAttributes(options));
}

/** A scale that broadcasts within the normalized axes is more often a mistake than meant; imported models may have one. */
function requireWhole(subject: string, x: Value, axis: number, ...parameters: readonly (Value | undefined)[]): void {
  const normalized = x.shape.slice(normalizeAxis(axis, x.rank, subject));
  for (const parameter of parameters) {
    if (parameter && parameter.shape.join() !== normalized.join()) {
      throw new ShapeError(
        `${subject}: scale and bias must be ${formatShape(normalized)}, got ${formatShape(parameter.shape)}`,
      );
    }
  }
}

/** x `[B, C, ...]` by given means and variances `[C]`: (x - mean) / sqrt(variance + epsilon) · scale + bias (arXiv:1502.03167). */
export function batchNormalization(
  x: Value,
  parameters: { readonly scale: Value; readonly bias: Value; readonly mean: Value; readonly variance: Value },
  options: { readonly epsilon?: number } = {},
): Value {
  const { scale, bias, mean, variance } = parameters;
  return applyOp1(normalizationOps.BatchNormalization, [x, scale, bias, mean, variance], {
    epsilon: float(options.epsilon ?? 1e-5),
  });
}

/**
 * x `[B, C, ...]` by the means and (biased) variances of its own channels, and the running ones moved towards them:
 * running · momentum + current · (1 - momentum). Momentum is 0.9 if absent; 0 gives the current ones.
 */
export function batchNormalizationInTraining(
  x: Value,
  parameters: { readonly scale: Value; readonly bias: Value; readonly mean: Value; readonly variance: Value },
  options: { readonly epsilon?: number; readonly momentum?: number } = {},
): { output: Value; mean: Value; variance: Value } {
  const { scale, bias } = parameters;
  const inputs = [x, scale, bias, parameters.mean, parameters.variance];
  const [output, mean, variance] = applyOp(normalizationOps.BatchNormalization, inputs, {
    epsilon: float(options.epsilon ?? 1e-5),
    momentum: float(options.momentum ?? 0.9),
    training_mode: int(1),
  });
  return { output: output!, mean: mean!, variance: variance! };
}

/** x `[B, C, ...]`, every plane brought to mean 0 and variance 1, then scaled and shifted by channel (arXiv:1607.08022). */
export function instanceNormalization(
  x: Value,
  scale: Value,
  bias: Value,
  options: { readonly epsilon?: number } = {},
): Value {
  const attributes = { epsilon: float(options.epsilon ?? 1e-5) };
  return applyOp1(normalizationOps.InstanceNormalization, [x, scale, bias], attributes);
}

/** x `[B, C, ...]`, groups of neighbouring channels each brought to mean 0 and variance 1, then scaled and shifted by channel (arXiv:1803.08494). */
export function groupNormalization(
  x: Value,
  scale: Value,
  bias: Value,
  options: { readonly numGroups: number; readonly epsilon?: number },
): Value {
  return applyOp1(normalizationOps.GroupNormalization, [x, scale, bias], {
    num_groups: int(options.numGroups),
    epsilon: float(options.epsilon ?? 1e-5),
  });
}

/** How strongly neighbours weigh in `lrn`. */
export interface LrnOptions {
  /** How many channels, the one in the middle included: an odd number. */
  readonly size: number;
  readonly alpha?: number;
  readonly beta?: number;
  readonly bias?: number;
}

/** x `[B, C, ...]` divided by (bias + alpha / size · Σ squares of the channels around)^beta, as in AlexNet. */
export function lrn(x: Value, options: LrnOptions): Value {
  return applyOp1(normalizationOps.LRN, [x], {
    size: int(options.size),
    alpha: float(options.alpha ?? 1e-4),
    beta: float(options.beta ?? 0.75),
    bias: float(options.bias ?? 1),
  });
}

/** (x - mean) / deviation over `axes`, `[0, 2, 3]` if absent. */
export function meanVarianceNormalization(x: Value, axes: readonly number[] = [0, 2, 3]): Value {
  return applyOp1(normalizationOps.MeanVarianceNormalization, [x], { axes: ints(axes) });
}
