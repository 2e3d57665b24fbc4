import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import type { Tensor } from '../../src/engine/core/index.ts';
import { logSoftmax, mul, neg, reduceMean, reduceSum, spec, type Value } from '../../src/engine/graph/index.ts';
import { adamW, compileTrainStep, type Optimizer, type TrainStep } from '../../src/engine/train/index.ts';
import {
  type LayerNorm,
  type Linear,
  layerNorm,
  linear,
  type TransformerBlock,
  transformerBlock,
} from '../../src/model/index.ts';
import { batchAt, initialParams, settings } from './transformer.ts';

interface Params<T> {
  readonly block: TransformerBlock<T>;
  readonly norm: LayerNorm<T>;
  readonly classifier: Linear<T>;
}

type Compile = (options: {
  params: Params<Tensor>;
  batch: { x: ReturnType<typeof spec>; target: ReturnType<typeof spec> };
  loss: (params: Params<Value>, batch: { x: Value; target: Value }) => Value;
  optimizer: Optimizer;
  runtime: { numThreads: number };
}) => Promise<TrainStep<Params<Tensor>, { x: Tensor; target: Tensor }>>;

interface Curve {
  readonly made: string;
  readonly settings: unknown;
  readonly figures: readonly { readonly loss: number; readonly gradientNorm: number }[];
}

const curve = JSON.parse(readFileSync(new URL('./transformer-curve.json', import.meta.url), 'utf8')) as Curve;

it('a transformer learns along the curve that TensorFlow.js gave, loss and gradient norm', async () => {
  expect(curve.settings).toEqual(settings);
  const { batch, time, dim, classes, numHeads } = settings;
  const step = await (compileTrainStep as unknown as Compile)({
    params: initialParams(),
    batch: { x: spec([batch, time, dim]), target: spec([batch, time, classes]) },
    loss: (params, { x, target }) => {
      const out = layerNorm(params.norm, transformerBlock(params.block, x, { numHeads }));
      const logits = linear(params.classifier, out);
      return neg(reduceMean(reduceSum(mul(logSoftmax(logits), target), { axes: [-1] })));
    },
    optimizer: adamW(settings),
    runtime: { numThreads: 1 },
  });
  for (const [i, expected] of curve.figures.entries()) {
    const { loss, gradientNorm } = await step.run(batchAt(i));
    expect(Math.abs(loss / expected.loss - 1), `loss of step ${i}`).toBeLessThan(1e-4);
    expect(Math.abs(gradientNorm! / expected.gradientNorm - 1), `gradient norm of step ${i}`).toBeLessThan(1e-4);
  }
  expect(step.step).toBe(settings.numSteps);
  await step.close();
});
