/** @file Activations: the non-linear functions of neural networks, element by element, in the fused forms that ONNX Runtime runs. */
import { broadcastShapes, type Dtype, dimsFit, formatShape, isRanked, ShapeError } from '../../core/index.ts';
import { applyOp1, defineOp, float, type OpDefinition, string, type Value } from '../value.ts';
import { floats, numbers, signed } from './element-types.ts';
import { requireDtype, required, requireSameDtype } from './operand.ts';
import { elementwise } from './signature.ts';

type Infer = OpDefinition['infer'];

/** ONNX Runtime's own ops take no bfloat16 on the CPU, and Celu is float32 by its definition. */
const contribFloats: readonly Dtype[] = ['float32', 'float64', 'float16'];

const inferPRelu: Infer = (inputs) => {
  const [x, slope] = [required('PRelu', inputs, 0), required('PRelu', inputs, 1)];
  requireDtype('PRelu', 'operands', x, ...floats, 'int64', 'int32', 'uint64', 'uint32');
  requireSameDtype('PRelu', x, slope);
  return [{ dtype: x.dtype, shape: broadcastShapes('PRelu', x.shape, slope.shape) }];
};

/** x with a vector as long as its last axis, which FastGelu may lack. */
const biased =
  (opType: string, biasIsOptional: boolean): Infer =>
  (inputs) => {
    const x = required(opType, inputs, 0);
    const bias = biasIsOptional ? inputs[1] : required(opType, inputs, 1);
    requireDtype(opType, 'the operand', x, ...contribFloats);
    requireSameDtype(opType, x, bias);
    if (x.rank === 0) throw new ShapeError(`${opType}: the operand must have axes, got ${x}`);
    if (bias && isRanked(x.shape) && isRanked(bias.shape)) {
      if (bias.rank !== 1 || !dimsFit(bias.shape[0], x.shape.at(-1))) {
        throw new ShapeError(
          `${opType}: the bias must be as long as the last axis of ${formatShape(x.shape)}, got ${formatShape(bias.shape)}`,
        );
      }
    }
    return [{ dtype: x.dtype, shape: x.shape }];
  };

/** The activation op definitions. */
export const activationOps = {
  Sigmoid: defineOp('Sigmoid', elementwise('Sigmoid', floats)),
  Softplus: defineOp('Softplus', elementwise('Softplus', floats)),
  Softsign: defineOp('Softsign', elementwise('Softsign', floats)),
  Relu: defineOp('Relu', elementwise('Relu', signed)),
  LeakyRelu: defineOp('LeakyRelu', elementwise('LeakyRelu', floats)),
  ThresholdedRelu: defineOp('ThresholdedRelu', elementwise('ThresholdedRelu', floats)),
  PRelu: defineOp('PRelu', inferPRelu),
  Elu: defineOp('Elu', elementwise('Elu', floats)),
  Celu: defineOp('Celu', elementwise('Celu', ['float32'])),
  Selu: defineOp('Selu', elementwise('Selu', floats)),
  HardSigmoid: defineOp('HardSigmoid', elementwise('HardSigmoid', floats)),
  HardSwish: defineOp('HardSwish', elementwise('HardSwish', floats)),
  Mish: defineOp('Mish', elementwise('Mish', floats)),
  Swish: defineOp('Swish', elementwise('Swish', floats), '', { since: 24 }),
  Shrink: defineOp('Shrink', elementwise('Shrink', numbers)),
  Gelu: defineOp('Gelu', elementwise('Gelu', floats)),
  'com.microsoft.Gelu': defineOp('Gelu', elementwise('Gelu', contribFloats), 'com.microsoft'),
  'com.microsoft.FastGelu': defineOp('FastGelu', biased('FastGelu', true), 'com.microsoft'),
  'com.microsoft.QuickGelu': defineOp('QuickGelu', elementwise('QuickGelu', contribFloats), 'com.microsoft'),
  'com.microsoft.BiasGelu': defineOp('BiasGelu', biased('BiasGelu', false), 'com.microsoft'),
} as const;

