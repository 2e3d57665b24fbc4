/**
 * @file A small vision transformer (ViT, arXiv:2010.11929) that reads the mean over its tokens in place of a class token.
 *
 * B: pictures; S: side of a picture; P: side of a patch; T: patches, (S / P)²; D: width.
 */
import { type Rng, ShapeError, Tensor } from '../../../engine/core/index.ts';
import { add, cast, mul, reduceMean, reshape, sub, transpose, type Value } from '../../../engine/graph/index.ts';
import { initLayerNorm, type LayerNorm, layerNorm } from '../../nn/layer-norm.ts';
import { initLinear, type Linear, linear } from '../../nn/linear.ts';
import { initTransformerBlock, type TransformerBlock, transformerBlock } from '../../nn/transformer-block.ts';

/** The parameters of a vision transformer. */
export interface VisionTransformer<T> {
  /** `[P · P · 3, D]` */
  readonly patches: Linear<T>;
  /** `[T, D]` */
  readonly positions: T;
  readonly blocks: readonly TransformerBlock<T>[];
  readonly norm: LayerNorm<T>;
}

/** The sizes of a vision transformer. */
export interface VisionTransformerOptions {
  /** S, a multiple of P. */
  readonly size: number;
  /** P */
  readonly patchSize: number;
  /** D, a multiple of the number of heads. */
  readonly dim: number;
  readonly numLayers: number;
  readonly numHeads: number;
}

/** A new vision transformer. @throws RangeError if the patches do not tile a picture. */
export function initVisionTransformer(rng: Rng, options: VisionTransformerOptions): VisionTransformer<Tensor> {
  const { size, patchSize, dim, numLayers } = options;
  if (size % patchSize !== 0) {
    throw new RangeError(`visionTransformer: patches of ${patchSize} do not tile pictures of ${size}`);
  }
  const numTokens = (size / patchSize) ** 2;
  return {
    patches: initLinear(rng, patchSize * patchSize * 3, dim),
    positions: new Tensor('float32', [numTokens, dim], rng.fillNormal(new Float32Array(numTokens * dim), 0.02)),
    blocks: Array.from({ length: numLayers }, () => initTransformerBlock(rng, dim)),
    norm: initLayerNorm(dim),
  };
}

/**
 * The features `[B, D]` of pictures `uint8[B, S, S, 3]`.
 * @throws ShapeError if the pictures are not of the size.
 */
export function visionTransformer(
  params: VisionTransformer<Value>,
  pictures: Value,
  options: Pick<VisionTransformerOptions, 'size' | 'patchSize' | 'numHeads'>,
): Value {
  const { size, patchSize, numHeads } = options;
  if (pictures.rank !== 4 || pictures.shape.slice(1).join() !== `${size},${size},3`) {
    throw new ShapeError(`visionTransformer: pictures must be [B, ${size}, ${size}, 3], got ${pictures}`);
  }
  const side = size / patchSize;
  const batch = pictures.shape[0]!;
  // Bytes are moved, not floats: a quarter of the memory.
  const cut = transpose(reshape(pictures, [batch, side, patchSize, side, patchSize, 3]), [0, 1, 3, 2, 4, 5]);
  const tokens = cast(reshape(cut, [batch, side * side, patchSize * patchSize * 3]), 'float32');
  const centred = sub(mul(tokens, 1 / 127.5), 1);
  const embedded = add(linear(params.patches, centred), params.positions);
  const mixed = params.blocks.reduce((x, block) => transformerBlock(block, x, { numHeads }), embedded);
  return reduceMean(layerNorm(params.norm, mixed), { axes: [1] });
}
