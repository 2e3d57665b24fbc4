/**
 * @file The indexing process: takes an IndexingTask as its argument and reports IndexingEvents to the server that started it.
 * When the server is gone it ends at once; batches that were written stay, and the next run goes on there.
 */
import { setPriority } from 'node:os';
import {
  EncoderMismatchError,
  indexFolder,
  type Library,
  LibraryBusyError,
  openLibrary,
} from '../../apps/search/index.ts';
import { type Encoder, loadEncoder } from '../../bundle/index.ts';
import type { IndexingTask } from '../server/indexing-process.ts';
import type { IndexingEvent } from '../server/indexing-progress.ts';

// Without the manners of `exit`, which waits for native threads: what was written is whole, the rest is made anew.
const onServerGone = () => process.kill(process.pid, 'SIGKILL');
process.on('disconnect', onServerGone);
// Ctrl-C reaches every process of a terminal; the server decides what it means.
process.on('SIGINT', () => {});

const tell = (event: IndexingEvent) =>
  new Promise<void>((resolve) => {
    if (process.send === undefined) resolve();
    else process.send(event, () => resolve());
  });

/** Searches go first, yet on a busy machine the indexing still gets about a third of what others get. */
const niceness = 5;

/** How long to wait for another writer, such as the process of a server that was just killed. */
const patienceMs = 10_000;

async function openForIndexing(task: IndexingTask, encoder: Encoder): Promise<Library> {
  const options = { create: true, encoderId: encoder.id, dim: encoder.dim };
  try {
    return await openLibrary(task.library, options);
  } catch (error) {
    if (!(error instanceof EncoderMismatchError) || task.rebuild !== true) throw error;
    return await openLibrary(task.library, { ...options, rebuild: true });
  }
}

async function run(task: IndexingTask): Promise<void> {
  const encoder = await loadEncoder(task.model, { prepare: ['text', 'image'] });
  await tell({ type: 'encoder-ready' });
  const startedAtMs = performance.now();
  for (;;) {
    try {
      const library = await openForIndexing(task, encoder);
      await tell({ type: 'library-ready' });
      let skipped = 0;
      let before = 0;
      for (const folder of task.folders) {
        let inFolder = 0;
        const report = await indexFolder({
          library,
          folder,
          encoder,
          onProgress: ({ done, total = done, figures }) => {
            inFolder = total;
            const rate = figures?.['hours/h'];
            const speed = rate === undefined ? {} : { mediaHoursPerHour: rate };
            void tell({ type: 'progress', done: before + done, total: before + total, ...speed });
          },
        });
        before += inFolder;
        skipped += report.skipped.length;
      }
      await library.close();
      await encoder.close();
      await tell({ type: 'done', skipped });
      return;
    } catch (error) {
      if (!(error instanceof LibraryBusyError) || performance.now() - startedAtMs > patienceMs) throw error;
      await new Promise((resolve) => setTimeout(resolve, 500));
    }
  }
}

try {
  setPriority(niceness);
} catch {
  // Not every system lets a process step back; it works all the same.
}
try {
  await run(JSON.parse(process.argv[2] ?? '{}') as IndexingTask);
  process.exitCode = 0;
} catch (error) {
  await tell({ type: 'failed', message: error instanceof Error ? error.message : String(error) });
  process.exitCode = 1;
}
process.off('disconnect', onServerGone);
if (process.connected) process.disconnect();
