/** @file Every optimizer beside one written out plainly in double precision, over several steps on a quadratic loss. */
import { afterEach, describe, expect, it } from 'vitest';
import { float32, leaves, Rng, scalar, type Tensor, type Tree } from '../core/index.ts';
import { add, mul, reduceSum, spec, square, sub, type Value } from '../graph/index.ts';
import { adafactor, adamW, compileTrainStep, lamb, linearSchedule, lion, type Optimizer, sgd } from './index.ts';

const open: { close(): Promise<void> }[] = [];
afterEach(async () => {
  await Promise.all(open.splice(0).map((step) => step.close()));
});

const start = {
  weight: float32([1, -2, 3, 0.5, 0, -1], [2, 3]),
  kernel: float32(
    Array.from({ length: 12 }, (_, i) => Math.sin(i)),
    [2, 2, 3],
  ),
  bias: float32([0.1, 0, -0.3]),
  gain: scalar(2),
};
type Params = typeof start;
type Name = keyof Params;
const names = Object.keys(start) as Name[];
const curvature = 3;

/** A parameter as the plain optimizers see it. */
interface Plain {
  readonly name: Name;
  readonly shape: readonly number[];
  readonly p: number[];
  /** Its gradient, after clipping. */
  g: number[];
  /** What is kept beside it, zero at first. */
  readonly kept: Record<string, number[]>;
}

const zerosLike = (values: readonly number[]) => values.map(() => 0);
const rms = (values: readonly number[]) => Math.sqrt(values.reduce((sum, x) => sum + x * x, 0) / values.length);

/** Runs both from the same start towards changing targets, and compares every number after every step. */
async function compare(
  optimizer: Optimizer,
  plain: (parameter: Plain, step: number) => void,
  clipping: { maxGradNorm?: number; maxGradValue?: number } = {},
  tolerance = 3e-6,
) {
  const step = await compileTrainStep({
    params: start,
    batch: { weight: spec([2, 3]), kernel: spec([2, 2, 3]), bias: spec([3]), gain: spec([]) },
    loss: (params, target) => {
      const parts = names.map((name) => reduceSum(square(sub(params[name] as Value, target[name] as Value))));
      return mul(
        parts.reduce((sum, part) => add(sum, part)),
        curvature / 2,
      );
    },
    optimizer,
    runtime: { numThreads: 1, worker: false },
  });
  open.push(step);
  const parameters: Plain[] = names.map((name) => {
    const p = Array.from(start[name].data, Number);
    return { name, shape: start[name].shape, p, g: zerosLike(p), kept: {} };
  });
  const rng = new Rng('targets');
  for (let t = 0; t < 5; t++) {
    const target = Object.fromEntries(
      names.map((name) => {
        const { data, shape } = start[name];
        return [name, float32(rng.fillNormal(new Float32Array(data.length)), shape)];
      }),
    ) as unknown as Params;
    const limit = clipping.maxGradValue ?? Number.POSITIVE_INFINITY;
    for (const one of parameters) {
      one.g = one.p.map((p, i) => curvature * (p - Number(target[one.name].data[i])));
      one.g = one.g.map((g) => Math.min(limit, Math.max(-limit, g)));
    }
    const norm = Math.hypot(...parameters.flatMap(({ g }) => g));
    const scale = Math.min(1, (clipping.maxGradNorm ?? Number.POSITIVE_INFINITY) / (norm + 1e-6));
    for (const one of parameters) {
      one.g = one.g.map((g) => g * scale);
      plain(one, t);
    }
    const figures = await step.run(target as never);
    expect(figures.gradientNorm! / norm).toBeCloseTo(1, 5);
    const now = new Map(leaves<Tensor>(step.params() as Tree<Tensor>));
    for (const { name, p } of parameters) {
      p.forEach((expected, i) => {
        const difference = Math.abs(Number(now.get(name)!.data[i]) - expected);
        expect(difference, `${name}[${i}] after step ${t}`).toBeLessThan(tolerance * Math.max(1, Math.abs(expected)));
      });
    }
  }
}

