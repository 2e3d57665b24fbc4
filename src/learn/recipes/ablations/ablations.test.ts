import { describe, expect, it } from 'vitest';
import { Rng, Tensor } from '../../../engine/core/index.ts';
import type { GroupItem } from '../../data/sampler.ts';
import { ablationsMarkdown, precisionChart } from './report.ts';
import { ablationSettings } from './settings.ts';
import { runVariant, variants } from './variants.ts';
import type { AblationWorld } from './world.ts';

const numThings = 40;
const hidden = new Rng('hidden').fillNormal(new Float32Array(numThings * 6));

/** Features that are all made of what a thing is. */
function seen(seed: string, dim: number): Tensor<'float32'> {
  const mix = new Rng(seed).fillNormal(new Float32Array(6 * dim));
  const data = Float32Array.from({ length: numThings * dim }, (_, at) => {
    const [i, d] = [Math.floor(at / dim), at % dim];
    return [0, 1, 2, 3, 4, 5].reduce((sum, h) => sum + hidden[i * 6 + h]! * mix[h * dim + d]!, 0);
  });
  return new Tensor('float32', [numThings, dim], data);
}

const tables = {
  picture: seen('picture', 10),
  text: seen('text', 8),
  chinese: seen('chinese', 8),
  video: seen('video', 9),
  audio: seen('audio', 7),
};
const items = (modality: string, from: number, to: number): GroupItem[] =>
  Array.from({ length: to - from }, (_, i) => ({
    concept: `thing ${from + i}`,
    rows: { text: [from + i], chinese: i % 2 === 0 ? [from + i] : [], [modality]: [from + i] },
  }));
const world: AblationWorld = {
  tables,
  pictures: [{ items: items('picture', 0, 40) }],
  clips: { items: items('video', 0, 40) },
  sounds: { items: items('audio', 0, 40) },
  questions: [
    { name: 'text to picture', query: 'text', candidate: 'picture', queries: tables.text, candidates: tables.picture },
    { name: 'text to sound', query: 'chinese', candidate: 'audio', queries: tables.chinese, candidates: tables.audio },
  ],
};
const settings = ablationSettings({
  spaceDim: 8,
  bottleneckDim: 4,
  batchSize: 16,
  numSteps: [40, 40],
  peakLearningRate: 0.02,
  dropout: 0,
});

describe('runVariant', () => {
  it.each([variants[0]!, variants[1]!, variants.find(({ precision }) => precision !== undefined)!])(
    'learns to find what belongs together: $name',
    async (variant) => {
      const { recall, losses } = await runVariant(variant, world, settings, 1, {
        runDirectory: `/tmp/ablations-${process.pid}`,
      });
      // Chance is 10 of 40.
      expect(recall['text to picture']).toBeGreaterThan(0.5);
      expect(recall['text to sound']).toBeGreaterThan(0.5);
      expect(losses.at(-1)!).toBeLessThan(losses[0]!);
    },
  );
});

describe('ablationsMarkdown', () => {
  const report = {
    settings,
    candidates: { 'text to picture': 200, 'Chinese to picture': 200 },
    rows: variants.map((variant, i) => ({
      variant,
      results: [0.5, 0.6].map((r, seed) => ({
        recall: { 'text to picture': r + i / 100, 'Chinese to picture': 0.25 },
        seconds: 10 + seed,
        losses: [3, 2, 1],
      })),
    })),
    adaptations: [{ name: 'every weight', results: [{ recall: 0.4, numTrained: 1234567, seconds: 30 }] }],
  };

  it('compares each variant with the first in the table of its question', () => {
    const text = ablationsMarkdown(report, 'npx sensorium ablate', 'chart.svg').replace(/ {2,}/g, ' ');
    const base = `| ${variants[0]!.name} | 0.550 ± 0.635 | 0.250 ± 0.000 |`;
    expect(text.split(base)).toHaveLength(6);
    expect(text).toContain(`| ${variants[1]!.name} | 0.560 ± 0.635 |`);
    expect(text).toContain('| every weight | 0.400 | 1,234,567 | 30 |');
    expect(text).toContain('text to picture 200');
    expect(text).toContain('(chart.svg)');
  });

  it('draws the losses of both precisions', () => {
    const svg = precisionChart(report);
    expect(svg).toContain('float32');
    expect(svg).toContain('video in float16');
    expect(svg.startsWith('<svg')).toBe(true);
  });
});
