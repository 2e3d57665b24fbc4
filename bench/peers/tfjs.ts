/**
 * @file The training steps of `npm run bench -- engine` in TensorFlow.js on WebAssembly. Usage: `tfjs.js <workload> <start.safetensors> <version>`.
 * Pictures and kernels are turned to its layout, channels last, when they are read.
 */
import * as tf from '@tensorflow/tfjs';
import { getThreadsCount } from '@tensorflow/tfjs-backend-wasm';
import type { Tensor } from '../../src/engine/index.ts';
import { answerSteps } from '../harness/answer.ts';
import { residentMiB } from '../harness/memory.ts';
import { adamW, readStart } from '../harness/start.ts';

/** A parameter, or a tensor of the batch, by name. */
type Get = (name: string) => tf.Tensor;

function linear(p: Get, name: string, x: tf.Tensor): tf.Tensor {
  const rows = tf.matMul(x.reshape([-1, x.shape.at(-1)!]) as tf.Tensor2D, p(`${name}.weight`) as tf.Tensor2D);
  return tf.add(rows, p(`${name}.bias`)).reshape([...x.shape.slice(0, -1), -1]);
}

/** x brought to mean 0 and variance 1 over the axes. */
function standardize(x: tf.Tensor, axes: number[]): tf.Tensor {
  const { mean, variance } = tf.moments(x, axes, true);
  return tf.mul(tf.sub(x, mean), tf.rsqrt(tf.add(variance, 1e-5)));
}

function scaled(p: Get, name: string, x: tf.Tensor): tf.Tensor {
  return tf.add(tf.mul(x, p(`${name}.scale`)), p(`${name}.bias`));
}

const layerNorm = (p: Get, name: string, x: tf.Tensor) => scaled(p, name, standardize(x, [-1]));

function attention(p: Get, name: string, x: tf.Tensor, numHeads: number): tf.Tensor {
  const [batch, time, dim] = x.shape as [number, number, number];
  const [query, key, value] = tf
    .split(linear(p, `${name}.queryKeyValue`, x), 3, 2)
    .map((part) => part.reshape([batch, time, numHeads, dim / numHeads]).transpose([0, 2, 1, 3])) as [
    tf.Tensor,
    tf.Tensor,
    tf.Tensor,
  ];
  const scores = tf.mul(tf.matMul(query, key, false, true), 1 / Math.sqrt(dim / numHeads));
  const mixed = tf.matMul(tf.softmax(scores), value).transpose([0, 2, 1, 3]);
  return linear(p, `${name}.output`, mixed.reshape([batch, time, dim]));
}

function gelu(x: tf.Tensor): tf.Tensor {
  return tf.mul(tf.mul(x, 0.5), tf.add(tf.erf(tf.mul(x, Math.SQRT1_2)), 1));
}

/** Rows with a one at the given places. The backend's kernel writes whole numbers whatever type it is asked for. */
function oneHot(ids: tf.Tensor, depth: number): tf.Tensor {
  return tf.cast(tf.oneHot(ids as tf.Tensor1D, depth), 'float32');
}

function crossEntropy(logits: tf.Tensor, targets: tf.Tensor): tf.Tensor {
  return tf.neg(tf.mean(tf.sum(tf.mul(tf.logSoftmax(logits), oneHot(targets, logits.shape.at(-1)!)), -1)));
}

/** Rows of a table; as a product, because the gradient of tf.gather needs a kernel that this backend lacks. */
function rowsOf(table: tf.Tensor, ids: tf.Tensor): tf.Tensor {
  const rows = oneHot(ids.reshape([-1]), table.shape[0]!);
  return tf.matMul(rows as tf.Tensor2D, table as tf.Tensor2D).reshape([...ids.shape, -1]);
}

function transformer(p: Get, b: Get): tf.Tensor {
  let x = tf.add(rowsOf(p('tokens'), b('tokens')), p('positions'));
  for (let i = 0; i < 4; i++) {
    const block = `blocks.${i}`;
    x = tf.add(x, attention(p, `${block}.attention`, layerNorm(p, `${block}.attentionNorm`, x), 4));
    const hidden = gelu(linear(p, `${block}.up`, layerNorm(p, `${block}.feedForwardNorm`, x)));
    x = tf.add(x, linear(p, `${block}.down`, hidden));
  }
  const logits = linear(p, 'head', layerNorm(p, 'norm', x));
  return crossEntropy(logits.reshape([-1, 1000]), b('targets').reshape([-1]));
}

