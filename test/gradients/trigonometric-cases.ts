/** @file Cases of the circular and hyperbolic functions, within the ranges on which they are defined. */
import {
  acos,
  acosh,
  asin,
  asinh,
  atan,
  atanh,
  cos,
  cosh,
  sin,
  sinh,
  tan,
  tanh,
  type trigonometricOps,
  type Value,
} from '../../src/engine/graph/index.ts';
import { type GradientCase, type OperandSpec, uniform } from './checker.ts';

type Draw = (shape: readonly number[]) => OperandSpec;

function unaryCases(name: string, apply: (x: Value) => Value, draw: Draw, dtype?: 'float32'): GradientCase[] {
  return [[2, 3], [], [1, 4, 2]].map((shape) => ({
    name: `${name} of [${shape}]`,
    operands: [draw(shape)],
    apply: ([x]: Value[]) => apply(x!),
    ...(dtype ? { dtype } : {}),
  }));
}

const any: Draw = (shape) => uniform(shape);
const inside: Draw = (shape) => uniform(shape, -0.8, 0.8);
const aboveOne: Draw = (shape) => uniform(shape, 1.5, 3);

/** The cases of the trigonometric ops. */
export const trigonometricCases = {
  Sin: unaryCases('Sin', sin, any),
  Cos: unaryCases('Cos', cos, any),
  Tan: unaryCases('Tan', tan, (shape) => uniform(shape, -1, 1), 'float32'),
  Asin: unaryCases('Asin', asin, inside, 'float32'),
  Acos: unaryCases('Acos', acos, inside, 'float32'),
  Atan: unaryCases('Atan', atan, any, 'float32'),
  Sinh: unaryCases('Sinh', sinh, any, 'float32'),
  Cosh: unaryCases('Cosh', cosh, any, 'float32'),
  Tanh: unaryCases('Tanh', tanh, any),
  Asinh: unaryCases('Asinh', asinh, any, 'float32'),
  Acosh: unaryCases('Acosh', acosh, aboveOne, 'float32'),
  Atanh: unaryCases('Atanh', atanh, inside, 'float32'),
} as const satisfies { readonly [Op in keyof typeof trigonometricOps]: readonly GradientCase[] };
