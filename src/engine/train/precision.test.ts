/** @file Mixed precision: what is computed in float16, that training goes as in float32, and that an overflow is left out. */
import { afterEach, describe, expect, it } from 'vitest';
import { recompute } from '../autodiff/index.ts';
import { int64, Rng, Tensor } from '../core/index.ts';
import {
  add,
  gather,
  matMul,
  mul,
  reduceMean,
  relu,
  softmax,
  spec,
  square,
  sub,
  trace,
  type Value,
} from '../graph/index.ts';
import {
  adamW,
  compileTrainStep,
  type PrecisionPolicy,
  type TrainStep,
  type TrainStepOptions,
  traceTrainStep,
} from './index.ts';
import { precisionOf, withPrecision } from './precision.ts';

const open: { close(): Promise<void> }[] = [];
afterEach(async () => {
  await Promise.all(open.splice(0).map((step) => step.close()));
});

const rng = new Rng('precision');
const draw = (shape: readonly number[], deviation = 0.4) =>
  new Tensor('float32', shape, rng.fillNormal(new Float32Array(shape.reduce((a, b) => a * b, 1)), deviation));
const params = {
  towers: { video: { a: draw([6, 16]), b: draw([16, 8]) }, text: { a: draw([6, 8]) } },
  head: draw([8, 2]),
};
const truth = draw([6, 2]);
const policy: PrecisionPolicy = { 'towers.video': 'float16', default: 'float32' };

function options(more: object = {}): TrainStepOptions<typeof params, never> {
  return {
    params,
    batch: { x: spec([10, 6]), y: spec([10, 2]), factor: spec([]) },
    loss: (
      p: { towers: { video: { a: Value; b: Value }; text: { a: Value } }; head: Value },
      b: Record<string, Value>,
    ) => {
      const hidden = relu(matMul(b.x!, p.towers.video.a));
      const video = matMul(mul(softmax(hidden), hidden), p.towers.video.b);
      const both = add(mul(video, b.factor!), matMul(b.x!, p.towers.text.a));
      return reduceMean(square(sub(matMul(both, p.head), b.y!)));
    },
    optimizer: adamW({ learningRate: 0.02, maxGradNorm: 1 }),
    runtime: { numThreads: 1, worker: false },
    ...more,
  } as unknown as TrainStepOptions<typeof params, never>;
}

async function compiled(more: object = {}): Promise<TrainStep<typeof params, Record<string, Tensor>>> {
  const step = await compileTrainStep(options(more));
  open.push(step);
  return step as unknown as TrainStep<typeof params, Record<string, Tensor>>;
}

/** Batches of a linear truth. */
function batchAt(i: number, factor = 1): Record<string, Tensor> {
  const drawn = new Rng(`batch ${i}`);
  const x = drawn.fillNormal(new Float32Array(60));
  const y = Float32Array.from({ length: 20 }, (_, at) => {
    const [row, column] = [Math.floor(at / 2), at % 2];
    return Array.from({ length: 6 }, (_, k) => x[6 * row + k]! * truth.data[2 * k + column]!).reduce((a, b) => a + b);
  });
  return {
    x: new Tensor('float32', [10, 6], x),
    y: new Tensor('float32', [10, 2], y),
    factor: new Tensor('float32', [], Float32Array.of(factor)),
  };
}

async function losses(step: TrainStep<typeof params, Record<string, Tensor>>, numSteps: number) {
  const figures = [];
  for (let i = 0; i < numSteps; i++) figures.push((await step.run(batchAt(i))).loss);
  return figures;
}

describe('a policy', () => {
  it('goes by the longest name that begins the path', () => {
    const some: PrecisionPolicy = { towers: 'float16', 'towers.text': 'float32', default: 'float32' };
    expect(precisionOf(some, 'towers.video.a')).toBe('float16');
    expect(precisionOf(some, 'towers.text.a')).toBe('float32');
    expect(precisionOf(some, 'towers.textual')).toBe('float16');
    expect(precisionOf(some, 'head')).toBe('float32');
    expect(precisionOf({ default: 'float16' }, 'head')).toBe('float16');
  });

  it('computes products with float16 parameters in float16, softmax in float32, and the rest as it was', () => {
    const { graph } = traceTrainStep(options({ precision: policy }));
    const types = (opType: string) =>
      graph.nodes.filter(({ op }) => op.opType === opType).map(({ outputs }) => outputs[0]!.dtype);
    expect(new Set(types('Softmax'))).toEqual(new Set(['float32']));
    expect(types('Relu')).toContain('float16');
    const products = types('MatMul');
    expect(products).toContain('float16');
    expect(products).toContain('float32');
    expect(graph.inputs.filter(({ value }) => value.dtype === 'float16')).toEqual([]);
    const plain = traceTrainStep(options({ precision: { default: 'float32' } }));
    expect(plain.graph.nodes.some(({ outputs }) => outputs.some(({ dtype }) => dtype === 'float16'))).toBe(false);
  });

  it('goes together with recomputation', () => {
    const counts = [false, true].map((recomputed) => {
      const layer = (weight: Value, x: Value) => relu(matMul(x, weight));
      const { graph } = traceTrainStep({
        params: { a: draw([4, 4]), b: draw([4, 4]) },
        batch: { x: spec([3, 4]) },
        loss: ({ a, b }, { x }) => {
          const apply = recomputed ? recompute(layer) : layer;
          return reduceMean(square(apply(b as Value, apply(a as Value, x as Value))));
        },
        optimizer: adamW({ learningRate: 0.1 }),
        precision: { default: 'float16' },
      });
      return graph.nodes.filter(({ op, outputs }) => op.opType === 'Relu' && outputs[0]!.dtype === 'float16').length;
    });
    expect(counts).toEqual([2, 4]);
  });

  it('leaves values alone that no float16 parameter reaches', () => {
    trace(
      (x: Value) => {
        const y = relu(mul(x, 2));
        expect(withPrecision([y], new Map())).toEqual([y]);
        return y;
      },
      spec([2]),
    );
  });
});

