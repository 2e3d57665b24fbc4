/** @file Cases of the element-wise ops: broadcasting either way, scalars, and points away from kinks and poles. */
import { Tensor } from '../../src/engine/core/index.ts';
import {
  abs,
  add,
  cast,
  clip,
  constant,
  cos,
  div,
  type elementwiseOps,
  erf,
  exp,
  gelu,
  log,
  max,
  min,
  mul,
  neg,
  pow,
  reciprocal,
  relu,
  sigmoid,
  sin,
  softplus,
  sqrt,
  sub,
  tanh,
  type Value,
  where,
} from '../../src/engine/graph/index.ts';
import { awayFromZero, distinct, exactly, type GradientCase, type OperandSpec, uniform } from './checker.ts';

type Binary = (a: Value, b: Value) => Value;
type Draw = (shape: readonly number[]) => OperandSpec;

/** Both operands of one shape; each stretched; a scalar with each; axes of size 1 in the middle; one operand twice. */
function binaryCases(name: string, apply: Binary, drawA: Draw, drawB: Draw = drawA): GradientCase[] {
  const of = (what: string, a: readonly number[], b: readonly number[]): GradientCase => ({
    name: `${name} ${what}`,
    operands: [drawA(a), drawB(b)],
    apply: ([x, y]) => apply(x!, y!),
  });
  return [
    of('of equal shapes', [2, 3], [2, 3]),
    of('with a row stretched', [2, 3], [3]),
    of('with the first stretched', [3, 1], [2, 1, 4]),
    of('with a scalar', [2, 2], []),
    of('of a scalar', [], [2, 2]),
    of('with a middle axis stretched', [2, 1, 3], [2, 4, 3]),
  ];
}

const twice = (name: string, apply: Binary, draw: Draw): GradientCase => ({
  name: `${name} of a value with itself`,
  operands: [draw([2, 3])],
  apply: ([x]) => apply(x!, x!),
});

function unaryCases(name: string, apply: (x: Value) => Value, draw: Draw, dtype?: 'float32'): GradientCase[] {
  return [[2, 3], [], [1, 4, 2]].map((shape) => ({
    name: `${name} of [${shape}]`,
    operands: [draw(shape)],
    apply: ([x]: Value[]) => apply(x!),
    ...(dtype ? { dtype } : {}),
  }));
}

const positive: Draw = (shape) => uniform(shape, 0.5, 2.5);
const any: Draw = (shape) => uniform(shape);
const farApart: Draw = (shape) => distinct(shape, 0.05);

const condition = constant(new Tensor('bool', [2, 1, 3], Uint8Array.of(1, 0, 1, 0, 0, 1)));

/** The cases of every element-wise op that has a rule. */
export const elementwiseCases = {
  Add: [...binaryCases('Add', add, any), twice('Add', add, any)],
  Sub: binaryCases('Sub', sub, any),
  Mul: [...binaryCases('Mul', mul, any), twice('Mul', mul, any)],
  Div: binaryCases('Div', div, any, awayFromZero),
  Pow: [...binaryCases('Pow', pow, positive, any), twice('Pow', pow, positive)],
  Max: binaryCases('Max', max, distinct, farApart),
  Min: binaryCases('Min', min, distinct, farApart),
  Neg: unaryCases('Neg', neg, any),
  Abs: unaryCases('Abs', abs, awayFromZero),
  Exp: unaryCases('Exp', exp, any),
  Log: unaryCases('Log', log, positive),
  Sqrt: unaryCases('Sqrt', sqrt, positive),
  Reciprocal: unaryCases('Reciprocal', reciprocal, awayFromZero),
  Sin: unaryCases('Sin', sin, any),
  Cos: unaryCases('Cos', cos, any),
  Erf: unaryCases('Erf', erf, any, 'float32'),
  Tanh: unaryCases('Tanh', tanh, any),
  Sigmoid: unaryCases('Sigmoid', sigmoid, any),
  Softplus: unaryCases('Softplus', softplus, any, 'float32'),
  Relu: unaryCases('Relu', relu, awayFromZero),
  Gelu: [
    ...unaryCases('Gelu', (x) => gelu(x), any, 'float32'),
    ...unaryCases('Gelu by tanh', (x) => gelu(x, { approximate: 'tanh' }), any, 'float32'),
  ],
  Clip: [
    ...[[-0.55, 0.65] as const, [undefined, 0.35] as const, [-0.35, undefined] as const].map(
      ([low, high]): GradientCase => ({
        name: `Clip to [${low}, ${high}]`,
        operands: [distinct([3, 5])],
        apply: ([x]) => clip(x!, low, high),
      }),
    ),
    {
      name: 'Clip to bounds that are values',
      operands: [distinct([3, 5]), exactly([], [-0.27]), exactly([], [0.44])],
      apply: ([x, low, high]) => clip(x!, low, high),
    },
  ],
  Where: [
    {
      name: 'Where with stretched operands',
      operands: [any([4, 3]), any([2, 4, 1])],
      apply: ([a, b]) => where(condition, a!, b!),
    },
    { name: 'Where of scalars', operands: [any([]), any([])], apply: ([a, b]) => where(condition, a!, b!) },
    {
      name: 'Where of equal shapes',
      operands: [any([2, 4, 3]), any([2, 4, 3])],
      apply: ([a, b]) => where(condition, a!, b!),
    },
  ],
  Cast: [
    {
      name: 'Cast to the narrower type',
      operands: [any([2, 3])],
      apply: ([x]) => mul(cast(x!, 'float32'), 3),
      tolerance: 1e-3,
    },
    {
      name: 'Cast used in the wider type',
      operands: [any([4])],
      apply: ([x]) => exp(cast(x!, 'float64')),
      dtype: 'float32',
    },
  ],
} as const satisfies { readonly [Op in keyof typeof elementwiseOps]?: readonly GradientCase[] };
