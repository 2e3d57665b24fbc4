/**
 * @file Attention fusion of any number of modalities, any of which may be missing, in part or whole: the tokens of all of them side by side
 * through transformer blocks (the single stream of arXiv:1908.03557), then the largest value of each feature over each modality's tokens to the classes:
 * a finding is often in one token of many, where a mean would drown it. A token that is missing is replaced by a learned one of its place, so that
 * a sample without a modality is as good an input as a whole one; training drops modalities at random (ModDrop, arXiv:1501.00102).
 *
 * B: batch; T: tokens of a modality; F: features of such a token; D: width; C: classes.
 */
import { type Rng, ShapeError, Tensor } from '../../../engine/core/index.ts';
import { add, concat, mul, reduceMax, reshape, split, sub, type Value } from '../../../engine/graph/index.ts';
import { initLayerNorm, type LayerNorm, layerNorm } from '../../nn/layer-norm.ts';
import { initLinear, type Linear, linear } from '../../nn/linear.ts';
import { initTransformerBlock, type TransformerBlock, transformerBlock } from '../../nn/transformer-block.ts';

/** How one modality enters. */
export interface ModalityTokens<T> {
  /** `[F, D]` */
  readonly projection: Linear<T>;
  /** `[T, D]`, added to every known token: where it stands. */
  readonly place: T;
  /** `[T, D]`, what stands there when the token is missing. */
  readonly missing: T;
}

/** The parameters of a fusion transformer. */
export interface FusionTransformer<T> {
  readonly modalities: Readonly<Record<string, ModalityTokens<T>>>;
  readonly blocks: readonly TransformerBlock<T>[];
  readonly norm: LayerNorm<T>;
  /** `[M D, C]` for M modalities. */
  readonly classifier: Linear<T>;
}

/** The sizes of a fusion transformer. */
export interface FusionOptions {
  /** T and F of each modality, by name. */
  readonly modalities: Readonly<Record<string, { readonly numTokens: number; readonly dim: number }>>;
  /** D */
  readonly width: number;
  readonly numLayers: number;
  readonly numHeads: number;
  /** C */
  readonly numClasses: number;
}

/** A sample of one modality in a batch. */
export interface ModalityInput<T> {
  /** `[B, T, F]`; what missing tokens hold does not matter, but must be finite. */
  readonly tokens: T;
  /** `[B, T]`: 1 where the token is known, 0 where it is missing. */
  readonly known: T;
}

/** A fusion transformer with random weights. */
export function initFusionTransformer(rng: Rng, options: FusionOptions): FusionTransformer<Tensor> {
  const { modalities, width, numLayers, numClasses } = options;
  const small = (rows: number) =>
    new Tensor('float32', [rows, width], rng.fillNormal(new Float32Array(rows * width), 0.02));
  return {
    modalities: Object.fromEntries(
      Object.entries(modalities).map(([name, { numTokens, dim }]) => [
        name,
        { projection: initLinear(rng, dim, width), place: small(numTokens), missing: small(numTokens) },
      ]),
    ),
    blocks: Array.from({ length: numLayers }, () => initTransformerBlock(rng, width, 0)),
    norm: initLayerNorm(width),
    classifier: initLinear(rng, Object.keys(modalities).length * width, numClasses, 0.1),
  };
}

/**
 * The logits `[B, C]` of samples of which any part may be missing.
 * @throws ShapeError if a modality's tokens are not `[B, T, F]` as made.
 */
export function fusionTransformer(
  params: FusionTransformer<Value>,
  inputs: Readonly<Record<string, ModalityInput<Value>>>,
  { numHeads }: Pick<FusionOptions, 'numHeads'>,
): Value {
  const streams = Object.entries(params.modalities).map(([name, modality]) => {
    const input = inputs[name];
    if (input === undefined)
      throw new ShapeError(`fusionTransformer: there is no input "${name}"; mark its tokens as missing`);
    return embedTokens(name, modality, input);
  });
  const mixed = params.blocks.reduce((x, block) => transformerBlock(block, x, { numHeads }), concat(streams, 1));
  const parts = split(
    layerNorm(params.norm, mixed),
    streams.map((stream) => stream.shape[1] as number),
    1,
  );
  const pooled = concat(
    parts.map((part) => reduceMax(part, { axes: [1] })),
    1,
  );
  return linear(params.classifier, pooled);
}

function embedTokens(name: string, modality: ModalityTokens<Value>, { tokens, known }: ModalityInput<Value>): Value {
  const [numTokens] = modality.place.shape as [number];
  const dim = modality.projection.weight.shape[0];
  if (tokens.rank !== 3 || tokens.shape[1] !== numTokens || tokens.shape[2] !== dim) {
    throw new ShapeError(`fusionTransformer: ${name} must be [B, ${numTokens}, ${dim}], got ${tokens}`);
  }
  const present = reshape(known, [...(known.shape as number[]), 1]);
  const embedded = mul(add(linear(modality.projection, tokens), modality.place), present);
  return add(embedded, mul(modality.missing, sub(1, present)));
}
