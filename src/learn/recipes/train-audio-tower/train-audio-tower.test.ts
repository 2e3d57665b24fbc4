/** @file The recipe in small, on sounds made here in place of recordings and voices. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Rng, Tensor } from '../../../engine/core/index.ts';
import { loadExecutable } from '../../../engine/runtime/index.ts';
import { initAudioEncoder, outlineDim } from '../../../model/index.ts';
import { audioViewOptions } from '../../augment/audio-views.ts';
import type { SoundRecord } from '../../data/sounds.ts';
import { cachedSpectrograms } from '../../data/sounds-spectrograms.ts';
import { type SpeechPhrase, speechClips } from '../../data/speech.ts';
import type { AudioCorpus } from './audio-corpus.ts';
import { audioFigures } from './audio-figures.ts';
import { audioFeatures, exportAudioTower } from './audio-tower.ts';
import { audioTowerSettings, hashSettings, windowSecondsOf } from './settings.ts';
import { trainOnCorpus } from './train-audio-tower.ts';
import { viewBatches } from './view-batches.ts';

const folder = mkdtempSync(join(tmpdir(), 'sensorium-audio-tower-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const settings = audioTowerSettings({
  tower: { numBands: 64, windowFrames: 40, stemChannels: [2, 4], dim: 16, numLayers: 1, numHeads: 2, featureDim: 8 },
  views: { ...audioViewOptions(40), numMasks: 0 },
  numPhrases: 4,
  numSounds: 2,
  numSteps: 6,
  warmupSteps: 1,
  numThreads: 1,
});

/** A tone of 0.3 s whose pitch tells what it is of, slightly off by its seed. */
function toneOf(index: number, seed: string): Float32Array {
  const rng = new Rng(seed);
  const hertz = 200 * 1.6 ** index * (1 + 0.02 * rng.normal());
  return Float32Array.from(
    { length: 4800 },
    (_, i) => 0.4 * Math.sin((2 * Math.PI * hertz * i) / 16_000) + 0.01 * rng.normal(),
  );
}

const concepts = ['drum', 'bell', 'wind'];
const sounds = concepts.flatMap((concept, index) =>
  ['train', 'train', 'validation', 'test'].map((split, i) => ({
    record: { id: `${concept} ${i}`, concept, conceptSplit: 'train', split } as SoundRecord,
    index,
  })),
);
const phrases = ['one', 'two', 'three', 'four', 'five', 'six'].map(
  (text, i): SpeechPhrase => ({
    language: 'en',
    text,
    concept: text,
    split: (['validation', 'test'] as const)[i - 4] ?? 'train',
  }),
);
const mandarin = (['validation', 'test'] as const).map(
  (split, i): SpeechPhrase => ({ language: 'zh', text: '一二'[i]!, concept: split, split }),
);
const clips = speechClips([...phrases, ...mandarin]);

let corpus: AudioCorpus;
beforeAll(async () => {
  const spectrogramsOf = <Item>(items: readonly Item[], idOf: (of: Item) => string, indexOf: (of: Item) => number) =>
    cachedSpectrograms({
      items,
      keyOf: idOf,
      samplesOf: async (item) => toneOf(indexOf(item), idOf(item)),
      directory: folder,
      unit: 'sounds',
    });
  corpus = {
    sounds: sounds.map(({ record }) => record),
    soundSpectrograms: await spectrogramsOf(
      sounds,
      ({ record }) => record.id,
      ({ index }) => index,
    ),
    clips,
    clipSpectrograms: await spectrogramsOf(
      clips,
      ({ id }) => id,
      ({ text }) => 'one two three four five six 一 二'.split(' ').indexOf(text),
    ),
  };
});

describe('viewBatches', () => {
  it('gives views of what may train alone, other ones each time, the same from the same seed', () => {
    const draw = (seed: number) => {
      const next = viewBatches(corpus, settings);
      const { one, other } = next(new Rng(seed));
      expect(one.shape).toEqual([6, 40, 64]);
      return [...one.data, ...other.data];
    };
    expect(draw(1)).toEqual(draw(1));
    expect(draw(1)).not.toEqual(draw(2));
    const held = { ...corpus, sounds: corpus.sounds.map((sound) => ({ ...sound, split: 'test' as const })) };
    expect(() => viewBatches(held, settings)(new Rng(1))).toThrow('needs 2 groups, there are 0');
  });
});

