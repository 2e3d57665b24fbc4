/**
 * @file A small text encoder that starts from nothing: token and position embeddings, pre-norm transformer blocks (arXiv:1706.03762,
 * arXiv:2002.04745), the mean over the tokens, a projection to unit vectors.
 *
 * N: texts; T: tokens; V: vocabulary; D: width; F: dimension of the embedding; M: most tokens.
 */
import { type Rng, ShapeError, Tensor } from '../../../engine/core/index.ts';
import {
  add,
  cast,
  clip,
  cumSum,
  div,
  gather,
  mul,
  reduceSum,
  slice,
  sub,
  unsqueeze,
  type Value,
} from '../../../engine/graph/index.ts';
import { initLayerNorm, type LayerNorm, layerNorm } from '../../nn/layer-norm.ts';
import { initLinear, type Linear, linear } from '../../nn/linear.ts';
import { initTransformerBlock, type TransformerBlock, transformerBlock } from '../../nn/transformer-block.ts';
import { unitVectors } from '../../nn/unit-vectors.ts';

/** The parameters of a text encoder. */
export interface TextEncoder<T> {
  /** `[V, D]` */
  readonly tokens: T;
  /** `[M, D]` */
  readonly positions: T;
  readonly blocks: readonly TransformerBlock<T>[];
  readonly norm: LayerNorm<T>;
  /** `[D, F]` */
  readonly projection: Linear<T>;
}

/** The sizes of a text encoder. */
export interface TextEncoderOptions {
  /** V */
  readonly vocabularySize: number;
  /** M */
  readonly maxTokens: number;
  /** D, a multiple of the number of heads. */
  readonly dim: number;
  readonly numLayers: number;
  readonly numHeads: number;
  /** F */
  readonly embeddingDim: number;
}

/** A new text encoder. */
export function initTextEncoder(rng: Rng, options: TextEncoderOptions): TextEncoder<Tensor> {
  const { vocabularySize, maxTokens, dim, numLayers, embeddingDim } = options;
  const table = (rows: number) =>
    new Tensor('float32', [rows, dim], rng.fillNormal(new Float32Array(rows * dim), 0.02));
  return {
    tokens: table(vocabularySize),
    positions: table(maxTokens),
    blocks: Array.from({ length: numLayers }, () => initTransformerBlock(rng, dim)),
    norm: initLayerNorm(dim),
    projection: initLinear(rng, dim, embeddingDim),
  };
}

/** Added to the scores of places after the end of a text: their share of attention is 0. */
const outOfText = -1e9;

/**
 * Unit vectors `[N, F]` of texts as `ids` `int64[N, T]` and `mask` `[N, T]`, 1 at tokens and 0 after the end. What stands after the end
 * changes nothing. A text without tokens gets the direction of the projection's bias.
 * @throws ShapeError if T is known and above M, or the mask is not of the shape of the ids.
 */
export function textEncoder(
  params: TextEncoder<Value>,
  { ids, mask }: { readonly ids: Value; readonly mask: Value },
  { numHeads }: Pick<TextEncoderOptions, 'numHeads'>,
): Value {
  const [, time] = ids.shape;
  const maxTokens = params.positions.shape[0]!;
  if (ids.rank !== 2 || ids.shape.join() !== mask.shape.join() || Number(time) > Number(maxTokens)) {
    throw new ShapeError(
      `textEncoder: ids and mask must be [N, T] with T of at most ${maxTokens}, got ${ids} and ${mask}`,
    );
  }
  const embedded = add(gather(params.tokens, ids), positionsOf(params.positions, mask));
  const scores = unsqueeze(mul(sub(1, mask), outOfText), [1, 2]);
  const mixed = params.blocks.reduce((x, block) => transformerBlock(block, x, { numHeads, mask: scores }), embedded);
  const kept = mul(layerNorm(params.norm, mixed), unsqueeze(mask, [2]));
  const numTokens = clip(reduceSum(mask, { axes: [1], keepDims: true }), 1, undefined);
  return unitVectors(linear(params.projection, div(reduceSum(kept, { axes: [1] }), numTokens)));
}

/** The embeddings of the places of a text; where T is not known, they are counted along the mask. */
function positionsOf(positions: Value, mask: Value): Value {
  const [, time] = mask.shape;
  if (typeof time === 'number') return slice(positions, { starts: [0], ends: [time], axes: [0] });
  return gather(positions, cast(clip(sub(cumSum(mask, 1), 1), 0, undefined), 'int64'));
}
