import { describe, expect, it } from 'vitest';
import { mapTree, Rng, ShapeError, Tensor } from '../../../engine/core/index.ts';
import { constant, spec, trace, Value } from '../../../engine/graph/index.ts';
import { compile } from '../../../engine/runtime/index.ts';
import { initVisionTransformer, type VisionTransformer, visionTransformer } from './vision-transformer.ts';

const options = { size: 12, patchSize: 4, dim: 8, numLayers: 2, numHeads: 2 };
const params = initVisionTransformer(new Rng(1), options);
/** `mapTree` without its types, which are as deep as the tree is unknown. */
const mapLeaves = mapTree as (tree: unknown, transform: (leaf: Tensor, path: string) => unknown) => unknown;
const constants = (of: VisionTransformer<Tensor>) =>
  mapLeaves(of, (leaf) => constant(leaf)) as VisionTransformer<Value>;

async function encode(of: VisionTransformer<Tensor>, pictures: Tensor, batch: number | string = pictures.shape[0]!) {
  const graph = trace(
    (inputs: { pictures: Value }) => ({ out: visionTransformer(constants(of), inputs.pictures, options) }),
    {
      pictures: spec([batch, 12, 12, 3], 'uint8'),
    },
  );
  const executable = await compile(graph, { numThreads: 1 });
  const { out } = await executable.run({ pictures });
  await executable.close();
  return out!;
}

function randomPictures(seed: string, count: number) {
  const rng = new Rng(seed);
  return new Tensor(
    'uint8',
    [count, 12, 12, 3],
    Uint8Array.from({ length: count * 432 }, () => rng.integer(256)),
  );
}

const close = (a: ArrayLike<number | bigint>, b: ArrayLike<number | bigint>) => {
  expect(a.length).toBe(b.length);
  for (let i = 0; i < a.length; i++) expect(Number(a[i])).toBeCloseTo(Number(b[i]), 4);
};

describe('visionTransformer', () => {
  it('gives each picture its features, whatever else is in the batch', async () => {
    const two = randomPictures('two', 2);
    const both = await encode(params, two);
    expect(both.shape).toEqual([2, 8]);
    const second = await encode(params, new Tensor('uint8', [1, 12, 12, 3], two.data.slice(432)), 'batch');
    close(second.data, both.data.slice(8));
    close((await encode(params, two, 'batch')).data, both.data);
  });

  it('reads patches row by row, and tells places apart by their positions alone', async () => {
    const picture = randomPictures('one', 1);
    const swapped = new Tensor('uint8', picture.shape, picture.data.slice());
    // The first and the last patch change places.
    for (let y = 0; y < 4; y++) {
      for (let i = 0; i < 12; i++) {
        const [first, last] = [y * 36 + i, (y + 8) * 36 + 24 + i];
        swapped.data[first] = picture.data[last]!;
        swapped.data[last] = picture.data[first]!;
      }
    }
    const blind = { ...params, positions: new Tensor('float32', [9, 8], new Float32Array(72)) };
    close((await encode(blind, swapped)).data, (await encode(blind, picture)).data);
    const [a, b] = [await encode(params, swapped), await encode(params, picture)];
    expect(
      Math.max(...(a.data as Float32Array).map((value, i) => Math.abs(value - Number(b.data[i])))),
    ).toBeGreaterThan(1e-4);
  });

  it('refuses patches that do not tile, and pictures of another size', () => {
    expect(() => initVisionTransformer(new Rng(1), { ...options, patchSize: 5 })).toThrow('do not tile');
    const pictures = new Value({ dtype: 'uint8', shape: [1, 8, 8, 3] }, { kind: 'input', name: 'pictures' });
    expect(() => visionTransformer(constants(params), pictures, options)).toThrow(ShapeError);
  });
});
