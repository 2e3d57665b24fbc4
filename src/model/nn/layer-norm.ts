/** @file Layer normalization with learned scale and bias (arXiv:1607.06450). D: features. */
import { full, type Tensor, zeros } from '../../engine/core/index.ts';
import { layerNormalization, type Value } from '../../engine/graph/index.ts';

/** The parameters of a layer normalization. */
export interface LayerNorm<T> {
  /** `[D]` */
  readonly scale: T;
  /** `[D]` */
  readonly bias: T;
}

/** Scale 1 and bias 0: the input normalized as it is. */
export function initLayerNorm(dim: number): LayerNorm<Tensor> {
  return { scale: full([dim], 1), bias: zeros([dim]) };
}

/** `[..., D]` with every row brought to mean 0 and variance 1, then scaled and shifted. */
export function layerNorm(params: LayerNorm<Value>, x: Value): Value {
  return layerNormalization(x, params.scale, params.bias);
}
