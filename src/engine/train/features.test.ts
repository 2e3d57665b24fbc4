/** @file What a training step does around the optimizer: accumulates, averages, takes several steps a run, drops out, is cancelled. */
import { afterEach, describe, expect, it } from 'vitest';
import { float32, Rng, ShapeError, Tensor } from '../core/index.ts';
import { add, matMul, reduceMean, relu, spec, square, sub, type Value } from '../graph/index.ts';
import { adamW, compileTrainStep, type StepContext, sgd, type TrainStep, type TrainStepOptions } from './index.ts';

const open: { close(): Promise<void> }[] = [];
afterEach(async () => {
  await Promise.all(open.splice(0).map((step) => step.close()));
});

const rng = new Rng('features');
const draw = (...shape: number[]) =>
  new Tensor('float32', shape, rng.fillNormal(new Float32Array(shape.reduce((a, b) => a * b, 1)), 0.5));
const params = { first: { weight: draw(3, 8), bias: draw(8) }, second: draw(8, 1) };
type Batch = { x: Tensor; y: Tensor };
const batches = Array.from({ length: 12 }, () => ({ x: draw(4, 3), y: draw(4, 1) }));

/** The mean square error of a small network, whose hidden values drop out at `rate`. */
async function compiled(more: object = {}, rate = 0, batchSize = 4): Promise<TrainStep<typeof params, Batch>> {
  const options = {
    params,
    batch: { x: spec([batchSize, 3]), y: spec([batchSize, 1]) },
    loss: (
      p: { first: { weight: Value; bias: Value }; second: Value },
      b: { x: Value; y: Value },
      context: StepContext,
    ) => {
      const hidden = relu(add(matMul(b.x, p.first.weight), p.first.bias));
      return reduceMean(square(sub(matMul(context.random.dropout(hidden, rate), p.second), b.y)));
    },
    optimizer: adamW({ learningRate: 0.05, maxGradNorm: 1 }),
    runtime: { numThreads: 1 },
    ...more,
  };
  const step = await compileTrainStep(options as unknown as TrainStepOptions<typeof params, never>);
  open.push(step);
  return step as unknown as TrainStep<typeof params, Batch>;
}

/** Both states number by number. */
function expectClose(a: TrainStep<typeof params, Batch>, b: TrainStep<typeof params, Batch>, tolerance = 1e-6) {
  const [left, right] = [a.state(), b.state()];
  expect(left.step).toBe(right.step);
  expect([...left.tensors.keys()].sort()).toEqual([...right.tensors.keys()].sort());
  for (const [name, { data }] of left.tensors) {
    data.forEach((value, i) => {
      expect(Math.abs(Number(value) - Number(right.tensors.get(name)!.data[i])), `${name}[${i}]`).toBeLessThan(
        tolerance,
      );
    });
  }
}

describe('accumulation', () => {
  const joinedBatch = (some: readonly Batch[]): Batch => ({
    x: float32(
      some.flatMap(({ x }) => Array.from(x.data, Number)),
      [4 * some.length, 3],
    ),
    y: float32(
      some.flatMap(({ y }) => Array.from(y.data, Number)),
      [4 * some.length, 1],
    ),
  });

  it.each([true, false])('takes the same steps as one on all batches at once, in place: %s', async (inPlace) => {
    const accumulating = await compiled({ accumulate: 3, inPlace });
    const whole = await compiled({ inPlace }, 0, 12);
    for (let i = 0; i < 12; i += 3) {
      const some = batches.slice(i, i + 3);
      const figures = await accumulating.run(some);
      const expected = await whole.run(joinedBatch(some));
      expect(figures.loss).toBeCloseTo(expected.loss, 5);
      expect(figures.gradientNorm).toBeCloseTo(expected.gradientNorm!, 5);
      expectClose(accumulating, whole, 1e-5);
    }
    expect(accumulating.step).toBe(4);
  });

  it('needs as many batches as it was compiled for, and starts from zero after one that failed', async () => {
    const [failed, fresh] = [await compiled({ accumulate: 2 }), await compiled({ accumulate: 2 })];
    await expect(failed.run(batches.slice(0, 3))).rejects.toThrow('an array of so many, got 3');
    await expect(failed.run(batches[0]!)).rejects.toThrow(ShapeError);
    const bad = { ...batches[1]!, y: draw(3, 1) };
    await expect(failed.run([batches[0]!, bad])).rejects.toThrow(ShapeError);
    await failed.run(batches.slice(2, 4));
    await fresh.run(batches.slice(2, 4));
    expect(failed.state()).toEqual(fresh.state());
    await expect(compiled({ accumulate: 0 })).rejects.toThrow(RangeError);
    await expect(compiled({ accumulate: 2, stepsPerRun: 2 })).rejects.toThrow('do not go together');
  });
});

