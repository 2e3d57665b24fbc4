/** @file Random applications of the element-wise ops, activations, bitwise and random ops. */
import fc from 'fast-check';
import {
  type activationOps,
  type bitwiseOps,
  type elementwiseOps,
  elemTypeOf,
  type randomOps,
  type trigonometricOps,
} from '../../src/engine/graph/index.ts';
import { int, ints, string } from '../../src/engine/graph/value.ts';
import { binary, forEach, type Make, unary, variadic } from './makers.ts';
import { like, of, positiveDim, positiveShape, type Shape, shape } from './shapes.ts';

type Table<Ops> = { readonly [Op in keyof Ops]: Make };

const dtypes = ['float32', 'float64', 'float16', 'int64', 'int32', 'uint8', 'int8', 'bool'] as const;

/** Generators for the element-wise ops. */
export const elementwiseApplications: Table<typeof elementwiseOps> = {
  ...forEach(
    ['Add', 'Sub', 'Mul', 'Div', 'Pow', 'Equal', 'Greater', 'GreaterOrEqual', 'Less', 'LessOrEqual'],
    binary(),
  ),
  ...forEach(['Max', 'Min', 'Sum', 'Mean'], variadic),
  ...forEach(['And', 'Or', 'Xor'], binary('bool')),
  ...forEach(['IsNaN', 'IsInf', 'Neg', 'Abs', 'Sign', 'Floor', 'Ceil', 'Round', 'Exp', 'Log', 'Sqrt'], unary()),
  ...forEach(['Reciprocal', 'Erf'], unary()),
  Mod: binary('float32', { fmod: int(1) }),
  Not: unary('bool'),
  Clip: (opType) =>
    fc
      .tuple(
        shape(),
        fc.constantFrom<Shape | undefined>(undefined, [], [], [1], [2]),
        fc.constantFrom<Shape | undefined>(undefined, [], []),
      )
      .map(([s, low, high]) => ({ opType, operands: [of(s), low && of(low), high && of(high)], attributes: {} })),
  Where: (opType) =>
    shape().chain((base) =>
      fc
        .tuple(like(base), like(base), like(base))
        .map(([c, a, b]) => ({ opType, operands: [of(c, 'bool'), of(a), of(b)], attributes: {} })),
    ),
  Cast: (opType) =>
    fc
      .tuple(shape(), fc.constantFrom(...dtypes))
      .map(([s, dtype]) => ({ opType, operands: [of(s)], attributes: { to: int(elemTypeOf[dtype]) } })),
  CastLike: (opType) =>
    fc.tuple(shape(), shape()).map(([s, target]) => ({ opType, operands: [of(s), of(target)], attributes: {} })),
};

/** Generators for the trigonometric ops. */
export const trigonometricApplications: Table<typeof trigonometricOps> = forEach(
  ['Sin', 'Cos', 'Tan', 'Asin', 'Acos', 'Atan', 'Sinh', 'Cosh', 'Tanh', 'Asinh', 'Acosh', 'Atanh'],
  unary(),
);

/** x and a bias as long as its last axis, mostly. */
const biased =
  (optional: boolean): Make =>
  (opType) =>
    shape(0, 3).chain((s) =>
      fc
        .constantFrom<Shape | undefined>(...(optional ? [undefined] : []), s.slice(-1), s.slice(-1), [4], s)
        .map((bias) => ({ opType, operands: [of(s), bias && of(bias)], attributes: {} })),
    );

/** Generators for the activations. */
export const activationApplications: Table<typeof activationOps> = {
  ...forEach(['Sigmoid', 'Softplus', 'Softsign', 'Relu', 'LeakyRelu', 'ThresholdedRelu', 'Elu', 'Celu'], unary()),
  ...forEach(['Selu', 'HardSigmoid', 'HardSwish', 'Mish', 'Swish', 'Shrink', 'Gelu'], unary()),
  ...forEach(['com.microsoft.Gelu', 'com.microsoft.QuickGelu'], unary()),
  PRelu: binary(),
  'com.microsoft.FastGelu': biased(true),
  'com.microsoft.BiasGelu': biased(false),
};

/** Generators for the bitwise ops. */
export const bitwiseApplications: Table<typeof bitwiseOps> = {
  BitShift: (opType) =>
    fc.constantFrom('LEFT', 'RIGHT').chain((direction) => binary('uint8', { direction: string(direction) })(opType)),
  ...forEach(['BitwiseAnd', 'BitwiseOr', 'BitwiseXor'], binary('int32')),
  BitwiseNot: unary('int32'),
};

const generator: Make = (opType) => shape().map((s) => ({ opType, operands: [], attributes: { shape: ints(s) } }));

/** Generators for the random ops. */
export const randomApplications: Table<typeof randomOps> = {
  Bernoulli: unary(),
  RandomNormal: generator,
  RandomUniform: generator,
  RandomNormalLike: unary('float32', { dtype: int(elemTypeOf.float64) }),
  RandomUniformLike: unary(),
  Multinomial: (opType) =>
    fc.tuple(positiveShape(1, 3), positiveDim).map(([s, count]) => ({
      opType,
      operands: [of(s)],
      attributes: { sample_size: int(count) },
    })),
  Dropout: (opType) =>
    fc
      .tuple(shape(), fc.constantFrom<Shape | undefined>(undefined, [], [1]), fc.boolean())
      .map(([s, ratio, training]) => ({
        opType,
        operands: [of(s), ratio && of(ratio, 'float16'), training ? of([], 'bool') : undefined],
        attributes: {},
      })),
};