/** The slot `slot` of a parameter. */
const slotOf = ({ kept, p }: Plain, slot: string) => {
  kept[slot] ??= zerosLike(p);
  return kept[slot];
};
const decays = ({ shape }: Plain) => shape.length >= 2;

describe('sgd', () => {
  it('descends along the gradient', () =>
    compare(sgd({ learningRate: 0.1 }), ({ p, g }) => {
      p.forEach((x, i) => {
        p[i] = x - 0.1 * g[i]!;
      });
    }));

  const withMomentum = (momentum: number, nesterov: boolean, rate: (t: number) => number, decay: number) => {
    return (one: Plain, t: number) => {
      const v = slotOf(one, 'v');
      one.p.forEach((x, i) => {
        v[i] = momentum * v[i]! + one.g[i]!;
        const change = nesterov ? one.g[i]! + momentum * v[i]! : v[i]!;
        one.p[i] = x - (decays(one) ? rate(t) * decay * x : 0) - rate(t) * change;
      });
    };
  };

  it('keeps a velocity, and follows a schedule', () => {
    const rate = linearSchedule({ peak: 0.05, totalSteps: 10 });
    return compare(sgd({ learningRate: rate, momentum: 0.9 }), withMomentum(0.9, false, rate, 0));
  });

  it('looks ahead by Nesterov, decays, and clips', () =>
    compare(
      sgd({ learningRate: 0.03, momentum: 0.8, nesterov: true, weightDecay: 0.1, maxGradNorm: 2 }),
      withMomentum(0.8, true, () => 0.03, 0.1),
      { maxGradNorm: 2 },
    ));

  it('refuses to look ahead without a velocity', () => {
    expect(() => sgd({ learningRate: 0.1, nesterov: true })).toThrow(RangeError);
  });
});

describe('clipping', () => {
  it('by value comes before clipping by norm', () =>
    compare(
      sgd({ learningRate: 0.1, maxGradValue: 1.5, maxGradNorm: 3 }),
      ({ p, g }) => {
        p.forEach((x, i) => {
          p[i] = x - 0.1 * g[i]!;
        });
      },
      { maxGradValue: 1.5, maxGradNorm: 3 },
    ));

  it('by value goes with AdamW too', () =>
    compare(
      adamW({ learningRate: 0.1, weightDecay: 0, maxGradValue: 0.5 }),
      (one, t) => {
        const [m, v] = [slotOf(one, 'm'), slotOf(one, 'v')];
        one.g.forEach((g, i) => {
          m[i] = 0.9 * m[i]! + 0.1 * g;
          v[i] = 0.999 * v[i]! + 0.001 * g * g;
          const root = Math.sqrt(v[i]! / (1 - 0.999 ** (t + 1)));
          one.p[i] = one.p[i]! - (0.1 * m[i]!) / (1 - 0.9 ** (t + 1)) / (root + 1e-8);
        });
      },
      { maxGradValue: 0.5 },
    ));
});

describe('lion', () => {
  it('steps by the sign of its momentum', () =>
    compare(lion({ learningRate: 0.01, weightDecay: 0.3, betas: [0.8, 0.95] }), (one) => {
      const m = slotOf(one, 'm');
      one.p.forEach((x, i) => {
        const direction = Math.sign(0.8 * m[i]! + 0.2 * one.g[i]!);
        one.p[i] = x - 0.01 * (direction + (decays(one) ? 0.3 * x : 0));
        m[i] = 0.95 * m[i]! + 0.05 * one.g[i]!;
      });
    }));
});