const unary =
  (op: OpDefinition) =>
  (x: Value): Value =>
    applyOp1(op, [x]);

/** 1 / (1 + exp(-x)) */
export const sigmoid = unary(activationOps.Sigmoid);
/** log(1 + exp(x)) */
export const softplus = unary(activationOps.Softplus);
/** x / (1 + |x|) */
export const softsign = unary(activationOps.Softsign);
/** max(x, 0); the gradient at 0 is 0. */
export const relu = unary(activationOps.Relu);
/** x · clip(x / 6 + 1/2, 0, 1) (arXiv:1905.02244). */
export const hardSwish = unary(activationOps.HardSwish);
/** x · tanh(softplus(x)) (arXiv:1908.08681). */
export const mish = unary(activationOps.Mish);

/** x, or `alpha` · x where x < 0. */
export function leakyRelu(x: Value, alpha = 0.01): Value {
  return applyOp1(activationOps.LeakyRelu, [x], { alpha: float(alpha) });
}

/** x where x > `alpha`, else 0. */
export function thresholdedRelu(x: Value, alpha = 1): Value {
  return applyOp1(activationOps.ThresholdedRelu, [x], { alpha: float(alpha) });
}

/** x, or `slope` · x where x < 0; the slope broadcasts to x (arXiv:1502.01852). */
export function pRelu(x: Value, slope: Value): Value {
  return applyOp1(activationOps.PRelu, [x, slope]);
}

/** x, or `alpha` (exp(x) - 1) where x < 0 (arXiv:1511.07289). */
export function elu(x: Value, alpha = 1): Value {
  return applyOp1(activationOps.Elu, [x], { alpha: float(alpha) });
}

/** max(0, x) + min(0, `alpha` (exp(x / `alpha`) - 1)), whose slope is continuous (arXiv:1704.07483); float32. */
export function celu(x: Value, alpha = 1): Value {
  return applyOp1(activationOps.Celu, [x], { alpha: float(alpha) });
}

/** γ x, or γ α (exp(x) - 1) where x < 0, with the constants that keep mean 0 and variance 1 (arXiv:1706.02515). */
export function selu(x: Value, options: { alpha?: number; gamma?: number } = {}): Value {
  const { alpha = 1.6732632, gamma = 1.050701 } = options;
  return applyOp1(activationOps.Selu, [x], { alpha: float(alpha), gamma: float(gamma) });
}

/** `alpha` · x + `beta`, kept within [0, 1]. */
export function hardSigmoid(x: Value, options: { alpha?: number; beta?: number } = {}): Value {
  const { alpha = 0.2, beta = 0.5 } = options;
  return applyOp1(activationOps.HardSigmoid, [x], { alpha: float(alpha), beta: float(beta) });
}

/** x · sigmoid(`alpha` x); SiLU where alpha is 1 (arXiv:1710.05941). Written for operator set 24. */
export function swish(x: Value, alpha = 1): Value {
  return applyOp1(activationOps.Swish, [x], { alpha: float(alpha) });
}

/** x · sigmoid(`alpha` x) as one op of ONNX Runtime's own (com.microsoft.QuickGelu), which every version since 1.15 runs. */
export function quickGelu(x: Value, alpha = 1.702): Value {
  return applyOp1(activationOps['com.microsoft.QuickGelu'], [x], { alpha: float(alpha) });
}

/** x moved toward 0 by `bias` where |x| > `lambd`, else 0. */
export function shrink(x: Value, options: { lambd?: number; bias?: number } = {}): Value {
  const { lambd = 0.5, bias = 0 } = options;
  return applyOp1(activationOps.Shrink, [x], { lambd: float(lambd), bias: float(bias) });
}

/** x · Φ(x), the Gaussian error linear unit (arXiv:1606.08415), exact or by its tanh approximation. */
export function gelu(x: Value, options: { approximate?: 'none' | 'tanh' } = {}): Value {
  return applyOp1(activationOps.Gelu, [x], { approximate: string(options.approximate ?? 'none') });
}
