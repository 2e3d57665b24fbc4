/** @file The networks that the oracle checks, with parameters drawn so that no gradient is nothing. */

import { initResNet, type ResNet, resNetFeatures } from '../../bench/workloads/resnet.ts';
import { initUNet, type UNet, uNet } from '../../bench/workloads/unet.ts';
import { mapTree, Rng, scalar, Tensor, zeros } from '../../src/engine/core/index.ts';
import {
  add,
  concat,
  constant,
  expand,
  fusedMatMul,
  gelu,
  lstm,
  matMul,
  mul,
  reduceMean,
  reshape,
  sigmoid,
  slice,
  softmax,
  split,
  square,
  squeeze,
  sub,
  tanh,
  transpose,
  unsqueeze,
  type Value,
} from '../../src/engine/graph/index.ts';
import {
  type Conv2d,
  conv2d,
  type DualEncoder,
  dualEncoderLoss,
  initConv2d,
  initDualEncoder,
  initLayerNorm,
  initLinear,
  initTransformerBlock,
  type LayerNorm,
  type Linear,
  layerNorm,
  linear,
  type TransformerBlock,
  transformerBlock,
} from '../../src/model/index.ts';
import { imageTowerFineTuned } from './mobilenet.ts';
import { classes, crossEntropy, type Network, network, normal } from './network.ts';

/** Every leaf moved a little, so that scales are not all 1, biases not all 0 and new adapters not silent. */
function stirred(seed: string, params: unknown): unknown {
  const rng = new Rng(`${seed} stirred`);
  const mapLeaves = mapTree as (tree: unknown, transform: (leaf: Tensor) => unknown) => unknown;
  return mapLeaves(
    params,
    (leaf) =>
      new Tensor(
        'float32',
        leaf.shape,
        (leaf.data as Float32Array).map((x) => x + 0.1 * rng.normal()),
      ),
  );
}

const meanSquare = (a: Value, b: Value) => reduceMean(square(sub(a, b)));

interface Mlp<T> {
  readonly first: Linear<T>;
  readonly second: Linear<T>;
  readonly third: Linear<T>;
}

const mlp = () => {
  const rng = new Rng('mlp');
  return network({
    name: 'mlp',
    params: stirred('mlp', {
      first: initLinear(rng, 12, 32),
      second: initLinear(rng, 32, 24),
      third: initLinear(rng, 24, 5),
    }),
    batch: { x: normal('mlp x', [16, 12]), targets: classes('mlp targets', 16, 5) },
    outputs(p: Mlp<Value>, { x, targets }) {
      const logits = linear(p.third, tanh(linear(p.second, gelu(linear(p.first, x)))));
      return { logits, loss: crossEntropy(logits, targets) };
    },
  });
};

interface Vit<T> {
  readonly patches: Conv2d<T>;
  readonly classToken: T;
  readonly positions: T;
  readonly block: TransformerBlock<T>;
  readonly norm: LayerNorm<T>;
  readonly head: Linear<T>;
}

const vit = () => {
  const rng = new Rng('vit');
  const [batch, dim] = [3, 32];
  return network({
    name: 'vit',
    params: stirred('vit', {
      patches: initConv2d(rng, 3, dim, 4),
      classToken: normal('vit class', [1, 1, dim], 0.1),
      positions: normal('vit positions', [17, dim], 0.1),
      block: initTransformerBlock(rng, dim),
      norm: initLayerNorm(dim),
      head: initLinear(rng, dim, 6),
    }),
    batch: { x: normal('vit x', [batch, 3, 16, 16]), targets: classes('vit targets', batch, 6) },
    outputs(p: Vit<Value>, { x, targets }) {
      const cut = conv2d(p.patches, x, { stride: 4, padding: 0 });
      const patches = transpose(reshape(cut, [batch, dim, 16]), [0, 2, 1]);
      const tokens = add(concat([expand(p.classToken, [batch, 1, dim]), patches], 1), p.positions);
      const out = transformerBlock(p.block, tokens, { numHeads: 4 });
      const first = slice(layerNorm(p.norm, out), { starts: [0], ends: [1], axes: [1] });
      const logits = linear(p.head, squeeze(first, [1]));
      return { tokens: out, logits, loss: crossEntropy(logits, targets) };
    },
  });
};

