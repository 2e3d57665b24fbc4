/** @file The parts of the experiments by themselves: late fusion, bad photos, spoken words. */
import { describe, expect, it } from 'vitest';
import { Rng, Tensor } from '../../../engine/core/index.ts';
import { spectrogramsOf } from '../../data/sounds-spectrograms.ts';
import { badPhoto } from './bad-photo.ts';
import { lateFusion, rightOnes, scaled } from './late-fusion.ts';
import { speechShape, spokenWords } from './spoken-words.ts';

describe('lateFusion', () => {
  it('is Bayes’ rule for sides that are independent given the class', () => {
    // Prior 3 : 1. Posteriors 0.6 and 0.9 of the first class are likelihood ratios of 0.5 and 3, together 1.5 · 3 = 4.5 to 1.
    const of = (share: number) => ({ logits: Float32Array.of(Math.log(share), Math.log(1 - share)), labels: [0] });
    const [first, second] = lateFusion(of(0.6), of(0.9), [30, 10]).logits;
    expect(Math.exp(first! - second!)).toBeCloseTo(4.5, 4);
  });

  it('marks who is right, at any temperature', () => {
    const classified = { logits: Float32Array.of(1, 2, 5, 4), labels: [1, 1] };
    expect(rightOnes(classified)).toBe('10');
    expect(rightOnes(scaled(classified, 3))).toBe('10');
  });
});

describe('badPhoto', () => {
  const size = 40;
  const picture = new Tensor(
    'uint8',
    [size, size, 3],
    Uint8Array.from({ length: size * size * 3 }, (_, i) => (i % 2) * 200),
  );

  it('is the picture itself with all its pixels, no noise and nothing in the way', () => {
    expect(badPhoto(picture, { pixels: size, noise: 0, hidden: 0 }, new Rng(1)).data).toEqual(picture.data);
  });

  it('keeps the mean as it averages down, and takes detail away', () => {
    const { data } = badPhoto(picture, { pixels: 10, noise: 0, hidden: 0 }, new Rng(1));
    expect(data.reduce((sum, value) => sum + value, 0) / data.length).toBeCloseTo(100, 0);
    expect(Math.max(...data) - Math.min(...data)).toBeLessThan(60);
  });

  it('hides a grey square of the size asked for, and draws the same for the same seed', () => {
    const badness = { pixels: size, noise: 0, hidden: 0.5 };
    const { data } = badPhoto(picture, badness, new Rng(2));
    expect(data.filter((value) => value === 128).length).toBe(20 * 20 * 3);
    expect(badPhoto(picture, badness, new Rng(2)).data).toEqual(data);
  });
});

describe('spokenWords', () => {
  const [, numFrames, numBands] = speechShape;

  it('cuts the silence before a word, forgets loudness, and moves words in time', () => {
    const frames = 100;
    const mel = (gain: number) =>
      new Tensor(
        'float32',
        [frames, 64],
        Float32Array.from({ length: frames * 64 }, (_, i) => (Math.floor(i / 64) < 40 ? -20 : -8 + (i % 7)) + gain),
      );
    const words = spokenWords(spectrogramsOf([mel(0), mel(4)]));
    const read = (recording: number, shift: number) => {
      const target = new Float32Array(numFrames * numBands);
      words.copy(recording, shift, target);
      return target;
    };
    const [quiet, loud, late] = [read(0, 0), read(1, 0), read(0, 5)];
    quiet.forEach((value, i) => {
      expect(loud[i]!).toBeCloseTo(value, 1);
    });
    expect(late.slice(5 * numBands, 10 * numBands)).toEqual(quiet.slice(0, 5 * numBands));
    // Ten frames before the word and the sixty of it are 17 of the map.
    expect(quiet.slice(17 * numBands).every((value) => value === 0)).toBe(true);
  });
});
