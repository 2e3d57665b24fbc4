/**
 * @file Cases of quantization, Fourier transforms and the classical ops. Operands that are quantized lie on the grid of the scale, and
 * the checker's steps are whole steps of it, so that the staircase is as straight as its derivative says. What LSQ says of the scale
 * is checked in `quantize.test.ts`: it is not the slope of a staircase.
 */
import { float32, int64, Tensor } from '../../src/engine/core/index.ts';
import {
  applyOp,
  type assortedContribOps,
  type classicalOps,
  concat,
  constant,
  dequantizeLinear,
  dft,
  dynamicQuantizeLinear,
  mul,
  ops,
  type quantizeContribOps,
  quantizeLinear,
  type quantizeOps,
  type signalOps,
  stft,
  transpose,
  type Value,
} from '../../src/engine/graph/index.ts';
import { floats, int, string } from '../../src/engine/graph/value.ts';
import { type GradientCase, type OperandSpec, uniform } from './checker.ts';

/** The checker's step in float32. */
const step = 0.02;

/** Whole numbers of steps, from `low` on up to `high`. */
function onGrid(shape: readonly number[], low: number, high: number): OperandSpec {
  return { shape, draw: (rng) => (low + Math.floor((high - low) * rng.uniform())) * step };
}

const scaleOf = (...values: number[]) => constant(float32(values, values.length === 1 ? [] : [values.length]));
const bytes = (values: readonly number[], shape: readonly number[]) =>
  constant(new Tensor('int8', shape, Int8Array.from(values)));

const microsoft = (opType: 'QuantizeLinear' | 'DequantizeLinear', ...inputs: Value[]) =>
  applyOp(ops[`com.microsoft.${opType}`], inputs, { axis: int(0) })[0]!;

/** x to numbers of one byte and back, within range and beyond it. */
const roundTripsOf: readonly GradientCase[] = [
  {
    name: 'QuantizeLinear to uint8 of what lies within its range and beyond',
    operands: [onGrid([3, 4], -60, 320)],
    apply: ([x]) => dequantizeLinear(quantizeLinear(x!, scaleOf(step)), scaleOf(step)),
  },
  {
    name: 'QuantizeLinear to int8 by one scale for each row',
    operands: [onGrid([2, 3], -40, 40)],
    apply: ([x]) => {
      const scales = scaleOf(step, 2 * step);
      const doubled = mul(x!, constant(float32([1, 2], [2, 1])));
      const zero = bytes([3, -5], [2]);
      return dequantizeLinear(quantizeLinear(doubled, scales, zero, { axis: 0 }), scales, zero, { axis: 0 });
    },
  },
  {
    name: 'QuantizeLinear to int16 by blocks that do not divide the axis',
    operands: [onGrid([2, 5], -900, 900)],
    apply: ([x]) => {
      const scales = constant(float32([step, step, step / 2, step / 2, step, step], [2, 3]));
      const options = { axis: 1, blockSize: 2 };
      return dequantizeLinear(
        quantizeLinear(x!, scales, undefined, { ...options, dtype: 'int16' }),
        scales,
        undefined,
        options,
      );
    },
  },
  {
    name: 'QuantizeLinear with quantized values moved about before they are real again',
    operands: [onGrid([2, 3], -40, 40)],
    apply: ([x]) => {
      const quantized = transpose(quantizeLinear(x!, scaleOf(step), bytes([0], [])));
      return dequantizeLinear(quantized, scaleOf(3 * step), bytes([0], []));
    },
  },
];
const roundTrips = roundTripsOf.map((one): GradientCase => ({ ...one, dtype: 'float32' }));

const whole = bytes([-128, -7, 0, 3, 64, 127], [2, 3]);

