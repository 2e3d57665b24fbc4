import { describe, expect, it } from 'vitest';
import { Rng, scalar, Tensor, zeros } from '../../../engine/core/index.ts';
import { compile, loadExecutable } from '../../../engine/runtime/index.ts';
import { initHead } from '../../../model/index.ts';
import { headGraph } from '../align-text-image/heads.ts';
import { exportHalfHead } from './export.ts';
import { type FinetuneParams, interpolate, trainedIn } from './model.ts';
import { pixelBatchSource } from './pixel-batches.ts';
import type { PixelCorpus } from './pixel-corpus.ts';
import { restyle, toneTable } from './restyle.ts';
import { type FinetunePhase, finetuneSettings, hashPhase, stepsOf } from './settings.ts';

const size = 4;
const dim = 3;

/** Two sources of six pictures of two views; a picture is filled with its row, its text is its concept or shared. */
function smallCorpus(): PixelCorpus {
  const texts = ['a', 'b', 'c', 'd', 'e', 'f', 'shared by a and b', 'only icons'];
  const textConcepts = [...'abcdef'].map((concept) => new Set([concept]));
  textConcepts.push(new Set(['a', 'b']), new Set(['icon']));
  const items = [...'abcdef'].map((concept, i) => ({
    concept,
    rows: [i * 2, i * 2 + 1],
    texts: concept === 'a' || concept === 'b' ? [i, 6] : [i],
  }));
  const icons = [...'abcdef'].map((concept, i) => ({ concept, rows: [i * 2, i * 2 + 1], texts: [i] }));
  icons[5] = { concept: 'icon', rows: [10, 11], texts: [7] };
  const pixels = {
    numPictures: 12,
    size,
    copy: (row: number, target: Uint8Array, offset: number) => target.fill(row * 20, offset, offset + size * size * 3),
  };
  const embeddings = Float32Array.from({ length: texts.length * dim }, (_, i) => Math.floor(i / dim) + (i % dim) / 10);
  return {
    sources: [
      { source: 'noto', items, pixels },
      { source: 'mdi', items: icons, pixels },
    ],
    texts,
    textConcepts,
    textEmbeddings: new Tensor('float32', [texts.length, dim], embeddings),
  };
}

describe('pixelBatchSource', () => {
  const options = { batchSize: 3, numExtraTexts: 2, pictureDim: 5, pictureDropout: 0.5, nameProbability: 0.5 };

  it('puts texts of the pairs first and never a text that may stand for one of their pictures after them', () => {
    const corpus = smallCorpus();
    const next = pixelBatchSource(corpus, options);
    const rng = new Rng(3);
    for (let i = 0; i < 200; i++) {
      const { pictures, texts, pictureDropout } = next(rng);
      expect(pictures.shape).toEqual([3, size, size, 3]);
      expect(pictureDropout.shape).toEqual([3, 5]);
      const rows = Array.from({ length: 5 }, (_, row) => Math.round(Number(texts.data[row * dim])));
      expect(new Set(rows).size).toBe(5);
      const concepts = new Set(rows.slice(0, 3).flatMap((row) => [...corpus.textConcepts[row]!]));
      for (const row of rows.slice(3)) {
        for (const concept of corpus.textConcepts[row]!) expect(concepts).not.toContain(concept);
      }
    }
  });

  it('draws the same batches from the same seed', () => {
    const [a, b] = [pixelBatchSource(smallCorpus(), options), pixelBatchSource(smallCorpus(), options)];
    const [rngA, rngB] = [new Rng(5), new Rng(5)];
    for (let i = 0; i < 5; i++) expect(a(rngA)).toEqual(b(rngB));
  });

  it('says so when there are not enough texts of other concepts', () => {
    const next = pixelBatchSource(smallCorpus(), { ...options, numExtraTexts: 7 });
    expect(() => next(new Rng(1))).toThrow('texts of other concepts');
  });
});

describe('restyle', () => {
  it('keeps what is alike alike, and a share of pictures as they are', () => {
    const rng = new Rng(2);
    let unchanged = 0;
    for (let i = 0; i < 300; i++) {
      const pixels = Uint8Array.from([10, 200, 90, 10, 200, 90, 255, 255, 255]);
      const before = pixels.slice();
      restyle(pixels, rng);
      expect(Array.from(pixels.subarray(0, 3))).toEqual(Array.from(pixels.subarray(3, 6)));
      if (pixels.join() === before.join()) unchanged++;
    }
    expect(unchanged).toBeGreaterThan(30);
    expect(unchanged).toBeLessThan(110);
  });

  it('has tables that flatten, bend and scale', () => {
    expect(Array.from(toneTable(256, 1, 1))).toEqual(Array.from({ length: 256 }, (_, i) => i));
    const three = toneTable(3, 1, 1);
    expect([...new Set(three)]).toEqual([0, 128, 255]);
    // (128 / 255)² · 255 = 64.25.
    expect(toneTable(256, 2, 1)[128]).toBe(64);
    expect(toneTable(256, 1, 1.5)[200]).toBe(255);
  });
});

