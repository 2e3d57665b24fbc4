import { describe, expect, it } from 'vitest';
import { float32, full, mapTree, Rng, ShapeError, Tensor, zeros } from '../../engine/core/index.ts';
import { constant, spec, trace, type Value } from '../../engine/graph/index.ts';
import { compile } from '../../engine/runtime/index.ts';
import { type BatchNorm, batchNorm, initBatchNorm } from './batch-norm.ts';
import { type Conv2d, conv2d, initConv2d } from './conv2d.ts';
import { type GroupNorm, groupNorm, initGroupNorm } from './group-norm.ts';
import { silu } from './silu.ts';
import { upsampleNearest } from './upsample-nearest.ts';

const normal = (seed: string, shape: readonly number[], deviation = 1, mean = 0) => {
  const data = new Rng(seed).fillNormal(new Float32Array(shape.reduce((product, dim) => product * dim, 1)), deviation);
  return new Tensor(
    'float32',
    shape,
    data.map((x) => x + mean),
  );
};

/** What a layer with fixed parameters makes of x. */
async function apply(layer: (x: Value) => Value, x: Tensor): Promise<Tensor> {
  const executable = await compile(
    trace((input: Value) => layer(input), spec(x.shape)),
    { numThreads: 1 },
  );
  const { output } = await executable.run({ input: x });
  await executable.close();
  return output!;
}

const mapLeaves = mapTree as (tree: unknown, transform: (leaf: Tensor) => unknown) => unknown;
const asConstants = <T>(params: unknown) => mapLeaves(params, (leaf) => constant(leaf)) as T;

function expectClose(actual: Tensor, expected: ArrayLike<number>, tolerance = 1e-5): void {
  expect(actual.data.length).toBe(expected.length);
  for (let i = 0; i < expected.length; i++) {
    expect(Math.abs(Number(actual.data[i]) - expected[i]!), `element ${i}`).toBeLessThanOrEqual(tolerance);
  }
}

/** Mean and variance of some of the elements. */
function moments(values: readonly number[]): { mean: number; variance: number } {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  return { mean, variance: values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length };
}

describe('a convolution', () => {
  // One channel, a kernel that takes the right neighbour minus the left one.
  const difference = float32([0, 0, 0, -1, 0, 1, 0, 0, 0], [1, 1, 3, 3]);
  const x = float32([1, 2, 4, 8, 16, 32, 64, 128, 256], [1, 1, 3, 3]);

  it('keeps the size at an odd kernel, seeing zeros outside', async () => {
    const params = asConstants<Conv2d<Value>>({ weight: difference, bias: float32([0.5]) });
    const out = await apply((input) => conv2d(params, input), x);
    expect(out.shape).toEqual([1, 1, 3, 3]);
    expectClose(out, [2.5, 3.5, -1.5, 16.5, 24.5, -15.5, 128.5, 192.5, -127.5]);
  });

  it('moves by the stride, with the padding that it is given, without a bias if it has none', async () => {
    const params = asConstants<Conv2d<Value>>({ weight: difference });
    expectClose(await apply((input) => conv2d(params, input, { stride: 2 }), x), [2, -2, 128, -128]);
    expectClose(await apply((input) => conv2d(params, input, { padding: 0 }), x), [24]);
  });

  it('starts within the bounds ±√(1 / fan-in) · gain, of the channels of a group', () => {
    const { weight, bias } = initConv2d(new Rng(1), 8, 64, 3, { groups: 2, gain: 3 });
    expect(weight.shape).toEqual([64, 4, 3, 3]);
    const largest = (weight.data as Float32Array).reduce((most, w) => Math.max(most, Math.abs(w)), 0);
    expect(largest).toBeLessThanOrEqual(0.5);
    expect(largest).toBeGreaterThan(0.49);
    expect(bias).toEqual(zeros([64]));
    expect(initConv2d(new Rng(1), 1, 1, 3, { bias: false })).not.toHaveProperty('bias');
  });
});

describe('a batch normalization', () => {
  it('brings every channel to mean 0 and variance 1 over batch and plane, far from 0 too', async () => {
    const params = asConstants<BatchNorm<Value>>(initBatchNorm(3));
    const out = await apply((x) => batchNorm(params, x), normal('x', [4, 3, 5, 6], 2, 100));
    for (let channel = 0; channel < 3; channel++) {
      const values = Array.from(out.data as Float32Array).filter((_, i) => Math.floor(i / 30) % 3 === channel);
      const { mean, variance } = moments(values);
      expect(mean).toBeCloseTo(0, 4);
      expect(variance).toBeCloseTo(1, 4);
    }
  });

  it('scales and shifts by channel', async () => {
    const params = asConstants<BatchNorm<Value>>({ scale: float32([2, 3]), bias: float32([10, 20]) });
    // Channel 0: 1 and 3, mean 2, deviation 1. Channel 1: 0 and 4, mean 2, deviation 2.
    const out = await apply((x) => batchNorm(params, x, { epsilon: 0 }), float32([1, 0, 3, 4], [2, 2]));
    expectClose(out, [8, 17, 12, 23]);
  });

  it('refuses rows without channels', () => {
    const params = asConstants<BatchNorm<Value>>(initBatchNorm(3));
    expect(() => batchNorm(params, constant(full([3], 1)))).toThrow(ShapeError);
  });
});

describe('a group normalization', () => {
  it('brings every group of channels to mean 0 and variance 1 by itself', async () => {
    const params = asConstants<GroupNorm<Value>>(initGroupNorm(6));
    const out = await apply((x) => groupNorm(params, x, { numGroups: 2 }), normal('x', [2, 6, 4, 4], 3, 5));
    for (let group = 0; group < 4; group++) {
      const { mean, variance } = moments(Array.from((out.data as Float32Array).subarray(group * 48, group * 48 + 48)));
      expect(mean).toBeCloseTo(0, 4);
      expect(variance).toBeCloseTo(1, 4);
    }
  });

  it('scales and shifts by channel', async () => {
    const params = asConstants<GroupNorm<Value>>({ scale: float32([1, 2]), bias: float32([0, 10]) });
    // One group: -3, -1, 1, 3 of deviation √5.
    const out = await apply((x) => groupNorm(params, x, { numGroups: 1 }), float32([-3, -1, 1, 3], [1, 2, 2]));
    const unit = 1 / Math.sqrt(5);
    expectClose(out, [-3 * unit, -unit, 10 + 2 * unit, 10 + 6 * unit]);
  });

  it('refuses groups that do not divide the channels', () => {
    const params = asConstants<GroupNorm<Value>>(initGroupNorm(6));
    expect(() => groupNorm(params, constant(full([1, 6, 2], 1)), { numGroups: 4 })).toThrow('divisible by 4');
  });
});

describe('upsampleNearest', () => {
  it('repeats every element along both axes', async () => {
    const out = await apply((x) => upsampleNearest(x, 2), float32([1, 2, 3, 4], [2, 1, 1, 2]));
    expect(out.shape).toEqual([2, 1, 2, 4]);
    expectClose(out, [1, 1, 2, 2, 1, 1, 2, 2, 3, 3, 4, 4, 3, 3, 4, 4], 0);
  });
});

describe('silu', () => {
  it('is x · σ(x)', async () => {
    // σ(ln 3) = 3 / 4.
    expectClose(await apply(silu, float32([0, Math.log(3), -50])), [0, 0.75 * Math.log(3), 0]);
  });
});
