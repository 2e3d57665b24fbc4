/** @file Indexing of real folders: what changes, what is refused, and what survives a kill. */
import { type ChildProcess, spawn } from 'node:child_process';
import { chmod, chown, mkdir, mkdtemp, readdir, rename, rm, symlink, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import sharp from 'sharp';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { colourEncoder, colourSvg, colours } from '../../../../test/search/colour-encoder.ts';
import type { Progress } from '../../../engine/core/index.ts';
import { type IndexReport, indexFolder, type Library, openLibrary, searchLibrary } from '../index.ts';

let root: string;
let folder: string;
let directory: string;
const open: Library[] = [];
const children: ChildProcess[] = [];

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'index-folder-'));
  folder = join(root, 'pictures');
  directory = join(root, 'library');
  await mkdir(folder);
});
afterEach(async () => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
  for (const library of open.splice(0)) await library.close();
  await rm(root, { recursive: true, force: true });
});

async function openTestLibrary(): Promise<Library> {
  const { id, dim } = colourEncoder();
  const library = await openLibrary(directory, { create: true, encoderId: id, dim });
  open.push(library);
  return library;
}

async function index(encoder = colourEncoder()): Promise<IndexReport> {
  return await indexFolder({ library: await openTestLibrary(), folder, encoder, batchSize: 4 });
}

/** Every path of the library, as often as it is there. */
async function paths(): Promise<string[]> {
  const library = await openTestLibrary();
  const { hits } = await searchLibrary({ library, encoder: colourEncoder(), query: { text: 'red' }, top: 1000 });
  return hits.map(({ path }) => path.slice(folder.length + 1)).sort();
}

const write = (name: string, content: string | Uint8Array) => writeFile(join(folder, name), content);

