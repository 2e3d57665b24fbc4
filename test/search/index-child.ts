/**
 * @file A process that indexes, for tests that kill it or run two at a time.
 * Usage: node --import ./scripts/typescript.mjs test/search/index-child.ts <library> <folder> [milliseconds per batch | stdin]
 * With `stdin` it stays in the first batch until its input ends.
 * Prints `acknowledged N` after each batch, `done <report>` at the end, and `failed <name>: <message>` on failure.
 */
import { once } from 'node:events';
import { setTimeout as wait } from 'node:timers/promises';
import { indexFolder, openLibrary } from '../../src/apps/search/index.ts';
import { colourEncoder } from './colour-encoder.ts';

const [directory, folder, batchMs = '0'] = process.argv.slice(2) as [string, string, string?];
const inputEnds = batchMs === 'stdin' ? once(process.stdin.resume(), 'end').then(() => {}) : undefined;
const encoder = colourEncoder({ beforePictures: () => (batchMs === 'stdin' ? inputEnds : wait(Number(batchMs))) });
try {
  const library = await openLibrary(directory, { create: true, encoderId: encoder.id, dim: encoder.dim });
  const onProgress = ({ done }: { done: number }) => process.stdout.write(`acknowledged ${done}\n`);
  const report = await indexFolder({ library, folder, encoder, onProgress, batchSize: 8 });
  process.stdout.write(`done ${JSON.stringify(report)}\n`);
} catch (error) {
  process.stdout.write(`failed ${(error as Error).name}: ${(error as Error).message}\n`);
  process.exitCode = 1;
}
