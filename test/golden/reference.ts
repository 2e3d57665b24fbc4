/**
 * @file Makes `transformer-curve.json` without our engine: the same transformer in TensorFlow.js, its gradients by TensorFlow.js, AdamW written
 * out in double precision. Run: `node --import ./scripts/typescript.mjs test/golden/reference.ts`.
 */
import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import * as tf from '@tensorflow/tfjs';
import { batchAt, namedParams, settings } from './transformer.ts';

type Params = Record<string, tf.Tensor>;

const { batch, time, dim, numHeads, numSteps } = settings;

function linear(params: Params, name: string, x: tf.Tensor): tf.Tensor {
  const rows = tf.matMul(x.reshape([batch * time, -1]) as tf.Tensor2D, params[`${name}.weight`] as tf.Tensor2D);
  return tf.add(rows, params[`${name}.bias`]!).reshape([batch, time, -1]);
}

function layerNorm(params: Params, name: string, x: tf.Tensor): tf.Tensor {
  const { mean, variance } = tf.moments(x, -1, true);
  const normalized = tf.div(tf.sub(x, mean), tf.sqrt(tf.add(variance, 1e-5)));
  return tf.add(tf.mul(normalized, params[`${name}.scale`]!), params[`${name}.bias`]!);
}

function attention(params: Params, x: tf.Tensor): tf.Tensor {
  const heads = tf
    .split(linear(params, 'block.attention.queryKeyValue', x), 3, 2)
    .map((part) => part.reshape([batch, time, numHeads, dim / numHeads]).transpose([0, 2, 1, 3]));
  const [query, key, value] = heads as [tf.Tensor, tf.Tensor, tf.Tensor];
  const scores = tf.mul(tf.matMul(query, key, false, true), 1 / Math.sqrt(dim / numHeads));
  const mixed = tf.matMul(tf.softmax(scores), value).transpose([0, 2, 1, 3]).reshape([batch, time, dim]);
  return linear(params, 'block.attention.output', mixed);
}

function gelu(x: tf.Tensor): tf.Tensor {
  return tf.mul(tf.mul(x, 0.5), tf.add(tf.erf(tf.mul(x, Math.SQRT1_2)), 1));
}

function lossOf(params: Params, x: tf.Tensor, target: tf.Tensor): tf.Scalar {
  const attended = tf.add(x, attention(params, layerNorm(params, 'block.attentionNorm', x)));
  const hidden = gelu(linear(params, 'block.up', layerNorm(params, 'block.feedForwardNorm', attended)));
  const out = tf.add(attended, linear(params, 'block.down', hidden));
  const logits = linear(params, 'classifier', layerNorm(params, 'norm', out));
  return tf.neg(tf.mean(tf.sum(tf.mul(tf.logSoftmax(logits), target), -1))) as tf.Scalar;
}

await tf.setBackend('cpu');
const named = namedParams();
const names = named.map(([name]) => name);
const values = named.map(([, tensor]) => Float64Array.from(tensor.data as Float32Array));
const [m, v] = [values.map((p) => new Float64Array(p.length)), values.map((p) => new Float64Array(p.length))];
const figures: { loss: number; gradientNorm: number }[] = [];
for (let step = 0; step < numSteps; step++) {
  const { x, target } = batchAt(step);
  const inputs = values.map((p, i) => tf.tensor(Float32Array.from(p), [...named[i]![1].shape]));
  const { value, grads } = tf.valueAndGrads((...tensors: tf.Tensor[]) =>
    lossOf(
      Object.fromEntries(names.map((name, i) => [name, tensors[i]!])),
      tf.tensor(x.data, [...x.shape]),
      tf.tensor(target.data, [...target.shape]),
    ),
  )(inputs);
  const gradients = grads.map((gradient) => gradient.dataSync() as Float32Array);
  const gradientNorm = Math.sqrt(gradients.reduce((sum, g) => g.reduce((inner, item) => inner + item * item, sum), 0));
  figures.push({ loss: value.dataSync()[0]!, gradientNorm });
  const scale = Math.min(1, settings.maxGradNorm / (gradientNorm + 1e-6));
  const [beta1, beta2] = settings.betas;
  values.forEach((p, i) => {
    const decay = named[i]![1].shape.length >= 2 ? settings.learningRate * settings.weightDecay : 0;
    p.forEach((old, k) => {
      const g = gradients[i]![k]! * scale;
      m[i]![k] = beta1 * m[i]![k]! + (1 - beta1) * g;
      v[i]![k] = beta2 * v[i]![k]! + (1 - beta2) * g * g;
      const mHat = m[i]![k]! / (1 - beta1 ** (step + 1));
      const vHat = v[i]![k]! / (1 - beta2 ** (step + 1));
      p[k] = old * (1 - decay) - (settings.learningRate * mHat) / (Math.sqrt(vHat) + settings.epsilon);
    });
  });
}
const made = `TensorFlow.js ${tf.version.tfjs} (cpu) with AdamW in double precision, by test/golden/reference.ts`;
const path = fileURLToPath(new URL('./transformer-curve.json', import.meta.url));
writeFileSync(path, `${JSON.stringify({ made, settings, figures }, null, 2)}\n`);
