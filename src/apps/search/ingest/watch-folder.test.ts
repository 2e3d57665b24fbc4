/** @file A folder that is watched: what comes and goes is found and forgotten. */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { colourEncoder, colourSvg } from '../../../../test/search/colour-encoder.ts';
import { type IndexReport, openLibrary, watchFolder } from '../index.ts';

test('indexes what comes and forgets what goes, until it is told to end', async () => {
  const root = await mkdtemp(join(tmpdir(), 'watch-'));
  const folder = join(root, 'pictures');
  await mkdir(join(folder, 'deep'), { recursive: true });
  await writeFile(join(folder, 'a.svg'), colourSvg('red'));
  const encoder = colourEncoder();
  const library = await openLibrary(join(root, 'library'), { create: true, encoderId: encoder.id, dim: encoder.dim });
  const controller = new AbortController();
  const reports: IndexReport[] = [];
  let told = () => {};
  const next = () => new Promise<void>((resolve) => (told = resolve));
  const first = next();
  const watching = watchFolder({
    library,
    folder,
    encoder,
    signal: controller.signal,
    quietMs: 50,
    // So that the test holds where the system tells nothing.
    everyMs: 500,
    onReport: (report) => {
      reports.push(report);
      told();
    },
  });
  try {
    await first;
    expect(reports[0]).toMatchObject({ added: 1 });
    await writeFile(join(folder, 'deep', 'b.svg'), colourSvg('blue'));
    while (!reports.some(({ added }, i) => i > 0 && added === 1)) await next();
    expect(await library.count()).toBe(2);
    await rm(join(folder, 'a.svg'));
    while (!reports.some(({ removed }) => removed === 1)) await next();
    expect(await library.count()).toBe(1);
  } finally {
    controller.abort();
    await watching;
    await library.close();
    await rm(root, { recursive: true });
  }
}, 20_000);