function alignment(p: Get, b: Get): tf.Tensor {
  const side = (name: string) => {
    const x = tf.mul(b(name), b(`${name}Dropout`));
    const hidden = tf.relu(linear(p, `${name}.adapters.0.down`, x));
    const projected = linear(p, `${name}.projection`, tf.add(x, linear(p, `${name}.adapters.0.up`, hidden)));
    return tf.div(projected, tf.sqrt(tf.add(tf.sum(tf.square(projected), -1, true), 1e-12)));
  };
  const logitScale = tf.exp(tf.clipByValue(p('logLogitScale'), 0, Math.log(100)));
  const logits = tf.mul(tf.matMul(side('picture'), side('text'), false, true), logitScale);
  const size = logits.shape[0]!;
  // logSoftmax works along the last axis only.
  const towards = (scores: tf.Tensor) => tf.mul(tf.sum(tf.mul(tf.logSoftmax(scores), tf.eye(size))), -1 / size);
  return tf.mul(tf.add(towards(logits), towards(tf.transpose(logits))), 0.5);
}

function conv2d(p: Get, name: string, x: tf.Tensor, options: { stride?: number; bias?: boolean } = {}): tf.Tensor {
  const { stride = 1, bias = true } = options;
  const weight = p(`${name}.weight`) as tf.Tensor4D;
  const pad = (weight.shape[0] - 1) / 2;
  const out = tf.conv2d(x as tf.Tensor4D, weight, stride, pad, 'NHWC', 1, 'floor');
  return bias ? tf.add(out, p(`${name}.bias`)) : out;
}

const batchNorm = (p: Get, name: string, x: tf.Tensor) => scaled(p, name, standardize(x, [0, 1, 2]));

function resNet(p: Get, b: Get): tf.Tensor {
  let x = b('x');
  for (const i of [0, 1]) {
    const [block, stride] = [`blocks.${i}`, i + 1];
    const first = conv2d(p, `${block}.conv1`, x, { stride, bias: false });
    const hidden = tf.relu(batchNorm(p, `${block}.norm1`, first));
    const out = batchNorm(p, `${block}.norm2`, conv2d(p, `${block}.conv2`, hidden, { bias: false }));
    const shortcut = () => conv2d(p, `${block}.shortcut`, x, { stride, bias: false });
    x = tf.relu(tf.add(out, i === 0 ? x : batchNorm(p, `${block}.shortcutNorm`, shortcut())));
  }
  return crossEntropy(linear(p, 'head', tf.mean(x, [1, 2])), b('targets'));
}

function groupNorm(p: Get, name: string, x: tf.Tensor): tf.Tensor {
  const [batch, height, width, channels] = x.shape as [number, number, number, number];
  const grouped = x.reshape([batch, height * width, 8, channels / 8]);
  return scaled(p, name, standardize(grouped, [1, 3]).reshape(x.shape));
}

const silu = (x: tf.Tensor) => tf.mul(x, tf.sigmoid(x));

function timeBlock(p: Get, name: string, x: tf.Tensor, time: tf.Tensor, widens: boolean): tf.Tensor {
  const first = conv2d(p, `${name}.conv1`, silu(groupNorm(p, `${name}.norm1`, x)));
  const timed = tf.add(first, tf.expandDims(tf.expandDims(linear(p, `${name}.time`, time), 1), 1));
  const out = conv2d(p, `${name}.conv2`, silu(groupNorm(p, `${name}.norm2`, timed)));
  return tf.add(out, widens ? conv2d(p, `${name}.shortcut`, x) : x);
}

