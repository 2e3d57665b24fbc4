/**
 * @file Recurrent layers in their fused form: RNN, GRU, LSTM. T: time; B: batch; I: features of the input; H: hidden features;
 * D: directions (2 where both ways are run). ONNX Runtime runs float32 and time-major inputs only.
 */
import { type Dim, ShapeError } from '../../core/index.ts';
import {
  type Attribute,
  type Attributes,
  applyOp,
  defineOp,
  float,
  floats,
  int,
  intOf,
  type OpDefinition,
  string,
  stringOf,
  stringsOf,
  type Value,
} from '../value.ts';
import { transpose } from './layout.ts';
import { dimOf, Letters } from './letters.ts';
import { requireDtype, required, requireSameDtype } from './operand.ts';

const directions = ['forward', 'reverse', 'bidirectional'];

function requireAttributes(opType: string, attributes: Attributes, perDirection: number, numDirections: number): void {
  const direction = stringOf(attributes, 'direction', 'forward');
  if (!directions.includes(direction)) {
    throw new RangeError(`${opType}: direction must be ${directions.join(', ')}, got "${direction}"`);
  }
  const activations = stringsOf(attributes, 'activations', []);
  if (activations.length > 0 && activations.length !== perDirection * numDirections) {
    throw new RangeError(
      `${opType}: needs ${perDirection} activations for each of ${numDirections} directions, got [${activations}]`,
    );
  }
}

const recurrent = (opType: string, numGates: number, numActivations: number): OpDefinition['infer'] => {
  const isLstm = opType === 'LSTM';
  return (inputs, attributes) => {
    const [x, w, r] = [0, 1, 2].map((i) => required(opType, inputs, i)) as [Value, Value, Value];
    requireDtype(opType, 'x', x, 'float32', 'float64', 'float16', 'bfloat16');
    requireSameDtype(opType, x, w, r, inputs[3], ...inputs.slice(5));
    if (inputs[4]) requireDtype(opType, 'sequence_lens', inputs[4], 'int32');
    const numDirections = stringOf(attributes, 'direction', 'forward') === 'bidirectional' ? 2 : 1;
    requireAttributes(opType, attributes, numActivations, numDirections);
    const hidden: Dim = intOf(attributes, 'hidden_size', 0) || dimOf(r.shape, 2);
    const letters = new Letters(opType, { D: numDirections, H: hidden });
    const gates = (count: number) => (typeof hidden === 'number' ? count * hidden : `${count}H`);
    const batchFirst = intOf(attributes, 'layout', 0) === 1;
    const state = batchFirst ? ['B', 'D', 'H'] : ['D', 'B', 'H'];
    letters.match('x', x, ...(batchFirst ? ['B', 'T', 'I'] : ['T', 'B', 'I']));
    letters.match('w', w, 'D', gates(numGates), 'I');
    letters.match('r', r, 'D', gates(numGates), 'H');
    letters.match('the bias', inputs[3], 'D', gates(2 * numGates));
    letters.match('sequence_lens', inputs[4], 'B');
    letters.match('initial_h', inputs[5], ...state);
    if (isLstm) {
      letters.match('initial_c', inputs[6], ...state);
      letters.match('the peepholes', inputs[7], 'D', gates(3));
    }
    const shapeOf = (pattern: readonly string[]) => pattern.map((letter) => letters.of(letter));
    const last = { dtype: x.dtype, shape: shapeOf(state) };
    const y = { dtype: x.dtype, shape: shapeOf(batchFirst ? ['B', 'T', 'D', 'H'] : ['T', 'D', 'B', 'H']) };
    if (y.shape[batchFirst ? 1 : 0] === 0) throw new ShapeError(`${opType}: x must have a step of time, got ${x}`);
    return isLstm ? [y, last, last] : [y, last];
  };
};

/** The recurrent op definitions; every output may be left out. */
export const recurrentOps = {
  RNN: defineOp('RNN', recurrent('RNN', 1, 1), '', { firstOptionalOutput: 0 }),
  GRU: defineOp('GRU', recurrent('GRU', 3, 2), '', { firstOptionalOutput: 0 }),
  LSTM: defineOp('LSTM', recurrent('LSTM', 4, 3), '', { firstOptionalOutput: 0 }),
} as const;

/** The activations that recurrent layers may name. */
export type RecurrentActivation =
  | 'Relu'
  | 'Tanh'
  | 'Sigmoid'
  | 'Affine'
  | 'LeakyRelu'
  | 'ThresholdedRelu'
  | 'ScaledTanh'
  | 'HardSigmoid'
  | 'Elu'
  | 'Softsign'
  | 'Softplus';

