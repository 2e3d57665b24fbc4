/**
 * @file Two basic blocks of a residual network (He et al. 2015, arXiv:1512.03385): one of constant width, one that halves the plane and
 * doubles the channels, with batch statistics as in training; then the mean over the plane, a linear head and cross-entropy.
 * B: batch; C: channels; S: side of the plane; K: classes.
 */
import {
  add,
  gatherElements,
  leaves,
  logSoftmax,
  type MapLeaves,
  neg,
  Rng,
  reduceMean,
  relu,
  Tensor,
  type Tree,
  unsqueeze,
  type Value,
} from '../../src/engine/index.ts';
import { type BatchNorm, batchNorm, initBatchNorm } from '../../src/model/nn/batch-norm.ts';
import { type Conv2d, conv2d, initConv2d } from '../../src/model/nn/conv2d.ts';
import { initLinear, type Linear, linear } from '../../src/model/nn/linear.ts';
import { compiled, normalTensor, type Workload } from './workload.ts';

/** The parameters of a basic block. */
interface BasicBlock<T> {
  readonly conv1: Conv2d<T>;
  readonly norm1: BatchNorm<T>;
  readonly conv2: Conv2d<T>;
  readonly norm2: BatchNorm<T>;
  /** Brings the input to the channels and the plane of the output, where they differ. */
  readonly shortcut?: Conv2d<T>;
  readonly shortcutNorm?: BatchNorm<T>;
}

/** The parameters of the network. */
export interface ResNet<T> {
  readonly blocks: readonly BasicBlock<T>[];
  readonly head: Linear<T>;
}

/** The sizes of the network and its batch. */
interface ResNetSizes {
  readonly batch: number;
  readonly channels: number;
  readonly size: number;
  readonly numClasses: number;
}

function initBlock(rng: Rng, inChannels: number, outChannels: number): BasicBlock<Tensor> {
  const noBias = { bias: false };
  return {
    conv1: initConv2d(rng, inChannels, outChannels, 3, noBias),
    norm1: initBatchNorm(outChannels),
    conv2: initConv2d(rng, outChannels, outChannels, 3, noBias),
    norm2: initBatchNorm(outChannels),
    ...(inChannels === outChannels
      ? {}
      : { shortcut: initConv2d(rng, inChannels, outChannels, 1, noBias), shortcutNorm: initBatchNorm(outChannels) }),
  };
}

/** A block C to C and a block C to 2 C of stride 2, with a head. */
export function initResNet(rng: Rng, { channels, numClasses }: ResNetSizes): ResNet<Tensor> {
  return {
    blocks: [initBlock(rng, channels, channels), initBlock(rng, channels, 2 * channels)],
    head: initLinear(rng, 2 * channels, numClasses),
  };
}

function basicBlock(params: BasicBlock<Value>, x: Value, stride: number): Value {
  const hidden = relu(batchNorm(params.norm1, conv2d(params.conv1, x, { stride })));
  const out = batchNorm(params.norm2, conv2d(params.conv2, hidden));
  const { shortcut, shortcutNorm } = params;
  const skipped = shortcut && shortcutNorm ? batchNorm(shortcutNorm, conv2d(shortcut, x, { stride })) : x;
  return relu(add(out, skipped));
}

/** x `[B, C, S, S]` to features `[B, 2 C, S / 2, S / 2]`. */
export function resNetFeatures(params: ResNet<Value>, x: Value): Value {
  return params.blocks.reduce((features, block, i) => basicBlock(block, features, i === 0 ? 1 : 2), x);
}

/** The loss of a batch: the cross-entropy of a head over the mean of the features. */
function resNetLoss(params: ResNet<Value>, batch: { readonly x: Value; readonly targets: Value }): Value {
  const features = resNetFeatures(params, batch.x);
  return crossEntropy(linear(params.head, reduceMean(features, { axes: [2, 3] })), batch.targets);
}

/** The mean cross-entropy of logits `[B, K]` against class numbers `int64[B]`. */
function crossEntropy(logits: Value, targets: Value): Value {
  return neg(reduceMean(gatherElements(logSoftmax(logits), unsqueeze(targets, [1]), 1)));
}

function resNetBatch(rng: Rng, { batch, channels, size, numClasses }: ResNetSizes) {
  const classes = BigInt64Array.from({ length: batch }, () => BigInt(rng.integer(numClasses)));
  return { x: normalTensor(rng, [batch, channels, size, size]), targets: new Tensor('int64', [batch], classes) };
}

/** The workload, with the same numbers each time. */
export function resNetWorkload(): Workload {
  const rng = new Rng('bench resnet');
  const sizes = { batch: 16, channels: 64, size: 32, numClasses: 100 };
  const params = initResNet(rng, sizes) as MapLeaves<ResNet<Tensor>, Tensor, Tensor>;
  const batch = resNetBatch(rng, sizes);
  const { channels, size } = sizes;
  const places = sizes.batch * size * size;
  const plain = 2 * places * 9 * channels ** 2;
  // The strided block has a quarter of the places: 3 x 3 from C to 2 C and from 2 C to 2 C, 1 x 1 from C to 2 C.
  const strided = 2 * (places / 4) * channels ** 2 * (9 * 2 + 9 * 4 + 2);
  return {
    name: 'resnet',
    description: `two basic blocks with batch statistics, ${channels} to ${channels} and, of stride 2, to ${2 * channels} channels, batch ${sizes.batch} x ${channels} x ${size} x ${size}, mean over the plane, cross-entropy over ${sizes.numClasses} classes`,
    start: new Map([...leaves<Tensor>(params as Tree<Tensor>, 'params'), ...leaves<Tensor>(batch, 'batch')]),
    // No gradient toward the pictures.
    flopsPerStep: 3 * (2 * plain + strided) - plain,
    compile: (optimizer, runtime) =>
      compiled({
        loss: resNetLoss,
        optimizer,
        params,
        batch,
        runtime,
      }),
  };
}
