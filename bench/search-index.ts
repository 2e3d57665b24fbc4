/**
 * @file `npm run bench -- search-index`: search in memory over unit vectors, against the indexes of LanceDB, usearch, zvec and hnswlib-node on the same vectors,
 * each in a process of its own, taking turns. Every one searches as hard as it must for a recall@10 of 0.99, or as hard as it can.
 * The peers but LanceDB are installed by `npm ci --prefix bench/peers/vectors`; what is not there has no column.
 * Options: `--json`, `--write`, `--sets <names>` (of small, large, real), `--contenders <names>`, `--minutes <n>` that a build may take, `--real <file>` with
 * float32 rows of 512 for the set `real`, `--queries <n>`.
 */
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { Rng } from '../src/engine/core/index.ts';
import { installedVersion, machineLine } from './harness/machine.ts';
import { quantile } from './harness/measure.ts';
import { Peer, PeerError } from './harness/peer.ts';
import { type Row, report, tell } from './harness/report.ts';
import { scanAndSum } from './peers/vectors/bandwidth.ts';
import { clusteredVectors } from './workloads/clustered-vectors.ts';

const { values: options } = parseArgs({
  options: {
    json: { type: 'boolean' },
    write: { type: 'boolean' },
    sets: { type: 'string', default: 'small,large,real' },
    contenders: { type: 'string', default: 'ours,LanceDB IVF_RQ,usearch i8,usearch f32,zvec,hnswlib' },
    minutes: { type: 'string', default: '10' },
    real: { type: 'string', default: '' },
    queries: { type: 'string', default: '200' },
  },
});
const names = options.contenders.split(',');
const numQueries = Number(options.queries);
const numTuning = 50;
const top = 10;
const goal = 0.99;
const numClasses = 50;
const classAsked = 7;
const queriesPerTurn = 20;
/** It builds with one thread: a million rows take the better part of an hour. */
const maxRowsOfHnswlib = 200_000;

interface DataSet {
  readonly name: string;
  readonly dim: number;
  readonly rows: Float32Array;
  /** Those that tune, then those that are measured. */
  readonly queries: Float32Array;
}

const made = (name: string, numRows: number, dim: number): DataSet => ({
  name,
  dim,
  rows: clusteredVectors(numRows, dim, numRows, 'rows'),
  queries: clusteredVectors(numTuning + numQueries, dim, numRows, 'queries'),
});

function realSet(path: string): DataSet {
  const dim = 512;
  const bytes = readFileSync(path);
  const all = new Float32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 4);
  const numRows = all.length / dim - numTuning - numQueries;
  return {
    name: `${numRows} real texts x ${dim}`,
    dim,
    rows: all.subarray(0, numRows * dim),
    queries: all.subarray(numRows * dim),
  };
}

const sets: Readonly<Record<string, () => DataSet>> = {
  small: () => made('100k x 512', 100_000, 512),
  large: () => made('1M x 256', 1_000_000, 256),
  real: () => realSet(options.real),
};

/** The exact nearest rows of each query, by plain arithmetic; `has` filters rows. */
function nearestRows({ rows, queries, dim }: DataSet, has: (row: number) => boolean): number[][] {
  const count = queries.length / dim;
  const best = Array.from({ length: count }, () => ({ rows: [] as number[], scores: [] as number[] }));
  for (let row = 0; row < rows.length / dim; row++) {
    if (!has(row)) continue;
    for (let q = 0; q < count; q++) {
      let [even, odd] = [0, 0];
      for (let i = 0, a = row * dim, b = q * dim; i < dim; i += 2, a += 2, b += 2) {
        even += rows[a]! * queries[b]!;
        odd += rows[a + 1]! * queries[b + 1]!;
      }
      const score = even + odd;
      const own = best[q]!;
      if (own.scores.length === top && score <= own.scores[top - 1]!) continue;
      let at = own.scores.length;
      while (at > 0 && own.scores[at - 1]! < score) at -= 1;
      own.rows.splice(at, 0, row);
      own.scores.splice(at, 0, score);
      own.rows.length = Math.min(own.rows.length, top);
      own.scores.length = own.rows.length;
    }
  }
  return best.map(({ rows: found }) => found);
}

