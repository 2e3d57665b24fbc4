import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Rng, Tensor } from '../../../engine/core/index.ts';
import { gemm, matMul, relu, spec, trace, type Value } from '../../../engine/graph/index.ts';
import { languageBatches, MediaFiller, pairedBatches } from './batches.ts';
import { decodeCaptions } from './caption-decoding.ts';
import type { ComparisonCorpus, ComparisonItem } from './corpus.ts';
import { countFlops } from './count-flops.ts';
import { ArchitectureInference, inferenceGraphs } from './inference.ts';
import { measureModel } from './measure.ts';
import { measureCosts } from './measure-time.ts';
import type { MediaTables } from './media-tables.ts';
import { architectureModel, numParameters, type SharedSizes } from './models.ts';
import { architectureNames, comparisonSettings } from './settings.ts';
import { CaptionCodec } from './texts.ts';
import { trainLanguage, trainPaired } from './training.ts';

const numItems = 24;
const words = ['red', 'blue', 'old', 'small', 'cat', 'dog', 'tree', 'car', 'bird', 'house'];
const items = Array.from({ length: numItems }, (_, i): ComparisonItem => {
  const en = `${words[i % 4]} ${words[4 + (i % 6)]}`;
  return {
    concept: `c${i}`,
    name: { en, zh: `名${i}` },
    keywords: { en: [`k${i}`], zh: [] },
    pictures: [i],
    videos: i % 2 === 0 ? [i / 2] : [],
    sounds: i % 3 === 0 ? [i / 3] : [],
  };
});
const distinct = items.slice(0, 12);
const corpus: ComparisonCorpus = {
  training: [
    { id: 'pictures', items },
    { id: 'videos', items: items.filter(({ videos }) => videos.length > 0) },
    { id: 'speech', items: items.filter(({ sounds }) => sounds.length > 0) },
  ],
  heldOut: [
    { id: 'unseen concepts', items: distinct.map((item, i) => ({ ...item, videos: [i % 12], sounds: [i % 8] })) },
  ],
  texts: { en: items.map(({ name }) => name.en), zh: items.map(({ name }) => name.zh) },
  media: { pictures: [], videos: [], sounds: [] },
  numTrainingRows: { pictures: 24, videos: 12, sounds: 8 },
  notes: [],
};
const normal = (rows: number, dim: number) =>
  new Tensor('float32', [rows, dim], new Rng(`${rows} ${dim}`).fillNormal(new Float32Array(rows * dim)));
const tables: MediaTables = {
  pictures: normal(24, 8),
  frames: normal(12, 16),
  thumbnails: normal(12, 6),
  sounds: normal(8, 10),
  stageDims: [3, 5],
};
const settings = comparisonSettings({
  dim: 16,
  numHeads: 2,
  numLayers: 1,
  spaceDim: 8,
  numFrames: 2,
  numPatches: 2,
  numLatents: 2,
  numResamplerLayers: 1,
  batchSize: 8,
  vocabularySize: 270,
  maxTokens: 12,
  language: { numSteps: 2, warmupSteps: 1, peakLearningRate: 1e-3 },
  paired: { numSteps: 3, warmupSteps: 1, peakLearningRate: 1e-3 },
  numThreads: 1,
});
const codec = CaptionCodec.train([...corpus.texts.en, ...corpus.texts.zh], settings);
const sizes: SharedSizes = {
  ...settings,
  vocabularySize: codec.vocabularySize,
  media: { stageDims: [3, 5], numFrames: 2, thumbnailDim: 3, numPatches: 2, patchDim: 5 },
};

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sensorium-compare-'));
});
afterAll(() => rm(folder, { recursive: true }));

