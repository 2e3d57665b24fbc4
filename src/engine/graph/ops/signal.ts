/**
 * @file Fourier transforms, windows and the mel scale. A signal's last axis holds its parts: 1 for real numbers, 2 for the real and
 * imaginary part of complex ones.
 */
import {
  type Dim,
  type Dtype,
  DtypeError,
  dimsFit,
  formatShape,
  isRanked,
  normalizeAxis,
  type Shape,
  ShapeError,
  unknownDim,
  unknownShape,
} from '../../core/index.ts';
import { constantIntsOf, constantScalar } from '../constants.ts';
import { dtypeOfElemType } from '../elem-types.ts';
import { type Attributes, applyOp1, defineOp, int, intOf, type Value, type ValueType } from '../value.ts';
import { requireDtype, required, requireFloat, requireSameDtype } from './operand.ts';

type Inputs = readonly (Value | undefined)[];

const wholeTypes: readonly Dtype[] = ['int32', 'int64'];

function requireWhole(opType: string, what: string, value: Value | undefined): void {
  if (value) requireDtype(opType, what, value, ...wholeTypes);
}

/** The axis that a DFT runs along, or undefined where it is not known when the graph is traced. */
export function dftAxis(x: Value, axis: Value | undefined): number | undefined {
  if (axis === undefined) return x.rank - 2;
  const given = constantIntsOf(axis)?.[0];
  return given === undefined ? undefined : normalizeAxis(given, x.rank, 'DFT');
}

function dftShape(inputs: Inputs, attributes: Attributes): Shape {
  const x = required('DFT', inputs, 0);
  if (!isRanked(x.shape)) return unknownShape;
  const parts = x.shape.at(-1)!;
  if (x.rank < 2 || (typeof parts === 'number' && parts !== 1 && parts !== 2)) {
    throw new ShapeError(`DFT: x must be [..., 1] or [..., 2], got ${formatShape(x.shape)}`);
  }
  const onesided = intOf(attributes, 'onesided', 0) === 1;
  const inverse = intOf(attributes, 'inverse', 0) === 1;
  if (onesided && !inverse && parts === 2) {
    throw new ShapeError(`DFT: half a spectrum tells all only of real numbers, got ${formatShape(x.shape)}`);
  }
  if (onesided && inverse && parts === 1) {
    throw new ShapeError(`DFT: half a spectrum is complex, got ${formatShape(x.shape)}`);
  }
  const axis = dftAxis(x, inputs[2]);
  if (axis === undefined) return [...x.shape.slice(0, -1).map(() => unknownDim), onesided && inverse ? 1 : 2];
  if (axis === x.rank - 1)
    throw new RangeError('DFT: the axis must not be the last, which holds real and imaginary parts');
  const dim = x.shape[axis]!;
  const given = inputs[1] ? (constantIntsOf(inputs[1])?.[0] ?? unknownDim) : undefined;
  const length = given ?? (onesided && inverse && typeof dim === 'number' ? 2 * (dim - 1) : dim);
  if (typeof length === 'number' && length < 1)
    throw new RangeError(`DFT: the length must be 1 or more, got ${length}`);
  const isHalved = onesided && !inverse;
  const out: Dim = isHalved ? (typeof length === 'number' ? Math.floor(length / 2) + 1 : unknownDim) : length;
  return x.shape.map((size, a) => (a === axis ? out : a === x.rank - 1 ? (onesided && inverse ? 1 : 2) : size));
}

function stftShape(inputs: Inputs, attributes: Attributes): Shape {
  const x = required('STFT', inputs, 0);
  const [window, length] = [inputs[2], inputs[3]];
  if (!isRanked(x.shape)) return [unknownDim, unknownDim, unknownDim, 2];
  const parts = x.rank === 3 ? x.shape[2]! : 1;
  if (x.rank < 2 || x.rank > 3 || (typeof parts === 'number' && parts !== 1 && parts !== 2)) {
    throw new ShapeError(`STFT: the signal must be [B, L], [B, L, 1] or [B, L, 2], got ${formatShape(x.shape)}`);
  }
  if (window && isRanked(window.shape) && window.rank !== 1) {
    throw new ShapeError(`STFT: the window must be [W], got ${formatShape(window.shape)}`);
  }
  const step = constantIntsOf(required('STFT', inputs, 1))?.[0];
  const given = length ? (constantIntsOf(length)?.[0] ?? unknownDim) : undefined;
  const windowDim = window && isRanked(window.shape) ? window.shape[0]! : undefined;
  if (!window && !length) throw new ShapeError('STFT: needs a window or the length of a frame');
  if (given !== undefined && windowDim !== undefined && !dimsFit(given, windowDim)) {
    throw new ShapeError(`STFT: the window must be as long as a frame, got ${windowDim} and ${given}`);
  }
  const frame: Dim = (given === unknownDim ? windowDim : (given ?? windowDim)) ?? unknownDim;
  const signal = x.shape[1]!;
  if (step !== undefined && step < 1) throw new RangeError(`STFT: the step must be 1 or more, got ${step}`);
  if (typeof frame !== 'number') return [x.shape[0]!, unknownDim, unknownDim, 2];
  if (typeof signal === 'number' && frame > signal) {
    throw new ShapeError(`STFT: a frame of ${frame} must fit into the signal ${formatShape(x.shape)}`);
  }
  const frames =
    typeof signal === 'number' && step !== undefined ? Math.floor((signal - frame) / step) + 1 : unknownDim;
  const bins = intOf(attributes, 'onesided', 1) === 1 ? Math.floor(frame / 2) + 1 : frame;
  return [x.shape[0]!, frames, bins, 2];
}

