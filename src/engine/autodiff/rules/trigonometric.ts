/** @file Gradient rules of the circular and hyperbolic functions. g is the cotangent of the output y = f(x). */
import { add, cos, cosh, div, mul, neg, sin, sinh, sqrt, sub, type trigonometricOps } from '../../graph/index.ts';
import type { GradientRule } from '../rule.ts';
import { unary } from './pointwise.ts';

type Rules = { readonly [Op in keyof typeof trigonometricOps]: GradientRule };

/** The rules of the trigonometric ops. */
export const trigonometricRules: Rules = {
  Sin: unary((g, x) => mul(g, cos(x))),
  Cos: unary((g, x) => neg(mul(g, sin(x)))),
  Tan: unary((g, _x, y) => mul(g, add(mul(y, y), 1))),
  Asin: unary((g, x) => div(g, sqrt(sub(1, mul(x, x))))),
  Acos: unary((g, x) => neg(div(g, sqrt(sub(1, mul(x, x)))))),
  Atan: unary((g, x) => div(g, add(mul(x, x), 1))),
  Sinh: unary((g, x) => mul(g, cosh(x))),
  Cosh: unary((g, x) => mul(g, sinh(x))),
  Tanh: unary((g, _x, y) => mul(g, sub(1, mul(y, y)))),
  Asinh: unary((g, x) => div(g, sqrt(add(mul(x, x), 1)))),
  Acosh: unary((g, x) => div(g, sqrt(sub(mul(x, x), 1)))),
  Atanh: unary((g, x) => div(g, sub(1, mul(x, x)))),
};
