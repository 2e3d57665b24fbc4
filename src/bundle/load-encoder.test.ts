import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FormatError, Rng, Tensor } from '../engine/core/index.ts';
import { cast, constant, div, matMul, reduceMean, spec, trace } from '../engine/graph/index.ts';
import { exportOnnx } from '../engine/onnx/index.ts';
import { initLinear, unitVectors } from '../model/index.ts';
import { loadEncoder, type TextImageManifest, writeBundle } from './index.ts';

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'sensorium-encoder-'));
});
afterEach(() => rm(directory, { recursive: true }));

const size = 4;
const dim = 2;

/** A tower that gives the mean colour, as parts of 255. */
const meanColour = exportOnnx(
  trace(({ pictures }) => ({ colour: div(reduceMean(cast(pictures!, 'float32'), { axes: [1, 2] }), 255) }), {
    pictures: spec(['batch', size, size, 3], 'uint8'),
  }),
);

function head(input: string, featureDim: number): Uint8Array {
  const { weight } = initLinear(new Rng(1), featureDim, dim);
  return exportOnnx(
    trace((features) => ({ embedding: unitVectors(matMul(features[input]!, constant(weight))) }), {
      [input]: spec(['batch', featureDim]),
    }),
  );
}

function write(
  picture: Partial<TextImageManifest['picture']>,
  tower: Uint8Array | undefined = meanColour,
): Promise<TextImageManifest> {
  const description: Omit<TextImageManifest, 'files'> = {
    format: 'sensorium-bundle',
    version: 1,
    kind: 'text-image',
    name: 'colours',
    licence: 'Apache-2.0',
    languages: ['en'],
    space: { dim },
    picture: {
      tower: 'vision-transformer',
      size,
      padding: 0,
      outputs: ['colour'],
      head: 'picture-head.onnx',
      weights: 'picture-tower.onnx',
      ...picture,
    },
    text: { tower: 'sentence-encoder', output: 'embedding', head: 'text-head.onnx' },
    logitScale: 1,
    provenance: {
      recipe: 'none',
      createdAt: '2026-01-01T00:00:00Z',
      commit: null,
      seed: 1,
      steps: 0,
      seconds: 0,
      settings: {},
      data: [],
      metrics: {},
    },
  };
  const files = new Map([
    ['picture-tower.onnx', tower],
    ['picture-head.onnx', head('colour', 3)],
    ['text-head.onnx', head('features', 512)],
  ]);
  return writeBundle(directory, description, files);
}

const plain = (rgb: readonly number[]) =>
  new Tensor(
    'uint8',
    [size, size, 3],
    Uint8Array.from({ length: size * size * 3 }, (_, i) => rgb[i % 3]!),
  );

describe('loadEncoder, of a bundle that brings its picture tower', () => {
  it('encodes pictures with that tower', async () => {
    await write({});
    const encoder = await loadEncoder(directory, { numThreads: 1 });
    const { weight } = initLinear(new Rng(1), 3, dim);
    const vectors = await encoder.encodePictures([plain([255, 0, 0]), plain([51, 102, 204])]);
    const expected = [
      [1, 0, 0],
      [0.2, 0.4, 0.8],
    ].flatMap((colour) => {
      const row = [0, 1].map((d) => colour.reduce((sum, part, i) => sum + part * Number(weight.data[i * dim + d]), 0));
      return row.map((value) => value / Math.hypot(...row));
    });
    expected.forEach((value, i) => {
      expect(vectors.data[i]).toBeCloseTo(value, 5);
    });
    await encoder.close();
  });

  it('has an id of its weights, wherever the bundle lies', async () => {
    await write({});
    const first = await loadEncoder(directory, { numThreads: 1 });
    const elsewhere = await mkdtemp(join(tmpdir(), 'sensorium-encoder-'));
    const home = directory;
    directory = elsewhere;
    await write({});
    const second = await loadEncoder(elsewhere, { numThreads: 1 });
    expect(second.id).toBe(first.id);
    await write({ padding: 0.1 });
    const third = await loadEncoder(elsewhere, { numThreads: 1 });
    expect(third.id).not.toBe(first.id);
    await Promise.all([first.close(), second.close(), third.close(), rm(home, { recursive: true })]);
  });

  it('refuses a tower without the output that the head needs, of another size, or that is no model', async () => {
    await write({ outputs: ['pooled'] });
    const open = () => loadEncoder(directory, { prepare: ['image'] });
    await expect(open()).rejects.toThrow('no output "pooled"');
    await write({ size: 8 });
    await expect(open()).rejects.toThrow('takes uint8[N,8,8,3]');
    await write({}, Uint8Array.of(1, 2, 3));
    await expect(open()).rejects.toThrow(FormatError);
    const encoder = await loadEncoder(directory);
    await expect(encoder.encodePictures([plain([0, 0, 0])])).rejects.toThrow(FormatError);
    await encoder.close();
  });

  it('refuses a tower that comes with no package and is not in the bundle', async () => {
    const { weights: _, ...picture } = (await write({})).picture;
    const manifest = await write({});
    await writeBundle(
      directory,
      { ...manifest, picture },
      new Map([
        ['picture-head.onnx', head('colour', 3)],
        ['text-head.onnx', head('features', 512)],
      ]),
    );
    await expect(loadEncoder(directory)).rejects.toThrow('comes with no package');
  });
});
