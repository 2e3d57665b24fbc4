/** @file A short run of the synthetic studies: fusion beats each side by a margin, missing parts cost little by little, ceilings hold, a finished seed is not run again. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type FuseReport, fuseModalities, fusePages, studySettings, studyTask } from './index.ts';

const base = studySettings();
const task = studyTask({
  ...base,
  numTraining: 400,
  numValidation: 60,
  numTest: 240,
  doses: [20_000],
  model: { channels: [8, 16, 24, 32], width: 32, numLayers: 1, numHeads: 4 },
  training: { ...base.training, batchSize: 24, numSteps: 220, peakLearningRate: 5e-3 },
});

let directory: string;
let report: FuseReport;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'sensorium-fuse-'));
  report = await fuseModalities({ task, seeds: [8], runDirectory: directory });
}, 150_000);
afterAll(() => rm(directory, { recursive: true }));

const accuracy = (model: string, given: string) =>
  report.seeds[0]!.rows.find((row) => row.model === model && row.given === given)!.accuracy;

describe('fusion of a slice and a record', () => {
  it('is right more often than either alone, by a margin', () => {
    const fused = accuracy('fused', 'everything');
    expect(fused).toBeGreaterThan(accuracy('slice alone', 'everything') + 0.15);
    expect(fused).toBeGreaterThan(accuracy('record alone', 'everything') + 0.15);
  });

  it('degrades gracefully: each missing part costs, and what is left is still used', () => {
    const chance = 1 / 6;
    const falling = ['everything', '25 % of the fields missing', '75 % of the fields missing', 'record missing'];
    falling.slice(1).forEach((given, i) => {
      expect(accuracy('fused', given), given).toBeLessThan(accuracy('fused', falling[i]!) + 0.03);
    });
    expect(accuracy('fused', '50 % of the fields missing')).toBeGreaterThan(accuracy('fused', 'record missing') + 0.05);
    expect(accuracy('fused', 'slice missing')).toBeGreaterThan(chance + 0.1);
    expect(accuracy('fused', 'record missing')).toBeGreaterThan(chance + 0.1);
  });

  it('gives no reader more than its ceiling allows', () => {
    const [slice, record, both] = task.ceilings!;
    const slack = 0.065; // Two deviations of a share of 240.
    expect(accuracy('slice alone', 'everything')).toBeLessThan(slice + slack);
    expect(accuracy('record alone', 'everything')).toBeLessThan(record + slack);
    expect(accuracy('fused', 'everything')).toBeLessThan(both + slack);
  });

  it('keeps a finished seed, and forgets one of other settings', async () => {
    const again = await fuseModalities({ task, seeds: [8], runDirectory: directory });
    expect(again.seeds).toEqual(report.seeds);
    const stopped = AbortSignal.abort(new Error('run anew'));
    const other = { ...task, key: 'other' };
    await expect(fuseModalities({ task: other, seeds: [8], runDirectory: directory, signal: stopped })).rejects.toThrow(
      'run anew',
    );
  });

  it('writes a page with every condition, and a chart', () => {
    const { markdown, chart } = fusePages(report, 'fusion.svg');
    expect(markdown).toMatch(/^\| late fusion +\| everything +\|/m);
    expect(markdown).toContain('nothing here is a clinical claim');
    expect(markdown).toMatch(/Fused beats the best single side\.\*\* .* over the best single side/);
    expect(chart).toMatch(/^<svg .*<\/svg>\n$/s);
  });
});
