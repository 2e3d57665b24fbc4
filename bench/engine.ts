/**
 * @file `npm run bench -- engine`: one training step of ours (forward, backward, clipping, AdamW in one session) against PyTorch,
 * jax-js and TensorFlow.js on the CPU, each in a process of its own, from the same parameters and batch, with the losses of the first
 * steps compared; and how long a step takes to compile.
 * Options: `--json`, `--write`, `--only <workload>`, `--peers <name,…>`, `--rounds <n>`, `--threads <n>`, `--profile <prefix>`.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { writeSafetensors } from '../src/engine/formats/index.ts';
import { compile, full, matMul, spec, trace, type Value } from '../src/engine/index.ts';
import type { PeerInfo, RunAnswer } from './harness/answer.ts';
import { bundlePeers } from './harness/bundle.ts';
import { machineLine } from './harness/machine.ts';
import { type Figures, interleave } from './harness/measure.ts';
import { findPythonWith, Peer, PeerError } from './harness/peer.ts';
import { type Row, report, tell } from './harness/report.ts';
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
const numCheckedSteps = 5;
const stepsPerBlock = 4;
const howToInstall =
  'PyTorch was not found, so there is no comparison: apt-get install python3-torch libopenblas0-pthread';

/** A contender: how its process is started for a workload, and how much of the run it gets. */
interface Contender {
  readonly name: string;
  start(workload: string, startPath: string): Peer;
  /** For a slow one: blocks of a single step, so many of them. */
  readonly rounds?: number;
}

const python = findPythonWith('torch');
if (python === undefined) tell(howToInstall);
const bundle = await bundlePeers(['bench/peers/ours.ts']);

function pyTorch(name: string, environment: Readonly<Record<string, string>>): Contender[] {
  const script = fileURLToPath(new URL('./peers/train_step.py', import.meta.url));
  const threads = { OMP_NUM_THREADS: String(numThreads), OPENBLAS_NUM_THREADS: String(numThreads) };
  const start = (workload: string, path: string) =>
    new Peer(python!, [script, workload, path, String(numThreads)], { ...threads, ...environment });
  return python === undefined ? [] : [{ name, start }];
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
  ...pyTorch('PyTorch, passive waits', { OMP_WAIT_POLICY: 'PASSIVE' }),
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

/** A contender that is running, and what it says of itself. */
interface Running extends Contender {
  readonly peer: Peer;
  readonly info: PeerInfo;
}

/** Starts the contenders and compares the losses of their first steps; those that cannot take the step are named in the notes. */
async function startContenders(
  { name }: Workload,
  startPath: string,
  section: Section,
  started: Peer[],
): Promise<Running[]> {
  const running: Running[] = [];
  let ownLosses: readonly number[] = [];
  for (const contender of [ours, ...peers]) {
    const peer = contender.start(name, startPath);
    started.push(peer);
    try {
      const info = await peer.ask<PeerInfo>('info');
      const { losses } = await peer.ask<RunAnswer>(`run ${numCheckedSteps}`);
      running.push({ ...contender, peer, info });
      if (contender === ours) ownLosses = losses;
      else {
        section.notes.push(compareLosses(name, contender.name, ownLosses, losses));
        section.versions.push(`${info.version} (${info.threads} thread${info.threads === 1 ? '' : 's'})`);
      }
      section.notes.push(...(info.notes ?? []).map((note) => `${name}: ${contender.name}: ${note}`));
    } catch (error) {
      if (!(error instanceof PeerError) || contender === ours) throw error;
      section.notes.push(`${name}: ${contender.name} cannot take this step: ${error.message}`);
    }
  }
  return running;
}

async function benchWorkload(workload: Workload, peak: number): Promise<Section> {
  tell(`${workload.name}: ${workload.description}`);
  const folder = mkdtempSync(join(tmpdir(), 'sensorium-bench-'));
  const startPath = join(folder, 'start.safetensors');
  writeFileSync(startPath, writeSafetensors(workload.start));
  const started: Peer[] = [];
  const section: Section = { rows: [], notes: [], versions: [] };
  try {
    const running = await startContenders(workload, startPath, section, started);
    const sample = async ({ peer, rounds }: Running) => {
      if (rounds !== undefined) return (await peer.ask<RunAnswer>('run 1')).milliseconds;
      return (await peer.ask<RunAnswer>(`run ${stepsPerBlock + 1}`)).milliseconds.slice(1);
    };
    const figures = await interleave(
      running.map((contender) => ({
        name: contender.name,
        ...(contender.rounds === undefined ? {} : { rounds: contender.rounds }),
        sample: () => sample(contender),
      })),
      { rounds: Number(options.rounds) },
    );
    const memory = new Map<string, number>();
    for (const { name, peer } of running) memory.set(name, (await peer.ask<{ peakMiB: number }>('memory')).peakMiB);

    const gflops = (milliseconds: number) => workload.flopsPerStep / milliseconds / 1e6;
    const row = (title: string, unit: string, figureOf: (of: Running, figures: Figures) => number): Row => {
      const [own, ...others] = running.map(
        (contender) => [contender.name, figureOf(contender, figures.get(contender.name)!)] as const,
      );
      return { name: `${workload.name} ${title}`, unit, ours: own![1], peers: Object.fromEntries(others) };
    };
    section.rows.push(
      row('step, median', 'ms', (_, { median }) => median),
      row('step, minimum', 'ms', (_, { minimum }) => minimum),
      { ...row('matrix products', 'GFLOP/s', (_, { median }) => gflops(median)), better: 'higher' },
      row('peak memory', 'MiB', ({ name }) => memory.get(name)!),
      row('memory before the model', 'MiB', ({ info }) => info.baseMiB),
    );
    const share = (value: number) => `${Math.round((100 * gflops(value)) / peak)} %`;
    const shares = [...figures].map(([name, { minimum, count }]) => `${name} ${share(minimum)} (${count} steps)`);
    section.notes.push(
      `${workload.name}: ${workload.description}; share of the peak at the minimum: ${shares.join(', ')}.`,
    );
    return section;
  } finally {
    await Promise.all(started.map((peer) => peer.close()));
    rmSync(folder, { recursive: true });
  }
}

/** A sentence on how far apart the losses are. @throws Error if the two did not train the same thing. */
function compareLosses(workload: string, peer: string, ours: readonly number[], theirs: readonly number[]): string {
  const difference = Math.max(...ours.map((loss, i) => Math.abs(loss - theirs[i]!) / Math.abs(theirs[i]!)));
  const shown = (losses: readonly number[]) => losses.map((loss) => loss.toFixed(5)).join(' ');
  if (!(difference < 1e-3)) {
    throw new Error(`${workload}: the losses differ by ${difference}: ours ${shown(ours)}; ${peer} ${shown(theirs)}`);
  }
  return `${workload}: the first ${ours.length} losses (${shown(ours)}) differ from those of ${peer} by at most ${difference.toExponential(1)} (relative).`;
}

try {
  const peak = await measurePeak();
  const sections: Section[] = [];
  for (const [name, workload] of Object.entries(workloads)) {
    if (options.only === undefined || options.only.split(',').includes(name)) {
      sections.push(await benchWorkload(workload(), peak));
    }
  }
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
