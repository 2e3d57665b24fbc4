/**
 * @file Ops that draw random numbers inside a run. ONNX Runtime's generator goes on from run to run, so that only a fresh session
 * with a `seed` repeats itself; what must be repeatable takes its draws as inputs from a seeded Rng instead.
 */
import { type Dtype, DtypeError, isRanked, ShapeError } from '../../core/index.ts';
import { constantScalar } from '../constants.ts';
import { elemTypeOf } from '../elem-types.ts';
import { type Attributes, applyOp, applyOp1, defineOp, float, int, intOf, ints, intsOf, type Value } from '../value.ts';
import { floats, indexTypes, integers } from './element-types.ts';
import { type Operand, requireDtype, required } from './operand.ts';
import { dtypeAttribute } from './signature.ts';

/** Draws are made in these types. */
const drawn: readonly Dtype[] = ['float32', 'float64', 'float16'];

const inferGenerator = (opType: string) => (_: unknown, attributes: Attributes) => {
  const shape = intsOf(attributes, 'shape', []);
  if (attributes.shape === undefined) throw new ShapeError(`${opType}: needs a shape`);
  return [{ dtype: drawnDtype(opType, attributes, 'float32'), shape }];
};

const inferLike = (opType: string) => (inputs: readonly (Value | undefined)[], attributes: Attributes) => {
  const x = required(opType, inputs, 0);
  return [{ dtype: drawnDtype(opType, attributes, x.dtype), shape: x.shape }];
};

function drawnDtype(opType: string, attributes: Attributes, fallback: Dtype): Dtype {
  const dtype = dtypeAttribute(opType, attributes, 'dtype', fallback);
  if (!drawn.includes(dtype)) throw new DtypeError(`${opType}: draws ${drawn.join(' or ')}, got ${dtype}`);
  return dtype;
}

/** The random op definitions. */
export const randomOps = {
  Bernoulli: defineOp('Bernoulli', (inputs, attributes) => {
    const x = required('Bernoulli', inputs, 0);
    requireDtype('Bernoulli', 'the probabilities', x, ...drawn);
    const dtype = dtypeAttribute('Bernoulli', attributes, 'dtype', x.dtype);
    if (![...floats, ...integers, 'bool'].includes(dtype)) throw new DtypeError(`Bernoulli: draws no ${dtype}`);
    return [{ dtype, shape: x.shape }];
  }),
  RandomNormal: defineOp('RandomNormal', inferGenerator('RandomNormal')),
  RandomNormalLike: defineOp('RandomNormalLike', inferLike('RandomNormalLike')),
  RandomUniform: defineOp('RandomUniform', inferGenerator('RandomUniform')),
  RandomUniformLike: defineOp('RandomUniformLike', inferLike('RandomUniformLike')),
  Multinomial: defineOp('Multinomial', (inputs, attributes) => {
    const x = required('Multinomial', inputs, 0);
    requireDtype('Multinomial', 'the logarithms of probabilities', x, ...drawn);
    const dtype = dtypeAttribute('Multinomial', attributes, 'dtype', 'int32');
    if (!indexTypes.includes(dtype)) throw new DtypeError(`Multinomial: draws int64 or int32, got ${dtype}`);
    if (isRanked(x.shape) && x.rank !== 2) throw new ShapeError(`Multinomial: needs [batch, classes], got ${x}`);
    const batch = isRanked(x.shape) ? x.shape[0]! : '?';
    return [{ dtype, shape: [batch, intOf(attributes, 'sample_size', 1)] }];
  }),
  /** The second output tells which elements were kept. */
  Dropout: defineOp(
    'Dropout',
    (inputs) => {
      const x = required('Dropout', inputs, 0);
      const [ratio, training] = [inputs[1], inputs[2]];
      requireDtype('Dropout', 'the operand', x, ...floats);
      if (ratio) requireDtype('Dropout', 'the ratio', ratio, ...floats);
      if (training) requireDtype('Dropout', 'training_mode', training, 'bool');
      for (const scalar of [ratio, training]) {
        if (scalar && isRanked(scalar.shape) && scalar.rank !== 0) {
          throw new ShapeError(`Dropout: ratio and training_mode must be scalars, got ${scalar}`);
        }
      }
      return [
        { dtype: x.dtype, shape: x.shape },
        { dtype: 'bool', shape: x.shape },
      ];
    },
    '',
    { firstOptionalOutput: 1 },
  ),
} as const;

