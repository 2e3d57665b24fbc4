import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Calibration, calibrate, probabilityOf, rowKinds } from '../../bundle/index.ts';
import { Rng, Tensor } from '../../engine/core/index.ts';
import { Products } from '../hash/products.ts';
import { areaUnderCurve, calibrationFigures } from './calibration-figures.ts';
import { bestCutoff, fitCalibration } from './fit-calibration.ts';
import { fitLogistic, type JudgedHit } from './logistic.ts';
import { type KindRows, searchTrials, type Trial } from './trials.ts';

let products: Products;
beforeAll(async () => {
  products = await Products.open({ numThreads: 1 });
});
afterAll(() => products.close());

const truth = { bias: -4, cosine: 3, standing: 2.5 };
const nothing = { bias: 0, cosine: 0, standing: 0 };

/** Hits whose odds are known. */
function drawn(seed: string, count: number, weights = truth): JudgedHit[] {
  const rng = new Rng(seed);
  return Array.from({ length: count }, () => {
    const hit = { cosine: rng.uniform(), standing: rng.uniform() * 2 };
    return { ...hit, isRight: rng.uniform() < probabilityOf(weights, hit.cosine, hit.standing) };
  });
}

describe('fitLogistic', () => {
  it('finds the weights that made the hits', () => {
    const found = fitLogistic(drawn('hits', 20_000), nothing, 1e-3);
    expect(Math.abs(found.bias - truth.bias)).toBeLessThan(0.25);
    expect(Math.abs(found.cosine - truth.cosine)).toBeLessThan(0.25);
    expect(Math.abs(found.standing - truth.standing)).toBeLessThan(0.25);
  });

  it('holds at zero what would make more be less likely', () => {
    const found = fitLogistic(drawn('upside down', 4000, { bias: 0, cosine: -3, standing: 2 }), nothing, 1e-3);
    expect(found.cosine).toBe(0);
    expect(found.standing).toBeGreaterThan(1);
  });

  it('stays near what is known where there are few hits, or one answer only', () => {
    const found = fitLogistic([{ cosine: 0.5, standing: 1, isRight: true }], truth, 20);
    expect(Math.abs(found.standing - truth.standing)).toBeLessThan(0.2);
    const right = drawn('right', 50).map((hit) => ({ ...hit, isRight: true }));
    expect(Object.values(fitLogistic(right, truth, 5)).every(Number.isFinite)).toBe(true);
    expect(() => fitLogistic([], truth)).toThrow('there are no hits');
  });
});

/** Things of known concepts: each is its concept's direction, more or less. */
function things(seed: string, count: number, offset: number, noise = 0.05): KindRows {
  const dim = 16;
  const rng = new Rng(seed);
  const directions = new Rng('concepts').fillNormal(new Float32Array(40 * dim));
  const concepts: string[] = [];
  const data = new Float32Array(count * dim);
  for (let row = 0; row < count; row++) {
    const concept = rng.integer(40);
    concepts.push(`concept ${concept}`);
    let square = 0;
    for (let d = 0; d < dim; d++) {
      data[row * dim + d] = directions[concept * dim + d]! / 4 + noise * rng.normal() + offset;
      square += data[row * dim + d]! ** 2;
    }
    for (let d = 0; d < dim; d++) data[row * dim + d]! /= Math.sqrt(square);
  }
  return { concepts, vectors: new Tensor('float32', [count, dim], data) };
}

/** A library of four kinds with a gap between them, asked by texts and by its own pictures. */
function trialsOf(seed: string): Promise<Trial[]> {
  const image = things(`${seed} image`, 160, 0.05);
  const own = Array.from({ length: 60 }, (_, i) => i);
  return searchTrials(
    {
      rows: {
        image,
        audio: things(`${seed} audio`, 60, -0.05, 0.25),
        video: things(`${seed} video`, 80, 0.1),
        text: things(`${seed} text`, 100, 0),
      },
      queries: [
        { kind: 'text-en', ...things(`${seed} queries`, 80, 0) },
        {
          kind: 'image',
          own,
          concepts: image.concepts.slice(0, 60),
          vectors: new Tensor('float32', [60, 16], image.vectors.data.slice(0, 60 * 16)),
        },
      ],
      libraries: [
        { size: 150, count: 2 },
        { size: Number.POSITIVE_INFINITY, count: 1 },
      ],
      numHits: 4,
      seed: 1,
    },
    products,
  );
}

