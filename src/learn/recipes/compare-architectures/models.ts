/**
 * @file The compared architectures behind one interface: the same batches in, the same figures out. Each starts from the same text decoder, which has
 * learned a language on text alone; the joint one goes on training it, the hierarchical one keeps it frozen and trains as many
 * parameters around it.
 */
import { leaves, mapTree, Rng, type Tensor, type Tree } from '../../../engine/core/index.ts';
import { constant, type Value } from '../../../engine/graph/index.ts';
import {
  type CaptionBatch,
  type CaptionLossOptions,
  type DecodedStep,
  type DecodeStep,
  decodeHierarchicalStep,
  decodeJointStep,
  type EncodedMedia,
  encodeHierarchicalMedia,
  encodeJointMedia,
  type Hierarchical,
  type HierarchicalOptions,
  hierarchicalCaption,
  hierarchicalLoss,
  hierarchicalTextEmbedding,
  initHierarchical,
  initJoint,
  type Joint,
  type JointOptions,
  jointCaption,
  jointLoss,
  jointTextEmbedding,
  type MediaBatch,
  type TextDecoder,
} from '../../../model/index.ts';
import type { ArchitectureName } from './settings.ts';

/** The sizes that every architecture shares. */
export type SharedSizes = JointOptions & Pick<HierarchicalOptions, 'numLatents' | 'numResamplerLayers'>;

/** The figures of a loss, all scalars. */
interface ArchitectureLoss {
  readonly loss: Value;
  readonly metrics: Readonly<Record<string, Value>>;
}

/** An architecture over parameters `P` that are tensors when they are trained, and values when it is traced. */
export interface ArchitectureModel {
  readonly name: ArchitectureName;
  /** What is trained in stage two. */
  readonly params: Tree<Tensor>;
  /** What is not: trained before, frozen now. */
  readonly numFrozen: number;
  loss(params: unknown, batch: CaptionBatch<Value>, options: CaptionLossOptions): ArchitectureLoss;
  encodeMedia(params: unknown, media: MediaBatch<Value>): EncodedMedia<Value>;
  embedTexts(params: unknown, ids: Value): Value;
  /** The scores `[B, T, V]` of each next token of texts behind media. */
  captionScores(params: unknown, batch: { readonly media: MediaBatch<Value>; readonly ids: Value }): Value;
  decodeStep(params: unknown, step: DecodeStep<Value>): DecodedStep<Value>;
  /** The vectors `[B, E]` of media and texts before their common part is taken off. */
  uncentred(params: unknown, batch: CaptionBatch<Value>): { readonly media: Value; readonly text: Value };
  /** The parameters with common parts `[E]` kept. */
  withCentres(params: unknown, centres: { readonly media: Tensor; readonly text: Tensor }): Tree<Tensor>;
}

/** How many numbers a tree of parameters holds. */
export function numParameters(params: Tree<Tensor>): number {
  return leaves<Tensor>(params).reduce((sum, [, { data }]) => sum + data.length, 0);
}

/** Trained parameters as constants of a graph. */
export function constantsOf(params: unknown): unknown {
  const visit = mapTree as (tree: unknown, visit: (leaf: Tensor, path: string) => unknown) => unknown;
  return visit(params, (leaf, path) => constant(leaf, path));
}

/** A new model of an architecture, with parameters from `seed`, around a trained text decoder. */
export function architectureModel(
  name: ArchitectureName,
  sizes: SharedSizes,
  decoder: TextDecoder<Tensor>,
  seed: number,
): ArchitectureModel {
  const rng = new Rng(seed).fork('paired parameters');
  if (name === 'hierarchical') return hierarchicalModel(sizes, decoder, rng);
  const numExperts = 4;
  const experts = { numExperts, numActive: 2, hiddenDim: sizes.dim / 4 };
  return jointModel(name, name === 'joint' ? sizes : { ...sizes, experts }, decoder, rng);
}

