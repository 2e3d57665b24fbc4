/** @file Ops that ONNX took out again: ONNX Runtime runs the old file as it is, and what import and export make of it. */
import ort from 'onnxruntime-node';
import { describe, expect, it } from 'vitest';
import { float32, Rng } from '../../src/engine/core/index.ts';
import { exportOnnx, importOnnx } from '../../src/engine/onnx/index.ts';
import { type AttributeParts, writeModel } from './write-model.ts';

const shape = [1, 2, 5, 6];
const data = new Rng('retired').fillNormal(new Float32Array(60));

async function run(bytes: Uint8Array): Promise<{ dims: readonly number[]; values: number[] }> {
  const session = await ort.InferenceSession.create(bytes, { logSeverityLevel: 4, intraOpNumThreads: 1 });
  const { y } = await session.run({ x: new ort.Tensor('float32', data, shape) });
  await session.release();
  return { dims: y!.dims, values: Array.from(y!.data as Float32Array) };
}

const float = (value: number): AttributeParts => ({ float: value });

const cases: readonly [string, Readonly<Record<string, AttributeParts>>][] = [
  ['Affine', { alpha: float(1.5), beta: float(-0.25) }],
  ['Scale', { scale: float(0.3) }],
  ['ScaledTanh', { alpha: float(1.7), beta: float(0.6) }],
  ['ParametricSoftplus', { alpha: float(0.5), beta: float(2) }],
  ['ImageScaler', { scale: float(2), bias: { floats: [0.5, -1] } }],
  ['Crop', { border: [1, 2, 0, 1] }],
  ['Crop', { border: [1, 2, 1, 0], scale: [2, 3] }],
];

describe('an op that ONNX took out again', () => {
  it.each(cases)('%s with %o gives the same in the words of today', async (op, attributes) => {
    const bytes = writeModel({
      opset: 8,
      irVersion: 3,
      nodes: [{ op, inputs: ['x'], outputs: ['y'], attributes }],
      inputs: { x: float32(data, shape) },
      outputs: { y: {} },
    });
    const [expected, found] = [await run(bytes), await run(exportOnnx(importOnnx(bytes).toGraph()))];
    expect(found.dims).toEqual(expected.dims);
    expect(new Set(expected.values).size).toBeGreaterThan(5);
    found.values.forEach((value, i) => {
      expect(value).toBeCloseTo(expected.values[i]!, 5);
    });
  });
});
