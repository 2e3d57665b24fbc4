/**
 * @file `npm run bench -- engine`: one training step of ours (forward, backward, clipping, AdamW in one session) against PyTorch,
 * jax-js and TensorFlow.js on the CPU, each in a process of its own, from the same parameters and batch, with the losses of the first
 * steps compared; and how long a step takes to compile.
 * Options: `--json`, `--write`, `--only <workload,…>` (`compile` too), `--peers <name,…>`, `--rounds <n>`, `--threads <n>`, `--profile <prefix>`.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { writeSafetensors } from '../src/engine/formats/index.ts';
import { compile, full, matMul, spec, trace, type Value } from '../src/engine/index.ts';
import { bundlePeers } from './harness/bundle.ts';
import {
  type Contender,
  compareLosses,
  measureContenders,
  type Running,
  startContenders,
} from './harness/contender.ts';
import { installedVersion, machineLine } from './harness/machine.ts';
import { type Figures, figuresOf } from './harness/measure.ts';
import { findPythonWith, Peer } from './harness/peer.ts';
import { type Row, report, tell } from './harness/report.ts';
import type { CompileFigures } from './peers/compile.ts';
import { workloads } from './workloads/index.ts';
import type { Workload } from './workloads/workload.ts';

const { values: options } = parseArgs({
  options: {
    json: { type: 'boolean' },
    write: { type: 'boolean' },
    only: { type: 'string' },
    peers: { type: 'string' },
    rounds: { type: 'string', default: '12' },
    threads: { type: 'string', default: '2' },
    profile: { type: 'string' },
  },
});
const numThreads = Number(options.threads);
const howToInstall =
  'PyTorch was not found, so there is no comparison: apt-get install python3-torch libopenblas0-pthread';

const python = findPythonWith('torch');
if (python === undefined) tell(howToInstall);
const bundle = await bundlePeers(['ours', 'jax', 'tfjs', 'compile'].map((name) => `bench/peers/${name}.ts`));

function pyTorch(name: string, environment: Readonly<Record<string, string>>): Contender[] {
  const script = fileURLToPath(new URL('./peers/train_step.py', import.meta.url));
  const threads = { OMP_NUM_THREADS: String(numThreads), OPENBLAS_NUM_THREADS: String(numThreads) };
  const start = (workload: string, path: string) =>
    new Peer(python!, [script, workload, path, String(numThreads)], { ...threads, ...environment });
  return python === undefined ? [] : [{ name, start }];
}

/** A contender in JavaScript, on one thread. */
function javaScript(name: string, path: string, version: string): Contender {
  return {
    name,
    slow: true,
    start: (workload, startPath) => new Peer(process.execPath, [path, workload, startPath, version]),
  };
}

const ours: Contender = {
  name: 'ours',
  start: (workload) =>
    new Peer(process.execPath, [
      bundle.paths.ours!,
      workload,
      String(numThreads),
      ...(options.profile ? [`${options.profile}-${workload}`] : []),
    ]),
};
/**
 * PyTorch as it comes, and with OpenMP's waiting threads put to sleep. OpenMP's and OpenBLAS's threads are two pools: as they come,
 * each spins while the other works, and with as many threads as cores that halves PyTorch's speed.
 */
const peers: readonly Contender[] = [
  ...pyTorch('PyTorch', {}),
  ...pyTorch('PyTorch (passive waits)', { OMP_WAIT_POLICY: 'PASSIVE' }),
  javaScript('jax-js', bundle.paths.jax!, installedVersion('@jax-js/jax')),
  javaScript('tfjs', bundle.paths.tfjs!, installedVersion('@tensorflow/tfjs')),
].filter(({ name }) => options.peers === undefined || options.peers.split(',').includes(name));

/** The machine's peak in GFLOP/s, as a large matrix product in ONNX Runtime reaches it. */
async function measurePeak(): Promise<number> {
  const size = 2048;
  const graph = trace(({ a, b }: { a: Value; b: Value }) => matMul(a, b), {
    a: spec([size, size]),
    b: spec([size, size]),
  });
  const executable = await compile(graph, { numThreads });
  const operand = full([size, size], 0.5);
  let best = Number.POSITIVE_INFINITY;
  for (let i = 0; i < 10; i++) {
    const begin = performance.now();
    await executable.run({ a: operand, b: operand });
    best = Math.min(best, performance.now() - begin);
  }
  await executable.close();
  return (2 * size ** 3) / best / 1e6;
}

/** Rows, notes and the peers' versions. */
interface Section {
  readonly rows: Row[];
  readonly notes: string[];
  readonly versions: string[];
}

