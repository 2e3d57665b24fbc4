/** @file Calibration against values that can be worked out by hand. */
import { describe, expect, it } from 'vitest';
import { Rng } from '../../engine/core/index.ts';
import { classificationFigures, fitTemperature } from './calibration.ts';

describe('figures of a classifier', () => {
  it('that says nothing: the loss of a guess, and a confidence that is right', () => {
    const figures = classificationFigures({ logits: new Float32Array(8), labels: [0, 0, 1, 1] });
    expect(figures.negativeLogLikelihood).toBeCloseTo(Math.log(2), 6);
    expect(figures.accuracy).toBe(0.5);
    expect(figures.expectedCalibrationError).toBeCloseTo(0, 6);
  });

  it('that is sure and wrong half the time: an error of a half', () => {
    const figures = classificationFigures({ logits: Float32Array.of(50, 0, 50, 0), labels: [0, 1] });
    expect(figures.accuracy).toBe(0.5);
    expect(figures.expectedCalibrationError).toBeCloseTo(0.5, 6);
  });
});

describe('the temperature', () => {
  it('undoes a factor on logits that were right', () => {
    const rng = new Rng(3);
    const numSamples = 3000;
    const logits = new Float32Array(numSamples * 2);
    const labels = Array.from({ length: numSamples }, (_, i) => {
      const log = rng.normal();
      logits[i * 2] = 2.5 * log;
      return rng.uniform() < 1 / (1 + Math.exp(-log)) ? 0 : 1;
    });
    const temperature = fitTemperature({ logits, labels });
    expect(temperature).toBeGreaterThan(2.2);
    expect(temperature).toBeLessThan(2.8);
    const before = classificationFigures({ logits, labels });
    const after = classificationFigures({ logits, labels }, temperature);
    expect(after.accuracy).toBe(before.accuracy);
    expect(after.expectedCalibrationError).toBeLessThan(before.expectedCalibrationError / 2);
  });
});
