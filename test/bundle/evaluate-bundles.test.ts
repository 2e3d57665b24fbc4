import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readBundle, writeBundle } from '../../src/bundle/index.ts';
import { FormatError, MissingDataError } from '../../src/engine/core/index.ts';
import { add, concat, mul, slice, spec, trace } from '../../src/engine/graph/index.ts';
import { exportOnnx } from '../../src/engine/onnx/index.ts';
import { evaluateBundles, readSuiteFile, type SuiteItem, type SuiteOutcome } from '../../src/learn/evaluate/index.ts';
import { mediaFolder } from '../../src/learn/evaluate/suite-file.ts';
import { writeColourBundle } from '../e2e/colour-bundle.ts';

let folder: string;
let bundle: string;
let options: { dataDirectory: string; suiteDirectory: string; baseline: false };

const colours: Record<string, [zh: string, hex: string]> = {
  red: ['红', '#ff0000'],
  green: ['绿', '#00ff00'],
  blue: ['蓝', '#0000ff'],
  'red green': ['红 绿', '#ffff00'],
  'red blue': ['红 蓝', '#ff00ff'],
  'green blue': ['绿 蓝', '#00ffff'],
};
const tones: Record<string, [zh: string, hz: number[]]> = {
  low: ['低', [200]],
  middle: ['中', [1500]],
  high: ['高', [6000]],
  'low middle': ['低 中', [200, 1500]],
  'low high': ['低 高', [200, 6000]],
  'middle high': ['中 高', [1500, 6000]],
};

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sensorium-evaluate-'));
  bundle = join(folder, 'bundle');
  await writeColourBundle(bundle);
  options = { dataDirectory: join(folder, 'data'), suiteDirectory: join(folder, 'suites'), baseline: false };
  const media = join(folder, 'data/node_modules/test-media');
  await mkdir(media, { recursive: true });
  await mkdir(options.suiteDirectory);
  const pictures: SuiteItem[] = [];
  const item = (file: string, en: string, zh: string, split: SuiteItem['split']): SuiteItem => ({
    file,
    source: 'test-media',
    concept: en,
    split,
    text: { en, zh },
  });
  for (const [en, [zh, hex]] of Object.entries(colours)) {
    const file = `${en.replace(' ', '-')}.svg`;
    await writeFile(join(media, file), squareSvg(hex));
    pictures.push(item(file, en, zh, 'train'), item(file, en, zh, 'test'));
  }
  const sounds: SuiteItem[] = [];
  for (const [en, [zh, hz]] of Object.entries(tones)) {
    const file = `${en.replace(' ', '-')}.wav`;
    await writeFile(join(media, file), wavOf(hz));
    sounds.push(item(file, en, zh, 'test'));
  }
  await writeFile(join(media, 'black.svg'), squareSvg('#000000'));
  const motion = {
    ...item('black.svg', 'it is darkening', '变暗', 'test'),
    opposite: { en: 'it is brightening', zh: '变亮' },
    turned: 'reversed',
    motion: 'appears',
  };
  const suites = {
    'text-image': pictures,
    'text-sound': sounds,
    'text-video': pictures.map((one) => ({ ...one, source: 'not-installed' })),
    'text-motion': ['a', 'b', 'c'].map((seed) => ({ ...motion, seed })),
  };
  for (const [name, items] of Object.entries(suites)) {
    await writeFile(join(options.suiteDirectory, `${name}.json`), JSON.stringify(items));
  }
});
afterAll(() => rm(folder, { recursive: true }));

function squareSvg(hex: string): string {
  return `<svg xmlns="http://www.w3.org/2000/svg" width="8" height="8"><rect width="8" height="8" fill="${hex}"/></svg>`;
}

