/** @file The processes of the bench `large-library`: writes, compacts, checks or opens a library of made-up segments; the task is its argument, its last line the figures. */
import { openLibrary } from '../../src/apps/search/index.ts';
import type { IndexedFile } from '../../src/apps/search/store/segment.ts';
import { Rng } from '../../src/engine/core/index.ts';
import { quantile } from '../harness/measure.ts';

/** What the process is to do. */
export interface LargeLibraryTask {
  readonly do: 'write' | 'compact' | 'check' | 'open';
  readonly directory: string;
  readonly dim: number;
  readonly numFiles: number;
  readonly segmentsPerFile: number;
  readonly filesPerCommit: number;
}

const task = JSON.parse(process.argv[2]!) as LargeLibraryTask;
const { directory, dim, numFiles, segmentsPerFile, filesPerCommit } = task;
const numCentres = 5000;
const spread = 0.5;

const centreRng = new Rng('centres');
const centres = Array.from({ length: numCentres }, () => centreRng.fillNormal(new Float32Array(dim)));

/** A unit vector near a centre. */
function vector(rng: Rng): Float32Array {
  const centre = centres[rng.integer(numCentres)]!;
  const values = rng.fillNormal(new Float32Array(dim));
  let squares = 0;
  for (let d = 0; d < dim; d++) {
    values[d] = centre[d]! + spread * values[d]!;
    squares += values[d]! * values[d]!;
  }
  const factor = 1 / Math.sqrt(squares);
  for (let d = 0; d < dim; d++) values[d]! *= factor;
  return values;
}

const pathOf = (i: number) => `/videos/${i % 50}/${i}.mp4`;

function file(i: number): IndexedFile {
  const rng = new Rng(`file ${i}`);
  const stamp = { sizeBytes: 1, modifiedMs: i, contentHash: String(i), indexedAtMs: 1, tenant: '', tags: [] };
  const size = { width: 1280, height: 720, durationSeconds: 8 * segmentsPerFile };
  return {
    file: { ...stamp, ...size, path: pathOf(i), kind: 'video', format: 'mp4' },
    segments: Array.from({ length: segmentsPerFile }, (_, k) => ({
      kind: 'video',
      startSeconds: 8 * k,
      endSeconds: 8 * k + 8,
      keyFrameSeconds: 8 * k + 4,
      page: 0,
      vector: vector(rng),
      text: k === 0 ? `file ${i}` : '',
      thumbnail: new Uint8Array(),
    })),
  };
}

const say = (line: string) => process.stdout.write(`${line}\n`);
const now = () => performance.now();
const library = await openLibrary(directory, {
  create: true,
  encoderId: 'made up',
  dim,
  maxMemoryBytes: 2_000_000_000,
});

if (task.do === 'write') {
  const writer = await library.startWriting();
  const known = await writer.known();
  let inPut = 0;
  let written = 0;
  for (let start = 0; start < numFiles; start += filesPerCommit) {
    const numbers = Array.from({ length: Math.min(filesPerCommit, numFiles - start) }, (_, i) => start + i);
    const missing = numbers.filter((i) => !known.has(pathOf(i)));
    const indexed = missing.map(file);
    const began = now();
    if (indexed.length > 0) await writer.put({ indexed });
    inPut += now() - began;
    written += indexed.length * segmentsPerFile;
    say(`acknowledged ${start + numbers.length}`);
  }
  await writer.close();
  say(JSON.stringify({ segmentsPerSecond: written / (inPut / 1000) }));
} else if (task.do === 'compact') {
  const writer = await library.startWriting();
  say('compacting');
  const began = now();
  await writer.compact();
  await writer.close();
  say(JSON.stringify({ seconds: (now() - began) / 1000 }));
} else if (task.do === 'check') {
  // What a killed writer has left is cleared away by the next.
  const writer = await library.startWriting();
  const known = await writer.known();
  await writer.close();
  const numbers = new Set<string>();
  let doubled = 0;
  let segments = 0;
  for await (const batch of library.batches()) {
    segments += batch.length;
    for (let i = 0; i < batch.length; i++) {
      const key = `${batch.fileNumbers[i]} ${batch.indices[i]}`;
      if (numbers.has(key)) doubled += 1;
      numbers.add(key);
    }
  }
  say(JSON.stringify({ files: known.size, segments, doubled }));
} else {
  const rng = new Rng('queries');
  const began = now();
  await library.nearest(vector(rng), 10);
  const firstSeconds = (now() - began) / 1000;
  const time = async (folder?: string) => {
    const times: number[] = [];
    for (let i = 0; i < 200; i++) {
      const query = vector(rng);
      const start = now();
      await library.nearest(query, 10, folder === undefined ? {} : { folder });
      if (i >= 20) times.push(now() - start);
    }
    return times;
  };
  const all = await time();
  const some = await time('/videos/7');
  say(
    JSON.stringify({
      firstSeconds,
      residentBytes: process.memoryUsage.rss(),
      p50: quantile(all, 0.5),
      p99: quantile(all, 0.99),
      filteredP50: quantile(some, 0.5),
      recall: library.recall?.recall ?? Number.NaN,
    }),
  );
}
await library.close();