/** The cases of quantization. */
export const quantizeCases = {
  QuantizeLinear: roundTrips,
  DequantizeLinear: [
    {
      name: 'DequantizeLinear toward one scale',
      operands: [uniform([], 0.5, 2)],
      apply: ([scale]) => dequantizeLinear(whole, scale!, bytes([5], [])),
      dtype: 'float32',
    },
    {
      name: 'DequantizeLinear toward one scale for each column',
      operands: [uniform([3], 0.5, 2)],
      apply: ([scale]) => dequantizeLinear(whole, scale!, bytes([5, -2, 0], [3])),
      dtype: 'float32',
    },
    {
      name: 'DequantizeLinear toward one scale for each block of columns',
      operands: [uniform([2, 2], 0.5, 2)],
      apply: ([scale]) => dequantizeLinear(whole, scale!, undefined, { axis: 1, blockSize: 2 }),
      dtype: 'float32',
    },
    { ...roundTrips[1]!, name: 'DequantizeLinear toward quantized values' },
  ],
  'com.microsoft.QuantizeLinear': [
    {
      name: 'com.microsoft.QuantizeLinear by one scale',
      operands: [onGrid([2, 3], -200, 200)],
      apply: ([x]) =>
        microsoft(
          'DequantizeLinear',
          microsoft('QuantizeLinear', x!, scaleOf(step), bytes([0], [])),
          scaleOf(step),
          bytes([0], []),
        ),
      dtype: 'float32',
    },
    {
      name: 'com.microsoft.QuantizeLinear by one scale for each row',
      operands: [onGrid([2, 3], -60, 60)],
      apply: ([x]) => {
        const [scale, zero] = [scaleOf(step, step / 2), bytes([4, -4], [2])];
        return microsoft('DequantizeLinear', microsoft('QuantizeLinear', x!, scale, zero), scale, zero);
      },
      dtype: 'float32',
    },
  ],
  'com.microsoft.DequantizeLinear': [
    {
      name: 'com.microsoft.DequantizeLinear toward one scale for each row',
      operands: [uniform([2], 0.5, 2)],
      apply: ([scale]) => microsoft('DequantizeLinear', whole, scale!, bytes([5, -2], [2])),
      dtype: 'float32',
    },
    {
      name: 'com.microsoft.DequantizeLinear toward quantized values',
      operands: [onGrid([2, 3], -200, 200)],
      apply: ([x]) =>
        microsoft('DequantizeLinear', quantizeLinear(x!, scaleOf(step), bytes([0], [])), scaleOf(step), bytes([0], [])),
      dtype: 'float32',
    },
  ],
  // The extremes, which decide the scale, are constants: 255 steps from -128 to 127.
  DynamicQuantizeLinear: [[2, 3], [5]].map((shape) => ({
    name: `DynamicQuantizeLinear of [${shape}] between known extremes`,
    operands: [onGrid(shape, -100, 100)],
    apply: ([x]: Value[]) => {
      const extremes = constant(float32([-128 * step, 127 * step], shape.length === 1 ? [2] : [1, 2]));
      const row = shape.length === 1 ? extremes : concat([extremes, extremes], 0);
      const { y, scale, zeroPoint } = dynamicQuantizeLinear(concat([x!, row], -1));
      return dequantizeLinear(y, scale, zeroPoint);
    },
    dtype: 'float32' as const,
  })),
  'com.microsoft.MatMulNBits': [
    packedCase(4, 32, false, false),
    packedCase(4, 40, true, true),
    packedCase(8, 32, true, false),
    packedCase(2, 32, false, true),
  ],
} as const satisfies {
  readonly [Op in keyof typeof quantizeOps | keyof typeof quantizeContribOps]?: readonly GradientCase[];
};

/** a `[2, K]` times 3 columns of packed weights, in blocks of 16. */
function packedCase(bits: number, rows: number, hasZeroPoints: boolean, hasBias: boolean): GradientCase {
  const numBlocks = Math.ceil(rows / 16);
  const packed = (count: number, factor: number) =>
    Uint8Array.from({ length: count }, (_, i) => (i * factor + 11) % 256);
  const perBlock = (16 * bits) / 8;
  const zeroBytes = 3 * Math.ceil((numBlocks * bits) / 8);
  const weights = constant(new Tensor('uint8', [3, numBlocks, perBlock], packed(3 * numBlocks * perBlock, 37)));
  const scales = constant(float32(Array.from({ length: 3 * numBlocks }, (_, i) => 0.01 * (1 + i))));
  const zeroPoints = hasZeroPoints ? constant(new Tensor('uint8', [zeroBytes], packed(zeroBytes, 53))) : undefined;
  return {
    name: `MatMulNBits by ${bits} bits and ${rows} rows`,
    operands: [uniform([2, rows]), ...(hasBias ? [uniform([3])] : [])],
    apply: ([a, bias]) =>
      applyOp(ops['com.microsoft.MatMulNBits'], [a!, weights, scales, zeroPoints, undefined, bias], {
        K: int(rows),
        N: int(3),
        bits: int(bits),
        block_size: int(16),
      })[0]!,
    dtype: 'float32',
    tolerance: 2e-3,
  };
}