describe('trainedIn', () => {
  const changes = {
    'conv00.weight': zeros([4, 3, 3, 3]),
    'conv00.bias': zeros([4]),
    'conv01.weight': zeros([4, 1, 3, 3]),
    'conv01.bias': zeros([4]),
    'conv02.weight': zeros([2, 4, 1, 1]),
  };
  const phase = { numSteps: 1, warmupSteps: 0, peakLearningRate: 1 };

  it('leaves out what comes before the first convolution, and depthwise kernels with their biases', () => {
    expect(Object.keys(trainedIn({ ...phase, firstConvolution: 0, depthwise: true }, changes))).toHaveLength(5);
    expect(Object.keys(trainedIn({ ...phase, firstConvolution: 1, depthwise: true }, changes))).toEqual([
      'conv01.weight',
      'conv01.bias',
      'conv02.weight',
    ]);
    expect(Object.keys(trainedIn({ ...phase, firstConvolution: 1, depthwise: false }, changes))).toEqual([
      'conv02.weight',
    ]);
  });
});

describe('interpolate', () => {
  const filled = (value: number): FinetuneParams<Tensor> => {
    const of = (shape: readonly number[]) =>
      new Tensor('float32', shape, new Float32Array(shape.reduce((product, n) => product * n, 1)).fill(value));
    const linear = { weight: of([2, 2]), bias: of([2]) };
    return {
      tower: { 'conv00.weight': of([1, 1, 1, 1]) },
      picture: { adapters: [{ down: linear, up: linear }], projection: linear },
      logLogitScale: scalar(value),
    };
  };

  it('goes from the start to the trained parameters', () => {
    expect(interpolate(filled(2), filled(6), 0)).toEqual(filled(2));
    expect(interpolate(filled(2), filled(6), 0.25)).toEqual(filled(3));
    expect(interpolate(filled(2), filled(6), 1)).toEqual(filled(6));
  });
});

describe('exportHalfHead', () => {
  it('embeds as the head in float32 does, to the precision of float16, in half the bytes', async () => {
    const head = initHead(new Rng(1), { featureDim: 64, spaceDim: 32, numAdapters: 1, bottleneckDim: 16 });
    const statistics = {
      mean: new Tensor('float32', [64], new Rng(2).fillNormal(new Float32Array(64))),
      deviation: new Tensor('float32', [64], new Float32Array(64).fill(2)),
    };
    const inputs = [
      { name: 'block', dim: 24 },
      { name: 'pooled', dim: 40 },
    ];
    const bytes = exportHalfHead(head, statistics, inputs);
    const [half, whole] = [await loadExecutable(bytes), await compile(headGraph(head, statistics, inputs))];
    const feeds = Object.fromEntries(
      inputs.map(({ name, dim: width }) => [
        name,
        new Tensor('float32', [3, width], new Rng(name).fillNormal(new Float32Array(3 * width), 3)),
      ]),
    );
    const [a, b] = [await half.run(feeds), await whole.run(feeds)];
    for (let row = 0; row < 3; row++) {
      let cosine = 0;
      for (let d = 0; d < 32; d++) {
        cosine += Number(a.embedding!.data[row * 32 + d]) * Number(b.embedding!.data[row * 32 + d]);
      }
      expect(cosine).toBeGreaterThan(0.99999);
    }
    expect(bytes.length).toBeLessThan(0.7 * 4 * (64 * 16 * 2 + 64 * 32));
    await Promise.all([half.close(), whole.close()]);
  });
});

describe('stepsOf', () => {
  it('is the whole schedule, or where the phase stops before its end', () => {
    const phase = { numSteps: 90, warmupSteps: 0, peakLearningRate: 1, firstConvolution: 0, depthwise: true };
    expect(stepsOf(phase)).toBe(90);
    expect(stepsOf({ ...phase, stopAfter: 40 })).toBe(40);
    expect(stepsOf({ ...phase, stopAfter: 100 })).toBe(90);
  });
});

describe('hashPhase', () => {
  it('tells settings, start and phase apart', () => {
    const settings = finetuneSettings();
    const names = [
      hashPhase(settings, 'start', 0),
      hashPhase(settings, 'start', 1),
      hashPhase(settings, 'other', 0),
      hashPhase(finetuneSettings({ towerPace: 1 }), 'start', 0),
    ];
    expect(new Set(names).size).toBe(4);
  });

  it('is the same whatever comes after the phase, and on however many threads', () => {
    const { phases } = finetuneSettings();
    const [first] = phases as [FinetunePhase];
    const name = hashPhase(finetuneSettings({ phases: [first] }), 'start', 0);
    const more = finetuneSettings({ phases: [first, { ...first, numSteps: 7 }], numThreads: 1, shares: [0.25] });
    expect(hashPhase(more, 'start', 0)).toBe(name);
    expect(hashPhase(more, 'start', 1)).not.toBe(name);
  });
});
