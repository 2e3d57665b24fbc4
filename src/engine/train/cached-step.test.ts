/** @file Steps that a cache folder holds: the same results from it, and nothing believed that is torn. */
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { Rng, Tensor } from '../core/index.ts';
import { add, conv, matMul, reduceMean, relu, reshape, spec, square, sub, type Value } from '../graph/index.ts';
import { adamW, compileTrainStep, type TrainStepOptions } from './index.ts';

const folders: string[] = [];
const newFolder = async () => {
  const folder = await mkdtemp(join(tmpdir(), 'sensorium-steps-'));
  folders.push(folder);
  return folder;
};
afterAll(() => Promise.all(folders.map((folder) => rm(folder, { recursive: true, force: true }))));

const rng = new Rng('cached steps');
const draw = (...shape: number[]) =>
  new Tensor('float32', shape, rng.fillNormal(new Float32Array(shape.reduce((a, b) => a * b, 1)), 0.3));
const params = { kernel: draw(4, 3, 3, 3), weight: draw(4 * 8 * 8, 2), bias: draw(2) };
const batch = { x: draw(2, 3, 8, 8), y: draw(2, 2) };
let timesTraced = 0;

/** Takes three steps and returns their losses and the parameters. */
async function train(more: Partial<TrainStepOptions<typeof params, never>>) {
  const step = await compileTrainStep({
    params,
    batch: { x: spec([2, 3, 8, 8]), y: spec([2, 2]) },
    loss: (p, b) => {
      timesTraced++;
      const features = relu(conv(b.x as Value, p.kernel as Value, undefined, { pads: [1, 1, 1, 1] }));
      const out = add(matMul(reshape(features, [2, -1]), p.weight as Value), p.bias as Value);
      return reduceMean(square(sub(out, b.y as Value)));
    },
    optimizer: adamW({ learningRate: 0.01 }),
    ...(more as object),
  });
  const figures = [];
  for (let i = 0; i < 3; i++) figures.push(await step.run(batch as never));
  const state = step.state();
  await step.close();
  return { figures, state };
}

describe('a step from the cache', () => {
  it('gives the same as one that was compiled, and is one entry', async () => {
    const cache = await newFolder();
    const runtime = { numThreads: 1, cache };
    const plain = await train({ runtime: { numThreads: 1 } });
    expect(await train({ runtime })).toEqual(plain);
    const entries = await readdir(cache);
    expect(entries).toHaveLength(1);
    expect(await train({ runtime })).toEqual(plain);
    expect(await readdir(cache)).toEqual(entries);
    await train({ runtime, optimizer: adamW({ learningRate: 0.01, maxGradNorm: 1 }) });
    expect(await readdir(cache), 'another step is another entry').toHaveLength(2);
  });

  it('is made anew where its entry is torn, altered or empty', async () => {
    const cache = await newFolder();
    const runtime = { numThreads: 1, cache };
    const plain = await train({ runtime });
    const damages: ((whole: Uint8Array) => Uint8Array)[] = [
      (whole) => whole.subarray(0, whole.length / 2),
      (whole) => whole.map((byte, i) => (i === 1000 ? byte ^ 1 : byte)),
      () => new Uint8Array(),
    ];
    for (const damage of damages) {
      const [entry] = await readdir(cache);
      const path = join(cache, entry!);
      const damaged = damage(await readFile(path));
      await writeFile(path, damaged);
      expect(await train({ runtime })).toEqual(plain);
      const now = await readdir(cache);
      expect(now).toHaveLength(1);
      expect(Buffer.compare(await readFile(join(cache, now[0]!)), damaged)).not.toBe(0);
    }
  });

  it('is not traced again under a key of the caller’s, unless shapes differ', async () => {
    const cache = await newFolder();
    const runtime = { numThreads: 1, cache };
    for (const more of [{}, { inPlace: false }, { stepsPerRun: 2 }] as const) {
      timesTraced = 0;
      const options = { runtime, cacheKey: 'convolution, mean square, AdamW 0.01', ...more };
      const step = await train(options);
      const traced = timesTraced;
      expect(traced).toBeGreaterThan(0);
      expect(await train(options)).toEqual(step);
      // `stepsPerRun` traces the single step when that is first run.
      expect(timesTraced).toBe('stepsPerRun' in more ? traced + 1 : traced);
    }
  });

  it('does without a folder that cannot be written', async () => {
    const folder = await newFolder();
    await writeFile(join(folder, 'file'), '');
    const plain = await train({ runtime: { numThreads: 1 } });
    expect(await train({ runtime: { numThreads: 1, cache: join(folder, 'file', 'cache') } })).toEqual(plain);
  });
});