describe('lamb', () => {
  const plainLamb = (rate: number, decay: number) => (one: Plain, t: number) => {
    const [m, v] = [slotOf(one, 'm'), slotOf(one, 'v')];
    const change = one.p.map((x, i) => {
      m[i] = 0.9 * m[i]! + 0.1 * one.g[i]!;
      v[i] = 0.999 * v[i]! + 0.001 * one.g[i]! ** 2;
      const ofAdam = m[i]! / (1 - 0.9 ** (t + 1)) / (Math.sqrt(v[i]! / (1 - 0.999 ** (t + 1))) + 1e-6);
      return ofAdam + (decays(one) ? decay * x : 0);
    });
    const [size, sizeOfChange] = [Math.hypot(...one.p), Math.hypot(...change)];
    const ratio = size > 0 && sizeOfChange > 0 ? size / sizeOfChange : 1;
    one.p.forEach((x, i) => {
      one.p[i] = x - rate * ratio * change[i]!;
    });
  };

  it('scales each change to the size of its parameter', () =>
    compare(lamb({ learningRate: 0.05, weightDecay: 0.2 }), plainLamb(0.05, 0.2)));

  it('clips, and has a weight decay of 0.01 if nothing is said', () =>
    compare(lamb({ learningRate: 0.02, maxGradNorm: 1 }), plainLamb(0.02, 0.01), { maxGradNorm: 1 }));
});

describe('adafactor', () => {
  const plainAdafactor = (rate: number, relative: boolean, decay: number) => (one: Plain, t: number) => {
    const beta2 = 1 - (t + 1) ** -0.8;
    const squared = one.g.map((g) => g * g + 1e-30);
    const estimate = zerosLike(one.p);
    if (one.shape.length < 2) {
      const v = slotOf(one, 'v');
      squared.forEach((s, i) => {
        v[i] = beta2 * v[i]! + (1 - beta2) * s;
        estimate[i] = v[i]!;
      });
    } else {
      const [numRows, numColumns] = one.shape.slice(-2) as [number, number];
      const size = numRows * numColumns;
      const [rows, columns] = [slotOf(one, 'rows'), slotOf(one, 'columns')];
      for (let from = 0; from < one.p.length; from += size) {
        const at = (r: number, c: number) => from + r * numColumns + c;
        for (let r = 0; r < numRows; r++) {
          const mean =
            Array.from({ length: numColumns }, (_, c) => squared[at(r, c)]!).reduce((a, b) => a + b) / numColumns;
          rows[from + r] = beta2 * rows[from + r]! + (1 - beta2) * mean;
        }
        for (let c = 0; c < numColumns; c++) {
          const mean = Array.from({ length: numRows }, (_, r) => squared[at(r, c)]!).reduce((a, b) => a + b) / numRows;
          columns[from + c] = beta2 * columns[from + c]! + (1 - beta2) * mean;
        }
        const meanOfRows = Array.from({ length: numRows }, (_, r) => rows[from + r]!).reduce((a, b) => a + b) / numRows;
        for (let r = 0; r < numRows; r++) {
          for (let c = 0; c < numColumns; c++) estimate[at(r, c)] = (rows[from + r]! * columns[from + c]!) / meanOfRows;
        }
      }
    }
    const raw = one.g.map((g, i) => g / Math.sqrt(estimate[i]!));
    const step = (rate / Math.max(1, rms(raw))) * (relative ? Math.max(1e-3, rms(one.p)) : 1);
    one.p.forEach((x, i) => {
      one.p[i] = x - (decays(one) ? rate * decay * x : 0) - step * raw[i]!;
    });
  };

  it('keeps the second moments of matrices by rows and columns', () =>
    compare(adafactor({ learningRate: 0.1 }), plainAdafactor(0.1, true, 0), {}, 1e-5));

  it('takes absolute steps if told so, decays and clips', () =>
    compare(
      adafactor({ learningRate: 0.05, scalesByParameter: false, weightDecay: 0.2, maxGradNorm: 1 }),
      plainAdafactor(0.05, false, 0.2),
      { maxGradNorm: 1 },
      1e-5,
    ));

  it('keeps n + m numbers beside n · m', () => {
    expect(adafactor({ learningRate: 0.1 }).slots([5, 20, 30])).toEqual({ rows: [5, 20, 1], columns: [5, 1, 30] });
    expect(adafactor({ learningRate: 0.1 }).slots([7])).toEqual({ v: [7] });
  });
});
