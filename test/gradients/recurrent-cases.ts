/** @file Cases of the recurrent layers: every direction, state, length, activation and form. T, B, I, H: 3, 2, 2, 2 unless said. */
import { Tensor } from '../../src/engine/core/index.ts';
import {
  constant,
  gru,
  lstm,
  type RecurrentOptions,
  type recurrentOps,
  rnn,
  type Value,
} from '../../src/engine/graph/index.ts';
import { exactly, type GradientCase, type OperandSpec, uniform } from './checker.ts';

const small = (...shape: number[]): OperandSpec => uniform(shape, -0.9, 0.9);

const lengthsOf = (...lengths: number[]) => constant(new Tensor('int32', [lengths.length], Int32Array.from(lengths)));

type Outputs = Readonly<Record<string, Value>>;
type Layer = (x: Value, w: Value, r: Value, options: RecurrentOptions) => Outputs;

interface Wanted {
  readonly numDirections?: number;
  readonly steps?: number;
  readonly batch?: number;
  /** Whether bias and initial state are operands too. */
  readonly full?: boolean;
  readonly options?: RecurrentOptions;
  readonly outputs?: readonly string[];
}

/** A case of a layer whose weights have `numGates` gates, all of its operands checked. */
function layerCase(name: string, layer: Layer, numGates: number, wanted: Wanted = {}): GradientCase {
  const { numDirections = 1, steps = 3, batch = 2, full = true, options = {}, outputs = ['y', 'yH'] } = wanted;
  const operands = [
    options.batchFirst ? small(batch, steps, 2) : small(steps, batch, 2),
    small(numDirections, 2 * numGates, 2),
    small(numDirections, 2 * numGates, 2),
    ...(full ? [small(numDirections, 4 * numGates), small(numDirections, batch, 2)] : []),
  ];
  return {
    name,
    operands,
    apply: ([x, w, r, bias, initialH]) => {
      const results = layer(x!, w!, r!, {
        ...options,
        ...(bias ? { bias } : {}),
        ...(initialH ? { initialH } : {}),
      });
      return outputs.map((output) => results[output]!);
    },
    dtype: 'float32',
    tolerance: 2e-3,
  };
}

const plain: Layer = (x, w, r, options) => ({ ...rnn(x, w, r, options) });
const resetFirst: Layer = (x, w, r, options) => ({ ...gru(x, w, r, options) });
const linearFirst: Layer = (x, w, r, options) => ({ ...gru(x, w, r, { ...options, linearBeforeReset: true }) });
const longShort: Layer = (x, w, r, options) => ({ ...lstm(x, w, r, options) });

const both: RecurrentOptions = { direction: 'bidirectional' };

/** What every layer is tried with. */
function commonCases(name: string, layer: Layer, numGates: number, clip: number, batch = 1): GradientCase[] {
  return [
    layerCase(`${name} forward`, layer, numGates),
    layerCase(`${name} without bias or state, its last state alone`, layer, numGates, { full: false, outputs: ['yH'] }),
    layerCase(`${name} in reverse, all states alone`, layer, numGates, {
      options: { direction: 'reverse' },
      outputs: ['y'],
    }),
    layerCase(`${name} of one step`, layer, numGates, { steps: 1 }),
    layerCase(`${name} both ways over sequences that end early`, layer, numGates, {
      numDirections: 2,
      options: { ...both, sequenceLens: lengthsOf(3, 1) },
    }),
    layerCase(`${name} with its gates clipped`, layer, numGates, { steps: 2, batch, options: { clip } }),
  ];
}

/** Two steps whose activations are given about ±0.8 and ±0.5: away from every kink, on both sides of it. */
const activationCases: GradientCase[] = (
  [
    ['Relu', {}],
    ['Sigmoid', {}],
    ['Affine', { activationAlpha: [0.7], activationBeta: [0.2] }],
    ['LeakyRelu', { activationAlpha: [0.3] }],
    ['ThresholdedRelu', { activationAlpha: [0.15] }],
    ['ScaledTanh', { activationAlpha: [0.8], activationBeta: [1.2] }],
    ['HardSigmoid', { activationAlpha: [0.3], activationBeta: [0.4] }],
    ['Elu', { activationAlpha: [0.6] }],
    ['Softsign', {}],
    ['Softplus', {}],
  ] as const
).map(([activation, parameters]) => ({
  name: `RNN by ${activation}`,
  operands: [
    exactly([2, 2, 1], [-1, 1, 1, -1]),
    exactly([1, 2, 1], [0.8, 0.5]),
    exactly([1, 2, 2], [0.1, -0.05, 0.08, 0.1]),
    exactly([1, 4], [0.02, -0.03, 0.04, 0.01]),
    exactly([1, 2, 2], [0.3, -0.2, 0.1, 0.4]),
  ],
  apply: ([x, w, r, bias, initialH]) => {
    const { y, yH } = rnn(x!, w!, r!, { bias: bias!, initialH: initialH!, activations: [activation], ...parameters });
    return [y, yH];
  },
  dtype: 'float32',
  tolerance: 2e-3,
}));

const cells = (
  name: string,
  more: { peepholes?: boolean; inputForget?: boolean; lengths?: boolean },
): GradientCase => ({
  name,
  operands: [
    small(3, 2, 2),
    small(1, 8, 2),
    small(1, 8, 2),
    small(1, 16),
    small(1, 2, 2),
    small(1, 2, 2),
    ...(more.peepholes ? [small(1, 6)] : []),
  ],
  apply: ([x, w, r, bias, initialH, initialC, peepholes]) => {
    const { y, yH, yC } = lstm(x!, w!, r!, {
      bias: bias!,
      initialH: initialH!,
      initialC: initialC!,
      ...(peepholes ? { peepholes } : {}),
      ...(more.inputForget ? { inputForget: true } : {}),
      ...(more.lengths ? { sequenceLens: lengthsOf(2, 3) } : {}),
    });
    return [y, yH, yC];
  },
  dtype: 'float32',
  tolerance: 2e-3,
});

/** The cases of the recurrent layers. */
export const recurrentCases = {
  RNN: [
    layerCase('RNN both ways with the batch first', plain, 1, {
      numDirections: 2,
      options: { ...both, batchFirst: true },
      outputs: ['y'],
    }),
    ...commonCases('RNN', plain, 1, 0.65, 3),
    ...activationCases,
  ],
  GRU: [...commonCases('GRU', resetFirst, 3, 0.8), ...commonCases('GRU that resets last', linearFirst, 3, 0.35)],
  LSTM: [
    ...commonCases('LSTM', longShort, 4, 0.65),
    layerCase('LSTM by its last cell alone', longShort, 4, { outputs: ['yC'] }),
    cells('LSTM with cells given and returned', {}),
    cells('LSTM with cells of sequences that end early', { lengths: true }),
    cells('LSTM with peepholes', { peepholes: true }),
    cells('LSTM whose input gate is its forget gate', { inputForget: true }),
    cells('LSTM with peepholes whose input gate is its forget gate', { peepholes: true, inputForget: true }),
    layerCase('LSTM by other activations', longShort, 4, {
      options: { activations: ['Softsign', 'Sigmoid', 'Elu'], activationAlpha: [0.7] },
    }),
  ],
} as const satisfies { readonly [Op in keyof typeof recurrentOps]: readonly GradientCase[] };
