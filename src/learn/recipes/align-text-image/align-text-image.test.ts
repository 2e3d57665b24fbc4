import { describe, expect, it } from 'vitest';
import { float32, Rng, Tensor } from '../../../engine/core/index.ts';
import { compile, loadExecutable } from '../../../engine/runtime/index.ts';
import { initHead } from '../../../model/index.ts';
import { fillDropout } from './batches.ts';
import { captionsOf } from './corpus.ts';
import { exportHead, headGraph } from './heads.ts';
import { alignSettings, hashSettings } from './settings.ts';
import { columnStatistics, standardizeRows } from './statistics.ts';

const normal = (rng: Rng, shape: readonly number[], deviation = 1) => {
  const size = shape.reduce((product, dim) => product * dim, 1);
  return new Tensor('float32', shape, rng.fillNormal(new Float32Array(size), deviation));
};

describe('headGraph', () => {
  const rng = new Rng('head');
  const [width, dim] = [5, 3];
  const fresh = initHead(rng, { featureDim: width, spaceDim: dim, numAdapters: 2, bottleneckDim: 4 });
  // As after training: nothing is zero any more.
  const head = {
    adapters: fresh.adapters.map(({ down }) => ({
      down: { weight: down.weight, bias: normal(rng, [4]) },
      up: { weight: normal(rng, [4, width]), bias: normal(rng, [width]) },
    })),
    projection: { weight: fresh.projection.weight, bias: normal(rng, [dim]) },
  };
  const statistics = { mean: float32([0, 1, -2, 0.5, 3]), deviation: float32([1, 2, 0.5, 0.001, 4]) };
  const inputs = [
    { name: 'block', dim: 2 },
    { name: 'pooled', dim: 3 },
  ];

  /** The same in plain TypeScript. */
  function embeddingOf(features: readonly number[]): number[] {
    const at = (tensor: Tensor, i: number) => Number(tensor.data[i]);
    const linear = (row: readonly number[], { weight, bias }: { weight: Tensor; bias: Tensor }) =>
      Array.from({ length: bias.shape[0]! }, (_, o) =>
        row.reduce((sum, x, i) => sum + x * at(weight, i * bias.shape[0]! + o), at(bias, o)),
      );
    let row = features.map((x, i) => (x - at(statistics.mean, i)) / at(statistics.deviation, i));
    row = row.map((x) => Math.min(8, Math.max(-8, x)));
    for (const { down, up } of head.adapters) {
      const change = linear(
        linear(row, down).map((x) => Math.max(0, x)),
        up,
      );
      row = row.map((x, i) => x + change[i]!);
    }
    const projected = linear(row, head.projection);
    return projected.map((x) => x / Math.hypot(...projected));
  }

  it('agrees with a plain computation, in batches of any size', async () => {
    const bytes = exportHead(head, statistics, inputs);
    const executable = await loadExecutable(bytes, { numThreads: 1 });
    for (const size of [1, 6]) {
      const block = normal(rng, [size, 2], 3);
      const pooled = normal(rng, [size, 3], 3);
      const { embedding } = await executable.run({ block, pooled });
      expect(embedding!.shape).toEqual([size, dim]);
      for (let i = 0; i < size; i++) {
        const features = [...block.data.subarray(i * 2, i * 2 + 2), ...pooled.data.subarray(i * 3, i * 3 + 3)];
        embeddingOf(features.map(Number)).forEach((x, d) => {
          expect(Number(embedding!.data[i * dim + d])).toBeCloseTo(x, 4);
        });
      }
    }
    await executable.close();
  });

  it('exports the same bytes each time', () => {
    expect(exportHead(head, statistics, inputs)).toEqual(exportHead(head, statistics, inputs));
  });

  it('standardizes as training does, cut at 8 deviations', async () => {
    const table = float32([0, 1, -2, 0.5, 3, 1e3, 5, -2.5, 0.49, -1e3], [2, 5]);
    standardizeRows(table, statistics);
    const expected = [0, 0, 0, 0, 0, 8, 2, -1, -8, -8];
    expected.forEach((x, i) => {
      expect(table.data[i]).toBeCloseTo(x, 5);
    });
    const executable = await compile(headGraph(head, statistics, inputs), { numThreads: 1 });
    const run = (values: number[]) =>
      executable.run({ block: float32(values.slice(0, 2), [1, 2]), pooled: float32(values.slice(2), [1, 3]) });
    // Beyond the cut, more makes no difference.
    expect((await run([1e3, 1, -2, 0.5, 3])).embedding!.data).toEqual((await run([8, 1, -2, 0.5, 3])).embedding!.data);
    await executable.close();
  });
});

