/** @file `sensorium profile`: where the time of an ONNX model goes, op by op and node by node. */
import { stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import { defineCommand } from 'citty';
import type { Profile, ProfileRow } from '../../engine/index.ts';
import { UsageError } from '../failure.ts';
import { formatTable, outputOptions, printJson, printLines } from '../output.ts';

// Loaded only for a command line that is right. (In a method the compiler leaves the paths of imports as they are.)
const loadEngine = () => import('../../engine/index.ts');

export default defineCommand({
  meta: { name: 'profile', description: 'Show where the time of an ONNX model goes' },
  args: {
    model: { type: 'positional', description: 'The ONNX file' },
    runs: { type: 'string', description: 'How many runs count', default: '10', valueHint: 'n' },
    dim: {
      type: 'string',
      description: 'Sizes of named dimensions: batch=8,time=16 (1 if not said)',
      valueHint: 'name=n',
    },
    threads: { type: 'string', description: 'Threads inside one operation', valueHint: 'n' },
    top: { type: 'string', description: 'How many nodes to list', default: '20', valueHint: 'n' },
    ...outputOptions,
  },
  async run({ args }) {
    const path = resolve(args.model as string);
    const runs = wholeNumber('runs', args.runs);
    const top = wholeNumber('top', args.top);
    const numThreads = args.threads === undefined ? {} : { numThreads: wholeNumber('threads', args.threads) };
    const dims = parseDims(args.dim);
    if (!(await stat(path).catch(() => undefined))?.isFile()) throw new Error(`profile: there is no file ${path}`);
    const { profileModel } = await loadEngine();
    const profile = await profileModel(path, { runs, dims, runtime: numThreads });
    if (args.json) printJson({ model: path, ...profile });
    else printLines(...report(profile, top));
  },
});

/** `batch=8,time=16` as sizes by name. */
function parseDims(text: string | undefined): Record<string, number> {
  if (text === undefined) return {};
  const entries = text.split(',').map((part) => {
    const [, name, size] = /^(.+)=(\d+)$/.exec(part.trim()) ?? [];
    if (name === undefined) throw new UsageError(`profile: --dim must be like batch=8,time=16, got "${part}"`);
    return [name, Number(size)] as const;
  });
  return Object.fromEntries(entries);
}

function wholeNumber(option: string, text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1) {
    throw new UsageError(`profile: --${option} must be a whole number of at least 1, got ${text}`);
  }
  return value;
}

function report({ runs, milliseconds, ops, nodes }: Profile, top: number): string[] {
  const cells = ({ name, calls, milliseconds: time, share }: ProfileRow) => [
    name,
    String(Math.round(calls * 100) / 100),
    time.toFixed(3),
    `${(100 * share).toFixed(1)} %`,
  ];
  const table = (head: string, rows: readonly ProfileRow[]) =>
    formatTable([[head, 'calls', 'ms', 'share'], ...rows.map(cells)], [1, 2, 3]);
  const listed = nodes.slice(0, top);
  const rest = nodes.length > listed.length ? [`and ${nodes.length - listed.length} more nodes`] : [];
  return [
    `${milliseconds.toFixed(3)} ms a run, the mean of ${runs}`,
    '',
    ...table('op', ops),
    '',
    ...table('node', listed),
    ...rest,
  ];
}
