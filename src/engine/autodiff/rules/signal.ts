/**
 * @file Gradient rules of Fourier transforms. They are linear: the cotangent of a signal is its spectrum's cotangent transformed back,
 * and the other way round, with the division by the length where the transform itself has it.
 */
import { float32, int64, staticShape, UnsupportedOpError } from '../../core/index.ts';
import {
  add,
  cast,
  constant,
  constantIntsOf,
  dft,
  dftAxis,
  gather,
  intOf,
  mul,
  pad,
  reduceSum,
  reshape,
  type signalOps,
  slice,
  split,
  type Value,
} from '../../graph/index.ts';
import { type GradientRule, inputAt, type NotDifferentiable } from '../rule.ts';

type Rules = { readonly [Op in keyof typeof signalOps]: GradientRule | NotDifferentiable };

const shapeOf = (value: Value) => staticShape(value.shape, 'gradient of a Fourier transform');

/** x cut, or filled with zeros, at the end of an axis. */
function resized(x: Value, axis: number, length: number): Value {
  const dim = shapeOf(x)[axis]!;
  if (dim === length) return x;
  if (dim > length) return slice(x, { starts: [0], ends: [length], axes: [axis] });
  const after = x.shape.map((_, a) => (a === axis ? length - dim : 0));
  return pad(
    x,
    x.shape.map(() => 0),
    after,
  );
}

/** The real part alone, where the operand had no other. */
function partsOf(value: Value, numParts: number): Value {
  return numParts === 2 ? value : slice(value, { starts: [0], ends: [1], axes: [value.rank - 1] });
}

/**
 * Half a spectrum back to a real signal of N samples, yₙ = Σₖ wₖ Re(xₖ exp(2πikn / N)) / N, where a bin that stands for two has w 2:
 * the cotangent is half the spectrum of g, weighted so.
 */
function halfInverseCotangent(g: Value, axis: number, bins: number): Value {
  const length = shapeOf(g)[axis]!;
  if (bins !== Math.floor(length / 2) + 1) {
    throw new UnsupportedOpError(
      `gradients: DFT back from half a spectrum passes none where the signal is not as long as the spectrum tells, got ${length} samples of ${bins} bins; cut or pad the spectrum first`,
    );
  }
  const weights = Array.from({ length: bins }, (_, k) => (k === 0 || 2 * k === length ? 1 : 2) / length);
  const shape = g.shape.map((_, a) => (a === axis ? bins : 1));
  return mul(dft(g, { axis, onesided: true }), cast(constant(float32(weights, shape)), g.dtype));
}

const dftRule: GradientRule = (context) => {
  const [x, g] = [inputAt(context, 0), context.cotangent];
  const { attributes } = context.node;
  const axis = dftAxis(x, context.inputs[2]);
  if (axis === undefined) {
    throw new UnsupportedOpError('gradients: the axis of DFT must be known when the function is traced');
  }
  const [inverse, onesided] = [intOf(attributes, 'inverse', 0) === 1, intOf(attributes, 'onesided', 0) === 1];
  const [dim, numParts] = [shapeOf(x)[axis]!, shapeOf(x).at(-1)!];
  if (inverse && onesided) return [halfInverseCotangent(g, axis, dim)];
  const length = onesided ? (constantIntsOf(context.inputs[1])?.[0] ?? dim) : shapeOf(g)[axis]!;
  const transformed = dft(resized(g, axis, length), { axis, inverse: !inverse });
  const cotangent = mul(partsOf(transformed, numParts), inverse ? 1 / length : length);
  return [resized(cotangent, axis, dim)];
};

/** Frames `[B, F, N]`, one every `step`, added up where they lie: `[B, L]`. */
function overlapAdd(frames: Value, step: number, length: number): Value {
  const [batch, numFrames, frame] = shapeOf(frames) as [number, number, number];
  const numParts = Math.ceil(frame / step);
  const whole = reshape(resized(frames, 2, numParts * step), [batch, numFrames, numParts, step]);
  const parts = numParts === 1 ? [whole] : split(whole, new Array<number>(numParts).fill(1), 2);
  const placed = parts.map((part, j) =>
    pad(reshape(part, [batch, numFrames * step]), [0, j * step], [0, (numParts - 1 - j) * step]),
  );
  return resized(placed.reduce(add), 1, length);
}

const stftRule: GradientRule = (context) => {
  const [signal, window] = [inputAt(context, 0), context.inputs[2]];
  const [batch, length] = shapeOf(signal) as [number, number];
  if (signal.rank === 3 && signal.shape[2] === 2) {
    throw new UnsupportedOpError('gradients: STFT of a complex signal has none: ONNX Runtime does not compute it');
  }
  const step = constantIntsOf(inputAt(context, 1))?.[0];
  const frame = window ? shapeOf(window)[0]! : constantIntsOf(context.inputs[3])?.[0];
  if (step === undefined || frame === undefined) {
    throw new UnsupportedOpError('gradients: step and frame of STFT must be known when the function is traced');
  }
  const numFrames = shapeOf(context.cotangent)[1]!;
  const samples = dft(resized(context.cotangent, 2, frame), { axis: 2, inverse: true });
  const toward = mul(reshape(partsOf(samples, 1), [batch, numFrames, frame]), frame);
  const towardWindow = () => {
    const places = Array.from({ length: numFrames * frame }, (_, i) => Math.floor(i / frame) * step + (i % frame));
    const flat = reshape(signal, [batch, length]);
    const frames = gather(flat, constant(int64(places, [numFrames, frame])), 1);
    return reduceSum(mul(frames, toward), { axes: [0, 1] });
  };
  return [
    context.needs(0)
      ? reshape(overlapAdd(window ? mul(toward, window) : toward, step, length), signal.shape)
      : undefined,
    undefined,
    window && context.needs(2) ? towardWindow() : undefined,
  ];
};

const fromNumbers: NotDifferentiable = { notDifferentiable: 'it is made of whole numbers: sizes and frequencies' };

/** The rules of the signal ops. */
export const signalRules: Rules = {
  DFT: dftRule,
  STFT: stftRule,
  MelWeightMatrix: fromNumbers,
  HannWindow: fromNumbers,
  HammingWindow: fromNumbers,
  BlackmanWindow: fromNumbers,
};