async function benchWorkload(workload: Workload, peak: number): Promise<Section> {
  tell(`${workload.name}: ${workload.description}`);
  const folder = mkdtempSync(join(tmpdir(), 'sensorium-bench-'));
  const startPath = join(folder, 'start.safetensors');
  writeFileSync(startPath, writeSafetensors(workload.start));
  const processes: Peer[] = [];
  try {
    const { running, refusals } = await startContenders([ours, ...peers], workload.name, startPath, processes);
    const [own, ...others] = running as [Running, ...Running[]];
    const notes = [...others.map((other) => compareLosses(own, other)), ...refusals];
    const figures = await measureContenders(running, Number(options.rounds));
    const memory = new Map<string, number>();
    for (const { name, peer } of running) memory.set(name, (await peer.ask<{ peakMiB: number }>('memory')).peakMiB);

    const gflops = (milliseconds: number) => workload.flopsPerStep / milliseconds / 1e6;
    const row = (title: string, unit: string, figureOf: (of: Running, figures: Figures) => number): Row => {
      const figure = (contender: Running) => figureOf(contender, figures.get(contender.name)!);
      const peerValues = Object.fromEntries(others.map((other) => [other.name, figure(other)]));
      return { name: `${workload.name} ${title}`, unit, ours: figure(own), peers: peerValues };
    };
    const share = (value: number) => `${Math.round((100 * gflops(value)) / peak)} %`;
    const shares = [...figures].map(([name, { minimum, count }]) => `${name} ${share(minimum)} (${count} steps)`);
    notes.push(...running.flatMap(({ name, info }) => (info.notes ?? []).map((note) => `${name}: ${note}.`)));
    notes.push(`${workload.description}; share of the peak at the minimum: ${shares.join(', ')}.`);
    return {
      rows: [
        row('step, median', 'ms', (_, { median }) => median),
        row('step, minimum', 'ms', (_, { minimum }) => minimum),
        { ...row('products', 'GFLOP/s', (_, { median }) => gflops(median)), better: 'higher' },
        row('peak memory', 'MiB', ({ name }) => memory.get(name)!),
        row('memory before the model', 'MiB', ({ info }) => info.baseMiB),
      ],
      notes: notes.map((note) => `${workload.name}: ${note}`),
      versions: others.map(({ info }) => `${info.version} (${info.threads} thread${info.threads === 1 ? '' : 's'})`),
    };
  } finally {
    await Promise.all(processes.map((peer) => peer.close()));
    rmSync(folder, { recursive: true });
  }
}

/** What a fresh process answers. */
async function askFresh<T>(line: string): Promise<T> {
  const peer = new Peer(process.execPath, [bundle.paths.compile!, String(numThreads)]);
  try {
    return await peer.ask<T>(line);
  } finally {
    await peer.close();
  }
}

/** How long the step of a 12-layer transformer takes to compile: the median of fresh processes. */
async function benchCompile(): Promise<Section> {
  tell('compile: a transformer of 12 layers');
  const runs: CompileFigures[] = [];
  const cached: number[] = [];
  const folder = mkdtempSync(join(tmpdir(), 'sensorium-bench-cache-'));
  try {
    await askFresh(`cached ${folder}`);
    for (let i = 0; i < 3; i++) {
      runs.push(await askFresh('measure'));
      cached.push((await askFresh<{ whole: number }>(`cached ${folder}`)).whole);
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
  const middle = (phase: keyof CompileFigures) => figuresOf(runs.map((run) => run[phase])).median;
  const row = (title: string, phase: keyof CompileFigures) => ({
    name: `compile 12-layer transformer${title}`,
    unit: 'ms',
    ours: middle(phase),
    peers: {},
  });
  return {
    rows: [
      row('', 'whole'),
      row(', trace', 'trace'),
      row(', differentiate', 'differentiate'),
      row(', optimizer', 'update'),
      row(', export', 'export'),
      row(', session load', 'load'),
      { ...row(', from the cache', 'whole'), ours: figuresOf(cached).median },
    ],
    notes: [
      `compile: 12 layers of width 768, the whole training step of ${middle('numNodes')} nodes; the median of ${runs.length} fresh processes, of each phase by itself.`,
    ],
    versions: [],
  };
}

try {
  const peak = await measurePeak();
  const sections: Section[] = [];
  const isWanted = (name: string) => options.only === undefined || options.only.split(',').includes(name);
  for (const [name, workload] of Object.entries(workloads)) {
    if (isWanted(name)) sections.push(await benchWorkload(workload(), peak));
  }
  if (isWanted('compile')) sections.push(await benchCompile());
  await report({
    bench: 'engine',
    machine: machineLine([...new Set(sections.flatMap(({ versions }) => versions))]),
    rows: sections.flatMap(({ rows }) => rows),
    notes: [
      `${numThreads} threads each where it can; the peak, a 2048 x 2048 x 2048 product in ONNX Runtime, is ${peak.toFixed(0)} GFLOP/s.`,
      'Peak memory is that of a process that does nothing else, framework and base (Node, Python) included.',
      ...sections.flatMap(({ notes }) => notes),
      ...(python === undefined ? [howToInstall] : []),
    ],
  });
} finally {
  bundle.remove();
}
