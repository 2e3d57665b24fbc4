/**
 * @file What is trained of a modality: a head over the features of a frozen tower, or a residual adapter of vectors that are in the space already.
 * B: samples; F: features; D: dimension of the space.
 */
import type { Rng, Tensor } from '../../../engine/core/index.ts';
import type { Value } from '../../../engine/graph/index.ts';
import {
  type Head,
  head,
  initModalAdapter,
  type ModalAdapter,
  modalAdapter,
  unitVectors,
} from '../../../model/index.ts';

/** The parameters of a module: a head, or an adapter alone. */
export type SpaceModule<T> = Head<T> | { readonly adapter: ModalAdapter<T> };

/** An adapter of vectors of the space that changes nothing until it is trained. */
export function initSpaceAdapter(rng: Rng, spaceDim: number, bottleneckDim: number): SpaceModule<Tensor> {
  return { adapter: initModalAdapter(rng, spaceDim, bottleneckDim) };
}

/** Standardized features `[B, F]`, or vectors `[B, D]` for an adapter, to unit vectors `[B, D]`. */
export function applyModule(module: SpaceModule<Value>, rows: Value): Value {
  return 'adapter' in module ? unitVectors(modalAdapter(module.adapter, rows)) : head(module, rows);
}
