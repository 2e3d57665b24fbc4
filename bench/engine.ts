/**
 * @file `npm run bench -- engine`: one training step of ours (forward, backward, clipping, AdamW in one session) against PyTorch
 * on the CPU, from the same parameters and batch, with the losses of the first steps compared.
 * Options: `--json`, `--write`, `--only <workload>`, `--rounds <n>`, `--threads <n>`, `--profile <prefix>`.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { writeSafetensors } from '../src/engine/formats/index.ts';
import { adamW, compile, full, matMul, spec, trace, type Value } from '../src/engine/index.ts';
import { machineLine, peakMemoryMiB, resetPeakMemory } from './harness/machine.ts';
import { type Figures, interleave } from './harness/measure.ts';
import { findPythonWith, PythonPeer } from './harness/python-peer.ts';
import { type Row, report, tell } from './harness/report.ts';
import { alignmentWorkload } from './workloads/alignment.ts';
import { transformerWorkload } from './workloads/transformer.ts';
import type { Workload } from './workloads/workload.ts';

const { values: options } = parseArgs({
  options: {
    json: { type: 'boolean' },
    write: { type: 'boolean' },
    only: { type: 'string' },
    rounds: { type: 'string', default: '12' },
    threads: { type: 'string', default: '2' },
    profile: { type: 'string' },
  },
});
const numThreads = Number(options.threads);
const numCheckedSteps = 5;
const stepsPerBlock = 4;
/**
 * PyTorch as it comes, and with OpenMP's waiting threads put to sleep. OpenMP's and OpenBLAS's threads are two pools: as they come,
 * each spins while the other works, and with as many threads as cores that halves PyTorch's speed.
 */
const peerEnvironments: Readonly<Record<string, Record<string, string>>> = {
  PyTorch: {},
  'PyTorch, passive waits': { OMP_WAIT_POLICY: 'PASSIVE' },
};
const howToInstall =
  'PyTorch was not found, so there is no comparison: apt-get install python3-torch libopenblas0-pthread';

interface RunAnswer {
  readonly milliseconds: number[];
  readonly losses: number[];
}

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

async function benchWorkload(
  workload: Workload,
  python: string | undefined,
  peak: number,
): Promise<{ rows: Row[]; notes: string[]; version: string[] }> {
  tell(`${workload.name}: ${workload.description}`);
  resetPeakMemory();
  const train = await workload.compile(adamW({ learningRate: 1e-3, weightDecay: 0.01, maxGradNorm: 1 }), {
    numThreads,
    ...(options.profile ? { profilePrefix: `${options.profile}-${workload.name}` } : {}),
  });
  const runOurs = async (steps: number): Promise<RunAnswer> => {
    const answer: RunAnswer = { milliseconds: [], losses: [] };
    for (let i = 0; i < steps; i++) {
      const begin = performance.now();
      answer.losses.push(await train.step());
      answer.milliseconds.push(performance.now() - begin);
    }
    return answer;
  };

  const folder = mkdtempSync(join(tmpdir(), 'sensorium-bench-'));
  const path = join(folder, 'start.safetensors');
  writeFileSync(path, writeSafetensors(workload.start));
  const script = join(dirname(fileURLToPath(import.meta.url)), 'peers/train_step.py');
  const peers = Object.entries(python ? peerEnvironments : {}).map(([name, environment]) => {
    const threads = { OMP_NUM_THREADS: String(numThreads), OPENBLAS_NUM_THREADS: String(numThreads) };
    const process = new PythonPeer(python!, [script, workload.name, path, String(numThreads)], {
      ...threads,
      ...environment,
    });
    return { name, process };
  });
  try {
    const notes: string[] = [];
    const version: string[] = [];
    const ours = await runOurs(numCheckedSteps);
    for (const { name, process } of peers) {
      const info = await process.ask<{ version: string; threads: number }>('info');
      version.push(`PyTorch ${info.version} (${info.threads} threads)`);
      const theirs = await process.ask<RunAnswer>(`run ${numCheckedSteps}`);
      notes.push(compareLosses(workload.name, name, ours.losses, theirs.losses));
    }
    const steady = (answer: RunAnswer) => answer.milliseconds.slice(1);
    const figures = await interleave(
      [
        { name: 'ours', sample: async () => steady(await runOurs(stepsPerBlock + 1)) },
        ...peers.map(({ name, process }) => ({
          name,
          sample: async () => steady(await process.ask<RunAnswer>(`run ${stepsPerBlock + 1}`)),
        })),
      ],
      { rounds: Number(options.rounds) },
    );
    const own = figures.get('ours')!;
    const ofPeers = (figureOf: (figures: Figures) => number) => ({
      peers: Object.fromEntries(peers.map(({ name }) => [name, figureOf(figures.get(name)!)])),
    });
    const gflops = (milliseconds: number) => workload.flopsPerStep / milliseconds / 1e6;
    const memory: Record<string, number> = {};
    for (const { name, process } of peers) memory[name] = (await process.ask<{ peakMiB: number }>('memory')).peakMiB;
    const rows: Row[] = [
      { name: `${workload.name} step, median`, unit: 'ms', ours: own.median, ...ofPeers(({ median }) => median) },
      { name: `${workload.name} step, minimum`, unit: 'ms', ours: own.minimum, ...ofPeers(({ minimum }) => minimum) },
      {
        name: `${workload.name} matrix products`,
        unit: 'GFLOP/s',
        ours: gflops(own.median),
        ...ofPeers(({ median }) => gflops(median)),
        better: 'higher',
      },
      { name: `${workload.name} peak memory`, unit: 'MiB', ours: peakMemoryMiB(), peers: memory },
    ];
    const share = (value: number) => `${Math.round((100 * gflops(value)) / peak)} %`;
    const shares = [...figures].map(([name, { minimum }]) => `${name} ${share(minimum)}`).join(', ');
    notes.push(
      `${workload.name}: ${workload.description}; ${own.count} steps each; share of the peak at the minimum: ${shares}.`,
    );
    return { rows, notes, version };
  } finally {
    for (const { process } of peers) process.close();
    rmSync(folder, { recursive: true });
    await train.close();
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

const workloads = [transformerWorkload(), alignmentWorkload()].filter(
  ({ name }) => options.only === undefined || options.only === name,
);
const python = findPythonWith('torch');
if (python === undefined) tell(howToInstall);
const peak = await measurePeak();
const results: Awaited<ReturnType<typeof benchWorkload>>[] = [];
for (const workload of workloads) results.push(await benchWorkload(workload, python, peak));
await report({
  bench: 'engine',
  machine: machineLine([...new Set(results.flatMap(({ version }) => version))]),
  rows: results.flatMap(({ rows }) => rows),
  notes: [
    `${numThreads} threads each; the peak, a 2048 x 2048 x 2048 product in ONNX Runtime, is ${peak.toFixed(0)} GFLOP/s.`,
    ...results.flatMap(({ notes }) => notes),
    ...(python === undefined ? [howToInstall] : []),
  ],
});
