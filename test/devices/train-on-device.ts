/**
 * @file Trains one small model of convolution, normalization, attention and GELU on a device and on the CPU, and prints how far apart
 * losses and parameters are: `node --import ./scripts/typescript.mjs test/devices/train-on-device.ts webgpu`. A process of its own,
 * because the software adapter is chosen by environment variables. On a machine with a graphics card it runs as it is.
 */
import {
  adamW,
  compileTrainStep,
  conv,
  type Device,
  float32,
  gelu,
  gemm,
  layerNormalization,
  leaves,
  type MapLeaves,
  matMul,
  mul,
  Rng,
  reduceMean,
  reshape,
  softmax,
  spec,
  square,
  sub,
  type Tensor,
  transpose,
  type Value,
} from '../../src/engine/index.ts';

const device = (process.argv[2] ?? 'webgpu') as Device;
const rng = new Rng('device');
const draw = (shape: readonly number[], deviation = 0.3) =>
  float32(
    rng.fillNormal(new Float32Array(shape.reduce((a, b) => a * b, 1))).map((value) => value * deviation),
    shape,
  );

const params = {
  kernel: draw([8, 3, 3, 3]),
  scale: float32(new Float32Array(8).fill(1)),
  shift: float32(new Float32Array(8)),
  query: draw([8, 8]),
  key: draw([8, 8]),
  head: draw([8, 4]),
  bias: draw([4]),
};
type Values = MapLeaves<typeof params, Tensor, Value>;

/** Pictures `[2, 3, 8, 8]` to four numbers each, through 64 tokens that look at each other. */
function loss(p: Values, batch: { readonly x: Value; readonly y: Value }): Value {
  const maps = conv(batch.x, p.kernel, undefined, { pads: [1, 1, 1, 1] });
  const tokens = transpose(reshape(maps, [2, 8, 64]), [0, 2, 1]);
  const normal = layerNormalization(tokens, p.scale, p.shift);
  const keys = transpose(matMul(normal, p.key), [0, 2, 1]);
  const weights = softmax(mul(matMul(matMul(normal, p.query), keys), 1 / Math.sqrt(8)));
  const pooled = reduceMean(gelu(matMul(weights, normal)), { axes: [1] });
  return reduceMean(square(sub(gemm(pooled, p.head, p.bias), batch.y)));
}

const batch = { x: draw([2, 3, 8, 8], 1), y: draw([2, 4], 1) };

async function train(on: Device) {
  const step = await compileTrainStep({
    params,
    batch: { x: spec([2, 3, 8, 8]), y: spec([2, 4]) },
    loss,
    optimizer: adamW({ learningRate: 0.01, maxGradNorm: 1 }),
    runtime: { device: on },
  });
  const losses: number[] = [];
  for (let i = 0; i < 5; i++) losses.push((await step.run(batch)).loss);
  const trained = leaves<Tensor>(step.params());
  await step.close();
  return { losses, trained };
}

const [there, here] = [await train(device), await train('cpu')];
const far = there.trained.map(([, tensor], i) =>
  Math.max(
    ...(tensor.data as Float32Array).map((v, k) => Math.abs(v - (here.trained[i]![1].data as Float32Array)[k]!)),
  ),
);
process.stdout.write(
  `${JSON.stringify({ device, losses: there.losses, cpu: here.losses, difference: Math.max(...far) })}\n`,
);