/** The element type that `output_datatype` names; float32 if it is absent. */
function namedDtype(opType: string, attributes: Attributes): Dtype {
  const elemType = intOf(attributes, 'output_datatype', 1);
  const dtype = dtypeOfElemType[elemType];
  if (dtype === undefined || dtype === 'bool' || dtype === 'string') {
    throw new DtypeError(`${opType}: element type ${elemType} is not one of numbers`);
  }
  return dtype;
}

const windowOp = (opType: string) =>
  defineOp(opType, (inputs, attributes): ValueType[] => {
    const size = required(opType, inputs, 0);
    requireWhole(opType, 'the size', size);
    if (isRanked(size.shape) && !(size.rank === 0 || (size.rank === 1 && dimsFit(size.shape[0], 1)))) {
      throw new ShapeError(`${opType}: the size must be one number, got ${formatShape(size.shape)}`);
    }
    const length = constantIntsOf(size)?.[0];
    if (length !== undefined && length < 0)
      throw new RangeError(`${opType}: the size must not be negative, got ${length}`);
    return [{ dtype: namedDtype(opType, attributes), shape: [length ?? unknownDim] }];
  });

/** The signal op definitions. */
export const signalOps = {
  DFT: defineOp('DFT', (inputs, attributes) => {
    const x = required('DFT', inputs, 0);
    requireFloat('DFT', x);
    requireWhole('DFT', 'the length', inputs[1]);
    if (inputs[2]) requireDtype('DFT', 'the axis', inputs[2], 'int64');
    return [{ dtype: x.dtype, shape: dftShape(inputs, attributes) }];
  }),
  STFT: defineOp('STFT', (inputs, attributes) => {
    const x = required('STFT', inputs, 0);
    requireFloat('STFT', x);
    requireSameDtype('STFT', x, inputs[2]);
    requireWhole('STFT', 'the step', inputs[1]);
    requireWhole('STFT', 'the length', inputs[3]);
    return [{ dtype: x.dtype, shape: stftShape(inputs, attributes) }];
  }),
  MelWeightMatrix: defineOp('MelWeightMatrix', (inputs, attributes) => {
    const opType = 'MelWeightMatrix';
    const values = [0, 1, 2, 3, 4].map((i) => required(opType, inputs, i));
    for (const [i, value] of values.entries()) {
      if (i < 3) requireWhole(opType, 'sizes', value);
      else requireFloat(opType, value);
      if (isRanked(value.shape) && value.rank !== 0) throw new ShapeError(`${opType}: needs scalars, got ${value}`);
    }
    const [bins, length] = values.map((value) => constantIntsOf(value)?.[0]);
    const rows = length === undefined ? unknownDim : Math.floor(length / 2) + 1;
    return [{ dtype: namedDtype(opType, attributes), shape: [rows, bins ?? unknownDim] }];
  }),
  HannWindow: windowOp('HannWindow'),
  HammingWindow: windowOp('HammingWindow'),
  BlackmanWindow: windowOp('BlackmanWindow'),
} as const;

/** How a DFT is taken. */
export interface DftOptions {
  /** The axis it runs along, not the last, which holds real and imaginary parts; the one before the last if absent. */
  readonly axis?: number;
  /** How long the signal is made first, by zeros at its end or by cutting. */
  readonly length?: number;
  /** Back from a spectrum, divided by its length. */
  readonly inverse?: boolean;
  /** Only the first half of the spectrum, which tells all of a real signal. */
  readonly onesided?: boolean;
}

/** The discrete Fourier transform of x `[..., N, 1]` (real) or `[..., N, 2]` (complex): `[..., N, 2]`, Σₙ xₙ exp(-2πikn / N). */
export function dft(x: Value, options: DftOptions = {}): Value {
  const { axis, length } = options;
  const inputs = [
    x,
    length === undefined ? undefined : constantScalar(length, 'int64'),
    axis === undefined ? undefined : constantScalar(axis, 'int64'),
  ];
  return applyOp1(signalOps.DFT, inputs, {
    inverse: int(options.inverse ? 1 : 0),
    onesided: int(options.onesided ? 1 : 0),
  });
}

/**
 * The spectra of frames of `signal` `[B, L, 1]` (or `[B, L, 2]`), one every `step`, each multiplied by `window` `[W]`:
 * `[B, frames, W / 2 + 1, 2]`, or all W bins where `onesided` is false.
 */
export function stft(signal: Value, step: number, window: Value, options: { readonly onesided?: boolean } = {}): Value {
  return applyOp1(signalOps.STFT, [signal, constantScalar(step, 'int64'), window], {
    onesided: int(options.onesided === false ? 0 : 1),
  });
}
