import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Rng, ShapeError, Tensor } from '../../engine/core/index.ts';
import { codeRecall, largest, signsOf } from './code-recall.ts';
import { learnProjection } from './learn-projection.ts';
import { centreRows, meanRow, takeRows } from './matrix-rows.ts';
import { nearestRows } from './neighbours.ts';
import { orthonormalize, principalAxes } from './principal-axes.ts';
import { Products } from './products.ts';
import { iterativeQuantization, principalProjection, randomRotation } from './projections.ts';

const folder = mkdtempSync(join(tmpdir(), 'sensorium-hash-'));
let products: Products;
beforeAll(async () => {
  products = await Products.open({ numThreads: 1 });
});
afterAll(async () => {
  await products.close();
  rmSync(folder, { recursive: true, force: true });
});

const dim = 24;
const numBits = 12;

/** Unit vectors around some centres, with most of the variance in a few directions, and a common offset as every real space has. */
function clustered(seed: string, count: number): Tensor<'float32'> {
  const rng = new Rng('centres');
  const scale = Float64Array.from({ length: dim }, (_, d) => 1 / (1 + d / 3));
  const centres = Array.from({ length: 24 }, () => scale.map((one) => one * rng.normal()));
  const own = new Rng(seed);
  const data = new Float32Array(count * dim);
  for (let row = 0; row < count; row++) {
    const centre = own.pick(centres);
    let square = 0;
    for (let d = 0; d < dim; d++) {
      const value = centre[d]! + 0.35 * scale[d]! * own.normal() + 0.5;
      data[row * dim + d] = value;
      square += value * value;
    }
    for (let d = 0; d < dim; d++) data[row * dim + d]! /= Math.sqrt(square);
  }
  return new Tensor('float32', [count, dim], data);
}

const project = async (vectors: Tensor<'float32'>, projection: Float32Array) =>
  new Tensor(
    'float32',
    [vectors.shape[0]!, projection.length / dim],
    await products.dots(vectors, new Tensor('float32', [projection.length / dim, dim], projection)),
  );

/** ‖sign(V) - V‖² a row, of projected vectors scaled to the same length. */
async function quantizationError(vectors: Tensor<'float32'>, projection: Float32Array): Promise<number> {
  const { data } = await project(vectors, projection);
  const scale = Math.sqrt(data.length / data.reduce((sum, value) => sum + value * value, 0));
  return data.reduce((sum, value) => sum + (Math.sign(value) - value * scale) ** 2, 0) / data.length;
}

describe('principalAxes', () => {
  it('finds the axes of a matrix made of known ones', () => {
    const rng = new Rng('axes');
    const axes = orthonormalize(
      Float64Array.from({ length: 36 }, () => rng.normal()),
      6,
    );
    const known = [9, 5, 3, 1, 0.5, 0];
    const matrix = new Float64Array(36);
    for (let i = 0; i < 6; i++) {
      for (let j = 0; j < 6; j++) {
        for (let k = 0; k < 6; k++) matrix[i * 6 + j]! += known[k]! * axes[k * 6 + i]! * axes[k * 6 + j]!;
      }
    }
    const found = principalAxes(matrix);
    known.slice(0, 5).forEach((value, k) => {
      expect(found.eigenvalues[k]).toBeCloseTo(value, 6);
      let dot = 0;
      for (let d = 0; d < 6; d++) dot += found.axes[k * 6 + d]! * axes[k * 6 + d]!;
      expect(Math.abs(dot)).toBeCloseTo(1, 6);
    });
    expect(() => principalAxes([1, 2, 3])).toThrow(ShapeError);
  });
});

