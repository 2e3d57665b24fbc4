import { afterEach, describe, expect, it } from 'vitest';
import { float32, leaves, Rng, ShapeError, scalar, Tensor, type Tree } from '../core/index.ts';
import { add, mul, reduceSum, spec, square, sub, type Value } from '../graph/index.ts';
import {
  type AdamWOptions,
  adamW,
  compileTrainStep,
  constantSchedule,
  inverseSquareRoot,
  linearSchedule,
  oneCycle,
  polynomialSchedule,
  stepSchedule,
  warmupCosine,
} from './index.ts';

const open: { close(): Promise<void> }[] = [];
afterEach(async () => {
  await Promise.all(open.splice(0).map((step) => step.close()));
});

const start = { weight: float32([1, -2, 3, 0.5, 0, -1], [2, 3]), bias: float32([0.1, 0, -0.3]), gain: scalar(2) };
const shapes = { weight: spec([2, 3]), bias: spec([3]), gain: spec([]) };
type Params = typeof start;

/** The loss ½ Σ curvature · (p - target)², whose gradient is curvature · (p - target). */
const curvature = 3;

async function quadratic(options: AdamWOptions) {
  const step = await compileTrainStep({
    params: start,
    batch: shapes,
    loss: (params, target) => {
      const parts = (['weight', 'bias', 'gain'] as const).map((name) =>
        reduceSum(square(sub(params[name] as Value, target[name] as Value))),
      );
      const [first, ...rest] = parts as [Value, ...Value[]];
      return mul(
        rest.reduce((sum, part) => add(sum, part), first),
        curvature / 2,
      );
    },
    optimizer: adamW(options),
    runtime: { numThreads: 1 },
  });
  open.push(step);
  return step;
}

function targetOf(rng: Rng): Params {
  const draw = (tensor: Tensor) => float32(rng.fillNormal(new Float32Array(tensor.data.length)), tensor.shape);
  return { weight: draw(start.weight), bias: draw(start.bias), gain: draw(start.gain) };
}

/** AdamW as in algorithm 2 of arXiv:1711.05101, after clipping as PyTorch's `clip_grad_norm_` does, in double precision. */
class PlainAdamW {
  readonly params = new Map(named(start).map(([name, tensor]) => [name, Array.from(tensor.data, Number)]));
  readonly #m = new Map([...this.params].map(([name, values]) => [name, values.map(() => 0)]));
  readonly #v = new Map([...this.params].map(([name, values]) => [name, values.map(() => 0)]));
  #step = 0;

