/**
 * @file Whole networks against PyTorch, in one Python process: outputs, the gradient of every parameter and ten steps of AdamW agree. Needs
 * Debian's python3-torch; where that is not installed the tests are skipped, and say so.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { findPythonWith, Peer } from '../../bench/harness/peer.ts';
import { gradients } from '../../src/engine/autodiff/index.ts';
import { leaves, mapTree, scalar, type Tensor, type Tree } from '../../src/engine/core/index.ts';
import { readSafetensors, writeSafetensors } from '../../src/engine/formats/index.ts';
import { graphOf, spec, Value } from '../../src/engine/graph/index.ts';
import { compile } from '../../src/engine/runtime/index.ts';
import { adamW, compileTrainStep } from '../../src/engine/train/index.ts';
import type { Network } from './network.ts';
import { networks } from './networks.ts';

/**
 * The settings of AdamW on both sides. Epsilon is large beside the rounding of a gradient: the bias of attention's keys has the gradient
 * 0, and what rounding leaves of it must not become a step.
 */
const usual = { learningRate: 1e-3, epsilon: 1e-5, weightDecay: 0.1, maxGradNorm: 0.5 };
const numSteps = 10;
const relativeTolerance = 1e-3;

const python = findPythonWith('torch');
const missing =
  'PyTorch is not installed, so the oracle is not asked: apt-get install python3-torch libopenblas0-pthread';
if (python === undefined) process.stderr.write(`${missing}\n`);

const namedLeaves = (tree: unknown, prefix: string) =>
  leaves<Tensor>(tree as Tree<Tensor>).map(([path, tensor]) => [`${prefix}.${path}`, tensor] as const);

/** Every output by `output.<name>` and the gradient of the loss toward every parameter by `grad.<path>`. */
async function evaluate({ params, batch, outputs }: Network): Promise<Record<string, Tensor>> {
  const inputs = [...namedLeaves(params, 'params'), ...namedLeaves(batch, 'batch')].map(([name, tensor]) => ({
    name,
    value: new Value(tensor, { kind: 'input', name }),
  }));
  const values = new Map(inputs.map(({ name, value }) => [name, value]));
  const bind = mapTree as (tree: unknown, transform: (leaf: Tensor, path: string) => unknown) => unknown;
  const result = outputs(
    bind(params, (_, path) => values.get(`params.${path}`)!) as never,
    bind(batch, (_, path) => values.get(`batch.${path}`)!) as Record<string, Value>,
  );
  const paths = leaves<Tensor>(params as Tree<Tensor>).map(([path]) => path);
  const grads = gradients(
    result.loss,
    paths.map((path) => values.get(`params.${path}`)!),
  );
  const executable = await compile(
    graphOf(inputs, [
      ...Object.entries(result).map(([name, value]) => ({ name: `output.${name}`, value })),
      ...grads.map((value, i) => ({ name: `grad.${paths[i]}`, value })),
    ]),
    { numThreads: 1 },
  );
  const feeds = Object.fromEntries([...namedLeaves(params, 'params'), ...namedLeaves(batch, 'batch')]);
  const found = await executable.run(feeds);
  await executable.close();
  return found;
}

/** The losses of ten steps, and the parameters after them by `next.<path>`. */
async function train({ params, batch, outputs, settings }: Network) {
  const compileStep = compileTrainStep as unknown as (options: unknown) => Promise<{
    run(batch: unknown): Promise<{ loss: number }>;
    params(): unknown;
    close(): Promise<void>;
  }>;
  const step = await compileStep({
    params,
    batch: Object.fromEntries(Object.entries(batch).map(([name, { shape, dtype }]) => [name, spec(shape, dtype)])),
    loss: (p: never, b: Record<string, Value>) => outputs(p, b).loss,
    optimizer: adamW({ ...usual, ...settings }),
    runtime: { numThreads: 1 },
  });
  const losses: number[] = [];
  for (let i = 0; i < numSteps; i++) losses.push((await step.run(batch)).loss);
  const next = new Map(namedLeaves(step.params(), 'next'));
  await step.close();
  return { losses, next };
}