/** What every recurrent layer can be given. G: the number of gates. */
export interface RecurrentOptions {
  /** `[D, 2 G H]`: the biases of the input products, then those of the recurrent ones; zeros if absent. */
  readonly bias?: Value;
  /** `int32[B]`: the number of steps of each sequence; all T if absent. Outputs beyond them are 0. */
  readonly sequenceLens?: Value;
  /** `[D, B, H]`: the state before the first step; zeros if absent. */
  readonly initialH?: Value;
  /** Which way time runs; 'forward' if absent. */
  readonly direction?: 'forward' | 'reverse' | 'bidirectional';
  /** The activations of each direction in turn, in ONNX's order. */
  readonly activations?: readonly RecurrentActivation[];
  /** The parameters of those activations that have them, in the same order. */
  readonly activationAlpha?: readonly number[];
  readonly activationBeta?: readonly number[];
  /** Keeps what goes into the activations within [-clip, clip]. */
  readonly clip?: number;
  /** x is `[B, T, I]` and y `[B, T, D, H]`; states stay `[D, B, H]`. */
  readonly batchFirst?: boolean;
}

/** Every state and the last one. */
export interface RecurrentResult {
  /** `[T, D, B, H]`, the state after every step; `[B, T, D, H]` where batchFirst. */
  readonly y: Value;
  /** `[D, B, H]`, the state after the last step of each sequence. */
  readonly yH: Value;
}

function applyRecurrent(
  op: OpDefinition,
  operands: { readonly x: Value; readonly w: Value; readonly r: Value },
  options: RecurrentOptions,
  more: { readonly inputs?: readonly (Value | undefined)[]; readonly attributes?: Readonly<Record<string, Attribute>> },
): readonly Value[] {
  const { x, w, r } = operands;
  const hidden = dimOf(r.shape, 2);
  if (typeof hidden !== 'number') {
    throw new ShapeError(`${op.opType}: r must have a static last axis, got ${r}`);
  }
  const timeFirst = options.batchFirst ? transpose(x, [1, 0, 2]) : x;
  const inputs = [timeFirst, w, r, options.bias, options.sequenceLens, options.initialH, ...(more.inputs ?? [])];
  const [y, ...last] = applyOp(op, inputs, {
    hidden_size: int(hidden),
    direction: string(options.direction ?? 'forward'),
    ...(options.activations ? { activations: { kind: 'strings', value: options.activations } } : {}),
    ...(options.activationAlpha ? { activation_alpha: floats(options.activationAlpha) } : {}),
    ...(options.activationBeta ? { activation_beta: floats(options.activationBeta) } : {}),
    ...(options.clip === undefined ? {} : { clip: float(options.clip) }),
    ...more.attributes,
  }) as [Value, ...Value[]];
  return [options.batchFirst ? transpose(y, [2, 0, 1, 3]) : y, ...last];
}

/**
 * A plain recurrent layer, hₜ = f(xₜ wᵀ + hₜ₋₁ rᵀ + bias), over x `[T, B, I]` with w `[D, H, I]` and r `[D, H, H]`. f is tanh unless
 * `activations` says otherwise.
 */
export function rnn(x: Value, w: Value, r: Value, options: RecurrentOptions = {}): RecurrentResult {
  const [y, yH] = applyRecurrent(recurrentOps.RNN, { x, w, r }, options, {});
  return { y: y!, yH: yH! };
}

/**
 * Gated recurrent units (arXiv:1406.1078) over x `[T, B, I]` with w `[D, 3 H, I]` and r `[D, 3 H, H]`; the gates in the order
 * update, reset, hidden.
 * @param options.linearBeforeReset whether the reset gate scales the recurrent product (as cuDNN and PyTorch do) or the state.
 */
export function gru(
  x: Value,
  w: Value,
  r: Value,
  options: RecurrentOptions & { readonly linearBeforeReset?: boolean } = {},
): RecurrentResult {
  const attributes = { linear_before_reset: int(options.linearBeforeReset ? 1 : 0) };
  const [y, yH] = applyRecurrent(recurrentOps.GRU, { x, w, r }, options, { attributes });
  return { y: y!, yH: yH! };
}

/**
 * Long short-term memory over x `[T, B, I]` with w `[D, 4 H, I]` and r `[D, 4 H, H]`; the gates in the order input, output, forget,
 * cell.
 * @param options.initialC `[D, B, H]`, the cells before the first step.
 * @param options.peepholes `[D, 3 H]`, the weights from the cells to the input, output and forget gates.
 * @param options.inputForget whether the forget gate is 1 - the input gate.
 */
export function lstm(
  x: Value,
  w: Value,
  r: Value,
  options: RecurrentOptions & {
    readonly initialC?: Value;
    readonly peepholes?: Value;
    readonly inputForget?: boolean;
  } = {},
): RecurrentResult & { readonly yC: Value } {
  const [y, yH, yC] = applyRecurrent(recurrentOps.LSTM, { x, w, r }, options, {
    inputs: [options.initialC, options.peepholes],
    attributes: { input_forget: int(options.inputForget ? 1 : 0) },
  });
  return { y: y!, yH: yH!, yC: yC! };
}
