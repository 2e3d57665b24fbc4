/** @file The cache of converted towers: made once, verified at every opening, made anew when damaged, harmless when shared. */
import { execFile } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { cacheFolder, openTokenizer, openTower, towerBytes } from '../../src/bundle/index.ts';
import { MissingDataError, Tensor } from '../../src/engine/core/index.ts';
import { mul, spec, trace } from '../../src/engine/graph/index.ts';
import { imageTower, sentenceEncoder, type Tower } from '../../src/model/towers/index.ts';

let cacheDir: string;
let numBuilds: number;

/** A tower of one node, over a real file of a real package. */
const small: Tower = {
  name: 'small',
  package: 'nsfwjs',
  version: '4.3.0',
  licence: 'MIT',
  files: ['LICENSE'],
  revision: 1,
  preprocessing: { kind: 'picture', input: 'x', size: 1 },
  build(files) {
    numBuilds++;
    const factor = files.get('LICENSE')!.length;
    return trace(({ x }) => ({ y: mul(x, factor) }), { x: spec([2]) });
  },
};

beforeEach(async () => {
  cacheDir = await mkdtemp(join(tmpdir(), 'sensorium-towers-'));
  numBuilds = 0;
});

afterEach(() => rm(cacheDir, { recursive: true, force: true }));

const cachedFiles = async () => (await readdir(join(cacheDir, 'towers'))).sort();

describe('the tower cache', () => {
  it('converts once, and names what it keeps', async () => {
    const first = await towerBytes(small, cacheDir);
    const second = await towerBytes(small, cacheDir);
    expect(numBuilds).toBe(1);
    expect(Buffer.compare(first, second)).toBe(0);
    const [model, sidecar, ...others] = await cachedFiles();
    expect(model).toMatch(/^small-[0-9a-f]{16}\.onnx$/);
    expect(sidecar).toBe(`${model}.sha256`);
    expect(others).toEqual([]);
  });

  it.each([
    ['truncated', (path: string) => truncate(path, 20)],
    ['overwritten', (path: string) => writeFile(path, 'not a model')],
    ['missing', (path: string) => rm(path)],
  ])('makes a %s file anew, model or checksum', async (_, damage) => {
    const whole = await towerBytes(small, cacheDir);
    for (const [i, file] of (await cachedFiles()).entries()) {
      await damage(join(cacheDir, 'towers', file));
      expect(Buffer.compare(await towerBytes(small, cacheDir), whole)).toBe(0);
      expect(numBuilds).toBe(i + 2);
    }
    await towerBytes(small, cacheDir);
    expect(numBuilds).toBe(3);
  });

  it('makes a tower anew when its conversion has changed', async () => {
    await towerBytes(small, cacheDir);
    await towerBytes({ ...small, revision: 2 }, cacheDir);
    expect(numBuilds).toBe(2);
  });

  it('serves everyone who asks at the same time', async () => {
    const all = await Promise.all(Array.from({ length: 8 }, () => openTower(small, { cacheDir, numThreads: 1 })));
    const x = new Tensor('float32', [2], Float32Array.of(1, 2));
    for (const tower of all) expect((await tower.run({ x })).y!.data[0]).toBe((await all[0]!.run({ x })).y!.data[0]);
    await Promise.all(all.map((tower) => tower.close()));
    expect(await cachedFiles()).toHaveLength(2);
  });

  it('works without a cache that it can write', async () => {
    const file = join(cacheDir, 'a-file');
    await writeFile(file, '');
    expect((await towerBytes(small, file)).length).toBeGreaterThan(0);
  });

  it('names a package that is not installed, and how to install it', async () => {
    const absent = { ...small, package: 'no-such-package-here' };
    await expect(openTower(absent, { cacheDir })).rejects.toThrow(MissingDataError);
    await expect(openTower(absent, { cacheDir })).rejects.toThrow('npm install no-such-package-here');
    await expect(openTower({ ...small, files: ['gone'] }, { cacheDir })).rejects.toThrow('"nsfwjs" lacks gone');
  });
});

it('serves processes that convert at the same time into one cache', async () => {
  const root = new URL('../../', import.meta.url);
  const script = `
    const { towerBytes } = await import('${new URL('src/bundle/index.ts', root)}');
    const { imageTower } = await import('${new URL('src/model/towers/index.ts', root)}');
    const { createHash } = await import('node:crypto');
    const bytes = await towerBytes(imageTower({ variant: 'mobilenet-v2', size: 96 }), process.env.SENSORIUM_CACHE);
    console.log(createHash('sha256').update(bytes).digest('hex'));`;
  const hooks = new URL('scripts/typescript.mjs', root).href;
  const start = () =>
    promisify(execFile)(process.execPath, ['--import', hooks, '--input-type=module', '--eval', script], {
      env: { ...process.env, SENSORIUM_CACHE: cacheDir },
    });
  const digests = (await Promise.all([start(), start(), start()])).map(({ stdout }) => stdout.trim());
  expect(new Set(digests).size).toBe(1);
  const [model, sidecar, ...others] = await cachedFiles();
  expect(others).toEqual([]);
  expect(await readFile(join(cacheDir, 'towers', sidecar!), 'utf8')).toBe(`${digests[0]}\n`);
  expect(model).toMatch(/^mobilenet-v2-96-/);
});

it('opens the real towers through the cache', async () => {
  const tower = await openTower(imageTower({ variant: 'mobilenet-v2', size: 96 }), { cacheDir, numThreads: 2 });
  const pictures = new Tensor('uint8', [2, 96, 96, 3], new Uint8Array(2 * 96 * 96 * 3).fill(200));
  expect((await tower.run({ pictures })).pooled!.shape).toEqual([2, 1280]);
  await tower.close();
  expect((await openTokenizer(sentenceEncoder())).encode('a slice of pizza')).toHaveLength(4);
  const [model] = await cachedFiles();
  const bytes = await readFile(join(cacheDir, 'towers', model!));
  expect(bytes.includes('nsfwjs@')).toBe(true);
});

it('puts the cache where the environment says', () => {
  expect(cacheFolder({ SENSORIUM_CACHE: '/a', XDG_CACHE_HOME: '/b' })).toBe('/a');
  expect(cacheFolder({ XDG_CACHE_HOME: '/b' })).toBe('/b/sensorium');
  expect(cacheFolder({ XDG_CACHE_HOME: 'relative' })).toMatch(/\.cache\/sensorium$/);
});
