/**
 * @file The transformer of the training bench: token and position embeddings, pre-norm blocks, a norm, a head over the classes,
 * cross-entropy. B: batch; T: tokens; D: width; C: classes.
 */
import {
  add,
  compileTrainStep,
  gather,
  gatherElements,
  leaves,
  logSoftmax,
  type MapLeaves,
  neg,
  Rng,
  reduceMean,
  reshape,
  spec,
  Tensor,
  type Tree,
  unsqueeze,
  type Value,
} from '../../src/engine/index.ts';
import { initLayerNorm, layerNorm } from '../../src/model/nn/layer-norm.ts';
import { initLinear, linear } from '../../src/model/nn/linear.ts';
import { initTransformerBlock, transformerBlock } from '../../src/model/nn/transformer-block.ts';
import type { Workload } from './workload.ts';

const [numLayers, dim, numHeads, batchSize, time, numClasses] = [4, 256, 4, 8, 128, 1000];

function normalTensor(rng: Rng, shape: readonly number[], deviation: number): Tensor {
  const data = Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, () => rng.normal() * deviation);
  return new Tensor('float32', shape, data);
}

function init(rng: Rng) {
  return {
    tokens: normalTensor(rng, [numClasses, dim], 0.02),
    positions: normalTensor(rng, [time, dim], 0.02),
    blocks: Array.from({ length: numLayers }, () => initTransformerBlock(rng, dim)),
    norm: initLayerNorm(dim),
    head: initLinear(rng, dim, numClasses),
  };
}

type Params = ReturnType<typeof init>;

function loss(params: MapLeaves<Params, Tensor, Value>, batch: { tokens: Value; targets: Value }): Value {
  let x = add(gather(params.tokens, batch.tokens), params.positions);
  for (const block of params.blocks) x = transformerBlock(block, x, { numHeads });
  const logits = reshape(linear(params.head, layerNorm(params.norm, x)), [batchSize * time, numClasses]);
  const ofTargets = gatherElements(logSoftmax(logits), unsqueeze(reshape(batch.targets, [-1]), [1]), 1);
  return neg(reduceMean(ofTargets));
}

/** The workload, with the same numbers each time. */
export function transformerWorkload(): Workload {
  const rng = new Rng('bench transformer');
  const ids = () =>
    new Tensor(
      'int64',
      [batchSize, time],
      BigInt64Array.from({ length: batchSize * time }, () => BigInt(rng.integer(numClasses))),
    );
  const rows = batchSize * time;
  const perBlock = 2 * rows * dim * 12 * dim + 2 * 2 * rows * time * dim;
  const params = init(rng) as MapLeaves<Params, Tensor, Tensor>;
  const batch = { tokens: ids(), targets: ids() };
  return {
    name: 'transformer',
    description: `${numLayers} pre-norm layers, width ${dim}, ${numHeads} heads, batch ${batchSize} x ${time} tokens, GELU (erf), cross-entropy over ${numClasses} classes`,
    start: new Map([...leaves<Tensor>(params as Tree<Tensor>, 'params'), ...leaves<Tensor>(batch, 'batch')]),
    flopsPerStep: 3 * (numLayers * perBlock + 2 * rows * dim * numClasses),
    async compile(optimizer, runtime) {
      const train = await compileTrainStep({
        loss,
        optimizer,
        params,
        batch: { tokens: spec([batchSize, time], 'int64'), targets: spec([batchSize, time], 'int64') },
        runtime,
      });
      return { step: async () => (await train.run(batch)).loss, close: () => train.close() };
    },
  };
}