describe('indexFolder', () => {
  test('finds every format, in folders of any name and depth, by content and not by name', async () => {
    const deep = join(folder, 'mit Leerzeichen & "Anführung"', "l'été 夏 🍉");
    await mkdir(deep, { recursive: true });
    const square = (colour: string) => sharp({ create: { width: 20, height: 10, channels: 3, background: colour } });
    await writeFile(join(deep, 'a b 🍓.svg'), colourSvg('red'));
    await writeFile(join(deep, 'png'), await square('blue').png().toBuffer());
    await write('b.jpg', await square('lime').jpeg().toBuffer());
    await write('c.webp', await square('yellow').webp().toBuffer());
    await write('d.gif', await square('purple').gif().toBuffer());
    await write('e.txt', await square('orange').png().toBuffer());
    const report = await index();
    expect(report).toMatchObject({ added: 6, updated: 0, unchanged: 0, removed: 0, skipped: [] });

    const library = await openTestLibrary();
    const find = async (text: string) => {
      const { hits } = await searchLibrary({ library, encoder: colourEncoder(), query: { text }, top: 1 });
      return hits[0]!;
    };
    expect(await find('a red thing')).toMatchObject({ path: join(deep, 'a b 🍓.svg'), width: 40, height: 30 });
    expect(await find('blue')).toMatchObject({ path: join(deep, 'png'), width: 20, height: 10 });
    expect((await find('orange')).path).toBe(join(folder, 'e.txt'));
    expect((await find('red')).score).toBeCloseTo(1, 3);
  });

  test('lists what is no picture and goes on with the rest', async () => {
    await write('good.svg', colourSvg('red'));
    await write('program.ts', 'const milk = 1;');
    await write('empty.png', '');
    await write('broken.png', Uint8Array.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, 0, 0]));
    await write('laughs.svg', `<!DOCTYPE svg [<!ENTITY a "&b;">]><svg xmlns="http://www.w3.org/2000/svg"/>`);
    await write('.hidden.svg', colourSvg('red'));
    await symlink(join(root, 'nowhere'), join(folder, 'dangling.png'));
    const report = await index();
    expect(report.added).toBe(1);
    const reasons = Object.fromEntries(
      report.skipped.map(({ path, reason }) => [path.slice(folder.length + 1), reason]),
    );
    expect(Object.keys(reasons).sort()).toEqual([
      'broken.png',
      'dangling.png',
      'empty.png',
      'laughs.svg',
      'program.ts',
    ]);
    expect(reasons['program.ts']).toMatch(/a text that is no document by its name/);
    expect(reasons['empty.png']).toMatch(/must not be empty/);
    expect(reasons['broken.png']).toMatch(/damaged PNG/);
    expect(reasons['laughs.svg']).toMatch(/entities/);
    expect(reasons['dangling.png']).toMatch(/leads nowhere/);
  });

  test('enters linked folders once, and ends in a loop of links', async () => {
    await mkdir(join(folder, 'a'));
    await writeFile(join(folder, 'a', 'x.svg'), colourSvg('red'));
    await symlink(folder, join(folder, 'a', 'loop'));
    await symlink(join(folder, 'a'), join(folder, 'b'));
    expect((await index()).added).toBe(1);
    expect(await paths()).toEqual(['a/x.svg']);
  });

  test('a second run touches only what changed', async () => {
    for (const colour of ['red', 'green', 'blue', 'yellow', 'purple'] as const)
      await write(`${colour}.svg`, colourSvg(colour));
    expect((await index()).added).toBe(5);

    const idle = colourEncoder();
    expect(await index(idle)).toMatchObject({ added: 0, updated: 0, unchanged: 5, removed: 0 });
    expect(idle.encodedPictures).toBe(0);

    await write('red.svg', colourSvg('orange', 'repainted'));
    await utimes(join(folder, 'green.svg'), new Date(), new Date(Date.now() - 60_000));
    await rename(join(folder, 'blue.svg'), join(folder, 'renamed.svg'));
    await rm(join(folder, 'yellow.svg'));
    await write('purple.svg', 'no picture any more');
    await write('new.svg', colourSvg('yellow', 'new'));
    const encoder = colourEncoder();
    const report = await index(encoder);
    expect(report).toMatchObject({ added: 2, updated: 1, unchanged: 1, removed: 3 });
    expect(encoder.encodedPictures).toBe(2);
    expect(await paths()).toEqual(['green.svg', 'new.svg', 'red.svg', 'renamed.svg']);
    const library = await openTestLibrary();
    const { hits } = await searchLibrary({ library, encoder, query: { text: 'orange' }, top: 1 });
    expect(hits[0]!.path).toBe(join(folder, 'red.svg'));
    expect(hits[0]!.score).toBeCloseTo(1, 3);
    expect(await index()).toMatchObject({ added: 0, updated: 0, unchanged: 4, removed: 0 });
  });

  test('leaves the pictures of other folders alone', async () => {
    await write('a.svg', colourSvg('red'));
    await index();
    const other = `${folder}-more`;
    await mkdir(other);
    await writeFile(join(other, 'b.svg'), colourSvg('blue'));
    const library = await openTestLibrary();
    await indexFolder({ library, folder: other, encoder: colourEncoder() });
    expect(await library.count()).toBe(2);
    expect(await library.count(folder)).toBe(1);
    await rm(join(folder, 'a.svg'));
    expect(await index()).toMatchObject({ removed: 1 });
    expect(await library.count()).toBe(1);
    expect(await library.has(join(other, 'b.svg'))).toBe(true);
  });

  test('passes over its own library within the folder', async () => {
    await write('a.svg', colourSvg('red'));
    directory = join(folder, 'library');
    await index();
    expect(await index()).toMatchObject({ unchanged: 1, skipped: [] });
  });

  test('reports progress after each commit, and readers see the commits', async () => {
    for (let i = 0; i < 10; i++) await write(`${i}.svg`, colourSvg('red', String(i)));
    const library = await openTestLibrary();
    const events: Progress[] = [];
    const seen: Promise<number>[] = [];
    const reader = await openTestLibrary();
    await indexFolder({
      library,
      folder,
      encoder: colourEncoder(),
      batchSize: 4,
      onProgress: (event) => {
        events.push(event);
        seen.push(reader.count());
      },
    });
    expect(events.map(({ done }) => done)).toEqual([0, 4, 8, 10]);
    expect(events.every(({ total, unit }) => total === 10 && unit === 'files')).toBe(true);
    expect((await Promise.all(seen)).every((count, i) => count >= events[i]!.done)).toBe(true);
    expect(await reader.count()).toBe(10);
  });

  test('stops at an abort, keeps what was committed, and goes on later', async () => {
    for (let i = 0; i < 12; i++) await write(`${i}.svg`, colourSvg('red', String(i)));
    const controller = new AbortController();
    const library = await openTestLibrary();
    const run = indexFolder({
      library,
      folder,
      encoder: colourEncoder(),
      batchSize: 4,
      signal: controller.signal,
      onProgress: ({ done }) => done >= 4 && controller.abort(new Error('enough')),
    });
    await expect(run).rejects.toThrow('enough');
    expect(await library.count()).toBe(4);
    expect(await index()).toMatchObject({ added: 8, unchanged: 4 });
  });

  test('refuses another encoder, and a folder that is not there', async () => {
    await write('a.svg', colourSvg('red'));
    const library = await openTestLibrary();
    await expect(indexFolder({ library, folder, encoder: colourEncoder({ id: 'colour-2' }) })).rejects.toThrow(
      /colour-1.*colour-2.*--rebuild/,
    );
    await expect(indexFolder({ library, folder: join(root, 'none'), encoder: colourEncoder() })).rejects.toThrow(
      /no folder/,
    );
    await expect(indexFolder({ library, folder: join(folder, 'a.svg'), encoder: colourEncoder() })).rejects.toThrow(
      /not a folder/,
    );
  });

  test('an encoder that fails leaves the library open to the next run', async () => {
    await write('a.svg', colourSvg('red'));
    const failing = colourEncoder({
      beforePictures: () => {
        throw new Error('no memory');
      },
    });
    await expect(index(failing)).rejects.toThrow('no memory');
    expect((await index()).added).toBe(1);
  });
});

