/** @file Cases of the element-wise ops: broadcasting either way, scalars, and points away from kinks and poles. */
import { int64, Tensor } from '../../src/engine/core/index.ts';
import {
  abs,
  add,
  applyOp,
  cast,
  clip,
  constant,
  div,
  elementwiseOps,
  erf,
  exp,
  log,
  max,
  mean,
  min,
  mod,
  mul,
  neg,
  pow,
  reciprocal,
  sqrt,
  sub,
  sum,
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

const castLike = (x: Value, like: Value): Value => applyOp(elementwiseOps.CastLike, [x, like])[0]!;

const positive: Draw = (shape) => uniform(shape, 0.5, 2.5);
const any: Draw = (shape) => uniform(shape);
const farApart: Draw = (shape) => distinct(shape, 0.05);

const condition = constant(new Tensor('bool', [2, 1, 3], Uint8Array.of(1, 0, 1, 0, 0, 1)));

/** Divisors that no multiple of 0.1 below 2.4 is near to a multiple of, so that no step of the differences crosses a jump. */
const divisor: Draw = (shape) => uniform(shape, 0.77, 0.79);

const float64 = (elements: readonly number[]) => new Tensor('float64', [2, 2], Float64Array.from(elements));

const to = (what: string, exponent: number, operand: OperandSpec): GradientCase => ({
  name: `Pow to ${what}`,
  operands: [operand],
  apply: ([x]) => pow(x!, exponent),
});

/** Three operands, each of which is stretched. */
const three = (name: string, apply: (a: Value, b: Value, c: Value) => Value): GradientCase => ({
  name: `${name} of three`,
  operands: [distinct([2, 3]), distinct([3], 0.03), distinct([2, 1], 0.06)],
  apply: ([a, b, c]) => apply(a!, b!, c!),
});

const inFloat32 = (one: GradientCase): GradientCase => ({ ...one, dtype: 'float32' });

/** The cases of every element-wise op that has a rule. */
export const elementwiseCases = {
  Add: [...binaryCases('Add', add, any), twice('Add', add, any)],
  Sub: binaryCases('Sub', sub, any),
  Mul: [...binaryCases('Mul', mul, any), twice('Mul', mul, any)],
  Div: binaryCases('Div', div, any, awayFromZero),
  Mod: [
    ...binaryCases('Mod', mod, (shape) => distinct(shape, 1.2), divisor),
    {
      name: 'Mod of either sign',
      operands: [exactly([2, 2], [-1.7, 1.7, -0.4, 2.9]), exactly([2, 2], [0.75, -0.75, 0.75, 1.25])],
      apply: ([x, y]) => mod(x!, y!),
    },
  ],
  Pow: [
    ...binaryCases('Pow', pow, positive, any),
    twice('Pow', pow, positive),
    ...[1, 2, 3, 0.5, -1, -1.5].map((exponent) => to(`the power ${exponent}`, exponent, positive([2, 3]))),
    to('the power 2, also of negative numbers', 2, any([2, 3])),
    to('the power 3, also at 0', 3, exactly([3], [0, -1.5, 2])),
    {
      name: 'Pow by exponents that are constants, also 0 at 0',
      operands: [exactly([2, 2], [0, 1.5, 0, -2])],
      apply: ([x]) => pow(x!, constant(float64([0, 2, 1, 3]))),
    },
    {
      name: 'Pow by whole numbers',
      operands: [positive([2, 2])],
      apply: ([x]) => pow(x!, constant(int64([3, -2]))),
    },
  ],
  Max: [...binaryCases('Max', max, distinct, farApart), three('Max', (a, b, c) => max(a, b, c))],
  Min: [...binaryCases('Min', min, distinct, farApart), three('Min', (a, b, c) => min(a, b, c))],
  Sum: [
    ...binaryCases('Sum', (a, b) => sum([a, b]), any),
    three('Sum', (a, b, c) => sum([a, b, c])),
    twice('Sum', (a, b) => sum([a, b]), any),
  ],
  Mean: [
    ...binaryCases('Mean', (a, b) => mean([a, b]), any).map(inFloat32),
    inFloat32(three('Mean', (a, b, c) => mean([a, b, c]))),
  ],
  Neg: unaryCases('Neg', neg, any),
  Abs: unaryCases('Abs', abs, awayFromZero),
  Exp: unaryCases('Exp', exp, any),
  Log: unaryCases('Log', log, positive),
  Sqrt: unaryCases('Sqrt', sqrt, positive),
  Reciprocal: unaryCases('Reciprocal', reciprocal, awayFromZero),
  Erf: unaryCases('Erf', erf, any, 'float32'),
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
  CastLike: [
    {
      name: 'CastLike the wider type',
      operands: [any([2, 3])],
      apply: ([x]) => exp(castLike(x!, constant(new Tensor('float64', [], Float64Array.of(0))))),
      dtype: 'float32',
    },
    {
      name: 'CastLike the narrower type',
      operands: [any([4])],
      apply: ([x]) => mul(castLike(x!, constant(new Tensor('float32', [], Float32Array.of(0)))), 3),
      tolerance: 1e-3,
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