describe('projections', () => {
  it('of a random rotation keep lengths where nothing is left out', async () => {
    const vectors = clustered('lengths', 5);
    const { data } = await project(vectors, randomRotation(new Rng(1), dim, dim));
    for (let row = 0; row < 5; row++) {
      const square = data.subarray(row * dim, (row + 1) * dim).reduce((sum, value) => sum + value * value, 0);
      expect(square).toBeCloseTo(1, 5);
    }
    expect(() => randomRotation(new Rng(1), dim + 1, dim)).toThrow(ShapeError);
  });

  it('of ITQ lose less by signs than those of a random rotation of the same axes, and the less the longer it goes', async () => {
    const vectors = clustered('training', 600);
    const centred = centreRows(vectors, meanRow(vectors));
    const axes = await principalProjection(centred, numBits, products);
    const errors: number[] = [];
    for (const numIterations of [0, 3, 40]) {
      const rng = new Rng('itq');
      const projection = await iterativeQuantization(centred, products, { axes, numIterations, rng });
      errors.push(await quantizationError(centred, projection));
    }
    expect(errors[1]).toBeLessThan(errors[0]!);
    expect(errors[2]).toBeLessThan(errors[1]!);
    expect(errors[2]).toBeLessThan(0.9 * errors[0]!);
  });
});

describe('codeRecall', () => {
  it('is whole where codes are the vectors, and counts what it should', async () => {
    const rows = clustered('rows', 50);
    const own = [3, 7];
    const queries = takeRows(rows, own);
    const same = { queries, rows, queryCodes: queries, rowCodes: rows, own, numNeighbours: 5 };
    expect(await codeRecall({ ...same, depths: [5, 2] }, products)).toEqual([1, 0.4]);
    // Codes that say nothing: the first rows by number come first.
    const nothing = new Tensor('float32', [50, 1], new Float32Array(50));
    const near = await nearestRows(queries, rows, 6);
    const among = own.map((self, i) => Array.from(near.subarray(i * 6, i * 6 + 6)).filter((row) => row !== self));
    const expected = among.flat().filter((row) => row <= 20).length / 10;
    const blind = { ...same, queryCodes: takeRows(nothing, own), rowCodes: nothing };
    expect(await codeRecall({ ...blind, depths: [20] }, products)).toEqual([expected]);
  });

  it('takes the first of equal values', () => {
    expect(largest(Float32Array.of(1, 3, 3, 2, 3), 2)).toEqual([1, 2]);
    expect(largest(Float32Array.of(1, 3, 3, 2, 3), 2, 1)).toEqual([2, 4]);
  });
});

describe('learnProjection', () => {
  it('keeps more neighbours of unseen queries than a random rotation, and goes on where it stopped', async () => {
    const rows = clustered('training', 600);
    const offset = meanRow(rows);
    const start = randomRotation(new Rng('start'), numBits, dim);
    const settings = {
      seed: 1,
      numSteps: 120,
      numQueries: 16,
      numCandidates: 8,
      numNearest: 120,
      peakLearningRate: 0.02,
      teacherScale: 60,
      balance: 0.1,
      decorrelation: 1,
      asymmetric: 0.5,
      averageDecay: 0.9,
    };
    const learn = (runDirectory: string, numSteps: number, signal?: AbortSignal) =>
      learnProjection({
        tasks: [{ queries: rows, rows, queryOffset: offset, rowOffset: offset, isOwn: true }],
        start,
        settings: { ...settings, numSteps },
        settingsHash: 'test',
        runDirectory: join(folder, runDirectory),
        runtime: { numThreads: 1 },
        ...(signal ? { signal } : {}),
      });
    const { projection, figures } = await learn('whole', settings.numSteps);
    expect(figures.at(-1)!.symmetric).toBeLessThan(figures[0]!.symmetric!);

    const queries = clustered('queries', 100);
    const recallOf = async (of: Float32Array) => {
      const code = async (vectors: Tensor<'float32'>) => signsOf(await project(centreRows(vectors, offset), of));
      const codes = { queryCodes: await code(queries), rowCodes: await code(rows) };
      return (await codeRecall({ queries, rows, ...codes, depths: [40] }, products))[0]!;
    };
    expect(await recallOf(projection)).toBeGreaterThan((await recallOf(start)) + 0.08);

    const stopped = new AbortController();
    stopped.abort(new Error('stopped'));
    await expect(learn('stopped', settings.numSteps, stopped.signal)).rejects.toThrow('stopped');
    expect((await learn('stopped', settings.numSteps)).figures.at(-1)!.loss).toBe(figures.at(-1)!.loss);
  });
});
