/**
 * @file How near the scan of codes comes to the memory's bandwidth: against a plain sum, in WebAssembly too, of the same bytes by as many threads, taking turns.
 */
import { Worker } from 'node:worker_threads';
import { scanCodes } from '../../../src/apps/search/scan/code-scan.ts';
import { advance, countDown, Frame } from '../../../src/apps/search/scan/frame.ts';
import { extentParts, rowsPerExtent } from '../../../src/apps/search/scan/layout.ts';
import { RowMemory } from '../../../src/apps/search/scan/row-memory.ts';
import { Rng } from '../../../src/engine/core/index.ts';
import { wasm, wasmModule } from '../../../src/engine/kernels/index.ts';

const numSums = 8;
const bytesPerStep = 256;
const bytesPerExtent = extentParts.alive;

/** `sum(start, steps)`: adds up 32-bit words, 256 bytes a step. */
function sumModule(sharesMemory: boolean): WebAssembly.Module {
  const frame = new Frame(['i32', 'i32']);
  const sums = frame.locals('v128', numSums);
  const step = Array.from({ length: bytesPerStep / 16 }, (_, i) => [
    ...wasm.get(sums[i % numSums]!),
    ...wasm.get(0),
    ...wasm.v128.load(16 * i),
    ...wasm.i32x4.add,
    ...wasm.set(sums[i % numSums]!),
  ]).flat();
  const total = [...wasm.get(sums[0]!), ...sums.slice(1).flatMap((sum) => [...wasm.get(sum), ...wasm.i32x4.add])];
  const body = [...countDown(1, [...step, ...advance(0, bytesPerStep)]), ...total, ...wasm.i32x4.lane(0)];
  return new WebAssembly.Module(wasmModule([frame.function('sum', body, ['i32'])], { sharesMemory }));
}

/** What a helper runs: it adds up its extents whenever it is told to. */
const helperText = `
const { workerData: { memory, module, flags, from, to, extents, extentBytes, steps } } = require('node:worker_threads');
const { sum } = new WebAssembly.Instance(module, { env: { memory } }).exports;
for (let turn = 0; ; ) {
  Atomics.wait(flags, 0, turn);
  turn = Atomics.load(flags, 0);
  for (let i = from; i < to; i++) sum(extents + i * extentBytes, steps);
  Atomics.sub(flags, 1, 1);
}
`;

/** Milliseconds of scanning and of summing the codes of `numRows` rows, with two threads or one. */
export async function scanAndSum(
  numRows: number,
  numThreads: 1 | 2,
  numTurns: number,
): Promise<{ scanMs: number[]; sumMs: number[]; bytes: number }> {
  // The vectors do not matter here: few dimensions, random codes.
  const dim = 16;
  const numExtents = Math.floor(numRows / rowsPerExtent);
  const memory = new RowMemory({ dim, maxBytes: 2e9, numThreads });
  const rng = new Rng('bandwidth');
  const vectors = new Float32Array(rowsPerExtent * dim);
  for (let row = 0; row < rowsPerExtent; row++) vectors[row * dim + rng.integer(dim)] = 1;
  const words = new Uint32Array((rowsPerExtent * 32) / 4);
  for (let extent = 0; extent < numExtents; extent++) {
    for (let i = 0; i < words.length; i++) words[i] = rng.uint32();
    memory.add(vectors, { codes: new Uint8Array(words.buffer) });
  }
  const module = sumModule(numThreads > 1);
  const { extents, extentBytes } = memory.layout;
  const flags = new Int32Array(new SharedArrayBuffer(8));
  const half = numThreads === 2 ? numExtents >> 1 : numExtents;
  const steps = bytesPerExtent / bytesPerStep;
  const shared = { memory: memory.crew.memory, module, flags, extents, extentBytes, steps };
  const helper =
    numThreads === 1
      ? undefined
      : new Worker(helperText, { eval: true, execArgv: [], workerData: { ...shared, from: half, to: numExtents } });
  const instance = new WebAssembly.Instance(module, { env: { memory: memory.crew.memory } });
  const sum = instance.exports.sum as (start: number, steps: number) => number;
  const sumAll = () => {
    if (helper !== undefined) {
      Atomics.store(flags, 1, 1);
      Atomics.add(flags, 0, 1);
      Atomics.notify(flags, 0);
    }
    for (let i = 0; i < half; i++) sum(extents + i * extentBytes, steps);
    while (Atomics.load(flags, 1) > 0);
  };
  const query = () => {
    const values = Float64Array.from({ length: dim }, () => rng.normal());
    const length = Math.hypot(...values);
    return values.map((value) => value / length);
  };
  const [scanMs, sumMs]: [number[], number[]] = [[], []];
  for (let turn = -20; turn < numTurns; turn++) {
    const asked = query();
    let begin = performance.now();
    await scanCodes(memory, asked, 100);
    if (turn >= 0) scanMs.push(performance.now() - begin);
    begin = performance.now();
    sumAll();
    if (turn >= 0) sumMs.push(performance.now() - begin);
  }
  await helper?.terminate();
  await memory.crew.close();
  return { scanMs, sumMs, bytes: numExtents * bytesPerExtent };
}