describe('the comparison', () => {
  it('trains and measures every architecture from one decoder, and writes as it scores', async () => {
    const stage = { settings, seed: 1, corpusId: 'tiny' };
    const language = languageBatches(corpus, codec, settings);
    const decoder = await trainLanguage(sizes, language, { ...stage, directory: join(folder, 'language') });
    const trainedCounts: number[] = [];
    for (const name of architectureNames) {
      const model = architectureModel(name, sizes, decoder.params, 1);
      trainedCounts.push(numParameters(model.params));
      const batches = pairedBatches(corpus, tables, codec, settings);
      const trained = await trainPaired(model, sizes, batches, { ...stage, directory: join(folder, name) });
      expect(trained.flopsPerStep).toBeGreaterThan(0);
      const graphs = inferenceGraphs(model, trained.params, sizes);
      const inference = await ArchitectureInference.open(graphs, 1);
      try {
        const figures = await measureModel(inference, { corpus, tables, codec, settings });
        const directions = figures.retrieval.map(({ direction }) => direction);
        expect(directions).toContain('text (zh) -> speech');
        expect(directions).toContain('speech -> video');
        expect(directions).not.toContain('text (en) -> text (zh)');
        expect(figures.byModalities.map(({ numModalities }) => numModalities)).toEqual([1, 2, 3]);
        expect(figures.captions.length).toBe(9);
        const shown = { picture: 1, video: 2, sound: 3 };
        const costs = await measureCosts(model, trained.params, sizes, inference, {
          tables,
          codec,
          settings,
          item: shown,
        });
        expect(costs.captionFlops).toBeGreaterThan(costs.mediaFlops);
        await expectWritesAsItScores(inference);
      } finally {
        await inference.close();
      }
    }
    const [joint, hierarchical] = trainedCounts as [number, number];
    expect(Math.abs(hierarchical / joint - 1)).toBeLessThan(0.03);
  });
});

/** Token after token with kept keys and values gives the likelihood that one pass over the whole text gives. */
async function expectWritesAsItScores(inference: ArchitectureInference): Promise<void> {
  const media = new MediaFiller(tables, 2, settings).fill([{ picture: 3 }, { video: 1, sound: 2 }]);
  const tokens = [codec.encode('old tree'), codec.encode('red cat')];
  const whole = await inference.logLikelihood(
    media,
    codec.batch(tokens.map((own) => ({ tokens: own, language: 'en' as const }))),
  );
  const writer = await inference.writer(media);
  const sums = [0, 0];
  for (let position = 0; position < settings.maxTokens; position++) {
    const given = tokens.map((own) => (position === 0 ? codec.beginId('en') : (own[position - 1] ?? 0)));
    const scores = await writer({ rows: [0, 1], tokens: given, position });
    const dim = scores.shape[1]!;
    tokens.forEach((own, row) => {
      const target = [...own, codec.endId][position];
      if (target === undefined) return;
      const values = [...scores.data.subarray(row * dim, (row + 1) * dim)];
      const logSum = Math.log(values.reduce((sum, value) => sum + Math.exp(value), 0));
      sums[row]! += values[target]! - logSum;
    });
  }
  sums.forEach((sum, row) => {
    expect(sum).toBeCloseTo(whole[row]!, 3);
  });
}

describe('the budget at the sizes of the comparison', () => {
  it('gives both architectures as many trained parameters, to 3 %', () => {
    const real = comparisonSettings();
    const full: SharedSizes = {
      ...real,
      media: {
        stageDims: [32, 64, 96, 144, 192, 1792],
        numFrames: real.numFrames,
        thumbnailDim: 768,
        numPatches: real.numPatches,
        patchDim: 320,
      },
    };
    const decoder = architectureModel('joint', full, undefined as never, 1).params as never as { shared: never };
    const counts = (['joint', 'hierarchical'] as const).map((name) =>
      numParameters(architectureModel(name, full, decoder.shared, 1).params),
    );
    expect(Math.abs(counts[1]! / counts[0]! - 1)).toBeLessThan(0.03);
    expect(counts[0]).toBeGreaterThan(1e6);
  });
});