/** A quarter of a second of tones, as a WAV file of 16 bits and 16 kHz. */
function wavOf(tonesHz: readonly number[]): Uint8Array {
  const numSamples = 4000;
  const bytes = Buffer.alloc(44 + 2 * numSamples);
  bytes.write('RIFF', 0);
  bytes.writeUInt32LE(36 + 2 * numSamples, 4);
  bytes.write('WAVEfmt ', 8);
  [16, 0x10001, 16000, 32000, 0x100002].forEach((value, i) => {
    bytes.writeUInt32LE(value, 16 + 4 * i);
  });
  bytes.write('data', 36);
  bytes.writeUInt32LE(2 * numSamples, 40);
  for (let i = 0; i < numSamples; i++) {
    const sum = tonesHz.reduce((value, hz) => value + Math.sin((2 * Math.PI * hz * i) / 16000), 0);
    bytes.writeInt16LE(Math.round((12000 * sum) / tonesHz.length), 44 + 2 * i);
  }
  return bytes;
}

function measured(outcome: SuiteOutcome | undefined) {
  if (outcome?.status !== 'measured') throw new Error(`not measured: ${JSON.stringify(outcome)}`);
  return outcome;
}

describe('evaluateBundles', () => {
  it('measures each pair of modalities in both languages and directions', async () => {
    const suites = ['text-image', 'text-image-zh', 'text-sound', 'text-sound-zh'];
    const report = await evaluateBundles([bundle], { ...options, suites });
    expect(report.suites.map(({ suite }) => suite)).toEqual(suites);
    const rows = report.suites.flatMap((outcome) => measured(outcome).results);
    for (const row of rows)
      expect(row, JSON.stringify(row)).toMatchObject({ r1: 1, queries: 6, candidates: 6, encoder: 'bundle' });
    expect(rows.map((row) => ('direction' in row ? `${row.suite} ${row.task} ${row.direction}` : ''))).toEqual([
      'text-image seen-concept-unseen-artist text-to-image',
      'text-image seen-concept-unseen-artist image-to-text',
      'text-image unseen-concept-unseen-artist text-to-image',
      'text-image unseen-concept-unseen-artist image-to-text',
      'text-image-zh seen-concept-unseen-artist text-zh-to-image',
      'text-image-zh seen-concept-unseen-artist image-to-text-zh',
      'text-image-zh unseen-concept-unseen-artist text-zh-to-image',
      'text-image-zh unseen-concept-unseen-artist image-to-text-zh',
      'text-sound unseen-concept text-to-sound',
      'text-sound unseen-concept sound-to-text',
      'text-sound unseen-concept, same thing text-to-sound',
      'text-sound unseen-concept, same thing sound-to-text',
      'text-sound-zh unseen-concept text-zh-to-sound',
      'text-sound-zh unseen-concept sound-to-text-zh',
      'text-sound-zh unseen-concept, same thing text-zh-to-sound',
      'text-sound-zh unseen-concept, same thing sound-to-text-zh',
    ]);
  });

  it('tells order from disorder: the bundle is right where the mean of the frames guesses', async () => {
    const report = await evaluateBundles([bundle], { ...options, suites: ['text-motion'] });
    const { results } = measured(report.suites[0]);
    expect(results).toHaveLength(8);
    for (const row of results) {
      expect(row).toMatchObject({
        accuracy: 'encoder' in row && row.encoder === 'bundle' ? 1 : 0.5,
        items: 3,
        clips: 'composed, reversed',
      });
    }
  });

  it('reports what it cannot measure as skipped, with the reason and what helps', async () => {
    const report = await evaluateBundles([bundle], { ...options, suites: ['text-video', 'image-sound'] });
    expect(report.suites).toEqual([
      { suite: 'text-video', status: 'skipped', reason: expect.stringContaining('not-installed') },
      { suite: 'image-sound', status: 'skipped', reason: expect.stringContaining('fewer than 5') },
    ]);
    expect(JSON.stringify(report)).toContain('npm run data');
    const english = join(folder, 'english');
    const { files } = await readBundle(bundle);
    const manifest = await writeColourBundle(english);
    const { audio: _, video: __, ...still } = manifest;
    await writeBundle(english, { ...still, languages: ['en'] }, files);
    const lacking = await evaluateBundles([english], {
      ...options,
      suites: ['text-image-zh', 'text-sound', 'text-motion'],
    });
    expect(lacking.suites.map((one) => (one.status === 'skipped' ? one.reason : 'measured'))).toEqual([
      'the bundle does not understand zh',
      'the bundle takes no audio',
      'the bundle takes no video',
    ]);
  });

  it('gives mean and spread over several bundles', async () => {
    const broken = join(folder, 'broken');
    const { files } = await readBundle(bundle);
    const manifest = await writeColourBundle(broken);
    await writeBundle(broken, manifest, new Map(files).set('picture-head.onnx', blindHead()));
    const { suites, bundles } = await evaluateBundles([bundle, broken], { ...options, suites: ['text-image'] });
    expect(bundles).toHaveLength(2);
    const { results, seeds } = measured(suites[0]);
    expect(results.every((row) => 'r1' in row && row.r1 === 1)).toBe(true);
    expect(seeds!.map(({ row }) => row)).toHaveLength(4);
    const { r1 } = seeds![0]!.figures;
    expect(r1!.values).toEqual([1, 0]);
    expect(r1!.mean).toBe(0.5);
    expect(r1!.interval[0]).toBeLessThan(0.5);
  });

  it('refuses a suite that there is not, and a folder that is no bundle', async () => {
    await expect(evaluateBundles([bundle], { ...options, suites: ['smell'] })).rejects.toThrow('no suite "smell"');
    await expect(evaluateBundles([folder], options)).rejects.toThrow(MissingDataError);
  });

  it('stops when it is told to', async () => {
    const signal = AbortSignal.abort();
    await expect(evaluateBundles([bundle], { ...options, suites: ['text-image'], signal })).rejects.toThrow('aborted');
  });
});

