/** @file The two-layer perceptron of transformers, normalized first. D: features; F: hidden features. */
import type { Rng, Tensor } from '../../engine/core/index.ts';
import { gelu, type Value } from '../../engine/graph/index.ts';
import { initLayerNorm, type LayerNorm, layerNorm } from './layer-norm.ts';
import { initLinear, type Linear, linear } from './linear.ts';

/** The parameters of a perceptron. */
export interface FeedForward<T> {
  readonly norm: LayerNorm<T>;
  /** `[D, F]` */
  readonly up: Linear<T>;
  /** `[F, D]` */
  readonly down: Linear<T>;
}

/** A perceptron over features of `dim`. */
export function initFeedForward(rng: Rng, dim: number, hiddenDim: number): FeedForward<Tensor> {
  return { norm: initLayerNorm(dim), up: initLinear(rng, dim, hiddenDim), down: initLinear(rng, hiddenDim, dim) };
}

/** `[..., D]` to `[..., D]`: what is to be added to x. */
export function feedForward(params: FeedForward<Value>, x: Value): Value {
  return linear(params.down, gelu(linear(params.up, layerNorm(params.norm, x))));
}