describe('audioFeatures', () => {
  it('is the mean over windows that cover a longer clip', async () => {
    const bytes = exportAudioTower(initAudioEncoder(new Rng(1), settings.tower), settings);
    const tower = await loadExecutable(bytes, { numThreads: 1 });
    const long = await cachedSpectrograms({
      items: ['long'],
      keyOf: (name) => name,
      samplesOf: async () => Float32Array.from([...toneOf(0, 'a'), ...toneOf(3, 'b'), ...toneOf(1, 'c')]),
      directory: folder,
      unit: 'sounds',
    });
    const frames = long.numFrames(0);
    expect(frames).toBeGreaterThan(80);
    const whole = await audioFeatures(tower, long, 40);
    const parts = [0, Math.round((frames - 40) / 2), frames - 40];
    const data = new Float32Array(3 * 40 * 64);
    parts.forEach((start, i) => {
      long.copy(0, start, start + 40, data, i * 40 * 64);
    });
    const { features } = await tower.run({ logMel: new Tensor('float32', [3, 40, 64], data) });
    await tower.close();
    const dim = features!.shape[1]!;
    for (let d = 0; d < dim; d++) {
      const mean = [0, 1, 2].reduce((sum, i) => sum + Number(features!.data[i * dim + d]) / 3, 0);
      expect(whole.data[d]).toBeCloseTo(mean, 4);
    }
  });
});

describe('audioFigures', () => {
  const rows = (count: number, rowOf: (row: number) => readonly number[]) =>
    new Tensor('float32', [count, 8], Float32Array.from(Array.from({ length: count }, (_, row) => rowOf(row)).flat()));
  const oneHot = (at: number) => Array.from({ length: 8 }, (_, d) => (d === at ? 1 : 0));
  const textsOf = [...phrases, ...mandarin].map(({ text }) => text);

  it('is perfect for features that tell concept and phrase, and no better than chance for those that tell nothing', () => {
    const telling = {
      sounds: rows(sounds.length, (row) => oneHot(sounds[row]!.index)),
      clips: rows(clips.length, (row) => oneHot(textsOf.indexOf(clips[row]!.text))),
    };
    const perfect = audioFigures(corpus, telling, ['test']);
    expect(perfect.sounds).toEqual({ accuracy: 1, chance: 1 / 3, numQueries: 3, numConcepts: 3 });
    expect(perfect.knownPhrases).toMatchObject({ r1: 1, candidates: 4 });
    expect(perfect.newPhrases).toMatchObject({ r1: 1, candidates: 1 });
    const nothing = {
      sounds: rows(sounds.length, () => oneHot(0)),
      clips: rows(clips.length, () => oneHot(0)),
    };
    const poor = audioFigures(corpus, nothing, ['test']);
    expect(poor.knownPhrases.r1).toBe(0);
    expect(poor.sounds.accuracy).toBeLessThanOrEqual(1 / 3);
  });
});

describe('the recipe', () => {
  it('writes a tower and what is known of it, and goes on from where it was stopped to the same losses', async () => {
    const paths = (name: string) => ({
      runDirectory: join(folder, name),
      outputDirectory: join(folder, `${name}-out`),
      cacheDirectory: folder,
    });
    const whole = await trainOnCorpus({ settings, ...paths('whole') }, corpus);
    const controller = new AbortController();
    const stopped = trainOnCorpus(
      {
        settings,
        ...paths('stopped'),
        signal: controller.signal,
        onProgress: ({ done }) => {
          if (done === 3) controller.abort(new Error('enough'));
        },
      },
      corpus,
    );
    await expect(stopped).rejects.toThrow('enough');
    const resumed = await trainOnCorpus({ settings, ...paths('stopped') }, corpus);
    expect(resumed.resumedFrom).toBe(3);
    expect(resumed.final).toEqual(whole.final);
    const facts = JSON.parse(readFileSync(join(folder, 'whole-out/audio-tower.json'), 'utf8'));
    expect(facts).toMatchObject({
      recipe: 'train-audio-tower',
      windowSeconds: windowSecondsOf(settings),
      numSounds: 6,
    });
    const tower = await loadExecutable(readFileSync(whole.towerPath), { numThreads: 1 });
    const logMel = new Tensor('float32', [2, 25, 64], new Float32Array(3200));
    const { features } = await tower.run({ logMel });
    expect(features!.shape).toEqual([2, 8 + outlineDim(64)]);
    await tower.close();
  });
});

describe('hashSettings', () => {
  it('tells settings apart, threads aside', () => {
    expect(hashSettings({ ...settings, numThreads: 2 })).toBe(hashSettings(settings));
    expect(hashSettings({ ...settings, seed: 2 })).not.toBe(hashSettings(settings));
  });
});