function uNet(p: Get, b: Get): tf.Tensor {
  const time = silu(linear(p, 'timeOutput', silu(linear(p, 'timeHidden', b('time')))));
  const skipped = timeBlock(p, 'down', b('x'), time, false);
  const middle = timeBlock(p, 'middle', conv2d(p, 'downsample', skipped, { stride: 2 }), time, false);
  const [, height, width] = middle.shape as [number, number, number];
  const enlarged = tf.image.resizeNearestNeighbor(middle as tf.Tensor4D, [2 * height, 2 * width]);
  const up = timeBlock(p, 'up', tf.concat([conv2d(p, 'upsample', enlarged), skipped], 3), time, true);
  return tf.mean(tf.square(tf.sub(conv2d(p, 'output', silu(groupNorm(p, 'norm', up))), b('targets'))));
}

/** The losses, and what a reader should know about how they are written. */
const models: Readonly<Record<string, { loss: (p: Get, b: Get) => tf.Tensor; notes?: readonly string[] }>> = {
  transformer: {
    loss: transformer,
    notes: [
      "token embeddings as a product with one-hot rows, since tf.gather's gradient needs UnsortedSegmentSum, which is not registered for the wasm backend",
    ],
  },
  alignment: { loss: alignment },
  resnet: { loss: resNet },
  unet: { loss: uNet },
};

/** `[B, C, H, W]` to `[B, H, W, C]`, `[O, I, K, K]` to `[K, K, I, O]`; anything else as it is. */
function tensorOf({ dtype, shape, data }: Tensor, isKernel: boolean): tf.Tensor {
  const dims = [...shape];
  if (dtype === 'int64') return tf.tensor(Int32Array.from(data as BigInt64Array, Number), dims, 'int32');
  const given = tf.tensor(data as Float32Array, dims);
  return dims.length === 4 ? tf.transpose(given, isKernel ? [2, 3, 1, 0] : [0, 2, 3, 1]) : given;
}

const [workload = '', path = '', version = ''] = process.argv.slice(2);
await tf.setBackend('wasm');
await tf.ready();
const baseMiB = residentMiB('VmRSS');
const start = readStart(path);
const model = models[workload]!;
const batch = new Map([...start.batch].map(([name, tensor]) => [name, tensorOf(tensor, false)]));
const params = [...start.params].map(([name, tensor]) => {
  const value = tf.variable(tensorOf(tensor, true), true, name);
  return { name, value, m: tf.variable(tf.zerosLike(value), false), v: tf.variable(tf.zerosLike(value), false) };
});
const byName = new Map(params.map(({ name, value }) => [name, value]));
let numSteps = 0;

/** One step: the loss, its gradients, clipping and AdamW. */
function takeStep(): tf.Scalar {
  return tf.tidy(() => {
    const { value: loss, grads } = tf.variableGrads(
      () =>
        model.loss(
          (name) => byName.get(name)!,
          (name) => batch.get(name)!,
        ) as tf.Scalar,
      params.map(({ value }) => value),
    );
    const norm = tf.sqrt(tf.addN(Object.values(grads).map((gradient) => tf.sum(tf.square(gradient)))));
    const scale = tf.minimum(tf.div(adamW.maxGradNorm, tf.add(norm, 1e-6)), 1);
    numSteps++;
    const root = Math.sqrt(1 - adamW.beta2 ** numSteps);
    const stepSize = (adamW.learningRate * root) / (1 - adamW.beta1 ** numSteps);
    for (const { name, value, m, v } of params) {
      const gradient = tf.mul(grads[name]!, scale);
      m.assign(tf.add(tf.mul(m, adamW.beta1), tf.mul(gradient, 1 - adamW.beta1)));
      v.assign(tf.add(tf.mul(v, adamW.beta2), tf.mul(tf.square(gradient), 1 - adamW.beta2)));
      const change = tf.mul(tf.div(m, tf.add(tf.sqrt(v), adamW.epsilon * root)), stepSize);
      const kept = value.rank >= 2 ? tf.mul(value, 1 - adamW.learningRate * adamW.weightDecay) : value;
      value.assign(tf.sub(kept, change));
    }
    return loss;
  });
}

await answerSteps(
  { version: `TensorFlow.js ${version} (wasm)`, threads: getThreadsCount(), baseMiB, notes: model.notes ?? [] },
  async () => {
    const loss = takeStep();
    const [value] = await loss.data();
    loss.dispose();
    return value!;
  },
);
