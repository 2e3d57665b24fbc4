/** @file A linear layer. I: input features; O: output features. */
import { type Rng, Tensor, zeros } from '../../engine/core/index.ts';
import { add, gemm, matMul, reshape, type Value } from '../../engine/graph/index.ts';

/** The parameters of a linear layer, as tensors or as values. */
export interface Linear<T> {
  /** `[I, O]` */
  readonly weight: T;
  /** `[O]` */
  readonly bias: T;
}

/** A linear layer with weights uniform in ±√(1 / I) · `gain` (PyTorch's bounds at gain 1) and zero bias. */
export function initLinear(rng: Rng, inDim: number, outDim: number, gain = 1): Linear<Tensor> {
  const bound = gain / Math.sqrt(inDim);
  const weight = rng.fillUniform(new Float32Array(inDim * outDim), -bound, bound);
  return { weight: new Tensor('float32', [inDim, outDim], weight), bias: zeros([outDim]) };
}

/** x W + b: `[..., I]` to `[..., O]`. Leading axes are folded, so that it is one matrix product. */
export function linear(params: Linear<Value>, x: Value): Value {
  if (x.rank === 2) return gemm(x, params.weight, params.bias);
  const lead = x.shape.slice(0, -1);
  if (!lead.every((dim) => typeof dim === 'number')) return add(matMul(x, params.weight), params.bias);
  const flat = gemm(reshape(x, [-1, x.shape.at(-1)!]), params.weight, params.bias);
  return reshape(flat, [...lead, params.weight.shape[1]!]);
}