const resnet = () => {
  const sizes = { batch: 4, channels: 6, size: 8, numClasses: 5 };
  return network({
    name: 'resnet',
    params: stirred('resnet', initResNet(new Rng('resnet'), sizes)),
    batch: { x: normal('resnet x', [4, 6, 8, 8]), targets: classes('resnet targets', 4, 5) },
    outputs(p: ResNet<Value>, { x, targets }) {
      const features = resNetFeatures(p, x);
      const logits = linear(p.head, reduceMean(features, { axes: [2, 3] }));
      return { features, logits, loss: crossEntropy(logits, targets) };
    },
  });
};

const unet = () => {
  const sizes = { batch: 2, channels: 8, size: 8, numGroups: 2, timeDim: 10 };
  return network({
    name: 'unet',
    params: stirred('unet', initUNet(new Rng('unet'), sizes)),
    batch: {
      x: normal('unet x', [2, 8, 8, 8]),
      time: normal('unet time', [2, 10]),
      targets: normal('unet targets', [2, 8, 8, 8]),
    },
    outputs(p: UNet<Value>, { x, time, targets }) {
      const out = uNet(p, x, time, sizes.numGroups);
      return { out, loss: meanSquare(out, targets) };
    },
  });
};

const [batch, time, inDim, hiddenDim, outDim] = [3, 7, 5, 8, 4];
const sequences = (seed: string) => ({
  x: normal(`${seed} x`, [batch, time, inDim]),
  targets: normal(`${seed} targets`, [batch, time, outDim]),
});

interface UnrolledLstm<T> {
  readonly input: Linear<T>;
  readonly state: Linear<T>;
  readonly head: Linear<T>;
}

const unrolledLstm = () => {
  const rng = new Rng('lstm');
  return network({
    name: 'lstm',
    params: stirred('lstm', {
      input: initLinear(rng, inDim, 4 * hiddenDim),
      state: initLinear(rng, hiddenDim, 4 * hiddenDim),
      head: initLinear(rng, hiddenDim, outDim),
    }),
    batch: sequences('lstm'),
    outputs(p: UnrolledLstm<Value>, { x, targets }) {
      let state = constant(zeros([batch, hiddenDim]));
      let cell = state;
      const states: Value[] = [];
      for (const now of split(linear(p.input, x), new Array<number>(time).fill(1), 1)) {
        const sums = add(squeeze(now, [1]), linear(p.state, state));
        const [i, f, c, o] = split(sums, new Array<number>(4).fill(hiddenDim), 1) as [Value, Value, Value, Value];
        cell = add(mul(sigmoid(f), cell), mul(sigmoid(i), tanh(c)));
        state = mul(sigmoid(o), tanh(cell));
        states.push(unsqueeze(state, [1]));
      }
      const all = concat(states, 1);
      return { states: all, cell, loss: meanSquare(linear(p.head, all), targets) };
    },
  });
};

interface FusedLstm<T> {
  readonly weight: T;
  readonly recurrence: T;
  readonly bias: T;
  readonly head: Linear<T>;
}

const fusedLstm = () =>
  network({
    name: 'lstm-op',
    params: {
      weight: normal('lstm-op weight', [1, 4 * hiddenDim, inDim], 0.4),
      recurrence: normal('lstm-op recurrence', [1, 4 * hiddenDim, hiddenDim], 0.4),
      bias: normal('lstm-op bias', [1, 8 * hiddenDim], 0.2),
      head: initLinear(new Rng('lstm-op'), hiddenDim, outDim),
    },
    batch: sequences('lstm-op'),
    outputs(p: FusedLstm<Value>, { x, targets }) {
      const { y, yC } = lstm(transpose(x, [1, 0, 2]), p.weight, p.recurrence, { bias: p.bias });
      const states = transpose(squeeze(y, [1]), [1, 0, 2]);
      return { states, cell: squeeze(yC, [0]), loss: meanSquare(linear(p.head, states), targets) };
    },
  });

