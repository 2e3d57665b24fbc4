/**
 * @file The small transformer of the golden curve: its sizes, its seeded parameters and its batches, shared by the run that is tested and the
 * reference that made the curve. B: batch; T: time; D: width; C: classes.
 */
import { leaves, Rng, Tensor, type Tree } from '../../src/engine/core/index.ts';
import { initLayerNorm, initLinear, initTransformerBlock } from '../../src/model/index.ts';

/** Everything that decides the curve. */
export const settings = {
  seed: 'golden transformer',
  batch: 4,
  time: 6,
  dim: 16,
  numHeads: 2,
  classes: 5,
  numSteps: 20,
  learningRate: 3e-3,
  betas: [0.9, 0.999],
  epsilon: 1e-8,
  weightDecay: 0.1,
  maxGradNorm: 0.5,
} as const;

/** The parameters to start from. */
export function initialParams() {
  const rng = new Rng(settings.seed);
  const { dim, classes } = settings;
  return {
    block: initTransformerBlock(rng, dim),
    norm: initLayerNorm(dim),
    classifier: initLinear(rng, dim, classes),
  };
}

/** The same by path. */
export function namedParams(): [string, Tensor][] {
  return leaves<Tensor>(initialParams() as unknown as Tree<Tensor>);
}

/** Batch number `step`: x `[B, T, D]`, and the classes of each place as one-hot rows `[B, T, C]`. */
export function batchAt(step: number): { x: Tensor<'float32'>; target: Tensor<'float32'> } {
  const rng = new Rng(`${settings.seed}/${step}`);
  const { batch, time, dim, classes } = settings;
  const x = rng.fillNormal(new Float32Array(batch * time * dim));
  const target = new Float32Array(batch * time * classes);
  // The class is the largest of the first features of the place before: only attention can learn it.
  for (let place = 0; place < batch * time; place++) {
    const before = place % time === 0 ? place : place - 1;
    const features = x.subarray(before * dim, before * dim + classes);
    target[place * classes + features.indexOf(Math.max(...features))] = 1;
  }
  return {
    x: new Tensor('float32', [batch, time, dim], x),
    target: new Tensor('float32', [batch, time, classes], target),
  };
}
