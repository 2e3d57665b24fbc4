/** @file `sensorium worker`: indexes files that a queue gives out, into one or more shards of a library. */
import { defineCommand } from 'citty';
import { UsageError } from '../failure.ts';
import { listenForInterrupt } from '../interrupt.ts';
import { outputOptions, printLines } from '../output.ts';

const loadSearch = () => import('../../apps/search/index.ts');
const loadBundle = () => import('../../bundle/index.ts');

/** Options of every command that uses the queue. */
export const queueOptions = {
  nats: { type: 'string', description: 'The NATS server', default: 'nats://127.0.0.1:4222', valueHint: 'address' },
  queue: { type: 'string', description: 'The name of the queue', default: 'sensorium', valueHint: 'name' },
} as const;

/** A whole number that was given as an option. @throws UsageError */
function countOf(name: string, value: string): number {
  const count = /^\d{1,5}$/.test(value.trim()) ? Number(value) : Number.NaN;
  if (!Number.isNaN(count)) return count;
  throw new UsageError(`worker: ${name} must be whole numbers, got ${value}`);
}

export default defineCommand({
  meta: { name: 'worker', description: 'Index files from a queue into a shard of a library, beside other machines' },
  args: {
    library: { type: 'string', description: 'The library; made if it is not there', valueHint: 'dir' },
    root: { type: 'string', description: 'The folder of the files, at the same path everywhere', valueHint: 'dir' },
    shard: { type: 'string', description: 'The shards of this worker, with commas', default: '0', valueHint: 'k' },
    shards: { type: 'string', description: 'In how many shards a new library lies', default: '1', valueHint: 'n' },
    model: { type: 'string', description: 'A bundle; the built-in one by default', valueHint: 'bundle' },
    ...queueOptions,
    ...outputOptions,
  },
  async run({ args }) {
    if (!args.library || !args.root) throw new UsageError('worker: give --library <dir> and --root <dir>');
    const shards = args.shard.split(',').map((one) => countOf('--shard', one));
    const numShards = countOf('--shards', args.shards);
    const { openLibrary, runWorker, WorkQueue } = await loadSearch();
    const { loadEncoder } = await loadBundle();
    const interrupt = listenForInterrupt();
    const encoder = await loadEncoder(args.model);
    const { id: encoderId, dim } = encoder;
    const isThere = await openLibrary(args.library, {
      create: true,
      encoderId,
      dim,
      ...(numShards > 1 ? { shards: numShards } : {}),
    });
    const queue = await WorkQueue.open({ servers: args.nats, name: args.queue, shards: isThere.shards ?? 1 });
    const say = (line: string) => void (args.quiet || process.stderr.write(`${line}\n`));
    try {
      await runWorker({
        ...{ address: args.library, library: isThere, queue, encoder, root: args.root, shards },
        signal: interrupt.signal,
        onDone: (shard, count) => say(`shard ${shard}: ${count} files done`),
        onProblem: say,
      });
      printLines('stopped');
    } finally {
      await queue.close();
      await isThere.close();
      await encoder.close();
      interrupt.dispose();
    }
  },
});
