/** @file Workers and their queue with a real nats-server: what happens when any of them is killed. Skipped where there is no nats-server. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { enqueueFolder, openLibrary, runWorker, WorkQueue } from '../../src/apps/search/index.ts';
import { Rng } from '../../src/engine/core/index.ts';
import { colourEncoder, colourSvg, colours } from '../search/colour-encoder.ts';
import { hasNatsServer, NatsServer } from './nats-server.ts';

const encoder = colourEncoder();
const colourNames = Object.keys(colours) as (keyof typeof colours)[];
let directory: string;
let root: string;
let server: NatsServer;
const children = new Set<ChildProcess>();
const libraryAt = () => join(directory, 'library');

const open = () => openLibrary(libraryAt(), { create: true, encoderId: encoder.id, dim: encoder.dim, shards: 2 });

/** A worker in a process of its own. */
function startWorker(shards: string, batchMs = 20): ChildProcess {
  const program = ['--import', './scripts/typescript.mjs', 'test/cluster/worker-child.ts'];
  const child = spawn(process.execPath, [...program, libraryAt(), root, server.address, shards, String(batchMs)], {
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  children.add(child);
  child.once('exit', () => children.delete(child));
  return child;
}

async function end(child: ChildProcess, signal: 'SIGKILL' | 'SIGTERM' = 'SIGKILL'): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, 'exit');
  child.kill(signal);
  await ended;
}

beforeEach(async () => {
  if (!hasNatsServer) return;
  directory = await realpath(await mkdtemp(join(tmpdir(), 'sensorium-cluster-')));
  root = join(directory, 'files');
  await mkdir(root);
  server = await NatsServer.start(join(directory, 'streams'));
});
afterEach(async () => {
  if (!hasNatsServer) return;
  for (const child of children) await end(child);
  await server.kill();
  await rm(directory, { recursive: true, force: true });
});

describe.skipIf(!hasNatsServer)('workers', () => {
  // It takes half a minute on two cores: npm run test:cluster.
  it.skipIf(process.env.CLUSTER === undefined)(
    'lose nothing and double nothing when they and the server of the queue are killed',
    async () => {
      const count = 300;
      for (let i = 0; i < count; i++) await writeFile(join(root, `${i}.svg`), colourSvg(colourNames[i % 6]!, `${i}`));
      const library = await open();
      const queue = await WorkQueue.open({ servers: server.address, shards: 2, ackWaitMs: 2000 });
      const { enqueued } = await enqueueFolder({ library, queue, folder: root });
      expect(enqueued).toBe(count);
      const rng = new Rng('kills');
      const workers = [startWorker('0'), startWorker('1')];
      // What was told to be done once must be there ever after.
      const seen = new Set<string>();
      const look = async () => {
        const now = await library.stamps();
        for (const path of seen) expect(now.has(path)).toBe(true);
        for (const path of now.keys()) seen.add(path);
      };
      const until = async (files: number) => {
        while (seen.size < files && (await queue.remaining()) > 0) {
          await wait(50);
          await look();
        }
      };
      for (const victim of ['worker', 'server', 'worker'] as const) {
        await until(seen.size + 1 + rng.integer(40));
        if (victim === 'server') {
          await server.kill();
          await server.restart();
        } else {
          const at = rng.integer(2);
          await end(workers[at]!);
          workers[at] = startWorker(String(at));
        }
      }
      await until(count);
      while ((await queue.remaining()) > 0) await wait(100);
      await look();
      expect(seen.size).toBe(count);
      expect(await library.count()).toBe(count);
      expect(await library.countSegments()).toBe(count);
      const hits = await library.nearest((await encoder.encodeTexts(['red'])).data, 1000);
      expect(new Set(hits.map(({ path }) => path)).size).toBe(count);
      expect(await queue.countDead()).toBe(0);
      // A second look finds nothing to do.
      expect((await enqueueFolder({ library, queue, folder: root })).enqueued).toBe(0);
      for (const worker of workers) await end(worker, 'SIGTERM');
      await queue.close();
      await library.close();
    },
    300_000,
  );

  it('take files out that are gone, leave damaged ones as refused, and give up what cannot be had', async () => {
    await writeFile(join(root, 'red.svg'), colourSvg('red'));
    await writeFile(join(root, 'blue.svg'), colourSvg('blue'));
    await writeFile(join(root, 'broken.png'), 'no picture');
    const library = await open();
    const queue = await WorkQueue.open({ servers: server.address, shards: 2, ackWaitMs: 2000 });
    const ended = new AbortController();
    const working = runWorker({
      ...{ address: libraryAt(), library, queue, encoder, root, signal: ended.signal, shards: [0, 1], maxTries: 2 },
    });
    const drained = { library, queue, folder: root, wait: true };
    expect(await enqueueFolder(drained)).toMatchObject({ enqueued: 3, dead: 0 });
    expect((await library.refused()).map(({ path }) => path)).toEqual([join(root, 'broken.png')]);
    await rm(join(root, 'blue.svg'));
    await queue.publish(0, { path: join(root, 'never there.svg') }, 'x');
    await queue.publish(0, { path: '/etc/passwd' }, 'x');
    expect(await enqueueFolder(drained)).toMatchObject({ enqueued: 1, gone: 1, unchanged: 2, dead: 2 });
    expect(await library.count()).toBe(1);
    const letters = await queue.deadLetters(10);
    expect(letters.map(({ path, tries }) => [path, tries]).sort()).toEqual([
      ['/etc/passwd', 1],
      [join(root, 'never there.svg'), 2],
    ]);
    // A copy of a file whose original has gone meanwhile is read, not sought for ever.
    await writeFile(join(root, 'blue again.svg'), colourSvg('blue'));
    expect(await enqueueFolder(drained)).toMatchObject({ enqueued: 1, dead: 0 });
    expect(await library.count()).toBe(2);
    ended.abort(new Error('done'));
    await working;
    await queue.close();
    await library.close();
  });
});
