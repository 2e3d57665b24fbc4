/** @file A two-dimensional convolution. B: batch; I, O: input and output channels; K: side of the kernel; G: groups; H, W: height, width. */
import { type Rng, Tensor, zeros } from '../../engine/core/index.ts';
import { conv, type Value } from '../../engine/graph/index.ts';

/** The parameters of a convolution, as tensors or as values. */
export interface Conv2d<T> {
  /** `[O, I / G, K, K]` */
  readonly weight: T;
  /** `[O]`; absent where a normalization follows, which would take it away again. */
  readonly bias?: T;
}

/** How the kernel moves. */
export interface Conv2dOptions {
  /** Steps between windows along height and width; 1 if absent. */
  readonly stride?: number;
  /** Zeros around the picture; (K - 1) / 2 if absent, which keeps the size at stride 1 for odd K. */
  readonly padding?: number;
  /** G, groups of channels that are convolved apart; 1 if absent. */
  readonly groups?: number;
}

/** A convolution with weights uniform in ±√(1 / fan-in) · `gain` (PyTorch's bounds at gain 1), and a bias of zeros if one is wanted. */
export function initConv2d(
  rng: Rng,
  inChannels: number,
  outChannels: number,
  kernel: number,
  options: { readonly bias?: boolean; readonly groups?: number; readonly gain?: number } = {},
): Conv2d<Tensor> {
  const { bias = true, groups = 1, gain = 1 } = options;
  const shape = [outChannels, inChannels / groups, kernel, kernel] as const;
  const bound = gain / Math.sqrt(shape[1] * kernel * kernel);
  const weight = rng.fillUniform(new Float32Array(outChannels * shape[1] * kernel * kernel), -bound, bound);
  return { weight: new Tensor('float32', shape, weight), ...(bias ? { bias: zeros([outChannels]) } : {}) };
}

/** x `[B, I, H, W]` to `[B, O, ⌊(H + 2 · padding - K) / stride⌋ + 1, …]`. */
export function conv2d(params: Conv2d<Value>, x: Value, options: Conv2dOptions = {}): Value {
  const kernel = params.weight.shape[2] as number;
  const { stride = 1, padding = (kernel - 1) >> 1, groups = 1 } = options;
  return conv(x, params.weight, params.bias, {
    strides: [stride, stride],
    pads: [padding, padding, padding, padding],
    group: groups,
  });
}
