/**
 * @file The training steps of `npm run bench -- engine` in jax-js on WebAssembly, the whole step under `jit`. Usage:
 * `jax.js <workload> <start.safetensors> <version>`. Arrays are counted by hand there: whoever passes one on gives it away, `.ref` keeps it.
 */
import { blockUntilReady, defaultDevice, init, jit, lax, nn, numpy as np, tree, valueAndGrad } from '@jax-js/jax';
import type { Tensor } from '../../src/engine/index.ts';
import { answerSteps } from '../harness/answer.ts';
import { residentMiB } from '../harness/memory.ts';
import { adamW, readStart } from '../harness/start.ts';

type Array = np.Array;
type Named = Record<string, Array>;
/** A reference to a parameter, or to a tensor of the batch, by name. */
type Get = (name: string) => Array;

const linear = (p: Get, name: string, x: Array) => np.matmul(x, p(`${name}.weight`)).add(p(`${name}.bias`));

function layerNorm(p: Get, name: string, x: Array): Array {
  return standardize(x, [-1])
    .mul(p(`${name}.scale`))
    .add(p(`${name}.bias`));
}

/** x brought to mean 0 and variance 1 over the axes. */
function standardize(x: Array, axes: number[]): Array {
  const centred = x.ref.sub(np.mean(x, axes, { keepdims: true }));
  const variance = np.mean(np.square(centred.ref), axes, { keepdims: true });
  return centred.div(np.sqrt(variance.add(1e-5)));
}

function attention(p: Get, name: string, x: Array, numHeads: number): Array {
  const [batch, time, dim] = x.shape as [number, number, number];
  const [query, key, value] = np
    .split(linear(p, `${name}.queryKeyValue`, x), 3, 2)
    .map((part) => part.reshape([batch, time, numHeads, dim / numHeads]).transpose([0, 2, 1, 3])) as [
    Array,
    Array,
    Array,
  ];
  const scores = np.matmul(query, key.transpose([0, 1, 3, 2])).mul(1 / Math.sqrt(dim / numHeads));
  const mixed = np.matmul(nn.softmax(scores, -1), value).transpose([0, 2, 1, 3]);
  return linear(p, `${name}.output`, mixed.reshape([batch, time, dim]));
}

function crossEntropy(logits: Array, targets: Array): Array {
  const numClasses = logits.shape.at(-1)!;
  const ofTargets = nn.logSoftmax(logits).mul(nn.oneHot(targets, numClasses));
  return np.mean(np.sum(ofTargets, -1)).mul(-1);
}

function transformer(p: Get, b: Get): Array {
  let x = np.take(p('tokens'), b('tokens'), 0).add(p('positions'));
  for (let i = 0; i < 4; i++) {
    const block = `blocks.${i}`;
    x = x.ref.add(attention(p, `${block}.attention`, layerNorm(p, `${block}.attentionNorm`, x), 4));
    const hidden = nn.gelu(linear(p, `${block}.up`, layerNorm(p, `${block}.feedForwardNorm`, x.ref)), {
      approximate: false,
    });
    x = x.add(linear(p, `${block}.down`, hidden));
  }
  const logits = linear(p, 'head', layerNorm(p, 'norm', x));
  return crossEntropy(logits.reshape([-1, 1000]), b('targets').reshape([-1]));
}

function unitVectors(x: Array): Array {
  return x.ref.div(np.sqrt(np.sum(np.square(x), -1, { keepdims: true }).add(1e-12)));
}

function alignment(p: Get, b: Get): Array {
  const side = (name: string) => {
    const x = b(name).mul(b(`${name}Dropout`));
    const hidden = nn.relu(linear(p, `${name}.adapters.0.down`, x.ref));
    const adapted = x.add(linear(p, `${name}.adapters.0.up`, hidden));
    return unitVectors(linear(p, `${name}.projection`, adapted));
  };
  const logitScale = np.exp(np.clip(p('logLogitScale'), 0, Math.log(100)));
  const logits = np.matmul(side('picture'), side('text').transpose()).mul(logitScale);
  const size = logits.shape[0]!;
  const towards = (axis: number) => np.sum(nn.logSoftmax(logits.ref, axis).mul(np.eye(size))).mul(-1 / size);
  const loss = towards(1).add(towards(0)).mul(0.5);
  logits.dispose();
  return loss;
}

const perChannel = (x: Array) => x.reshape([-1, 1, 1]);

function conv2d(p: Get, name: string, x: Array, options: { stride?: number; bias?: boolean } = {}): Array {
  const { stride = 1, bias = true } = options;
  const weight = p(`${name}.weight`);
  const pad = (weight.shape[2]! - 1) / 2;
  const padding: [number, number][] = [
    [pad, pad],
    [pad, pad],
  ];
  const out = lax.conv(x, weight, [stride, stride], padding);
  return bias ? out.add(perChannel(p(`${name}.bias`))) : out;
}

function batchNorm(p: Get, name: string, x: Array): Array {
  return standardize(x, [0, 2, 3])
    .mul(perChannel(p(`${name}.scale`)))
    .add(perChannel(p(`${name}.bias`)));
}

function resNet(p: Get, b: Get): Array {
  let x = b('x');
  for (const i of [0, 1]) {
    const [block, stride] = [`blocks.${i}`, i + 1];
    const first = conv2d(p, `${block}.conv1`, x.ref, { stride, bias: false });
    const hidden = nn.relu(batchNorm(p, `${block}.norm1`, first));
    const out = batchNorm(p, `${block}.norm2`, conv2d(p, `${block}.conv2`, hidden, { bias: false }));
    const shortcut =
      i === 0 ? x : batchNorm(p, `${block}.shortcutNorm`, conv2d(p, `${block}.shortcut`, x, { stride, bias: false }));
    x = nn.relu(out.add(shortcut));
  }
  return crossEntropy(linear(p, 'head', np.mean(x, [2, 3])), b('targets'));
}

