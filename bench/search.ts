/**
 * @file `npm run bench -- search`: latency of one query after another (p50 and p99) over libraries of synthetic vectors, in a warm
 * process and over HTTP, against LanceDB's own exact query and a plain scan in JavaScript, interleaved query by query.
 * The encoder is the built-in bundle's; without one, rows that need it use random query vectors and say so.
 * Options: `--json`, `--write`, `--queries <n>`.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { connect, type Table } from '@lancedb/lancedb';
import { type Library, openLibrary, searchLibrary } from '../src/apps/search/index.ts';
import { loadEncoder, type TextImageEncoder } from '../src/bundle/index.ts';
import { MissingDataError, Rng, Tensor } from '../src/engine/index.ts';
import { createApp, LibraryService, listen } from '../src/serve/index.ts';
import { installedVersion, machineLine } from './harness/machine.ts';
import { quantile } from './harness/measure.ts';
import { type Row, report, tell } from './harness/report.ts';

const { values: options } = parseArgs({
  options: { json: { type: 'boolean' }, write: { type: 'boolean' }, queries: { type: 'string', default: '200' } },
});
const numQueries = Number(options.queries);
const numWarmUps = 20;
const top = 24;
const librarySizes = [4_000, 50_000];
const rng = new Rng('bench search');

/** A random unit vector. */
function unitVector(dim: number): Float32Array {
  const vector = Float32Array.from({ length: dim }, () => rng.normal());
  const norm = Math.hypot(...vector);
  return vector.map((value) => value / norm);
}

/** Stands in for the built-in encoder where there is none: random unit vectors, at no cost. */
function randomEncoder(dim: number): TextImageEncoder {
  const draw = async (count: number) => {
    const data = new Float32Array(count * dim);
    for (let i = 0; i < count; i++) data.set(unitVector(dim), i * dim);
    return new Tensor('float32', [count, dim], data);
  };
  return {
    id: 'random',
    dim,
    pictureView: { size: 224, padding: 0 },
    encodeTexts: (texts) => draw(texts.length),
    encodePictures: (pictures) => draw(pictures.length),
    close: async () => {},
  };
}

async function openEncoder(): Promise<{ encoder: TextImageEncoder; isTrained: boolean }> {
  try {
    return { encoder: await loadEncoder(undefined, { numThreads: 1 }), isTrained: true };
  } catch (error) {
    if (!(error instanceof MissingDataError)) throw error;
    return { encoder: randomEncoder(256), isTrained: false };
  }
}

/** Texts that are all different, so that nothing can be remembered from one to the next. */
function textQueries(count: number): string[] {
  const adjectives = ['red', 'small', 'round', 'old', 'happy', 'broken', 'striped', 'wooden', 'flying', 'wet'];
  const nouns = ['apple', 'train', 'cat', 'guitar', 'house', 'umbrella', 'mountain', 'shoe', 'clock', 'fish', 'book'];
  const places = ['on a table', 'in the rain', 'at night', 'near the sea', 'under a tree', 'in a box', 'with a hat'];
  const pick = (words: readonly string[]) => words[rng.integer(words.length)]!;
  return Array.from({ length: count }, (_, i) => `${pick(adjectives)} ${pick(nouns)} ${pick(places)} ${i}`);
}

async function fill(library: Library, size: number): Promise<Float32Array> {
  const vectors = new Float32Array(size * library.dim);
  const writer = await library.startWriting();
  const perCommit = 5_000;
  for (let start = 0; start < size; start += perCommit) {
    const rows = Array.from({ length: Math.min(perCommit, size - start) }, (_, i) => {
      const vector = unitVector(library.dim);
      vectors.set(vector, (start + i) * library.dim);
      const path = `/pictures/${start + i}.png`;
      const stamp = { sizeBytes: 1, modifiedMs: 0, contentHash: '', indexedAtMs: 0, tenant: '', tags: [] };
      const file = { ...stamp, kind: 'image', path, width: 72, height: 72, durationSeconds: 0, format: 'png' } as const;
      const times = { startSeconds: 0, endSeconds: 0, keyFrameSeconds: 0, page: 0 };
      const rest = { text: '', thumbnail: new Uint8Array() };
      return { file, segments: [{ ...times, ...rest, kind: 'image' as const, vector }] };
    });
    await writer.put({ indexed: rows });
  }
  await writer.compact();
  await writer.close();
  return vectors;
}

/** What someone writes first: every score, sorted. */
function plainScan(vectors: Float32Array, query: Float32Array): { row: number; score: number }[] {
  const scores = Array.from({ length: vectors.length / query.length }, (_, row) => {
    let score = 0;
    for (let i = 0; i < query.length; i++) score += vectors[row * query.length + i]! * query[i]!;
    return { row, score };
  });
  return scores.sort((a, b) => b.score - a.score).slice(0, top);
}

async function lanceQuery(table: Table, query: Float32Array): Promise<{ path: string }[]> {
  const search = table.vectorSearch(query).distanceType('dot').bypassVectorIndex();
  return await search.select(['path', '_distance']).limit(top).toArray();
}