/** A picture head that gives the same vector for every picture. */
function blindHead(): Uint8Array {
  return exportOnnx(
    trace(
      ({ colour }) => {
        const one = add(mul(slice(colour!, { starts: [0], ends: [1], axes: [1] }), 0), 1);
        return {
          embedding: mul(
            concat(
              Array.from({ length: 8 }, () => one),
              1,
            ),
            Math.sqrt(1 / 8),
          ),
        };
      },
      { colour: spec(['batch', 3]) },
    ),
  );
}

describe('the questions of a suite', () => {
  it('refuse what is no question, naming where', async () => {
    const [good] = await readSuiteFile('text-image', options.suiteDirectory);
    const refused: [unknown, string][] = [
      [{ ...good, file: '../../etc/passwd' }, '0.file: must be a path inside the package'],
      [{ ...good, file: '/etc/passwd' }, '0.file'],
      [{ ...good, source: '../x' }, '0.source: must be the name of a package'],
      [{ ...good, split: 'all' }, '0.split'],
      [{ ...good, text: { en: 'red' } }, '0.text.zh'],
    ];
    for (const [item, message] of refused) {
      await writeFile(join(folder, 'bad.json'), JSON.stringify([item]));
      const error = await readSuiteFile('bad', folder).catch((reason: unknown) => reason);
      expect(error).toBeInstanceOf(FormatError);
      expect((error as Error).message).toContain(message);
    }
    await writeFile(join(folder, 'bad.json'), '[');
    await expect(readSuiteFile('bad', folder)).rejects.toThrow('not JSON');
    await expect(readSuiteFile('none', folder)).rejects.toThrow(MissingDataError);
  });

  it('find their media as a dependency, in the data folder, or not at all', () => {
    expect(mediaFolder('@twemoji/svg')).toMatch(/@twemoji\/svg$/);
    expect(mediaFolder('test-media', options.dataDirectory)).toBe(
      join(options.dataDirectory, 'node_modules/test-media'),
    );
    expect(() => mediaFolder('not-installed', options.dataDirectory)).toThrow('npm run data');
  });
});