describe('training in mixed precision', () => {
  it('looks rows up in a float16 table, whose gradient is a sum over places', async () => {
    const step = await compileTrainStep({
      params: { table: draw([5, 4]) },
      batch: { ids: spec([6], 'int64') },
      loss: ({ table }, { ids }) => reduceMean(square(gather(table as Value, ids as Value))),
      optimizer: adamW({ learningRate: 0.1, weightDecay: 0 }),
      precision: { default: 'float16' },
      runtime: { numThreads: 1, worker: false },
    });
    open.push(step);
    const ids = int64([0, 1, 1, 3, 3, 3]);
    const [first, second] = [await step.run({ ids }), await step.run({ ids })];
    expect([first.skipped, second.skipped]).toEqual([0, 0]);
    expect(second.loss).toBeLessThan(first.loss);
  });

  it.each([policy, { default: 'float16' } as PrecisionPolicy])('goes as in float32: %o', async (precision) => {
    const [mixed, full] = [await compiled({ precision }), await compiled()];
    const [a, b] = [await losses(mixed, 40), await losses(full, 40)];
    a.forEach((loss, i) => {
      expect(Math.abs(loss - b[i]!)).toBeLessThan(0.02 * b[i]! + 2e-3);
    });
    expect(b[39]).toBeLessThan(b[0]! / 3);
    for (const tensor of mixed.state().tensors.values()) expect(tensor.dtype).toBe('float32');
    const video = mixed.params().towers.video.a.data as Float32Array;
    expect(
      video.some((value) => Math.fround(value) !== halfRounded(value)),
      'masters are finer than float16',
    ).toBe(true);
  });

  it.each([{}, { accumulate: 1 }, { stepsPerRun: 2 }])(
    'leaves out a step that overflows, halves the scale, and goes on: %o',
    async (more) => {
      const step = await compiled({ precision: policy, lossScale: { initial: 1024 }, ema: { decay: 0.5 }, ...more });
      expect((await step.run(batchAt(0))).skipped).toBe(0);
      const before = step.state();
      const skipped = await step.run(batchAt(1, 1e30));
      expect([skipped.skipped, skipped.lossScale]).toEqual([1, 1024]);
      const after = step.state();
      for (const [name, tensor] of before.tensors) {
        if (!name.startsWith('lossScale.')) expect(after.tensors.get(name), name).toEqual(tensor);
      }
      const next = await step.run(batchAt(2));
      expect([next.skipped, next.lossScale]).toEqual([0, 512]);
      expect(step.step).toBe(3);
    },
  );

  it('doubles the scale after enough good steps', async () => {
    const step = await compiled({ precision: policy, lossScale: { initial: 8, growthInterval: 3 } });
    const scales = [];
    for (let i = 0; i < 7; i++) scales.push((await step.run(batchAt(i))).lossScale);
    expect(scales).toEqual([8, 8, 8, 16, 16, 16, 32]);
  });

  it('leaves out an accumulated step of which one batch overflows', async () => {
    const step = (await compiled({ precision: policy, accumulate: 2 })) as TrainStep<unknown, Record<string, Tensor>>;
    await step.run([batchAt(0), batchAt(1)]);
    const before = step.state();
    expect((await step.run([batchAt(2), batchAt(3, 1e30)])).skipped).toBe(1);
    expect(step.state().tensors.get('params.head')).toEqual(before.tensors.get('params.head'));
    const figures = await step.run([batchAt(4), batchAt(5)]);
    expect(figures.skipped).toBe(0);
    expect(figures.lossScale).toBe(32768);
  });
});

/** The value with float16's 11 bits of mantissa. */
function halfRounded(value: number): number {
  const unit = 2 ** (Math.floor(Math.log2(Math.abs(value))) - 10);
  return Math.round(value / unit) * unit;
}
