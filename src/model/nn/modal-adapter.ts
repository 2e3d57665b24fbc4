/**
 * @file The residual bottleneck adapter (arXiv:1902.00751): x + up(relu(down(x))). D: features; H: bottleneck. `up` starts at zero, so a
 * new adapter changes nothing.
 */
import { type Rng, type Tensor, zeros } from '../../engine/core/index.ts';
import { add, relu, type Value } from '../../engine/graph/index.ts';
import { initLinear, type Linear, linear } from './linear.ts';

/** The parameters of an adapter. */
export interface ModalAdapter<T> {
  /** `[D, H]` */
  readonly down: Linear<T>;
  /** `[H, D]` */
  readonly up: Linear<T>;
}

/** An adapter of features of `dim` that is the identity until it is trained. */
export function initModalAdapter(rng: Rng, dim: number, bottleneckDim: number): ModalAdapter<Tensor> {
  return {
    down: initLinear(rng, dim, bottleneckDim),
    up: { weight: zeros([bottleneckDim, dim]), bias: zeros([dim]) },
  };
}

/** `[..., D]` to `[..., D]`. */
export function modalAdapter(params: ModalAdapter<Value>, x: Value): Value {
  return add(x, linear(params.up, relu(linear(params.down, x))));
}
