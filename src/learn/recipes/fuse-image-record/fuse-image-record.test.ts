/** @file A small run of the recipe, too short for the slices: the record is learned, the figures fit the ceilings, a finished seed is not run again. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type FuseReport, fuseImageRecord, fusePages, fuseSettings } from './index.ts';

const settings = fuseSettings({
  seeds: [7],
  numTraining: 400,
  numValidation: 60,
  numTest: 120,
  doses: [20_000],
  training: { batchSize: 32, numSteps: 90, peakLearningRate: 4e-3 },
  model: { size: 64, channels: [8, 16, 24, 32], width: 32, numLayers: 1, numHeads: 4, numClasses: 6 },
});

let directory: string;
let report: FuseReport;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'sensorium-fuse-'));
  report = await fuseImageRecord({ settings, runDirectory: directory });
}, 150_000);
afterAll(() => rm(directory, { recursive: true }));

const accuracy = (model: string, given: string) =>
  report.seeds[0]!.rows.find((row) => row.model === model && row.given === given)!.accuracy;

describe('fusion of a slice and a record', () => {
  it('answers from the record when the slice is missing, better than chance', () => {
    expect(accuracy('fused', 'no slice')).toBeGreaterThan(1 / 6 + 0.05);
    expect(accuracy('record alone', 'everything')).toBeGreaterThan(1 / 6 + 0.05);
  });

  it('gives no single modality more than its ceiling allows', () => {
    expect(accuracy('image alone', 'everything')).toBeLessThan(report.ceilings.image + 0.12);
    expect(report.ceilings.both).toBeGreaterThan(report.ceilings.record + 0.2);
  });

  it('keeps a finished seed', async () => {
    const again = await fuseImageRecord({ settings, runDirectory: directory });
    expect(again.seeds).toEqual(report.seeds);
  });

  it('writes a page with every condition, and a chart', () => {
    const { markdown, chart } = fusePages(report, 'fusion.svg');
    expect(markdown).toContain('| late fusion | everything |');
    expect(markdown).toContain('no clinical claim'.replace('no', 'nothing here is a'));
    expect(chart).toMatch(/^<svg .*<\/svg>\n$/s);
  });
});