const recallOf = (found: readonly number[][], truth: readonly number[][]) => {
  const hits = truth.map((rows, i) => rows.filter((row) => found[i]!.includes(row)).length);
  return hits.reduce((a, b) => a + b, 0) / truth.reduce((sum, rows) => sum + rows.length, 0);
};

interface Answers {
  readonly times: number[];
  readonly found: number[][];
}

/** What was measured of one contender. */
interface Measured {
  readonly seconds: number;
  readonly diskMiB: number;
  readonly memoryMiB: number;
  readonly firstMs: number;
  readonly effort: number;
  readonly canFilter: boolean;
  readonly all: Answers;
  readonly ofClass: Answers;
}

function start(name: string, data: string, dim: number, directory: string): Peer {
  const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));
  const hooks = pathToFileURL(here('../scripts/typescript.mjs')).href;
  const program = here('peers/vector-contender.ts');
  const limits = ['--expose-gc', '--max-old-space-size=8192'];
  return new Peer(process.execPath, ['--import', hooks, ...limits, program, name, data, String(dim), directory]);
}

async function measure(set: DataSet, folder: string, truth: readonly number[][]): Promise<Map<string, Measured>> {
  const data = join(folder, 'data');
  const directoryOf = (name: string) => join(folder, name.replaceAll(' ', '-'));
  const built = new Map<string, { seconds: number; bytes: number }>();
  for (const name of names) {
    if (name === 'hnswlib' && set.rows.length / set.dim > maxRowsOfHnswlib) continue;
    mkdirSync(directoryOf(name));
    const peer = start(name, data, set.dim, directoryOf(name));
    try {
      built.set(name, await peer.ask('{"do":"build"}', 60 * Number(options.minutes)));
      tell(`${set.name}: ${name} is built in ${built.get(name)!.seconds.toFixed(1)} s`);
    } catch (error) {
      if (!(error instanceof PeerError)) throw error;
      tell(`${set.name}: ${name} has no column: ${error.message.split('\n')[0]}`);
    } finally {
      await peer.close();
    }
  }
  const peers = new Map<string, Peer>();
  const measured = new Map<string, Measured>();
  for (const [name, { seconds, bytes }] of built) {
    const peer = start(name, data, set.dim, directoryOf(name));
    peers.set(name, peer);
    const opened = await peer.ask<{ firstMs: number; mebibytes: number; efforts: number[]; canFilter: boolean }>(
      '{"do":"open"}',
    );
    let effort = opened.efforts.at(-1)!;
    for (const candidate of opened.efforts) {
      const { found } = await ask(peer, { first: 0, count: numTuning, effort: candidate });
      if (recallOf(found, truth.slice(0, numTuning)) < goal) continue;
      effort = candidate;
      break;
    }
    measured.set(name, {
      seconds,
      diskMiB: bytes / 2 ** 20,
      memoryMiB: opened.mebibytes,
      firstMs: opened.firstMs,
      effort,
      canFilter: opened.canFilter,
      all: { times: [], found: [] },
      ofClass: { times: [], found: [] },
    });
  }
  for (let first = numTuning; first < numTuning + numQueries; first += queriesPerTurn) {
    const count = Math.min(queriesPerTurn, numTuning + numQueries - first);
    const order = (first / queriesPerTurn) % 2 < 1 ? [...measured] : [...measured].reverse();
    for (const [name, { effort, all, ofClass, canFilter }] of order) {
      const peer = peers.get(name)!;
      await pause(50);
      // Some that are asked in vain: the others have had the caches in between.
      await ask(peer, { first: 0, count: 5, effort });
      add(all, await ask(peer, { first, count, effort }));
      if (!canFilter) continue;
      await ask(peer, { first: 0, count: 5, effort, ofClass: classAsked });
      add(ofClass, await ask(peer, { first, count, effort, ofClass: classAsked }));
    }
  }
  for (const peer of peers.values()) await peer.close();
  return measured;
}

const ask = (peer: Peer, request: { first: number; count: number; effort: number; ofClass?: number }) =>
  peer.ask<Answers>(JSON.stringify({ do: 'ask', top, ...request }));

function add(to: Answers, more: Answers): void {
  to.times.push(...more.times);
  to.found.push(...more.found);
}