/** The cases of the Fourier transforms. */
export const signalCases = {
  DFT: [
    { name: 'DFT of real numbers', operands: [uniform([2, 5, 1])], apply: ([x]) => dft(x!) },
    {
      name: 'DFT of complex numbers along the first axis',
      operands: [uniform([4, 2, 2])],
      apply: ([x]) => dft(x!, { axis: 0 }),
    },
    { name: 'DFT of a signal made longer', operands: [uniform([1, 3, 1])], apply: ([x]) => dft(x!, { length: 6 }) },
    { name: 'DFT of a signal cut', operands: [uniform([1, 6, 2])], apply: ([x]) => dft(x!, { length: 4 }) },
    { name: 'DFT to half a spectrum', operands: [uniform([2, 6, 1])], apply: ([x]) => dft(x!, { onesided: true }) },
    {
      name: 'DFT to half a spectrum of a signal made longer',
      operands: [uniform([1, 4, 1])],
      apply: ([x]) => dft(x!, { onesided: true, length: 7 }),
    },
    { name: 'DFT back', operands: [uniform([2, 4, 2])], apply: ([x]) => dft(x!, { inverse: true }) },
    { name: 'DFT back of real numbers', operands: [uniform([1, 5, 1])], apply: ([x]) => dft(x!, { inverse: true }) },
    {
      name: 'DFT back from half a spectrum',
      operands: [uniform([1, 4, 2])],
      apply: ([x]) => dft(x!, { inverse: true, onesided: true }),
    },
    {
      name: 'DFT back from half a spectrum of odd length',
      operands: [uniform([1, 3, 2])],
      apply: ([x]) => dft(x!, { inverse: true, onesided: true, length: 5 }),
    },
  ],
  STFT: [
    {
      name: 'STFT of frames that overlap',
      operands: [uniform([2, 10, 1]), uniform([4])],
      apply: ([x, w]) => stft(x!, 2, w!),
    },
    {
      name: 'STFT of frames whose step does not divide them',
      operands: [uniform([1, 12, 1]), uniform([5])],
      apply: ([x, w]) => stft(x!, 3, w!),
    },
    {
      name: 'STFT of frames with gaps between them',
      operands: [uniform([1, 11, 1]), uniform([3])],
      apply: ([x, w]) => stft(x!, 4, w!),
    },
    {
      name: 'STFT to all bins',
      operands: [uniform([1, 9]), uniform([4])],
      apply: ([x, w]) => stft(x!, 2, w!, { onesided: false }),
    },
  ],
} as const satisfies { readonly [Op in keyof typeof signalOps]?: readonly GradientCase[] };

const classical = (
  opType: 'Scaler' | 'LinearRegressor' | 'ArrayFeatureExtractor',
  x: Value,
  attributes: Parameters<typeof applyOp>[2],
  ...more: Value[]
) => applyOp(ops[`ai.onnx.ml.${opType}`], [x, ...more], attributes)[0]!;

/** The cases of distances. */
export const assortedCases = {
  'com.microsoft.CDist': ['sqeuclidean', 'euclidean'].map(
    (metric): GradientCase => ({
      name: `CDist ${metric}`,
      operands: [uniform([3, 2]), uniform([4, 2])],
      apply: ([a, b]) => applyOp(ops['com.microsoft.CDist'], [a!, b!], { metric: string(metric) })[0]!,
    }),
  ),
} as const satisfies { readonly [Op in keyof typeof assortedContribOps]?: readonly GradientCase[] };

/** The cases of the classical ops. */
export const classicalCases = {
  'ai.onnx.ml.Scaler': [
    {
      name: 'Scaler with a scale for each column',
      operands: [uniform([2, 3])],
      apply: ([x]) => classical('Scaler', x!, { scale: floats([1, -2, 0.5]), offset: floats([0, 1, 2]) }),
      dtype: 'float32',
    },
    {
      name: 'Scaler with one scale',
      operands: [uniform([4])],
      apply: ([x]) => classical('Scaler', x!, { scale: floats([3]), offset: floats([1]) }),
      dtype: 'float32',
    },
  ],
  'ai.onnx.ml.LinearRegressor': [
    {
      name: 'LinearRegressor to two targets',
      operands: [uniform([2, 3])],
      apply: ([x]) =>
        classical('LinearRegressor', x!, {
          coefficients: floats([1, 2, -3, 4, 0.5, 6]),
          intercepts: floats([1, 2]),
          targets: int(2),
        }),
      dtype: 'float32',
    },
    {
      name: 'LinearRegressor of one row',
      operands: [uniform([3])],
      apply: ([x]) => classical('LinearRegressor', x!, { coefficients: floats([1, 2, -3]), targets: int(1) }),
      dtype: 'float32',
    },
  ],
  'ai.onnx.ml.ArrayFeatureExtractor': [
    {
      name: 'ArrayFeatureExtractor of columns, one twice',
      operands: [uniform([2, 3])],
      apply: ([x]) => classical('ArrayFeatureExtractor', x!, {}, constant(int64([2, 0, 2]))),
    },
    {
      name: 'ArrayFeatureExtractor of a vector',
      operands: [uniform([4])],
      apply: ([x]) => classical('ArrayFeatureExtractor', x!, {}, constant(int64([1, 3]))),
    },
  ],
} as const satisfies { readonly [Op in keyof typeof classicalOps]?: readonly GradientCase[] };
