/**
 * @file Takes training steps of a small network and says how much memory the process held before and after. Run by `steady.test.ts` as
 * `node --expose-gc --import ./scripts/typescript.mjs steps.ts <worker | calling-thread> <steps> <bytes kept from each step>`.
 */
import { float32, Rng } from '../../src/engine/core/index.ts';
import { reduceMean, spec, square, sub, tanh } from '../../src/engine/graph/index.ts';
import { adamW, compileTrainStep } from '../../src/engine/train/index.ts';
import { initLinear, linear } from '../../src/model/index.ts';

const [thread, numSteps = '10000', bytesKept = '0'] = process.argv.slice(2);
const numWarmUpSteps = 3000;
const numFillings = 32_000;
const [batch, inDim, hiddenDim] = [8, 16, 32];

const rng = new Rng('steady memory');
const step = await compileTrainStep({
  params: { up: { ...initLinear(rng, inDim, hiddenDim) }, down: { ...initLinear(rng, hiddenDim, 1) } },
  batch: { x: spec([batch, inDim]), y: spec([batch, 1]) },
  loss: (params, { x, y }) => reduceMean(square(sub(linear(params.down, tanh(linear(params.up, x))), y))),
  optimizer: adamW({ learningRate: 1e-4, maxGradNorm: 1 }),
  runtime: { numThreads: 1, worker: thread === 'worker' },
});
const kept: Uint8Array[] = [];

async function takeSteps(count: number): Promise<void> {
  for (let i = 0; i < count; i++) {
    // A new batch every time, as in training.
    await step.run({
      x: float32(rng.fillNormal(new Float32Array(batch * inDim)), [batch, inDim]),
      y: float32(rng.fillNormal(new Float32Array(batch)), [batch, 1]),
    });
    if (Number(bytesKept) > 0) kept.push(new Uint8Array(Number(bytesKept)).fill(1));
  }
}

/** What the process holds in KiB, with garbage collected. */
function residentKiB(): number {
  for (let i = 0; i < 3; i++) globalThis.gc!();
  return process.memoryUsage.rss() / 1024;
}

await takeSteps(numWarmUpSteps);
// What was freed while compiling would take in what leaks, unseen: it is filled first.
const filling = Array.from({ length: numFillings }, () => new Uint8Array(1024).fill(1));
const before = residentKiB();
await takeSteps(Number(numSteps));
const after = residentKiB();
await step.close();
// Held to the end, or it would make room again.
if (filling.length !== numFillings) throw new Error('the filling is gone');
process.stdout.write(JSON.stringify({ before, after }));