/** How random numbers are drawn. */
export interface RandomOptions {
  /** Makes the first run of every session the same. */
  readonly seed?: number;
  /** The element type; float32, or that of the value given. */
  readonly dtype?: Dtype;
}

function drawAttributes(options: RandomOptions): Attributes {
  return {
    ...(options.dtype === undefined ? {} : { dtype: int(elemTypeOf[options.dtype]) }),
    ...(options.seed === undefined ? {} : { seed: float(options.seed) }),
  };
}

/** Draws from the normal distribution. */
export function randomNormal(
  shape: readonly number[],
  options: RandomOptions & { mean?: number; scale?: number } = {},
): Value {
  const { mean = 0, scale = 1 } = options;
  const attributes = { shape: ints(shape), mean: float(mean), scale: float(scale), ...drawAttributes(options) };
  return applyOp1(randomOps.RandomNormal, [], attributes);
}

/** Draws from the normal distribution, as many as x has elements. */
export function randomNormalLike(x: Value, options: RandomOptions & { mean?: number; scale?: number } = {}): Value {
  const { mean = 0, scale = 1 } = options;
  const attributes = { mean: float(mean), scale: float(scale), ...drawAttributes(options) };
  return applyOp1(randomOps.RandomNormalLike, [x], attributes);
}

/** Uniform draws in [`low`, `high`). */
export function randomUniform(
  shape: readonly number[],
  options: RandomOptions & { low?: number; high?: number } = {},
): Value {
  const { low = 0, high = 1 } = options;
  const attributes = { shape: ints(shape), low: float(low), high: float(high), ...drawAttributes(options) };
  return applyOp1(randomOps.RandomUniform, [], attributes);
}

/** Uniform draws in [`low`, `high`), as many as x has elements. */
export function randomUniformLike(x: Value, options: RandomOptions & { low?: number; high?: number } = {}): Value {
  const { low = 0, high = 1 } = options;
  return applyOp1(randomOps.RandomUniformLike, [x], { low: float(low), high: float(high), ...drawAttributes(options) });
}

/** 1 with the probability that x gives, element by element, else 0. */
export function bernoulli(x: Value, options: RandomOptions = {}): Value {
  return applyOp1(randomOps.Bernoulli, [x], drawAttributes(options));
}

/** `numSamples` class indices for each row of x, `[B, C]` logarithms of probabilities that need not add up to 1. */
export function multinomial(
  x: Value,
  numSamples: number,
  options: { seed?: number; dtype?: 'int32' | 'int64' } = {},
): Value {
  return applyOp1(randomOps.Multinomial, [x], { sample_size: int(numSamples), ...drawAttributes(options) });
}

/**
 * x with each element dropped with probability `ratio` and the others divided by 1 - ratio (arXiv:1207.0580), while `training`; x
 * itself otherwise. `mask` tells which were kept.
 */
export function dropout(
  x: Value,
  ratio: Operand = 0.5,
  options: { training?: boolean | Value; seed?: number } = {},
): { output: Value; mask: Value } {
  const { training = true, seed } = options;
  const scalar = (operand: Operand | boolean, dtype: Dtype) =>
    typeof operand === 'object' ? operand : constantScalar(Number(operand), dtype);
  const inputs = [x, scalar(ratio, x.dtype), scalar(training, 'bool')];
  const [output, mask] = applyOp(randomOps.Dropout, inputs, seed === undefined ? {} : { seed: int(seed) });
  return { output: output!, mask: mask! };
}
