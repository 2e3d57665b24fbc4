import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { Rng, type Tensor } from '../../../engine/core/index.ts';
import { loadExecutable } from '../../../engine/runtime/index.ts';
import { ByteLevelBpe, padTokensWithMask } from '../../../media/text/index.ts';
import { initTextEncoder } from '../../../model/index.ts';
import { batchSizeOf, batchSource } from './batches.ts';
import { buildTextCorpus, isHeldOutWord } from './corpus.ts';
import { distillCorpus } from './distill-text.ts';
import { exportTextEncoder } from './export.ts';
import { distillTextSettings, hashDistillTextSettings, learningRateOf } from './settings.ts';

const folder = mkdtempSync(join(tmpdir(), 'distill-text-'));
afterAll(() => rmSync(folder, { recursive: true }));

const dictionary = (
  [
    ['猫', '貓', 'cat'],
    ['房子', '房子', 'house'],
    ['跑', '跑', 'to run'],
    ['红色', '紅色', 'red'],
    ['海洋', '海洋', 'ocean'],
    ['音乐', '音樂', 'music'],
  ] as const
).map(([simplified, traditional, gloss]) => ({ simplified, traditional, isProperName: false, glosses: [gloss] }));

const corpus = buildTextCorpus({
  dictionary,
  emojiNames: [{ chinese: ['吉他'], english: ['guitar'] }],
  places: [{ chinese: ['法国', '法國'], english: ['France'] }],
  captions: ['a picture of a guitar', 'guitar'],
  synsets: [{ words: ['feline'], definition: 'a furry animal that many people keep in their houses as a companion' }],
});

describe('buildTextCorpus', () => {
  it('pairs what means the same', () => {
    const said = (item: { texts: readonly number[]; targets: readonly number[] }) => [
      item.texts.map((row) => corpus.texts[row]),
      item.targets.map((row) => corpus.targets[row]),
    ];
    expect(said(corpus.groups.words[0]!)).toEqual([['猫', '貓'], ['cat']]);
    expect(corpus.groups.words.map(said)).toContainEqual([['跑'], ['to run', 'run']]);
    expect(corpus.groups.emoji.map(said)).toContainEqual([['吉他的图片', '一张吉他的照片'], ['a picture of a guitar']]);
    expect(corpus.groups.lemmas.map(said)).toEqual([[['feline'], ['feline']]]);
    expect(new Set(corpus.texts).size).toBe(corpus.texts.length);
  });

  it('keeps one word in fifty for validation, and every pair that has it', () => {
    const many = Array.from({ length: 2000 }, (_, i) => `词${i}`);
    const share = many.filter(isHeldOutWord).length / many.length;
    expect(share).toBeGreaterThan(0.01);
    expect(share).toBeLessThan(0.03);
    const held = many.find(isHeldOutWord)!;
    const entry = { simplified: held, traditional: held, isProperName: false, glosses: ['secret'] };
    const emojiNames = [{ chinese: [held], english: ['secret'] }];
    const built = buildTextCorpus({ dictionary: [entry], emojiNames, places: [], captions: [], synsets: [] });
    expect(built.validation).toEqual([{ chinese: held, english: 'secret' }]);
    expect(built.texts).toEqual([]);
  });
});

describe('batchSource', () => {
  const settings = {
    buckets: [
      { numTexts: 6, maxTokens: 2 },
      { numTexts: 4, maxTokens: 8 },
    ],
    shares: distillTextSettings().shares,
    traditionalProbability: 0.2,
  };
  // Every text has as many tokens as characters, but 9 at most; its id tells which text it is.
  const tokens = corpus.texts.map((text, i) => new Array(Math.min(9, [...text].length)).fill(i + 1));

  it('puts short texts beside short ones, each with a target that means the same', () => {
    const next = batchSource(corpus, tokens, settings);
    const rng = new Rng(1);
    const pairs = Object.values(corpus.groups).flat();
    for (let i = 0; i < 20; i++) {
      const { inputs, rows } = next(rng);
      expect(inputs.map(({ ids }) => ids.shape)).toEqual([
        [6, 2],
        [4, 8],
      ]);
      expect(rows).toHaveLength(batchSizeOf(settings.buckets));
      let row = 0;
      for (const { ids, mask } of inputs) {
        const [count, time] = ids.shape as [number, number];
        for (let n = 0; n < count; n++, row++) {
          const text = Number(ids.data[n * time]) - 1;
          expect(pairs.some(({ texts, targets }) => texts.includes(text) && targets.includes(rows[row]!))).toBe(true);
          const length = Array.from(mask.data as Float32Array).slice(n * time, (n + 1) * time);
          expect(length.reduce((sum, x) => sum + x, 0)).toBe(Math.min(time, tokens[text]!.length));
        }
      }
    }
  });

  it('is repeatable', () => {
    const next = batchSource(corpus, tokens, settings);
    expect(next(new Rng(5))).toEqual(next(new Rng(5)));
  });

  it('fills a bucket for short texts where there are none', () => {
    const { inputs } = batchSource(
      corpus,
      corpus.texts.map(() => [1, 2, 3]),
      settings,
    )(new Rng(1));
    expect(inputs[0]!.ids.shape).toEqual([6, 2]);
  });
});