/** Asks every way the same queries in turn, and returns the milliseconds of each. */
async function measureQueries<Q>(
  queries: readonly Q[],
  ways: Readonly<Record<string, (query: Q) => unknown>>,
): Promise<Record<string, number[]>> {
  const times: Record<string, number[]> = Object.fromEntries(Object.keys(ways).map((name) => [name, []]));
  for (const [i, query] of queries.entries()) {
    const order = i % 2 === 0 ? Object.entries(ways) : Object.entries(ways).reverse();
    for (const [name, ask] of order) {
      const begin = performance.now();
      await ask(query);
      if (i >= numWarmUps) times[name]!.push(performance.now() - begin);
    }
  }
  return times;
}

function rowsOf(name: string, times: Record<string, number[]>): Row[] {
  return [0.5, 0.99].map((fraction) => {
    const { ours, ...peers } = Object.fromEntries(
      Object.entries(times).map(([way, values]) => [way, quantile(values, fraction)]),
    );
    return { name: `${name}, p${fraction * 100}`, unit: 'ms', ours: ours!, peers };
  });
}

/** @throws Error if a peer does not find what we find: then the times would not compare. */
function checkSame(ours: readonly string[], theirs: readonly string[], peer: string): void {
  const common = theirs.filter((path) => ours.includes(path)).length;
  if (common < top - 1) throw new Error(`${peer} finds ${common} of our ${top} nearest; it was asked something else`);
}

async function benchLibrary(size: number, encoder: TextImageEncoder, kind: string): Promise<Row[]> {
  tell(`a library of ${size} vectors of ${encoder.dim} dimensions`);
  const directory = mkdtempSync(join(tmpdir(), 'sensorium-bench-'));
  try {
    const library = await openLibrary(directory, { create: true, encoderId: encoder.id, dim: encoder.dim });
    const vectors = await fill(library, size);
    const connection = await connect(directory, { readConsistencyInterval: 0 });
    const table = await connection.openTable('segments');
    const probe = unitVector(encoder.dim);
    const found = (await library.nearest(probe, top)).map(({ path }) => path);
    const scanned = plainScan(vectors, probe).map(({ row }) => `/pictures/${row}.png`);
    checkSame(found, scanned, 'the plain scan');
    checkSame(
      found,
      (await lanceQuery(table, probe)).map(({ path }) => path),
      'LanceDB',
    );

    const vectorQueries = Array.from({ length: numQueries + numWarmUps }, () => unitVector(encoder.dim));
    const nearest = await measureQueries(vectorQueries, {
      ours: (query) => library.nearest(query, top),
      LanceDB: (query) => lanceQuery(table, query),
      'plain JavaScript': (query) => plainScan(vectors, query),
    });
    const service = new LibraryService({ directory });
    await service.useEncoder(async () => encoder);
    await service.refresh(true);
    const server = await listen(await createApp({ service }), { host: '127.0.0.1', port: 0 });
    const texts = textQueries(numQueries + numWarmUps);
    const whole = await measureQueries(texts, {
      ours: (text) => searchLibrary({ library, encoder, query: { text }, top }),
      LanceDB: async (text) => lanceQuery(table, (await encoder.encodeTexts([text])).data),
    });
    const overHttp = await measureQueries(texts, {
      ours: async (text) => {
        const url = `http://127.0.0.1:${server.port}/api/search?top=${top}&text=${encodeURIComponent(text)}`;
        const response = await fetch(url);
        const { hits, weaker } = (await response.json()) as { hits: unknown[]; weaker: unknown[] };
        // Made-up vectors match nothing.
        if (hits.length + weaker.length !== top) throw new Error(`${url} gave ${hits.length + weaker.length} hits`);
      },
    });
    await server.close();
    connection.close();
    await library.close();
    return [
      ...rowsOf(`nearest of ${size}`, nearest),
      ...rowsOf(`${kind} in ${size}, in process`, whole),
      ...rowsOf(`${kind} in ${size}, over HTTP`, overHttp),
    ];
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

const { encoder, isTrained } = await openEncoder();
const kind = isTrained ? 'text search' : 'search by a random vector';
const encoding = isTrained
  ? rowsOf(
      'encoding a text',
      await measureQueries(textQueries(numQueries + numWarmUps), { ours: (text) => encoder.encodeTexts([text]) }),
    )
  : [];
const rows: Row[] = [...encoding];
for (const size of librarySizes) rows.push(...(await benchLibrary(size, encoder, kind)));
await encoder.close();
await report({
  bench: 'search',
  machine: machineLine([`LanceDB ${installedVersion('@lancedb/lancedb')}`]),
  rows,
  notes: [
    `${numQueries} queries each, one after another, the best ${top} of synthetic unit vectors of ${encoder.dim} dimensions; every way answers exactly.`,
    'LanceDB is asked for its own exact search of the same table; plain JavaScript computes all scores and sorts them.',
    isTrained
      ? `The encoder is ${encoder.id}, on one thread; LanceDB's rows of text search include the same encoding.`
      : 'There is no built-in bundle: the vectors of queries are random and cost nothing to make.',
  ],
});