describe('the moving average of parameters', () => {
  it.each([true, false])('follows them, in place: %s', async (inPlace) => {
    const step = await compiled({ ema: { decay: 0.8 }, inPlace });
    const average = Array.from(params.second.data, Number);
    expect(Array.from(step.emaParams().second.data, Number)).toEqual(average);
    for (const batch of batches.slice(0, 5)) {
      await step.run(batch);
      step.params().second.data.forEach((value, i) => {
        average[i] = 0.8 * average[i]! + 0.2 * Number(value);
      });
      step.emaParams().second.data.forEach((value, i) => {
        expect(Number(value)).toBeCloseTo(average[i]!, 5);
      });
    }
    expect(step.state().tensors.has('ema.first.weight')).toBe(true);
  });

  it('is not there if it was not asked for', async () => {
    const step = await compiled();
    expect(() => step.emaParams()).toThrow('compile the step with `ema`');
  });
});

describe('several steps in one run', () => {
  it('are the same steps, with figures of each, and the rest one by one', async () => {
    const [several, single] = [
      await compiled({ stepsPerRun: 4, ema: { decay: 0.9 } }, 0.5),
      await compiled({ ema: { decay: 0.9 } }, 0.5),
    ];
    const figures = await several.runMany(batches.slice(0, 10));
    expect(figures).toHaveLength(10);
    const expected = await single.runMany(batches.slice(0, 10));
    figures.forEach((one, i) => {
      expect(one.loss).toBeCloseTo(expected[i]!.loss, 5);
    });
    expectClose(several, single, 1e-5);
    expect(several.step).toBe(10);
  });
});

describe('dropout in a step', () => {
  const losses = async (more: object, rate: number) => {
    const step = await compiled({ optimizer: sgd({ learningRate: 0 }), ...more }, rate);
    const figures = [];
    for (let i = 0; i < 4; i++) figures.push((await step.run(batches[0]!)).loss);
    return figures;
  };

  it('draws anew at each step, the same from the same seed, and nothing at rate 0', async () => {
    const drawn = await losses({}, 0.5);
    expect(new Set(drawn).size).toBe(4);
    expect(await losses({}, 0.5)).toEqual(drawn);
    expect(await losses({ seed: 'other' }, 0.5)).not.toEqual(drawn);
    expect(new Set(await losses({}, 0)).size).toBe(1);
  });

  it('goes on with the same draws from a loaded state', async () => {
    const [straight, stopped] = [await compiled({}, 0.5), await compiled({}, 0.5)];
    await straight.runMany(batches.slice(0, 4));
    await stopped.runMany(batches.slice(0, 2));
    const resumed = await compiled({}, 0.5);
    resumed.load(stopped.state());
    await resumed.runMany(batches.slice(2, 4));
    expect(resumed.state()).toEqual(straight.state());
  });
});

describe('a step that is cancelled', () => {
  it.each([{}, { accumulate: 2 }, { inPlace: false }])('leaves everything as it was, and goes on: %o', async (more) => {
    const [step, other] = [await compiled(more), await compiled(more)];
    const some = (i: number) => ('accumulate' in more ? batches.slice(i, i + 2) : batches[i]!);
    await step.run(some(0));
    await other.run(some(0));
    const before = step.state();
    const controller = new AbortController();
    const running = step.run(some(2), { signal: controller.signal });
    controller.abort(new Error('no more'));
    await expect(running).rejects.toThrow('no more');
    expect(step.state()).toEqual(before);
    await step.run(some(4));
    await other.run(some(4));
    expect(step.state()).toEqual(other.state());
  });

  it('does not begin under a signal that has aborted', async () => {
    const step = await compiled();
    await expect(step.run(batches[0]!, { signal: AbortSignal.abort(new Error('late')) })).rejects.toThrow('late');
    expect(step.step).toBe(0);
  });
});