function jointModel(
  name: ArchitectureName,
  sizes: JointOptions,
  decoder: TextDecoder<Tensor>,
  rng: Rng,
): ArchitectureModel {
  return {
    name,
    params: initJoint(rng, sizes, decoder) as unknown as Tree<Tensor>,
    numFrozen: 0,
    loss: (params, batch, options) => jointLoss(params as Joint<Value>, batch, sizes, options),
    encodeMedia: (params, media) => encodeJointMedia(params as Joint<Value>, media, sizes),
    embedTexts: (params, ids) => jointTextEmbedding(params as Joint<Value>, ids, sizes),
    captionScores: (params, batch) => jointCaption(params as Joint<Value>, batch, sizes).scores,
    decodeStep: (params, step) => decodeJointStep(params as Joint<Value>, step, sizes),
    uncentred: (params, batch) => ({
      media: jointCaption(params as Joint<Value>, batch, { ...sizes, centring: 'none' }).embedding,
      text: jointTextEmbedding(params as Joint<Value>, batch.ids, { ...sizes, centring: 'none' }),
    }),
    withCentres: (params, centres) => ({ ...(params as Joint<Tensor>), centres }) as unknown as Tree<Tensor>,
  };
}

function hierarchicalModel(sizes: SharedSizes, decoder: TextDecoder<Tensor>, rng: Rng): ArchitectureModel {
  const options = withinBudget(sizes, decoder);
  const frozen = () => constantsOf(decoder) as TextDecoder<Value>;
  return {
    name: 'hierarchical',
    params: initHierarchical(rng, options) as unknown as Tree<Tensor>,
    numFrozen: numParameters(decoder as unknown as Tree<Tensor>),
    loss: (params, batch, more) => hierarchicalLoss(params as Hierarchical<Value>, frozen(), batch, options, more),
    encodeMedia: (params, media) => encodeHierarchicalMedia(params as Hierarchical<Value>, media, options),
    embedTexts: (params, ids) => hierarchicalTextEmbedding(params as Hierarchical<Value>, frozen(), ids, options),
    captionScores: (params, batch) =>
      hierarchicalCaption(params as Hierarchical<Value>, frozen(), batch, options).scores,
    decodeStep: (params, step) => decodeHierarchicalStep(params as Hierarchical<Value>, frozen(), step, options),
    uncentred: (params, batch) => {
      const plain = { ...options, centring: 'none' } as const;
      const own = params as Hierarchical<Value>;
      return {
        media: hierarchicalCaption(own, frozen(), batch, plain).embedding,
        text: hierarchicalTextEmbedding(own, frozen(), batch.ids, plain),
      };
    },
    withCentres: (params, { media, text }) => {
      const own = params as Hierarchical<Tensor>;
      const heads = { mediaHead: { ...own.mediaHead, centre: media }, textHead: { ...own.textHead, centre: text } };
      return { ...own, ...heads } as unknown as Tree<Tensor>;
    },
  };
}

/**
 * The hierarchical architecture with perceptrons as wide as make it train as many parameters as the joint one does, to a hundredth.
 * @throws RangeError if even the narrowest has more.
 */
function withinBudget(sizes: SharedSizes, decoder: TextDecoder<Tensor>): HierarchicalOptions {
  const count = (hiddenDim: number) =>
    numParameters(initHierarchical(new Rng(0), { ...sizes, hiddenDim }) as unknown as Tree<Tensor>);
  const budget = numParameters(initJoint(new Rng(0), sizes, decoder) as unknown as Tree<Tensor>);
  const [narrow, wide] = [count(8), count(16)];
  const hiddenDim = 8 + Math.round((budget - narrow) / ((wide - narrow) / 8));
  if (hiddenDim < 1) {
    throw new RangeError(
      `compareArchitectures: the hierarchical architecture has ${narrow} parameters at least, got a budget of ${budget}`,
    );
  }
  return { ...sizes, hiddenDim };
}
