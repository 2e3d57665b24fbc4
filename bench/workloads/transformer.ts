/**
 * @file The transformer of the training bench: token and position embeddings, pre-norm blocks, a norm, a head over the classes,
 * cross-entropy. B: batch; T: tokens; D: width; C: classes.
 */
import {
  add,
  gather,
  gatherElements,
  leaves,
  logSoftmax,
  type MapLeaves,
  neg,
  Rng,
  reduceMean,
  reshape,
  Tensor,
  type Tree,
  unsqueeze,
  type Value,
} from '../../src/engine/index.ts';
import { initLayerNorm, type LayerNorm, layerNorm } from '../../src/model/nn/layer-norm.ts';
import { initLinear, type Linear, linear } from '../../src/model/nn/linear.ts';
import { initTransformerBlock, type TransformerBlock, transformerBlock } from '../../src/model/nn/transformer-block.ts';
import { compiled, normalTensor, type Workload } from './workload.ts';

/** The sizes of the network and its batch. */
export interface TransformerSizes {
  readonly numLayers: number;
  readonly dim: number;
  readonly numHeads: number;
  readonly batch: number;
  readonly time: number;
  readonly numClasses: number;
}

/** The parameters of the network. */
export interface Transformer<T> {
  readonly tokens: T;
  readonly positions: T;
  readonly blocks: readonly TransformerBlock<T>[];
  readonly norm: LayerNorm<T>;
  readonly head: Linear<T>;
}

/** Embeddings of deviation 0.02, blocks and a head. */
export function initTransformer(rng: Rng, { numLayers, dim, time, numClasses }: TransformerSizes): Transformer<Tensor> {
  return {
    tokens: normalTensor(rng, [numClasses, dim], 0.02),
    positions: normalTensor(rng, [time, dim], 0.02),
    blocks: Array.from({ length: numLayers }, () => initTransformerBlock(rng, dim)),
    norm: initLayerNorm(dim),
    head: initLinear(rng, dim, numClasses),
  };
}

/** The mean cross-entropy of the class of each token, `int64[B, T]` both. */
export function transformerLoss(
  params: Transformer<Value>,
  batch: { readonly tokens: Value; readonly targets: Value },
  { numHeads, numClasses }: TransformerSizes,
): Value {
  let x = add(gather(params.tokens, batch.tokens), params.positions);
  for (const block of params.blocks) x = transformerBlock(block, x, { numHeads });
  const logits = reshape(linear(params.head, layerNorm(params.norm, x)), [-1, numClasses]);
  const ofTargets = gatherElements(logSoftmax(logits), unsqueeze(reshape(batch.targets, [-1]), [1]), 1);
  return neg(reduceMean(ofTargets));
}

/** A batch of random tokens and classes. */
function transformerBatch(rng: Rng, { batch, time, numClasses }: TransformerSizes) {
  const ids = () => {
    const data = BigInt64Array.from({ length: batch * time }, () => BigInt(rng.integer(numClasses)));
    return new Tensor('int64', [batch, time], data);
  };
  return { tokens: ids(), targets: ids() };
}

/** The workload, with the same numbers each time. */
export function transformerWorkload(): Workload {
  const rng = new Rng('bench transformer');
  const sizes = { numLayers: 4, dim: 256, numHeads: 4, batch: 8, time: 128, numClasses: 1000 };
  const { numLayers, dim, numHeads, time, numClasses } = sizes;
  const params = initTransformer(rng, sizes) as MapLeaves<Transformer<Tensor>, Tensor, Tensor>;
  const batch = transformerBatch(rng, sizes);
  const rows = sizes.batch * time;
  const perBlock = 2 * rows * dim * 12 * dim + 2 * 2 * rows * time * dim;
  return {
    name: 'transformer',
    description: `${numLayers} pre-norm layers, width ${dim}, ${numHeads} heads, batch ${sizes.batch} x ${time} tokens, GELU (erf), cross-entropy over ${numClasses} classes`,
    start: new Map([...leaves<Tensor>(params as Tree<Tensor>, 'params'), ...leaves<Tensor>(batch, 'batch')]),
    flopsPerStep: 3 * (numLayers * perBlock + 2 * rows * dim * numClasses),
    compile: (optimizer, runtime) =>
      compiled({
        loss: (p: Transformer<Value>, b: { tokens: Value; targets: Value }) => transformerLoss(p, b, sizes),
        optimizer,
        params,
        batch,
        runtime,
      }),
  };
}