  /** Takes a step and returns the gradients' norm before clipping. */
  update(
    target: Params,
    o: Required<Omit<AdamWOptions, 'decays' | 'learningRate' | 'maxGradValue'>>,
    rate: number,
    decaying: string[],
  ) {
    this.#step++;
    const gradients = named(target).map(
      ([name, tensor]) =>
        [name, this.params.get(name)!.map((p, i) => curvature * (p - Number(tensor.data[i])))] as const,
    );
    const norm = Math.hypot(...gradients.flatMap(([, gradient]) => gradient));
    const scale = Math.min(1, o.maxGradNorm / (norm + 1e-6));
    for (const [name, gradient] of gradients) {
      const [p, m, v] = [this.params.get(name)!, this.#m.get(name)!, this.#v.get(name)!];
      gradient.forEach((raw, i) => {
        const g = raw * scale;
        m[i] = o.betas[0] * m[i]! + (1 - o.betas[0]) * g;
        v[i] = o.betas[1] * v[i]! + (1 - o.betas[1]) * g * g;
        const mHat = m[i]! / (1 - o.betas[0] ** this.#step);
        const vHat = v[i]! / (1 - o.betas[1] ** this.#step);
        const decay = decaying.includes(name) ? rate * o.weightDecay * p[i]! : 0;
        p[i] = p[i]! - decay - (rate * mHat) / (Math.sqrt(vHat) + o.epsilon);
      });
    }
    return norm;
  }
}

const named = (tree: Params) => leaves<Tensor>(tree as Tree<Tensor>);

describe('adamW', () => {
  const defaults = {
    betas: [0.9, 0.999] as const,
    epsilon: 1e-8,
    weightDecay: 0.01,
    maxGradNorm: Number.POSITIVE_INFINITY,
  };

  async function compare(options: AdamWOptions, decaying: string[]): Promise<void> {
    const step = await quadratic(options);
    const plain = new PlainAdamW();
    const rng = new Rng('targets');
    for (let i = 0; i < 5; i++) {
      const target = targetOf(rng);
      const rate = typeof options.learningRate === 'number' ? options.learningRate : options.learningRate(i);
      const norm = plain.update(target, { ...defaults, ...options }, rate, decaying);
      const figures = await step.run(target);
      expect(figures.gradientNorm! / norm).toBeCloseTo(1, 5);
      for (const [name, tensor] of named(step.params())) {
        plain.params.get(name)!.forEach((expected, k) => {
          expect(Math.abs(Number(tensor.data[k]) - expected), `${name}[${k}] after step ${i}`).toBeLessThan(2e-6);
        });
      }
    }
  }

  it('agrees with AdamW written out plainly, with its defaults', () => compare({ learningRate: 0.1 }, ['weight']));

  it('agrees when every gradient is clipped, and with large decay and epsilon', () =>
    compare({ learningRate: 0.1, maxGradNorm: 0.5, weightDecay: 0.5, epsilon: 0.01, betas: [0.8, 0.95] }, ['weight']));

  it('agrees where the norm allowed is never reached', () =>
    compare({ learningRate: 0.1, maxGradNorm: 1e3 }, ['weight']));

  it('follows a schedule, and decays what it is told to', () =>
    compare(
      {
        learningRate: warmupCosine({ peak: 0.2, warmupSteps: 2, totalSteps: 5 }),
        weightDecay: 0.3,
        decays: (path) => path !== 'weight',
      },
      ['bias', 'gain'],
    ));

  it('moves each parameter by the learning rate at the first step, whatever the gradient', async () => {
    const step = await quadratic({ learningRate: 0.01, weightDecay: 0 });
    const target = targetOf(new Rng(1));
    await step.run(target);
    for (const [name, tensor] of named(step.params())) {
      const before = new Map(named(start)).get(name)!;
      const towards = new Map(named(target)).get(name)!;
      tensor.data.forEach((value, i) => {
        const sign = Math.sign(Number(towards.data[i]) - Number(before.data[i]));
        expect(Number(value) - Number(before.data[i])).toBeCloseTo(0.01 * sign, 5);
      });
    }
  });
});

describe('schedules', () => {
  it('stay constant', () => {
    expect([0, 5, 1e6].map(constantSchedule(0.3))).toEqual([0.3, 0.3, 0.3]);
  });

  it('rise in a line, fall along half a cosine, and stay at the floor', () => {
    const schedule = warmupCosine({ peak: 1, warmupSteps: 4, totalSteps: 12 });
    expect([0, 1, 2, 3, 4].map(schedule)).toEqual([0.25, 0.5, 0.75, 1, 1]);
    expect(schedule(6)).toBeCloseTo((1 + Math.SQRT1_2) / 2, 12);
    expect(schedule(8)).toBeCloseTo(0.5, 12);
    expect(schedule(12)).toBeCloseTo(0, 12);
    expect(schedule(1000)).toBeCloseTo(0, 12);
  });

  it('fall to the floor that is asked for, and need no warmup', () => {
    const schedule = warmupCosine({ peak: 1, warmupSteps: 0, totalSteps: 10, floor: 0.2 });
    expect(schedule(0)).toBe(1);
    expect(schedule(5)).toBeCloseTo(0.6, 12);
    expect(schedule(10)).toBeCloseTo(0.2, 12);
    expect(schedule(11)).toBeCloseTo(0.2, 12);
  });

  it('fall in a line, or by a power of what is left', () => {
    const line = linearSchedule({ peak: 1, warmupSteps: 2, totalSteps: 10, floor: 0.2 });
    expect([0, 1, 2, 6, 10, 11].map(line)).toEqual([0.5, 1, 1, 0.6, 0.2, 0.2].map((rate) => expect.closeTo(rate, 12)));
    const power = polynomialSchedule({ peak: 2, totalSteps: 4, power: 2 });
    expect([0, 1, 2, 3, 4, 9].map(power)).toEqual([2, 1.125, 0.5, 0.125, 0, 0]);
  });

  it('fall as the inverse square root, from the end of the warmup', () => {
    const schedule = inverseSquareRoot({ peak: 1, warmupSteps: 4 });
    expect([0, 3, 15, 99].map(schedule)).toEqual([0.25, 1, 0.5, 0.2]);
  });

  it('fall in stairs', () => {
    const schedule = stepSchedule({ peak: 8, every: 3, factor: 0.5 });
    expect([0, 2, 3, 5, 6, 9].map(schedule)).toEqual([8, 8, 4, 4, 2, 1]);
  });

  it('rise and fall in one cycle', () => {
    const schedule = oneCycle({ peak: 1, totalSteps: 20, rise: 0.25, startDivisor: 10, endDivisor: 1000 });
    expect([0, 2, 4].map(schedule)).toEqual([0.1, 0.55, 1].map((rate) => expect.closeTo(rate, 12)));
    expect(schedule(11.5)).toBeCloseTo(0.5005, 12);
    expect(schedule(19)).toBeCloseTo(0.001, 12);
    expect(schedule(40)).toBeCloseTo(0.001, 12);
    expect(() => oneCycle({ peak: 1, totalSteps: 20, rise: 1 })).toThrow(RangeError);
  });

  it('refuse a warmup longer than the whole', () => {
    expect(() => warmupCosine({ peak: 1, warmupSteps: 11, totalSteps: 10 })).toThrow(RangeError);
  });
});

describe('a training step', () => {
  const options = { learningRate: 0.1, maxGradNorm: 1 };
  const targets = () => {
    const rng = new Rng('state');
    return Array.from({ length: 6 }, () => targetOf(rng));
  };

  it('goes on from a loaded state exactly as if it had never stopped', async () => {
    const straight = await quadratic(options);
    const stopped = await quadratic(options);
    const batches = targets();
    for (const batch of batches.slice(0, 3)) {
      await straight.run(batch);
      await stopped.run(batch);
    }
    const state = stopped.state();
    expect(state.step).toBe(3);
    expect([...state.tensors.keys()].sort()).toEqual(
      ['params', 'm', 'v'].flatMap((slot) => ['weight', 'bias', 'gain'].map((name) => `${slot}.${name}`)).sort(),
    );
    const resumed = await quadratic(options);
    resumed.load(state);
    expect(resumed.step).toBe(3);
    expect(resumed.state()).toEqual(state);
    for (const batch of batches.slice(3)) expect(await resumed.run(batch)).toEqual(await straight.run(batch));
    expect(resumed.state()).toEqual(straight.state());
  });

  it('gives and takes copies: nothing that it gave changes later, and nothing given is changed', async () => {
    const step = await quadratic(options);
    const [first, second] = targets() as [Params, Params];
    await step.run(first);
    const [state, params] = [step.state(), step.params()];
    const copy = structuredClone([...state.tensors].map(([name, { data }]) => [name, data]));
    const weight = Array.from(params.weight.data);
    await step.run(second);
    await step.run(first);
    expect([...state.tensors].map(([name, { data }]) => [name, data])).toEqual(copy);
    expect(Array.from(params.weight.data)).toEqual(weight);
    expect(Array.from(start.weight.data)).toEqual([1, -2, 3, 0.5, 0, -1]);
  });

  it('reports the loss of before the update', async () => {
    const step = await quadratic(options);
    const zero = { weight: float32(new Float32Array(6), [2, 3]), bias: float32([0, 0, 0]), gain: scalar(0) };
    // ½ · 3 · (1 + 4 + 9 + 0.25 + 1 + 0.01 + 0.09 + 4)
    expect((await step.run(zero as Params)).loss).toBeCloseTo(1.5 * 19.35, 4);
  });

  it('refuses a batch or a state that does not fit, and stays as it was', async () => {
    const step = await quadratic(options);
    const [batch] = targets() as [Params];
    await step.run(batch);
    const state = step.state();
    await expect(step.run({ ...batch, bias: float32([1, 2]) })).rejects.toThrow(ShapeError);
    const without = new Map([...state.tensors].filter(([name]) => name !== 'm.bias'));
    expect(() => step.load({ step: 9, tensors: without })).toThrow('"m.bias" must be float32[3], got nothing');
    const other = new Map([
      ...state.tensors,
      ['v.weight', new Tensor('float32', [3, 2], new Float32Array(6))] as const,
    ]);
    expect(() => step.load({ step: 9, tensors: other })).toThrow(ShapeError);
    expect(step.state()).toEqual(state);
  });

  it('takes one batch at a time', async () => {
    const step = await quadratic(options);
    const [batch] = targets() as [Params];
    const running = step.run(batch);
    await expect(step.run(batch)).rejects.toThrow('has not ended');
    await running;
    expect(step.step).toBe(1);
  });

  it('refuses a loss or a metric that is not a scalar', async () => {
    const build = (loss: (x: Value) => Value | { loss: Value; metrics: Record<string, Value> }) =>
      compileTrainStep({
        params: { x: float32([1, 2]) },
        batch: {},
        loss: ({ x }) => loss(x),
        optimizer: adamW({ learningRate: 0.1 }),
      });
    await expect(build((x) => square(x))).rejects.toThrow(ShapeError);
    const withMetric = build((x) => ({ loss: reduceSum(square(x)), metrics: { squares: square(x) } }));
    await expect(withMetric).rejects.toThrow('the metric "squares" must be a scalar');
  });
});