async function benchSet(set: DataSet): Promise<{ rows: Row[]; note: string }> {
  const folder = mkdtempSync(join(tmpdir(), 'sensorium-index-'));
  try {
    const rng = new Rng('classes');
    const classes = Uint8Array.from({ length: set.rows.length / set.dim }, () => rng.integer(numClasses));
    mkdirSync(join(folder, 'data'));
    writeFileSync(join(folder, 'data/vectors'), set.rows);
    writeFileSync(join(folder, 'data/queries'), set.queries);
    writeFileSync(join(folder, 'data/classes'), classes);
    tell(`${set.name}: the exact answers`);
    const truth = nearestRows(set, () => true);
    const truthOfClass = nearestRows(set, (row) => classes[row] === classAsked).slice(numTuning);
    const measured = await measure(set, folder, truth);
    const row = (name: string, unit: string, figure: (of: Measured) => number | undefined, better?: 'higher'): Row => {
      const figures = [...measured].map(([who, of]) => [who, figure(of)] as const);
      const { ours, ...peers } = Object.fromEntries(figures.filter(([, value]) => value !== undefined));
      return { name: `${set.name}: ${name}`, unit, ours: ours!, peers, ...(better ? { better } : {}) } as Row;
    };
    const filtered = (figure: (of: Answers) => number) => (of: Measured) =>
      of.canFilter ? figure(of.ofClass) : undefined;
    return {
      rows: [
        row('recall@10', 'share', ({ all }) => recallOf(all.found, truth.slice(numTuning)), 'higher'),
        row('query, p50', 'ms', ({ all }) => quantile(all.times, 0.5)),
        row('query, p99', 'ms', ({ all }) => quantile(all.times, 0.99)),
        row(
          '2 % class, recall@10',
          'share',
          filtered(({ found }) => recallOf(found, truthOfClass)),
          'higher',
        ),
        row(
          '2 % class, p50',
          'ms',
          filtered(({ times }) => quantile(times, 0.5)),
        ),
        row(
          '2 % class, p99',
          'ms',
          filtered(({ times }) => quantile(times, 0.99)),
        ),
        row('built', 'rows/s', ({ seconds }) => classes.length / seconds, 'higher'),
        row('memory to serve', 'MiB', ({ memoryMiB }) => memoryMiB),
        row('disk', 'MiB', ({ diskMiB }) => diskMiB),
        row('restart to first answer', 'ms', ({ firstMs }) => firstMs),
      ],
      note: `${set.name}: effort ${[...measured].map(([who, { effort }]) => `${who} ${effort}`).join(', ')}.`,
    };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Rows that tell how near the scan of codes comes to the memory's bandwidth. */
async function benchBandwidth(): Promise<Row[]> {
  const rows: Row[] = [];
  for (const numThreads of [1, 2] as const) {
    for (const numRows of [98_304, 1_048_576]) {
      const { scanMs, sumMs, bytes } = await scanAndSum(numRows, numThreads, 300);
      const rate = (times: readonly number[]) => bytes / quantile(times, 0.5) / 1e6;
      rows.push({
        name: `scan of ${numRows} codes, ${numThreads === 1 ? '1 thread' : '2 threads'}`,
        unit: 'GB/s',
        ours: rate(scanMs),
        peers: { 'plain sum': rate(sumMs) },
        better: 'higher',
      });
    }
  }
  return rows;
}

const rows: Row[] = await benchBandwidth();
const notes: string[] = [];
for (const name of options.sets.split(',')) {
  if (name === 'real' && !existsSync(options.real)) continue;
  const result = await benchSet(sets[name]!());
  rows.push(...result.rows);
  notes.push(result.note);
}
await report({
  bench: 'search-index',
  machine: machineLine([`LanceDB ${installedVersion('@lancedb/lancedb')}`]),
  rows,
  notes: [
    `${numQueries} queries each that are no rows, one after another, ${queriesPerTurn} in turn; the best ${top}. Every contender is in a process of its own.`,
    'The made sets are mixtures of N / 50 Gaussians of uneven weight (bench/workloads/clustered-vectors.ts).',
    'Effort: the smallest that gives a recall of 0.99 on 50 other queries, else the largest (LanceDB: partitions; HNSW: ef). Ours finds its own when built.',
    'Built: from float32 vectors in memory to an index that can be asked, saved where the contender saves. The plain sum reads the bytes of the codes and does nothing else.',
    ...notes,
  ],
});