/**
 * The largest difference between numbers, relative to the expected one, or to the root mean square of all where one is smaller than
 * that. Tensors that are rounding alone count as 0.
 */
function largestError(ours: ArrayLike<number | bigint>, theirs: ArrayLike<number | bigint>, leeway = [] as number[]) {
  const expected = Array.from(theirs, Number);
  const typical = Math.sqrt(expected.reduce((sum, x) => sum + x * x, 0) / expected.length);
  let worst = 0;
  for (const [i, x] of expected.entries()) {
    const difference = Math.max(0, Math.abs(Number(ours[i]) - x) - (leeway[i] ?? 0));
    const error = difference / Math.max(Math.abs(x), typical, 1e-6);
    if (!(error <= worst)) worst = error;
  }
  return worst;
}

/** The same of how far parameters have moved from where they started. Each step rounds the parameter once on either side. */
function largestErrorOfChange(start: Tensor, ours: Tensor, theirs: Tensor): number {
  const from = start.data as Float32Array;
  const change = ({ data }: Tensor) => Array.from(data as Float32Array, (x, i) => x - from[i]!);
  const rounding = Array.from(theirs.data as Float32Array, (x) => numSteps * 2 ** -23 * Math.abs(x));
  return largestError(change(ours), change(theirs), rounding);
}

describe.skipIf(python === undefined)(`PyTorch agrees${python ? '' : ` (${missing})`} on`, () => {
  const folder = mkdtempSync(join(tmpdir(), 'sensorium-oracle-'));
  let oracle: Peer;

  beforeAll(async () => {
    const script = fileURLToPath(new URL('./oracle.py', import.meta.url));
    oracle = new Peer(python!, [script], { OMP_NUM_THREADS: '1', OPENBLAS_NUM_THREADS: '1' });
    await oracle.ask('info');
  });

  afterAll(async () => {
    await oracle?.close();
    rmSync(folder, { recursive: true, force: true });
  });

  /** What PyTorch makes of a network, and the largest error of each of our figures against it. */
  async function ask(network: Network, changed: Partial<typeof usual> = {}) {
    const [given, answered] = [join(folder, `${network.name}.in`), join(folder, `${network.name}.out`)];
    const settings = { ...usual, ...network.settings, numSteps, ...changed };
    const start = new Map<string, Tensor>([
      ...namedLeaves(network.params, 'params'),
      ...namedLeaves(network.batch, 'batch'),
      ...Object.entries(settings).map(([name, value]) => [`settings.${name}`, scalar(value)] as const),
    ]);
    writeFileSync(given, writeSafetensors(start));
    const { losses } = await oracle.ask<{ losses: number[] }>(`${network.name} ${given} ${answered}`);
    const expected = readSafetensors(readFileSync(answered)).tensors;

    const found = await evaluate(network);
    const trained = await train(network);
    const errors: Record<string, number> = { losses: largestError(trained.losses, losses) };
    for (const [name, { data }] of Object.entries(found)) errors[name] = largestError(data, expected.get(name)!.data);
    for (const [name, tensor] of trained.next) {
      const from = start.get(name.replace(/^next/, 'params'))!;
      errors[name] = largestErrorOfChange(from, tensor, expected.get(name)!);
    }
    // Everything that PyTorch has, we have: nothing is left out of the comparison.
    expect(Object.keys(errors).sort()).toEqual(['losses', ...expected.keys()].sort());
    return Object.entries(errors).filter(([, error]) => !(error < relativeTolerance));
  }

  it.each(Object.entries(networks))('%s', async (_, make) => {
    expect(await ask(make())).toEqual([]);
  });

  it('nothing else: a learning rate off by one percent shows in every parameter', async () => {
    const network = networks['a perceptron of three layers']!();
    const wrong = (await ask(network, { learningRate: 1.01 * usual.learningRate })).map(([name]) => name);
    expect(wrong).toEqual(leaves(network.params as Tree<Tensor>).map(([path]) => `next.${path}`));
  });
});