interface CrossAttention<T> {
  readonly queryNorm: LayerNorm<T>;
  readonly mediaNorm: LayerNorm<T>;
  readonly query: Linear<T>;
  readonly keyValue: Linear<T>;
  readonly output: Linear<T>;
  readonly gate: T;
}

const crossAttention = () => {
  const rng = new Rng('cross-attention');
  const [pairs, queries, keys, dim, mediaDim, numHeads] = [2, 5, 9, 16, 12, 2];
  const heads = (x: Value, length: number) =>
    transpose(reshape(x, [pairs, length, numHeads, dim / numHeads]), [0, 2, 1, 3]);
  // The last two places of the media of the first pair are padding.
  const mask = new Float32Array(pairs * keys);
  mask.fill(-1e9, keys - 2, keys);
  return network({
    name: 'cross-attention',
    params: stirred('cross-attention', {
      queryNorm: initLayerNorm(dim),
      mediaNorm: initLayerNorm(mediaDim),
      query: initLinear(rng, dim, dim),
      keyValue: initLinear(rng, mediaDim, 2 * dim),
      output: initLinear(rng, dim, dim),
      gate: scalar(0.5),
    }),
    batch: {
      x: normal('cross-attention x', [pairs, queries, dim]),
      media: normal('cross-attention media', [pairs, keys, mediaDim]),
      mask: new Tensor('float32', [pairs, 1, 1, keys], mask),
      targets: normal('cross-attention targets', [pairs, queries, dim]),
    },
    outputs(p: CrossAttention<Value>, batch) {
      const query = heads(linear(p.query, layerNorm(p.queryNorm, batch.x)), queries);
      const [key, value] = split(linear(p.keyValue, layerNorm(p.mediaNorm, batch.media)), [dim, dim], 2).map((part) =>
        heads(part, keys),
      ) as [Value, Value];
      const scores = fusedMatMul(query, key, { transB: true, alpha: 1 / Math.sqrt(dim / numHeads) });
      const mixed = transpose(matMul(softmax(add(scores, batch.mask)), value), [0, 2, 1, 3]);
      const attended = linear(p.output, reshape(mixed, [pairs, queries, dim]));
      const out = add(batch.x, mul(tanh(p.gate), attended));
      return { attended, out, loss: meanSquare(out, batch.targets) };
    },
  });
};

const infoNce = () => {
  const sizes = { pictureDim: 20, textDim: 14, spaceDim: 8, numAdapters: 2, bottleneckDim: 6 };
  const rng = new Rng('info-nce dropout');
  const dropout = (dim: number) => {
    const factors = Float32Array.from({ length: 10 * dim }, () => (rng.uniform() < 0.2 ? 0 : 1.25));
    return new Tensor('float32', [10, dim], factors);
  };
  return network({
    name: 'info-nce',
    params: stirred('info-nce', initDualEncoder(new Rng('info-nce'), sizes)),
    batch: {
      picture: normal('info-nce picture', [10, 20]),
      text: normal('info-nce text', [10, 14]),
      pictureDropout: dropout(20),
      textDropout: dropout(14),
    },
    outputs(p: DualEncoder<Value>, batch) {
      const { loss, metrics } = dualEncoderLoss(p, batch);
      return { accuracy: metrics.accuracy, loss };
    },
  });
};

/** Every network by its title, made when it is asked for. */
export const networks: Readonly<Record<string, () => Network>> = {
  'a perceptron of three layers': mlp,
  'a vision transformer of one block': vit,
  'two residual blocks with batch statistics': resnet,
  'a U-Net with a time embedding': unet,
  'an LSTM written out step by step': unrolledLstm,
  'an LSTM as one op': fusedLstm,
  'gated cross-attention from text to media, padding masked': crossAttention,
  'InfoNCE over two towers with adapters': infoNce,
  'an imported MobileNetV2 fine-tuned end to end': imageTowerFineTuned,
};