function groupNorm(p: Get, name: string, x: Array): Array {
  const { shape } = x;
  const normalized = standardize(x.reshape([shape[0]!, 8, -1]), [2]).reshape(shape);
  return normalized.mul(perChannel(p(`${name}.scale`))).add(perChannel(p(`${name}.bias`)));
}

function timeBlock(p: Get, name: string, x: Array, time: Array, widens: boolean): Array {
  const first = conv2d(p, `${name}.conv1`, nn.silu(groupNorm(p, `${name}.norm1`, x.ref)));
  const timed = first.add(np.expandDims(linear(p, `${name}.time`, time), [2, 3]));
  const out = conv2d(p, `${name}.conv2`, nn.silu(groupNorm(p, `${name}.norm2`, timed)));
  return out.add(widens ? conv2d(p, `${name}.shortcut`, x) : x);
}

function uNet(p: Get, b: Get): Array {
  const time = nn.silu(linear(p, 'timeOutput', nn.silu(linear(p, 'timeHidden', b('time')))));
  const skipped = timeBlock(p, 'down', b('x'), time.ref, false);
  const middle = timeBlock(p, 'middle', conv2d(p, 'downsample', skipped.ref, { stride: 2 }), time.ref, false);
  const enlarged = conv2d(p, 'upsample', np.repeat(np.repeat(middle, 2, 2), 2, 3));
  const up = timeBlock(p, 'up', np.concatenate([enlarged, skipped], 1), time, true);
  return np.mean(np.square(conv2d(p, 'output', nn.silu(groupNorm(p, 'norm', up))).sub(b('targets'))));
}

const losses: Readonly<Record<string, (p: Get, b: Get) => Array>> = {
  transformer,
  alignment,
  resnet: resNet,
  unet: uNet,
};

/** One step of AdamW for every parameter; `numbers` are the step size, the epsilon and what is kept of a decaying parameter. */
function update(params: Named, grads: Named, m: Named, v: Named, numbers: Named): [Named, Named, Named] {
  const names = Object.keys(params);
  const square = (name: string) => np.sum(np.square(grads[name]!.ref));
  const norm = np.sqrt(names.map(square).reduce((sum, squared) => sum.add(squared)));
  const scale = np.minimum(np.trueDivide(adamW.maxGradNorm, norm.add(1e-6)), 1);
  const [nextParams, nextM, nextV]: [Named, Named, Named] = [{}, {}, {}];
  for (const name of names) {
    const gradient = grads[name]!.mul(scale.ref);
    const newM = m[name]!.mul(adamW.beta1).add(gradient.ref.mul(1 - adamW.beta1));
    const newV = v[name]!.mul(adamW.beta2).add(np.square(gradient).mul(1 - adamW.beta2));
    const change = newM.ref.div(np.sqrt(newV.ref).add(numbers.epsilon!.ref)).mul(numbers.stepSize!.ref);
    const param = params[name]!;
    nextParams[name] = (param.ndim >= 2 ? param.mul(numbers.keep!.ref) : param).sub(change);
    nextM[name] = newM;
    nextV[name] = newV;
  }
  tree.dispose([scale, numbers]);
  return [nextParams, nextM, nextV];
}

const [workload = '', path = '', version = ''] = process.argv.slice(2);
await init('wasm');
defaultDevice('wasm');
const baseMiB = residentMiB('VmRSS');
const start = readStart(path);

function arrayOf(tensor: Tensor): Array {
  const data = tensor.dtype === 'int64' ? Int32Array.from(tensor.data as BigInt64Array, Number) : tensor.data;
  return np.array(data as Float32Array<ArrayBuffer> | Int32Array<ArrayBuffer>, { shape: [...tensor.shape] });
}
const arraysOf = (tensors: ReadonlyMap<string, Tensor>): Named =>
  Object.fromEntries([...tensors].map(([name, tensor]) => [name, arrayOf(tensor)]));
const zerosLike = (tensors: ReadonlyMap<string, Tensor>): Named =>
  Object.fromEntries([...tensors].map(([name, tensor]) => [name, np.zeros([...tensor.shape])]));

const lossOf = (params: Named, batch: Named): Array => {
  const loss = losses[workload]!(
    (name) => params[name]!.ref,
    (name) => batch[name]!.ref,
  );
  tree.dispose([params, batch]);
  return loss;
};
const takeStep = jit((params: Named, m: Named, v: Named, batch: Named, numbers: Named) => {
  const [loss, grads] = valueAndGrad(lossOf)(tree.ref(params), batch) as unknown as [Array, Named];
  return [loss, ...update(params, grads, m, v, numbers)] as [Array, Named, Named, Named];
});

const batch = arraysOf(start.batch);
let state: [Named, Named, Named] = [arraysOf(start.params), zerosLike(start.params), zerosLike(start.params)];
let numSteps = 0;
await answerSteps({ version: `jax-js ${version} (wasm)`, threads: 1, baseMiB }, async () => {
  numSteps++;
  const root = Math.sqrt(1 - adamW.beta2 ** numSteps);
  const [loss, ...next] = takeStep(...state, tree.ref(batch), {
    stepSize: np.array((adamW.learningRate * root) / (1 - adamW.beta1 ** numSteps)),
    epsilon: np.array(adamW.epsilon * root),
    keep: np.array(1 - adamW.learningRate * adamW.weightDecay),
  });
  state = next;
  await blockUntilReady(state);
  return (await loss.data())[0] as number;
});
