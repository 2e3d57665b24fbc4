/** @file Synthetic studies: Bayes' rule on their own distributions, ceilings that leave room for fusion, slices that depend on the look alone. */
import { describe, expect, it } from 'vitest';
import { Rng } from '../../engine/core/index.ts';
import {
  accuracyCeilings,
  diagnoses,
  drawRecord,
  drawStudy,
  lookOf,
  recordPosterior,
  studyGeometry,
} from './synthetic-study.ts';

describe('a record', () => {
  it('has a posterior that sums to one, and that a look cuts down to its two diagnoses', () => {
    const record = drawRecord(new Rng(1), 'tumour');
    const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);
    expect(sum(recordPosterior(record))).toBeCloseTo(1, 9);
    const cut = recordPosterior(record, 'haze');
    expect(sum(cut)).toBeCloseTo(1, 9);
    diagnoses.forEach((diagnosis, i) => {
      if (lookOf[diagnosis] !== 'haze') expect(cut[i]).toBe(0);
    });
  });

  it('is as probable as its posterior says, on average', () => {
    const rng = new Rng(2);
    const draws = Array.from({ length: 3000 }, () => {
      const diagnosis = rng.pick(diagnoses);
      const posterior = recordPosterior(drawRecord(rng, diagnosis));
      const best = posterior.indexOf(Math.max(...posterior));
      return { confidence: posterior[best]!, right: diagnoses[best] === diagnosis ? 1 : 0 };
    });
    const mean = (of: (draw: (typeof draws)[number]) => number) =>
      draws.reduce((sum, draw) => sum + of(draw), 0) / 3000;
    expect(Math.abs(mean(({ confidence }) => confidence) - mean(({ right }) => right))).toBeLessThan(0.03);
  });
});

describe('the ceilings', () => {
  it('leave each alone far below both', () => {
    const { image, record, both } = accuracyCeilings(new Rng(3), 4000);
    expect(image).toBe(0.5);
    expect(record).toBeLessThan(0.6);
    expect(both).toBeGreaterThan(0.85);
  });
});

describe('a study', () => {
  it('shows a lung that is darker than the body, and repeats from its seed', () => {
    const geometry = studyGeometry();
    const study = drawStudy(new Rng(4), geometry);
    const at = (x: number, y: number) => study.slice.data[(y + 32) * 64 + x + 32]!;
    expect(at(-12, -1)).toBeLessThan(-500);
    expect(at(0, 15)).toBeGreaterThan(300);
    expect(drawStudy(new Rng(4), geometry).slice.data).toEqual(study.slice.data);
  });
});
