/** @file The gradient of dropout in training goes through the mask that the same run has drawn. */
import { describe, expect, it } from 'vitest';
import { gradients } from '../../src/engine/autodiff/index.ts';
import { Rng, Tensor } from '../../src/engine/core/index.ts';
import { dropout, graphOf, mul, reduceSum, Value } from '../../src/engine/graph/index.ts';
import { compile } from '../../src/engine/runtime/index.ts';

const shape = [16, 8];
const input = (name: string, type: 'float32' | 'bool' = 'float32', dims: readonly number[] = shape) =>
  new Value({ dtype: type, shape: dims }, { kind: 'input', name });

/** The mask, the output, and the derivative of Σ weights · output by x, of one run. */
async function runDropout(training: Value | boolean, feeds: Record<string, Tensor>) {
  const [x, weights] = [input('x'), input('weights')];
  const { output, mask } = dropout(x, 0.25, { training, seed: 5 });
  const [derivative] = gradients(reduceSum(mul(output, weights)), [x]);
  const inputs = [
    { name: 'x', value: x },
    { name: 'weights', value: weights },
    ...(typeof training === 'boolean' ? [] : [{ name: 'training', value: training }]),
  ];
  const named = Object.entries({ output, mask, derivative: derivative! }).map(([name, value]) => ({ name, value }));
  const executable = await compile(graphOf(inputs, named), { numThreads: 1 });
  const results = await executable.run(feeds);
  await executable.close();
  return { mask: Array.from(results.mask!.data, Number), derivative: Array.from(results.derivative!.data, Number) };
}

const rng = new Rng('dropout');
const draw = () =>
  new Tensor(
    'float32',
    shape,
    Float32Array.from({ length: 128 }, () => rng.normal()),
  );
const feeds = { x: draw(), weights: draw() };
const weights = Array.from(feeds.weights.data);

describe('the gradient of Dropout', () => {
  it('is the cotangent over 1 - ratio where the mask holds, and 0 elsewhere', async () => {
    const { mask, derivative } = await runDropout(true, feeds);
    const kept = mask.reduce((sum, one) => sum + one, 0);
    expect(kept).toBeGreaterThan(64);
    expect(kept).toBeLessThan(128);
    derivative.forEach((value, i) => {
      expect(value).toBeCloseTo((mask[i]! * weights[i]!) / 0.75, 5);
    });
  });

  it('is the cotangent itself where an input says that nothing is trained, and goes by the mask where it says so', async () => {
    const switched = async (on: number) => {
      const training = new Tensor('bool', [], Uint8Array.of(on));
      return runDropout(input('training', 'bool', []), { ...feeds, training });
    };
    const off = await switched(0);
    expect(off.mask.every((one) => one === 1)).toBe(true);
    off.derivative.forEach((value, i) => {
      expect(value).toBeCloseTo(weights[i]!, 6);
    });
    const on = await switched(1);
    on.derivative.forEach((value, i) => {
      expect(value).toBeCloseTo((on.mask[i]! * weights[i]!) / 0.75, 5);
    });
  });
});