describe('decodeCaptions', () => {
  // From `begin` (1) the likeliest word is 4, but what follows 5 is sure: 4 leads to an even choice, 5 to the end (3).
  const next: Readonly<Record<number, readonly number[]>> = {
    1: [0, 0, 0, 0, 0.6, 0.4, 0],
    4: [0, 0, 0, 0.34, 0.33, 0, 0.33],
    5: [0, 0, 0, 1, 0, 0, 0],
    6: [0, 0, 0, 1, 0, 0, 0],
  };
  const writer = async ({ tokens }: { tokens: readonly number[] }) =>
    new Tensor(
      'float32',
      [tokens.length, 7],
      Float32Array.from(tokens.flatMap((token) => next[token]!.map((p) => Math.log(Math.max(p, 1e-9))))),
    );
  const options = { beginId: 1, endId: 3, maxTokens: 6, lengthPower: 0 };

  it('takes the likeliest token each time with a beam of 1, and the likelier whole with more', async () => {
    expect(await decodeCaptions(writer, 2, { ...options, beamWidth: 1 })).toEqual([[4], [4]]);
    expect(await decodeCaptions(writer, 1, { ...options, beamWidth: 2 })).toEqual([[5]]);
  });

  it('ends at the longest caption', async () => {
    const endless = async ({ tokens }: { tokens: readonly number[] }) =>
      new Tensor(
        'float32',
        [tokens.length, 7],
        new Float32Array(7 * tokens.length).map((_, i) => (i % 7 === 5 ? 9 : 0)),
      );
    const [caption] = await decodeCaptions(endless, 1, { ...options, maxTokens: 4, beamWidth: 1 });
    expect(caption!.length).toBeLessThanOrEqual(5);
  });
});

describe('CaptionCodec', () => {
  it('gives a text back in lower case, and shifts what is read against what is asked for', () => {
    const { ids, targets } = codec.batch([{ tokens: codec.encode('Red cat'), language: 'zh' }]);
    const [read, asked] = [[...ids.data].map(Number), [...targets.data].map(Number)];
    expect(read[0]).toBe(codec.beginId('zh'));
    const length = asked.indexOf(codec.endId);
    expect(read.slice(1, length + 1)).toEqual(asked.slice(0, length));
    expect(codec.decode(asked)).toBe('red cat');
    expect(read.slice(length + 1).every((id) => id === 0)).toBe(true);
  });
});

describe('pairedBatches', () => {
  it('draws no concept and no text twice, shows the group’s modality, and is the same for the same seed', () => {
    const next = pairedBatches(corpus, tables, codec, settings);
    const first = next(new Rng(3));
    const copy = { ids: first.ids.data.slice(), present: first.media.present.data.slice() };
    const again = next(new Rng(3));
    expect(again.ids.data).toEqual(copy.ids);
    expect(again.media.present.data).toEqual(copy.present);
    const rows = Array.from({ length: 8 }, (_, i) => copy.ids.slice(i * 12, (i + 1) * 12).join());
    expect(new Set(rows).size).toBe(8);
    for (let i = 0; i < 8; i++) expect([0, 1, 2].some((m) => copy.present[3 * i + m] === 1)).toBe(true);
  });
});

describe('countFlops', () => {
  it('counts 2 M K N for products, whichever way they are written, and a handful for the rest', () => {
    const product = trace(({ a, b }: { a: Value; b: Value }) => matMul(a, b), { a: spec([5, 3, 4]), b: spec([4, 7]) });
    expect(countFlops(product)).toBe(2 * 5 * 3 * 4 * 7);
    const transposed = trace(({ a, b }: { a: Value; b: Value }) => relu(gemm(a, b, undefined, { transA: true })), {
      a: spec([4, 3]),
      b: spec([4, 7]),
    });
    expect(countFlops(transposed)).toBe(2 * 3 * 4 * 7 + 3 * 7);
  });
});
