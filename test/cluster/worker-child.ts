/**
 * @file A worker in a process of its own, for tests that kill it.
 * Usage: node --import ./scripts/typescript.mjs test/cluster/worker-child.ts <library> <root> <nats> <shards with commas> <milliseconds per batch>
 */
import { setTimeout as wait } from 'node:timers/promises';
import { openLibrary, runWorker, WorkQueue } from '../../src/apps/search/index.ts';
import { colourEncoder } from '../search/colour-encoder.ts';

const [address, root, servers, list, batchMs] = process.argv.slice(2) as [string, string, string, string, string];
const encoder = colourEncoder({ beforePictures: () => wait(Number(batchMs)) });
const library = await openLibrary(address, { create: true, encoderId: encoder.id, dim: encoder.dim, shards: 2 });
const queue = await WorkQueue.open({ servers, shards: 2, ackWaitMs: 2000 });
const ended = new AbortController();
process.on('SIGTERM', () => ended.abort(new Error('stopped')));
await runWorker({
  ...{ address, library, queue, encoder, root, signal: ended.signal, batchSize: 8 },
  shards: list.split(',').map(Number),
  onProblem: (problem) => process.stderr.write(`${problem}\n`),
});
await queue.close();
await library.close();
process.exit(0);