/** Starts a process that indexes `folder`, and the lines that it prints. */
function startChild(batch: number | 'stdin', options: { uid?: number; gid?: number } = {}) {
  const child = spawn(
    process.execPath,
    ['--import', './scripts/typescript.mjs', 'test/search/index-child.ts', directory, folder, String(batch)],
    { stdio: ['pipe', 'pipe', 'inherit'], ...options },
  );
  children.push(child);
  const lines: string[] = [];
  const waiting: { matches: (line: string) => boolean; resolve: (line: string) => void }[] = [];
  const reader = createInterface({ input: child.stdout! });
  reader.on('line', (line) => {
    lines.push(line);
    for (const { matches, resolve } of waiting) if (matches(line)) resolve(line);
  });
  const ended = new Promise<void>((resolve) => child.on('close', () => resolve()));
  const line = async (matches: (line: string) => boolean) => {
    const found = lines.find(matches);
    if (found !== undefined) return found;
    const missing = ended.then(() => lines.find(matches) ?? `ended: ${lines.join(' | ')}`);
    return await Promise.race([new Promise<string>((resolve) => waiting.push({ matches, resolve })), missing]);
  };
  return { child, lines, ended, line };
}

const acknowledged = (line: string) => Number(/^acknowledged (\d+)$/.exec(line)?.[1] ?? -1);

describe('processes', () => {
  test('after kill -9 no acknowledged picture is lost and none is there twice', async () => {
    const names = Object.keys(colours) as (keyof typeof colours)[];
    for (let i = 0; i < 60; i++) await write(`${i}.svg`, colourSvg(names[i % names.length]!, String(i)));
    let before = 0;
    for (const target of [16, 40]) {
      const run = startChild(40);
      await run.line((line) => acknowledged(line) >= target);
      run.child.kill('SIGKILL');
      await run.ended;
      const promised = Math.max(...run.lines.map(acknowledged));
      expect(promised).toBeGreaterThanOrEqual(target);
      expect(run.lines.some((line) => line.startsWith('done'))).toBe(false);
      const kept = await paths();
      expect(kept.length).toBeGreaterThanOrEqual(promised);
      expect(new Set(kept).size).toBe(kept.length);
      before = kept.length;
    }
    // The lock of the killed process is taken over, and only the rest is encoded.
    const encoder = colourEncoder();
    const report = await index(encoder);
    expect(report).toMatchObject({ added: 60 - before, unchanged: before, skipped: [] });
    expect(encoder.encodedPictures).toBe(60 - before);
    expect(await paths()).toEqual((await readdir(folder)).sort());
  });

  test('a second writer is refused by name, and the first is not disturbed', async () => {
    for (let i = 0; i < 24; i++) await write(`${i}.svg`, colourSvg('red', String(i)));
    const first = startChild('stdin');
    await first.line((line) => acknowledged(line) >= 0);
    await expect(index()).rejects.toThrow(new RegExp(`process ${first.child.pid}.*is writing to it`));
    const second = startChild(0);
    await second.ended;
    expect(second.lines.at(-1)).toMatch(/^failed LibraryBusyError: /);
    first.child.stdin!.end();
    expect(await first.line((line) => line.startsWith('done'))).toContain('"added":24');
    await first.ended;
    expect(await index()).toMatchObject({ added: 0, unchanged: 24 });
  });

  test.skipIf(process.platform === 'win32')('what may not be read is listed, and kept if it was there', async () => {
    await mkdir(join(folder, 'closed'));
    await writeFile(join(folder, 'closed', 'inside.svg'), colourSvg('red'));
    await write('open.svg', colourSvg('green'));
    await index();
    await write('secret.svg', colourSvg('blue'));
    await chmod(join(folder, 'secret.svg'), 0);
    await chmod(join(folder, 'closed'), 0);
    // The superuser may read everything, so another user's process looks.
    const isRoot = process.getuid?.() === 0;
    if (isRoot) await giveAway(root, 65534);
    const run = startChild(0, isRoot ? { uid: 65534, gid: 65534 } : {});
    const report = JSON.parse((await run.line((line) => line.startsWith('done'))).slice(5)) as IndexReport;
    await chmod(join(folder, 'closed'), 0o700);
    expect(report).toMatchObject({ added: 0, unchanged: 1, removed: 0 });
    expect(report.skipped.map(({ path, reason }) => `${path.slice(folder.length + 1)}: ${reason}`).sort()).toEqual([
      'closed: no permission to read it',
      'secret.svg: no permission to read it',
    ]);
    expect(await paths()).toEqual(['closed/inside.svg', 'open.svg']);
  });
});

/** Makes everything within a folder another user's. */
async function giveAway(path: string, uid: number): Promise<void> {
  await chown(path, uid, uid);
  for (const entry of await readdir(path, { withFileTypes: true, recursive: true })) {
    await chown(join(entry.parentPath, entry.name), uid, uid);
  }
}
