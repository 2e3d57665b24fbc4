/** @file What quantization passes on that no difference of a staircase shows, and where derivatives through whole numbers end. */
import { describe, expect, it } from 'vitest';
import { gradients } from '../../src/engine/autodiff/index.ts';
import { float32, Tensor, UnsupportedOpError } from '../../src/engine/core/index.ts';
import {
  applyOp,
  constant,
  dequantizeLinear,
  graphOf,
  mul,
  ops,
  quantizeLinear,
  reduceSum,
  Value,
} from '../../src/engine/graph/index.ts';
import { compile } from '../../src/engine/runtime/index.ts';

const input = (name: string, shape: readonly number[]) =>
  new Value({ dtype: 'float32', shape }, { kind: 'input', name });

/** The derivatives of Σ weightᵢ · x̂ᵢ toward x and the scale, with x̂ quantized to int8 and back. */
async function derivatives(x: number[], weights: number[], scale: number) {
  const [values, step] = [input('x', [x.length]), input('scale', [])];
  const zeroPoint = constant(new Tensor('int8', [], Int8Array.of(0)));
  const back = dequantizeLinear(quantizeLinear(values, step, zeroPoint), step, zeroPoint);
  const loss = reduceSum(mul(back, constant(float32(weights))));
  const [towardX, towardScale] = gradients(loss, [values, step]) as [Value, Value];
  const named = [
    { name: 'x', value: values },
    { name: 'scale', value: step },
  ];
  const executable = await compile(
    graphOf(named, [
      { name: 'towardX', value: towardX },
      { name: 'towardScale', value: towardScale },
    ]),
    { numThreads: 1 },
  );
  const results = await executable.run({ x: float32(x), scale: float32([scale], []) });
  await executable.close();
  const list = (tensor: Tensor | undefined) => Array.from(tensor!.data as Float32Array);
  return { towardX: list(results.towardX), towardScale: list(results.towardScale)[0]! };
}

describe('quantizing and dequantizing', () => {
  it('passes derivatives straight through within the range and none beyond it', async () => {
    const { towardX } = await derivatives([0.3, -0.7, 20, -20], [1, 2, 3, 4], 0.1);
    expect(towardX).toEqual([1, 2, 0, 0]);
  });

  it('gives the scale what LSQ gives it: round(x / s) - x / s within the range, the end of the range beyond it', async () => {
    const [scale, x, weights] = [0.1, [0.33, -0.78, 20, -20], [1, 2, 3, 4]];
    const expected = x
      .map((value) => value / scale)
      .map((steps) => (steps > 127 ? 127 : steps < -128 ? -128 : Math.round(steps) - steps))
      .reduce((sum, own, i) => sum + own * weights[i]!, 0);
    const { towardScale } = await derivatives(x, weights, scale);
    expect(towardScale).toBeCloseTo(expected, 3);
  });
});

describe('whole numbers that stand for real ones', () => {
  const x = input('x', [2, 3]);
  const scale = constant(float32([0.1], []));
  const zeroPoint = constant(new Tensor('uint8', [], Uint8Array.of(128)));
  const quantized = quantizeLinear(x, scale, zeroPoint);

  it('are refused by an op that computes on them, by name, reason and way out', () => {
    const inputs = [quantized, scale, zeroPoint, quantized, scale, zeroPoint, scale, zeroPoint];
    const sum = applyOp(ops['com.microsoft.QLinearAdd'], inputs)[0]!;
    const loss = reduceSum(dequantizeLinear(sum, scale, zeroPoint));
    expect(() => gradients(loss, [x])).toThrow(UnsupportedOpError);
    expect(() => gradients(loss, [x])).toThrow(/QLinearAdd has no gradient: .*QuantizeLinear and DequantizeLinear/);
  });
});
