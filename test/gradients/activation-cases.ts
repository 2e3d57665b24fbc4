/** @file Cases of the activations: at points away from kinks, on each side of them, and with other attributes than the default. */
import {
  activationOps,
  applyOp,
  celu,
  elu,
  gelu,
  hardSigmoid,
  hardSwish,
  leakyRelu,
  mish,
  pRelu,
  quickGelu,
  relu,
  selu,
  shrink,
  sigmoid,
  softplus,
  softsign,
  swish,
  thresholdedRelu,
  type Value,
} from '../../src/engine/graph/index.ts';
import { awayFromZero, distinct, exactly, type GradientCase, type OperandSpec, uniform } from './checker.ts';

type Draw = (shape: readonly number[]) => OperandSpec;

function unaryCases(name: string, apply: (x: Value) => Value, draw: Draw, dtype?: 'float64'): GradientCase[] {
  return [[2, 3], [], [1, 4, 2]].map((shape) => ({
    name: `${name} of [${shape}]`,
    operands: [draw(shape)],
    apply: ([x]: Value[]) => apply(x!),
    dtype: dtype ?? 'float32',
  }));
}

const any: Draw = (shape) => uniform(shape);
/** Beside the multiples of 0.1, where kinks are; a single one is above them. */
const between: Draw = (shape) => distinct(shape, shape.length === 0 ? 0.65 : 0.05);

const one = (name: string, operands: OperandSpec[], apply: (operands: Value[]) => Value): GradientCase => ({
  name,
  operands,
  apply,
  dtype: 'float32',
});

/** Points on each of the three pieces of the hard functions. */
const onEachPiece = exactly([2, 4], [-4.2, -3.4, -1.6, -0.3, 0.4, 2.2, 3.5, 5]);

const contrib = (opType: 'Gelu' | 'FastGelu' | 'BiasGelu', operands: readonly Value[]): Value =>
  applyOp(activationOps[`com.microsoft.${opType}`], operands)[0]!;

const biasCases = (opType: 'FastGelu' | 'BiasGelu'): GradientCase[] =>
  [
    [2, 3],
    [2, 1, 4],
  ].map((shape) =>
    one(`${opType} of [${shape}] with a bias`, [any(shape), any([shape.at(-1)!])], (operands) =>
      contrib(opType, operands),
    ),
  );

/** The cases of the activations. */
export const activationCases = {
  Sigmoid: unaryCases('Sigmoid', sigmoid, any, 'float64'),
  Softplus: unaryCases('Softplus', softplus, any),
  Softsign: unaryCases('Softsign', softsign, awayFromZero),
  Relu: unaryCases('Relu', relu, awayFromZero, 'float64'),
  LeakyRelu: [
    ...unaryCases('LeakyRelu', (x) => leakyRelu(x), awayFromZero),
    one('LeakyRelu with another slope', [awayFromZero([2, 3])], ([x]) => leakyRelu(x!, 0.3)),
    one('LeakyRelu with a negative slope', [awayFromZero([2, 3])], ([x]) => leakyRelu(x!, -0.3)),
  ],
  ThresholdedRelu: [
    ...unaryCases('ThresholdedRelu', (x) => thresholdedRelu(x, 0.1), between),
    one('ThresholdedRelu beyond 1', [exactly([4], [0.5, 0.9, 1.1, 3])], ([x]) => thresholdedRelu(x!)),
  ],
  PRelu: [
    one('PRelu with a slope for each element', [awayFromZero([2, 3]), any([2, 3])], ([x, s]) => pRelu(x!, s!)),
    one('PRelu with a slope for each channel', [awayFromZero([2, 3, 2]), any([3, 1])], ([x, s]) => pRelu(x!, s!)),
    one('PRelu with one slope', [awayFromZero([2, 4]), any([1])], ([x, s]) => pRelu(x!, s!)),
  ],
  Elu: [
    ...unaryCases('Elu', (x) => elu(x), awayFromZero),
    one('Elu with another alpha', [awayFromZero([2, 3])], ([x]) => elu(x!, 0.4)),
    one('Elu with a negative alpha', [awayFromZero([2, 3])], ([x]) => elu(x!, -0.4)),
  ],
  Celu: [
    ...unaryCases('Celu', (x) => celu(x), awayFromZero),
    one('Celu with another alpha', [awayFromZero([2, 3])], ([x]) => celu(x!, 0.6)),
  ],
  Selu: [
    ...unaryCases('Selu', (x) => selu(x), awayFromZero),
    one('Selu with other constants', [awayFromZero([2, 3])], ([x]) => selu(x!, { alpha: 0.7, gamma: 1.4 })),
  ],
  HardSigmoid: [
    ...unaryCases('HardSigmoid', (x) => hardSigmoid(x), any),
    one('HardSigmoid on each piece', [onEachPiece], ([x]) => hardSigmoid(x!)),
    one('HardSigmoid with other constants', [onEachPiece], ([x]) => hardSigmoid(x!, { alpha: 0.35, beta: 0.4 })),
  ],
  HardSwish: [
    ...unaryCases('HardSwish', hardSwish, any),
    one('HardSwish on each piece', [onEachPiece], ([x]) => hardSwish(x!)),
  ],
  Mish: unaryCases('Mish', mish, any),
  Swish: [
    ...unaryCases('Swish', (x) => swish(x), any, 'float64'),
    one('Swish with another alpha', [any([2, 3])], ([x]) => swish(x!, -0.7)),
  ],
  Shrink: [
    ...unaryCases('Shrink', (x) => shrink(x, { lambd: 0.2 }), between),
    one('Shrink with a bias', [between([4, 4])], ([x]) => shrink(x!, { lambd: 0.3, bias: 0.2 })),
  ],
  Gelu: [
    ...unaryCases('Gelu', (x) => gelu(x), any),
    ...unaryCases('Gelu by tanh', (x) => gelu(x, { approximate: 'tanh' }), any),
    one('Gelu far from 0', [exactly([6], [-8, -5, -3, 3, 5, 8])], ([x]) => gelu(x!)),
    one('Gelu by tanh far from 0', [exactly([6], [-8, -5, -3, 3, 5, 8])], ([x]) => gelu(x!, { approximate: 'tanh' })),
  ],
  'com.microsoft.Gelu': unaryCases('com.microsoft.Gelu', (x) => contrib('Gelu', [x]), any),
  'com.microsoft.QuickGelu': [
    ...unaryCases('QuickGelu', (x) => quickGelu(x), any),
    one('QuickGelu with alpha 1', [any([2, 3])], ([x]) => quickGelu(x!, 1)),
  ],
  'com.microsoft.FastGelu': [
    one('FastGelu without a bias', [any([2, 3])], (operands) => contrib('FastGelu', operands)),
    ...biasCases('FastGelu'),
  ],
  'com.microsoft.BiasGelu': biasCases('BiasGelu'),
} as const satisfies { readonly [Op in keyof typeof activationOps]: readonly GradientCase[] };
