/** @file The projections that the learned one is compared with, fit on the things of training, each kind weighing the same. D: dimension; K: bits. */

import type { CodeSide } from '../../../bundle/index.ts';
import { rowKinds } from '../../../bundle/index.ts';
import { Rng, type Tensor } from '../../../engine/core/index.ts';
import type { RuntimeOptions } from '../../../engine/runtime/index.ts';
import { stackRows } from '../../data/features.ts';
import { centreRows, takeRows } from '../../hash/matrix-rows.ts';
import type { Products } from '../../hash/products.ts';
import { iterativeQuantization, principalProjection, randomRotation } from '../../hash/projections.ts';
import type { SplitVectors } from './splits.ts';

/** Bits of a code. */
export const numBits = 256;

/** How baselines are fit. */
export interface BaselineOptions {
  readonly seed: number;
  readonly numRowsPerKind: number;
  readonly numIterations: number;
  readonly runtime?: RuntimeOptions;
}

/** The projections `[K, D]` that need no gradients, by name. */
export async function baselineProjections(
  training: SplitVectors,
  offsets: Readonly<Record<CodeSide, Float32Array>>,
  { seed, numRowsPerKind, numIterations, runtime = {} }: BaselineOptions,
  products: Products,
): Promise<Readonly<Record<'random' | 'pca' | 'itq', Float32Array>>> {
  const centred = stackRows(
    rowKinds.map((kind): Tensor<'float32'> => {
      const { vectors } = training.rows[kind];
      const some = new Rng(`${seed} axes ${kind}`)
        .shuffle([...Array(vectors.shape[0]!).keys()])
        .slice(0, numRowsPerKind);
      return centreRows(takeRows(vectors, some), offsets[kind]);
    }),
  );
  const pca = await principalProjection(centred, numBits, products);
  const itq = await iterativeQuantization(centred, products, {
    axes: pca,
    numIterations,
    rng: new Rng(`${seed} itq`),
    runtime,
  });
  return { random: randomRotation(new Rng(`${seed} random`), numBits, centred.shape[1]!), pca, itq };
}
