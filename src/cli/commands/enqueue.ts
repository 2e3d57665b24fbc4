/** @file `sensorium enqueue`: gives the files of a folder to the workers. */
import { defineCommand } from 'citty';
import { UsageError } from '../failure.ts';
import { listenForInterrupt } from '../interrupt.ts';
import { outputOptions, printJson, printLines } from '../output.ts';
import { showProgress } from '../progress-bar.ts';
import { queueOptions } from './worker.ts';

const loadSearch = () => import('../../apps/search/index.ts');

/** Files that were given up are named up to this number. */
const shownDead = 10;

export default defineCommand({
  meta: { name: 'enqueue', description: 'Give the files of a folder to the workers' },
  args: {
    folder: { type: 'positional', description: 'The folder of files, at the same path everywhere' },
    library: { type: 'string', description: 'The library that a worker has made', valueHint: 'dir' },
    wait: { type: 'boolean', description: 'Wait until the workers are done' },
    ...queueOptions,
    ...outputOptions,
  },
  async run({ args }) {
    if (!args.library) throw new UsageError('enqueue: say where the library is: --library <dir>');
    const { enqueueFolder, openLibrary, WorkQueue } = await loadSearch();
    const interrupt = listenForInterrupt();
    const bar = showProgress(args);
    const library = await openLibrary(args.library);
    const queue = await WorkQueue.open({ servers: args.nats, name: args.queue, shards: library.shards ?? 1 });
    try {
      const { signal } = interrupt;
      const { onProgress } = bar;
      const report = await enqueueFolder({
        ...{ library, queue, folder: args.folder as string, signal, onProgress, wait: args.wait ?? false },
      });
      bar.close();
      const dead = report.dead === 0 ? [] : (await queue.deadLetters(Number.POSITIVE_INFINITY)).slice(-report.dead);
      if (args.json) printJson({ ...report, deadLetters: dead });
      else {
        const { enqueued, gone, unchanged, skipped } = report;
        printLines(
          `${enqueued} given to the workers, of them ${gone} gone; ${unchanged} unchanged, ${skipped.length} skipped, ${report.dead} given up`,
          ...dead
            .slice(0, shownDead)
            .map(({ path, reason, tries }) => `given up ${path} after ${tries} tries: ${reason}`),
        );
      }
    } finally {
      bar.close();
      await queue.close();
      await library.close();
      interrupt.dispose();
    }
  },
});
