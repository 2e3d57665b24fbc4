/** @file Cases of dropout as far as differences can see it: where it is off, and where it keeps everything. */

import { Tensor } from '../../src/engine/core/index.ts';
import { constant, dropout, mul, type randomOps, type Value } from '../../src/engine/graph/index.ts';
import { type GradientCase, uniform } from './checker.ts';

const off = constant(new Tensor('bool', [], Uint8Array.of(0)));

const one = (name: string, shape: readonly number[], apply: (x: Value) => Value): GradientCase => ({
  name,
  operands: [uniform(shape)],
  apply: ([x]) => apply(x!),
});

/** The cases of the random ops. */
export const randomCases = {
  Dropout: [
    one('Dropout that is off', [2, 3], (x) => mul(dropout(x, 0.5, { training: off }).output, x)),
    one('Dropout that keeps everything', [3, 2], (x) => mul(dropout(x, 0, { seed: 1 }).output, x)),
  ],
} as const satisfies { readonly [Op in keyof typeof randomOps]?: readonly GradientCase[] };
