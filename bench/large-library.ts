/**
 * @file `npm run bench -- large-library`: what a library of a million segments costs: writing, disk, memory, the first answer of a fresh process, and whether kills while it is
 * written and compacted lose anything. Vectors are made up: a mixture of gaussians, as embeddings have, of as many dimensions as the built-in bundle's.
 * Options: `--json`, `--write`, `--segments <n>`, `--dim <D>`. The library is made anew each time.
 */
import { spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { installedVersion, machineLine } from './harness/machine.ts';
import { quantile } from './harness/measure.ts';
import { type Row, report, tell } from './harness/report.ts';
import type { LargeLibraryTask } from './workloads/large-library.ts';

const { values: options } = parseArgs({
  options: {
    json: { type: 'boolean' },
    write: { type: 'boolean' },
    segments: { type: 'string', default: '1000000' },
    dim: { type: 'string', default: '512' },
  },
});
const numSegments = Number(options.segments);
const dim = Number(options.dim);
const segmentsPerFile = 20;
const filesPerCommit = 500;

const directory = mkdtempSync(join(tmpdir(), 'sensorium-large-'));

/** Runs a task in a process of its own; kills it when a line says what to wait for. @returns its lines. */
function run(task: LargeLibraryTask, killWhen?: (line: string) => number | undefined): Promise<string[]> {
  const program = fileURLToPath(new URL('./workloads/large-library.ts', import.meta.url));
  const child = spawn(process.execPath, ['--import', './scripts/typescript.mjs', program, JSON.stringify(task)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  return new Promise((resolve, reject) => {
    let text = '';
    let seen = 0;
    child.stdout.setEncoding('utf8').on('data', (part: string) => {
      text += part;
      const lines = text.split('\n');
      for (; seen < lines.length - 1; seen++) {
        const delayMs = killWhen?.(lines[seen]!);
        if (delayMs !== undefined) setTimeout(() => child.kill('SIGKILL'), delayMs);
      }
    });
    child.on('error', reject);
    child.on('close', (code, signal) => {
      if (code === 0 || signal === 'SIGKILL') resolve(text.split('\n').filter((line) => line !== ''));
      else reject(new Error(`the task ${task.do} ended with ${code ?? signal}`));
    });
  });
}

function bytesOf(folder: string): number {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .reduce((sum, entry) => sum + statSync(join(entry.parentPath, entry.name)).size, 0);
}

const figures = (lines: readonly string[]) => JSON.parse(lines.at(-1)!) as Record<string, number>;
const common = { directory, dim, segmentsPerFile, filesPerCommit };
const acknowledgedOf = (lines: readonly string[]) =>
  Math.max(0, ...lines.map((line) => Number(/^acknowledged (\d+)$/.exec(line)?.[1] ?? 0)));

try {
  const numFiles = Math.ceil(numSegments / segmentsPerFile);
  const kills: string[] = [];
  let acknowledged = 0;
  // Killed three times while writing, at a fifth, two fifths and three fifths.
  for (const share of [0.2, 0.4, 0.6]) {
    tell(`writing, to be killed at ${share * 100} %`);
    const target = Math.floor(share * numFiles);
    const lines = await run({ do: 'write', ...common, numFiles }, (line) =>
      acknowledgedOf([line]) >= target ? 5 : undefined,
    );
    acknowledged = Math.max(acknowledged, acknowledgedOf(lines));
    const { files, segments, doubled } = figures(await run({ do: 'check', ...common, numFiles }));
    if (files! < acknowledged || doubled !== 0 || segments !== files! * segmentsPerFile) {
      throw new Error(
        `after a kill: ${acknowledged} files acknowledged, found ${files} with ${segments} segments, ${doubled} doubled`,
      );
    }
    kills.push(`${acknowledged} files acknowledged, ${files} found`);
  }
  tell('writing the rest');
  const written = figures(await run({ do: 'write', ...common, numFiles }));
  for (const delayMs of [200, 1500]) {
    tell(`compacting, to be killed after ${delayMs} ms`);
    await run({ do: 'compact', ...common, numFiles }, (line) => (line === 'compacting' ? delayMs : undefined));
    const { files, segments, doubled } = figures(await run({ do: 'check', ...common, numFiles }));
    if (files !== numFiles || segments !== numFiles * segmentsPerFile || doubled !== 0) {
      throw new Error(`after a kill while compacting: found ${files} of ${numFiles} files, ${segments} segments`);
    }
  }
  tell('compacting');
  const compacted = figures(await run({ do: 'compact', ...common, numFiles }));
  const diskBytes = bytesOf(directory);
  tell('opening');
  const opened: Record<string, number>[] = [];
  for (let i = 0; i < 3; i++) opened.push(figures(await run({ do: 'open', ...common, numFiles })));
  const median = (name: string) =>
    quantile(
      opened.map((one) => one[name]!),
      0.5,
    );
  const rows: Row[] = [
    { name: 'writing', unit: 'segments/s', ours: written.segmentsPerSecond!, peers: {} },
    { name: 'compacting', unit: 's', ours: compacted.seconds!, peers: {} },
    { name: 'disk', unit: 'GB', ours: diskBytes / 1e9, peers: {} },
    { name: 'first answer of a fresh process', unit: 's', ours: median('firstSeconds'), peers: {} },
    { name: 'memory after it', unit: 'GB', ours: median('residentBytes') / 1e9, peers: {} },
    { name: 'an answer, p50', unit: 'ms', ours: median('p50'), peers: {} },
    { name: 'an answer, p99', unit: 'ms', ours: median('p99'), peers: {} },
    { name: 'an answer among 2 % of the files, p50', unit: 'ms', ours: median('filteredP50'), peers: {} },
  ];
  await report({
    bench: 'large-library',
    machine: machineLine([`LanceDB ${installedVersion('@lancedb/lancedb')}`]),
    rows,
    notes: [
      `${numFiles * segmentsPerFile} segments of ${dim} dimensions in ${numFiles} files, ${filesPerCommit} files a commit; vectors are a mixture of gaussians.`,
      `Killed with SIGKILL three times while writing (${kills.join('; ')}) and twice while compacting: nothing acknowledged was lost, nothing was doubled.`,
      `Recall of the ten nearest, measured by the library itself when it opened: ${median('recall').toFixed(4)}.`,
    ],
  });
} finally {
  rmSync(directory, { recursive: true, force: true });
}
