/** @file What a bench prints: a table, or with `--json` one stable object; with `--write` also Markdown in `bench/results/`. */
import { mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import writeFileAtomic from 'write-file-atomic';

/** One line of a bench's result. */
export interface Row {
  readonly name: string;
  readonly unit: string;
  readonly ours: number;
  /** The same figure of each peer; empty where no peer could be run. */
  readonly peers: Readonly<Record<string, number>>;
  /** Which end of the unit is good; 'lower' (a time, a size) if absent. */
  readonly better?: 'lower' | 'higher';
}

/** The result of a bench. */
export interface BenchResult {
  readonly bench: string;
  readonly machine: string;
  readonly rows: readonly Row[];
  /** What a reader should know beside the figures, one sentence or more each. */
  readonly notes: readonly string[];
}

/** How a row compares with each peer: above 1, ours is better. */
function ratios(row: Row): Record<string, number> {
  return Object.fromEntries(
    Object.entries(row.peers).map(([peer, value]) => [
      peer,
      row.better === 'higher' ? row.ours / value : value / row.ours,
    ]),
  );
}

/** Prints a result in the form that the command line asks for, and saves it under `--write`. */
export async function report(result: BenchResult, args: readonly string[] = process.argv.slice(2)): Promise<void> {
  process.stdout.write(args.includes('--json') ? `${JSON.stringify(jsonOf(result), null, 2)}\n` : textOf(result));
  if (!args.includes('--write')) return;
  const folder = join(dirname(fileURLToPath(import.meta.url)), '../results');
  mkdirSync(folder, { recursive: true });
  const path = join(folder, `${result.bench}.md`);
  await writeFileAtomic(path, markdownOf(result, args));
  process.stderr.write(`written to ${path}\n`);
}

/** A line of progress on stderr, so that stdout holds the result alone. */
export function tell(line: string): void {
  process.stderr.write(`${line}\n`);
}

function jsonOf(result: BenchResult): unknown {
  return {
    bench: result.bench,
    machine: result.machine,
    results: result.rows.map((row) => ({
      name: row.name,
      unit: row.unit,
      ours: rounded(row.ours),
      peers: mapValues(row.peers, rounded),
      ratio: mapValues(ratios(row), rounded),
    })),
  };
}

const rounded = (value: number): number => Number(value.toPrecision(4));

function mapValues<T, U>(record: Readonly<Record<string, T>>, transform: (value: T) => U): Record<string, U> {
  return Object.fromEntries(Object.entries(record).map(([key, value]) => [key, transform(value)]));
}

function cellsOf(result: BenchResult): string[][] {
  const peers = [...new Set(result.rows.flatMap((row) => Object.keys(row.peers)))];
  const header = ['', 'unit', 'ours', ...peers.flatMap((peer) => [peer, 'ratio'])];
  const lines = result.rows.map((row) => {
    const ratio = ratios(row);
    const ofPeers = peers.flatMap((peer) =>
      row.peers[peer] === undefined ? ['', ''] : [formatNumber(row.peers[peer]), ratio[peer]!.toFixed(2)],
    );
    return [row.name, row.unit, formatNumber(row.ours), ...ofPeers];
  });
  return [header, ...lines];
}

function formatNumber(value: number): string {
  return Math.abs(value) >= 1000 ? value.toFixed(0) : value.toPrecision(3);
}

/** The cells brought to the width of their column; words on the left, numbers on the right. */
function padded(cells: readonly string[][], leastWidth: number): string[][] {
  const widths = cells[0]!.map((_, column) => Math.max(leastWidth, ...cells.map((line) => line[column]!.length)));
  return cells.map((line) =>
    line.map((cell, column) => (column < 2 ? cell.padEnd(widths[column]!) : cell.padStart(widths[column]!))),
  );
}

function textOf(result: BenchResult): string {
  const table = padded(cellsOf(result), 0).map((line) => line.join('  '));
  return [`${result.bench}: ${result.machine}`, '', ...table, '', ...result.notes, ''].join('\n');
}

function markdownOf(result: BenchResult, args: readonly string[]): string {
  const cells = padded(cellsOf(result), 4);
  const [header, ...lines] = cells.map((line) => `| ${line.join(' | ')} |`);
  const dashes = cells[0]!.map(({ length }, column) =>
    column < 2 ? '-'.repeat(length) : `${'-'.repeat(length - 1)}:`,
  );
  const rule = `| ${dashes.join(' | ')} |`;
  const command = ['npm run bench --', result.bench, ...args.filter((arg) => arg !== '--json')].join(' ');
  return [
    `# ${result.bench}`,
    '',
    `${result.machine}. ${new Date().toISOString().slice(0, 10)}, by \`${command}\`. Ratio above 1: ours is better.`,
    '',
    header,
    rule,
    ...lines,
    '',
    ...result.notes.map((note) => `- ${note}`),
    '',
  ].join('\n');
}