describe('searchTrials', () => {
  it('asks every query that has an answer twice, once without the files of its concept', async () => {
    const trials = await trialsOf('trials');
    const answered = trials.filter(({ hasAnswer }) => hasAnswer);
    expect(answered.length).toBe(trials.length / 2);
    expect(answered.length).toBeGreaterThan(200);
    expect(trials.some(({ hasAnswer, hits }) => !hasAnswer && hits.some(({ isRight }) => isRight))).toBe(false);
    expect(new Set(trials.map(({ size }) => size))).toEqual(new Set([150, 400]));
    // A picture does not find itself.
    const images = trials.filter(({ queryKind }) => queryKind === 'image').flatMap(({ hits }) => hits);
    expect(Math.max(...images.map(({ cosine }) => cosine))).toBeLessThan(0.9999);
    for (const kind of rowKinds) expect(images.some(({ rowKind }) => rowKind === kind)).toBe(true);
  });
});

describe('fitCalibration', () => {
  let calibration: Calibration;
  let unseen: Trial[];
  beforeAll(async () => {
    calibration = fitCalibration(await trialsOf('validation'));
    unseen = await trialsOf('test');
  });

  it('gives probabilities that hold on searches that it did not see', () => {
    const figures = calibrationFigures(
      unseen,
      (queryKind, hit) => calibrate(calibration, { queryKind, ...hit }),
      calibration.cutoff,
    );
    expect(figures.expectedCalibrationError).toBeLessThan(0.05);
    expect(figures.areaUnderCurve).toBeGreaterThan(0.9);
    expect(figures.noMatchRecall.value).toBeGreaterThan(0.7);
    expect(figures.answeredShown.value).toBeGreaterThan(0.8);
    const [low, high] = figures.noMatchRecall.interval;
    expect(low).toBeLessThanOrEqual(figures.noMatchRecall.value);
    expect(high).toBeGreaterThanOrEqual(figures.noMatchRecall.value);
    // Weights that say nothing are told apart.
    expect(calibrationFigures(unseen, () => 0.5, 0.5).expectedCalibrationError).toBeGreaterThan(0.2);
  });

  it('is never less sure of more', () => {
    for (const rowKind of rowKinds) {
      const at = (cosine: number, standing: number) =>
        calibrate(calibration, { queryKind: 'audio', rowKind, cosine, standing });
      for (let step = 0; step < 20; step++) {
        expect(at(step / 20 + 0.05, 1)).toBeGreaterThanOrEqual(at(step / 20, 1));
        expect(at(0.5, step / 10 + 0.1)).toBeGreaterThanOrEqual(at(0.5, step / 10));
      }
    }
  });

  it('cuts where both answers are told best', () => {
    const trial = (hasAnswer: boolean, cosine: number): Trial => ({
      queryKind: 'text-en',
      concept: 'x',
      size: 1,
      hasAnswer,
      hits: [{ rowKind: 'image', cosine, standing: 0, isRight: hasAnswer }],
    });
    const trials = [0.1, 0.2, 0.3].map((cosine) => trial(false, cosine)).concat([0.4, 0.5].map((c) => trial(true, c)));
    const cutoff = bestCutoff(trials, (_, { cosine }) => cosine);
    expect(cutoff).toBeGreaterThan(0.3);
    expect(cutoff).toBeLessThanOrEqual(0.4);
  });
});

describe('areaUnderCurve', () => {
  it('is the share of pairs in the right order, equal ones half', () => {
    const hits = [
      { probability: 0.9, isRight: true },
      { probability: 0.5, isRight: false },
      { probability: 0.5, isRight: true },
      { probability: 0.1, isRight: false },
    ];
    expect(areaUnderCurve(hits)).toBe(3.5 / 4);
    expect(areaUnderCurve(hits.filter(({ isRight }) => isRight))).toBe(0.5);
  });
});
