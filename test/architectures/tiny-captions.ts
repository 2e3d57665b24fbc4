/** @file A world of eight things that are seen, heard and named, small enough for the architectures to learn by heart in seconds. */
import { mapTree as mapLeaves, Rng, Tensor } from '../../src/engine/core/index.ts';
import { constant } from '../../src/engine/graph/index.ts';
import type { CaptionBatch, HierarchicalOptions, JointOptions } from '../../src/model/index.ts';

/** The number of things, and the longest name with the token that begins it. */
export const numItems = 8;
export const maxTokens = 5;

/** Sizes for both architectures. */
export const tinySizes: JointOptions & HierarchicalOptions = {
  dim: 16,
  numHeads: 2,
  numLayers: 2,
  vocabularySize: 24,
  maxTokens,
  spaceDim: 12,
  media: { stageDims: [3, 5], numFrames: 2, thumbnailDim: 4, numPatches: 2, patchDim: 6 },
  numLatents: 2,
  numResamplerLayers: 1,
  hiddenDim: 24,
};

/** The things with their names; thing i lacks modality i mod 4, and none where that is 3. */
export function tinyBatch(seed = 'tiny'): CaptionBatch<Tensor> {
  const rng = new Rng(seed);
  const normal = (...shape: number[]) =>
    new Tensor('float32', shape, rng.fillNormal(new Float32Array(shape.reduce((a, b) => a * b, 1))));
  const { stageDims, numFrames, thumbnailDim, numPatches, patchDim } = tinySizes.media;
  const featureDim = stageDims.reduce((a, b) => a + b, 0);
  const present = Float32Array.from({ length: 3 * numItems }, (_, i) => (Math.floor(i / 3) % 4 === i % 3 ? 0 : 1));
  const ids = new BigInt64Array(numItems * maxTokens);
  const targets = new BigInt64Array(numItems * maxTokens);
  for (let item = 0; item < numItems; item++) {
    // A name of 2 or 3 tokens out of ids from 4 on; 1 begins, 3 ends.
    const name = Array.from({ length: 2 + (item % 2) }, () => 4 + rng.integer(20));
    [...name, 3].forEach((token, i) => {
      targets[item * maxTokens + i] = BigInt(token);
    });
    [1, ...name].forEach((token, i) => {
      ids[item * maxTokens + i] = BigInt(token);
    });
  }
  return {
    media: {
      picture: normal(numItems, featureDim),
      frames: normal(numItems, numFrames, featureDim),
      thumbnails: normal(numItems, numFrames, thumbnailDim),
      sound: normal(numItems, numPatches, patchDim),
      present: new Tensor('float32', [numItems, 3], present),
    },
    ids: new Tensor('int64', [numItems, maxTokens], ids),
    targets: new Tensor('int64', [numItems, maxTokens], targets),
  };
}

/** `mapTree` without its types, which are as deep as the tree is unknown. */
export const mapTree = mapLeaves as (tree: unknown, change: (leaf: Tensor, path: string) => unknown) => unknown;

/** Parameters as constants of a graph. */
export function constants<T>(params: unknown): T {
  return mapTree(params, (leaf, path) => constant(leaf, path)) as T;
}

/** Parameters with every leaf moved a little, so that what starts at zero takes part. */
export function stirred<T>(params: T, seed = 'stirred', deviation = 0.2): T {
  const rng = new Rng(seed);
  return mapTree(params, ({ shape, data }) => {
    const moved = Float32Array.from(data as Float32Array, (value) => value + deviation * rng.normal());
    return new Tensor('float32', shape, moved);
  }) as T;
}