describe('columnStatistics', () => {
  it('is the mean and deviation of the columns of all tables together', () => {
    const tables = [float32([1, 5, 3, 5], [2, 2]), float32([5, 5, 7, 5], [2, 2])];
    const { mean, deviation } = columnStatistics(tables);
    expect(Array.from(mean.data as Float32Array)).toEqual([4, 5]);
    // A column that never changes keeps the floor of 0.001.
    expect(Number(deviation.data[0])).toBeCloseTo(Math.sqrt(5) + 1e-3, 5);
    expect(Number(deviation.data[1])).toBeCloseTo(1e-3, 8);
  });
});

describe('fillDropout', () => {
  it('drops as often as asked, to a 256th, and keeps the mean at 1', () => {
    const count = 200_000;
    for (const rate of [0.1, 0.3, 0.5]) {
      const factors = new Float32Array(count);
      fillDropout(factors, rate, new Rng(`dropout ${rate}`));
      const dropped = factors.filter((factor) => factor === 0).length / count;
      const exact = Math.round(rate * 256) / 256;
      expect(Math.abs(exact - rate)).toBeLessThanOrEqual(1 / 512);
      const deviation = Math.sqrt((exact * (1 - exact)) / count);
      expect(Math.abs(dropped - exact)).toBeLessThan(4 * deviation);
      const mean = factors.reduce((sum, factor) => sum + factor, 0) / count;
      expect(Math.abs(mean - 1)).toBeLessThan((4 * deviation) / (1 - exact));
      expect(new Set(factors)).toEqual(new Set([0, Math.fround(1 / (1 - exact))]));
    }
  });

  it('drops neighbours independently, though four come from one draw', () => {
    const count = 200_000;
    const factors = new Float32Array(count);
    fillDropout(factors, 0.3, new Rng('neighbours'));
    const joint = (Math.round(0.3 * 256) / 256) ** 2;
    for (const distance of [1, 2, 3, 4]) {
      let both = 0;
      for (let i = distance; i < count; i++) if (factors[i] === 0 && factors[i - distance] === 0) both++;
      const error = Math.abs(both / count - joint);
      expect(error, `distance ${distance}`).toBeLessThan(6 * Math.sqrt((joint * (1 - joint)) / count));
    }
  });

  it('is repeatable, and replaces what was there', () => {
    const [a, b] = [new Float32Array(101), new Float32Array(101).fill(9)];
    fillDropout(a, 0.3, new Rng(5));
    fillDropout(b, 0.3, new Rng(5));
    expect(b).toEqual(a);
  });
});

describe('captionsOf', () => {
  const keywords = ['red', 'fruit', 'round', 'sweet', 'tree', 'pie'];

  it('begins with the name and phrases of it, then name and keywords, keywords together, and keywords alone', () => {
    const [name, article, picture, keyed, ofName, named, together, ...alone] = captionsOf(
      { name: 'apple', keywords },
      new Rng(1),
    );
    expect([name, article, picture]).toEqual(['apple', 'an apple', 'a picture of an apple']);
    expect(keyed).toMatch(/^\w+ apple$/);
    expect(ofName).toMatch(/^\w+ of apple$/);
    expect(named).toMatch(/^apple, \w+, \w+, \w+$/);
    expect(together!.split(', ')).toHaveLength(5);
    expect(alone).toHaveLength(4);
    for (const caption of [...named!.split(', ').slice(1), ...together!.split(', '), ...alone]) {
      expect(keywords).toContain(caption);
    }
    expect(new Set(together!.split(', ')).size).toBe(5);
  });

  it('does with fewer keywords, leaves the record as it is, and is repeatable', () => {
    const record = { name: 'apple', keywords: Object.freeze(['red']) as string[] };
    expect(captionsOf(record, new Rng(1))).toEqual([
      'apple',
      'an apple',
      'a picture of an apple',
      'red apple',
      'red of apple',
      'apple, red',
      'red',
      'red',
    ]);
    expect(captionsOf({ name: 'apple', keywords }, new Rng(2))).toEqual(
      captionsOf({ name: 'apple', keywords }, new Rng(2)),
    );
    expect(keywords[0]).toBe('red');
  });
});

describe('hashSettings', () => {
  it('is equal for equal settings alone', () => {
    expect(hashSettings(alignSettings())).toBe(hashSettings(alignSettings()));
    expect(hashSettings(alignSettings({ seed: 2 }))).not.toBe(hashSettings(alignSettings()));
  });
});
