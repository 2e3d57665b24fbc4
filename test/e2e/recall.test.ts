/** @file `sensorium recall` as people run it, on a library; and the recall of the bundle that comes with Sensorium, where it is there. */
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Knowledge, memoryOfLibrary, recall, remember } from '../../src/apps/recall/index.ts';
import { indexFolder, openLibrary } from '../../src/apps/search/index.ts';
import { loadEncoder, parseFacts, readBundle } from '../../src/bundle/index.ts';
import { writeColourBundle } from './colour-bundle.ts';
import { colouredSvg } from './colour-encoder.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const shipped = join(root, 'models/sensorium-base');
let folder: string;
beforeAll(async () => {
  // Does nothing when dist/ already stands for these sources.
  await promisify(execFile)(process.execPath, ['scripts/build.mjs'], { cwd: root });
  folder = await mkdtemp(join(tmpdir(), 'recall-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** Runs the program as it is built. */
function sensorium(...args: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  return new Promise((resolve) => {
    execFile(process.execPath, ['dist/cli/main.js', ...args], { cwd: root }, (error, stdout, stderr) => {
      resolve({ code: error === null ? 0 : Number(error.code), stdout, stderr });
    });
  });
}

describe('sensorium recall', () => {
  it('says what it needs where nothing, or two things, are asked with', async () => {
    for (const args of [[], ['--text', 'cat', '--image', 'cat.png']]) {
      const { code, stderr } = await sensorium('recall', ...args);
      expect(code).toBe(2);
      expect(stderr).toContain('give one of --text');
    }
  });

  it('brings back pictures of a library by a Chinese text, and facts, as JSON', async () => {
    const [model, pictures, directory] = ['model', 'pictures', 'library'].map((name) => join(folder, name)) as [
      string,
      string,
      string,
    ];
    await writeColourBundle(model);
    await mkdir(pictures);
    for (const colour of ['red', 'green', 'blue'])
      await writeFile(join(pictures, `${colour}.svg`), colouredSvg(colour));
    const encoder = await loadEncoder(model);
    const library = await openLibrary(directory, { create: true, encoderId: encoder.id, dim: encoder.dim });
    await indexFolder({ library, folder: pictures, encoder });
    const inProcess = await recall(encoder, memoryOfLibrary(library), { text: '蓝' }, { top: 2 });
    await Promise.all([library.close(), encoder.close()]);
    const { code, stdout, stderr } = await sensorium(
      ...['recall', '--text', '蓝', '--top', '2', '--library', directory, '--model', model, '--json'],
    );
    expect(stderr).toBe('');
    expect(code).toBe(0);
    const found = JSON.parse(stdout);
    expect(found.image.map(({ path }: { path: string }) => path)).toEqual(inProcess.image.map(({ path }) => path));
    expect(found.image[0].path).toMatch(/blue\.svg$/);
    expect(found).toMatchObject({ modality: 'text', audio: [], video: [] });
    expect(found.facts[0]).toMatchObject({ id: 'blue', score: 1, names: { de: 'blau' }, related: [{ id: 'red' }] });
  });
});

describe.skipIf(!existsSync(join(shipped, 'manifest.json')))('recall with the bundle that comes with Sensorium', () => {
  it('knows an airplane by its Chinese name, and finds its picture; and tells what a picture shows', async () => {
    const encoder = await loadEncoder(shipped, { numThreads: 1 });
    const twemoji = dirname(createRequire(import.meta.url).resolve('@twemoji/svg/package.json'));
    const files = {
      cat: '1f408',
      pizza: '1f355',
      guitar: '1f3b8',
      airplane: '2708',
      'red apple': '1f34e',
      key: '1f511',
    };
    const items = Object.entries(files).map(([name, file]) => ({
      modality: 'image' as const,
      path: join(twemoji, `${file}.svg`),
      name,
    }));
    const { manifest, files: contents } = await readBundle(shipped);
    if (manifest.kind !== 'multimodal') throw new Error('sensorium-base must be multimodal');
    const facts = parseFacts(contents.get(manifest.facts!)!, manifest.facts!);
    const knowledge = new Knowledge(encoder, {
      ...facts,
      concepts: facts.concepts.filter((_, i) => i % 12 === 0 || isAsked(facts.concepts[i]!.names.en!)),
    });
    const isNamed = (name: string) => expect.objectContaining({ name });
    const memory = await remember(encoder, items);
    const byText = await recall(encoder, memory, { text: '飞机' }, { knowledge, top: 1 });
    expect(byText.image).toEqual([isNamed('airplane')]);
    expect(byText.facts[0]).toMatchObject({
      names: { en: 'airplane', de: 'Flugzeug' },
      gloss: expect.stringContaining('aircraft'),
    });
    const byPicture = await recall(encoder, memory, { picture: items[1]!.path }, { knowledge, top: 3 });
    expect(byPicture.facts.map(({ names }) => names.en)).toContain('pizza');
    await encoder.close();

    function isAsked(name: string): boolean {
      return Object.hasOwn(files, name);
    }
  });
});
