/**
 * @file What is trained on top of a frozen tower: its features are standardized, pass residual adapters, and are projected to the unit
 * sphere of the shared space. B: inputs; F: the tower's features; D: dimension of the space.
 */
import type { Rng, Tensor } from '../../../engine/core/index.ts';
import { clip, constant, div, mul, sub, type Value } from '../../../engine/graph/index.ts';
import { initLinear, type Linear, linear } from '../../nn/linear.ts';
import { initModalAdapter, type ModalAdapter, modalAdapter } from '../../nn/modal-adapter.ts';
import { unitVectors } from '../../nn/unit-vectors.ts';

/** The trained parameters of a head. */
export interface Head<T> {
  readonly adapters: readonly ModalAdapter<T>[];
  /** `[F, D]` */
  readonly projection: Linear<T>;
}

/** Mean and deviation of each of the tower's features over the training data, both `[F]`. */
export interface FeatureStatistics {
  readonly mean: Tensor;
  readonly deviation: Tensor;
}

/** A head of `numAdapters` adapters that start as the identity, and a random projection. */
export function initHead(
  rng: Rng,
  options: { featureDim: number; spaceDim: number; numAdapters: number; bottleneckDim: number },
): Head<Tensor> {
  const { featureDim, spaceDim, numAdapters, bottleneckDim } = options;
  return {
    adapters: Array.from({ length: numAdapters }, () => initModalAdapter(rng, featureDim, bottleneckDim)),
    projection: initLinear(rng, featureDim, spaceDim),
  };
}

/** Standardized features are kept within this many deviations of the mean. */
export const featureLimit = 8;

/** Features `[B, F]` with every column brought to mean 0 and deviation 1, and cut at ±8. */
export function standardize(features: Value, { mean, deviation }: FeatureStatistics): Value {
  const centred = sub(features, constant(mean, 'mean'));
  return clip(div(centred, constant(deviation, 'deviation')), -featureLimit, featureLimit);
}

/**
 * Standardized features `[B, F]` to unit vectors `[B, D]`.
 * @param dropout factors `[B, F]` that multiply the features in training: 0 with probability p, else 1 / (1 - p).
 */
export function head(params: Head<Value>, features: Value, dropout?: Value): Value {
  const kept = dropout === undefined ? features : mul(features, dropout);
  const adapted = params.adapters.reduce((x, adapter) => modalAdapter(adapter, x), kept);
  return unitVectors(linear(params.projection, adapted));
}