describe('exportTextEncoder', () => {
  it('halves the file and hardly moves the embeddings', async () => {
    const options = { vocabularySize: 300, maxTokens: 8, dim: 32, numLayers: 2, numHeads: 2, embeddingDim: 16 };
    const bytes = exportTextEncoder(initTextEncoder(new Rng(1), options), options);
    const numParameters = 300 * 32 + 2 * 12 * 32 * 32;
    expect(bytes.length).toBeLessThan(numParameters * 3);
    const executable = await loadExecutable(bytes, { numThreads: 1 });
    const { embedding } = await executable.run({ ...padTokensWithMask([[5, 6, 7], [8]], 8) });
    await executable.close();
    expect(embedding!.shape).toEqual([2, 16]);
    expect(Math.hypot(...(embedding!.data as Float32Array).subarray(0, 16))).toBeCloseTo(1, 5);
  });
});

describe('distillCorpus', () => {
  it('brings Chinese to where the English sentence encoder puts its English, and writes it down', async () => {
    const settings = distillTextSettings({
      vocabularySize: 320,
      encoder: { maxTokens: 16, dim: 32, numLayers: 1, numHeads: 2 },
      buckets: [
        { numTexts: 12, maxTokens: 4 },
        { numTexts: 4, maxTokens: 12 },
      ],
      numSteps: 60,
      warmupSteps: 5,
      peakLearningRate: 5e-3,
    });
    const result = await distillCorpus(corpus, {
      settings,
      runDirectory: join(folder, 'run'),
      cacheDirectory: join(folder, 'cache'),
      bundleDirectory: join(folder, 'out'),
      runtime: { numThreads: 1 },
    });
    expect(result.final.embedding).toBeLessThan(0.5);
    const read = (name: string) => readFileSync(join(folder, 'out', name));
    const description = JSON.parse(read('text-student.json').toString());
    expect(description).toMatchObject({ licence: 'CC-BY-SA-4.0', files: ['student.onnx', 'tokenizer.json'] });
    expect(description.provenance.settings).toEqual(settings);
    const tokenizer = new ByteLevelBpe(JSON.parse(read('tokenizer.json').toString()));
    const student = await loadExecutable(read('student.onnx'), { numThreads: 1 });
    const rows = ['猫', '音乐', 'cat', 'music'].map((text) => tokenizer.encode(text));
    const { embedding } = await student.run({ ...padTokensWithMask(rows, 16) });
    await student.close();
    const at = (row: number) => (embedding as Tensor<'float32'>).data.subarray(row * 512, (row + 1) * 512);
    const cosine = (a: number, b: number) => at(a).reduce((sum, x, i) => sum + x * at(b)[i]!, 0);
    expect(cosine(0, 2)).toBeGreaterThan(cosine(0, 3));
    expect(cosine(1, 3)).toBeGreaterThan(cosine(1, 2));
  });
});

describe('learningRateOf', () => {
  const settings = {
    numSteps: 300,
    warmupSteps: 10,
    peakLearningRate: 1,
    restarts: [{ atStep: 200, peakLearningRate: 0.5 }],
  };

  it('rises and falls to each restart, and then again', () => {
    const rate = learningRateOf(settings);
    expect(Array.from({ length: 300 }, (_, step) => rate(step)).every((x) => x >= 0 && x <= 1)).toBe(true);
    expect(Math.max(...Array.from({ length: 200 }, (_, step) => rate(step)))).toBeCloseTo(1, 2);
    expect(rate(199)).toBeLessThan(1e-3);
    expect(Math.max(...Array.from({ length: 100 }, (_, i) => rate(200 + i)))).toBeCloseTo(0.5, 2);
    expect(rate(299)).toBeLessThan(1e-3);
  });

  it('leaves out restarts that a shorter run does not reach', () => {
    const short = { ...settings, numSteps: 100 };
    const [rate, plain] = [learningRateOf(short), learningRateOf({ ...short, restarts: [] })];
    for (let step = 0; step < 100; step++) expect(rate(step)).toBe(plain(step));
    expect(rate(99)).toBeLessThan(1e-2);
  });
});

describe('hashDistillTextSettings', () => {
  it('tells settings apart', () => {
    const hash = (changes: object) => hashDistillTextSettings(distillTextSettings(changes));
    expect(hash({})).toBe(hash({}));
    expect(hash({})).not.toBe(hash({ seed: 2 }));
  });
});
