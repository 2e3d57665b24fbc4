/**
 * @file One contender of the bench `search-index`, in a process of its own: `node vector-contender.ts <name> <folder of the data> <dim> <folder of the index>`.
 * It answers each line of JSON with one: `build`, `open`, `ask`.
 */
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { residentMiB } from '../harness/memory.ts';
import type { Contender, OpenIndex } from './vectors/contender.ts';
import { hnswlib } from './vectors/hnswlib.ts';
import { lancedb } from './vectors/lancedb.ts';
import { ours } from './vectors/ours.ts';
import { usearch } from './vectors/usearch.ts';
import { zvec } from './vectors/zvec.ts';

const contenders: Readonly<Record<string, Contender>> = {
  ours,
  'LanceDB IVF_RQ': lancedb,
  'usearch i8': usearch('i8'),
  'usearch f32': usearch('f32'),
  zvec,
  hnswlib,
};

type Request =
  | { readonly do: 'build' }
  | { readonly do: 'open' }
  | {
      readonly do: 'ask';
      readonly first: number;
      readonly count: number;
      readonly top: number;
      readonly effort: number;
      readonly ofClass?: number;
    };

const [name, data, dimText, directory] = process.argv.slice(2) as [string, string, string, string];
const contender = contenders[name]!;
const dim = Number(dimText);
const floats = (path: string) => {
  const bytes = readFileSync(path);
  return new Float32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 4);
};
const queries = floats(join(data, 'queries'));
let index: OpenIndex | undefined;

function bytesUnder(path: string): number {
  const info = statSync(path);
  if (!info.isDirectory()) return info.size;
  return readdirSync(path).reduce((sum, entry) => sum + bytesUnder(join(path, entry)), 0);
}

async function answer(request: Request): Promise<unknown> {
  if (request.do === 'build') {
    const vectors = floats(join(data, 'vectors'));
    const classes = new Uint8Array(readFileSync(join(data, 'classes')));
    const begin = performance.now();
    await contender.build({ vectors, dim, classes }, directory);
    return { seconds: (performance.now() - begin) / 1000, bytes: bytesUnder(directory) };
  }
  if (request.do === 'open') {
    globalThis.gc?.();
    const before = residentMiB('VmRSS');
    const begin = performance.now();
    index = await contender.open(directory, dim);
    const [effort] = contender.efforts as [number];
    await index.search(queries.subarray(0, dim), 10, effort);
    const firstMs = performance.now() - begin;
    // What a first round of queries takes in belongs to what serving needs.
    for (let i = 0; i < 20; i++) await index.search(queries.subarray(i * dim, (i + 1) * dim), 10, effort);
    globalThis.gc?.();
    return {
      firstMs,
      mebibytes: residentMiB('VmRSS') - before,
      efforts: contender.efforts,
      canFilter: contender.canFilter,
    };
  }
  const times: number[] = [];
  const found: number[][] = [];
  for (let i = request.first; i < request.first + request.count; i++) {
    const query = queries.subarray(i * dim, (i + 1) * dim);
    const begin = performance.now();
    const rows = await index!.search(query, request.top, request.effort, request.ofClass);
    times.push(performance.now() - begin);
    found.push(rows);
  }
  return { times, found };
}

for await (const line of createInterface({ input: process.stdin })) {
  const result = await answer(JSON.parse(line) as Request).catch((error: unknown) => ({
    error: error instanceof Error ? error.message : String(error),
  }));
  process.stdout.write(`${JSON.stringify(result)}\n`);
}
await index?.close();
