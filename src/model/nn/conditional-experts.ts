/**
 * @file Conditional experts with attribute-level routing (Uni-Perceiver-MoE, arXiv:2206.04674, section 3.3): which experts a token passes depends on an
 * attribute of it alone, here its modality, and not on what it says. So modalities that would pull shared weights in different
 * directions get weights of their own, the choice is the same for a whole segment of tokens, and routing costs nothing.
 *
 * Each attribute takes its k best experts, weighted by the softmax of their scores. E: experts; A: attributes; D: features; F: hidden features.
 */
import { type Rng, ShapeError, Tensor, zeros } from '../../engine/core/index.ts';
import {
  add,
  concat,
  constantInts,
  gather,
  gelu,
  matMul,
  mul,
  reshape,
  softmax,
  split,
  topK,
  type Value,
} from '../../engine/graph/index.ts';

/** The parameters of conditional experts. */
export interface ConditionalExperts<T> {
  /** `[A, E]`: the scores of the experts for each attribute. */
  readonly router: T;
  /** `[E, D, F]` */
  readonly up: T;
  /** `[E, F, D]`: starts at zero, so that new experts add nothing. */
  readonly down: T;
}

/** The sizes of conditional experts. */
export interface ConditionalExpertsOptions {
  readonly dim: number;
  readonly hiddenDim: number;
  readonly numExperts: number;
  readonly numAttributes: number;
}

/** New experts, each attribute with scores of its own. */
export function initConditionalExperts(rng: Rng, options: ConditionalExpertsOptions): ConditionalExperts<Tensor> {
  const { dim, hiddenDim, numExperts, numAttributes } = options;
  const bound = 1 / Math.sqrt(dim);
  const size = numExperts * dim * hiddenDim;
  return {
    router: new Tensor(
      'float32',
      [numAttributes, numExperts],
      rng.fillNormal(new Float32Array(numAttributes * numExperts)),
    ),
    up: new Tensor('float32', [numExperts, dim, hiddenDim], rng.fillUniform(new Float32Array(size), -bound, bound)),
    down: zeros([numExperts, hiddenDim, dim]),
  };
}

/** A run of tokens of one attribute. */
export interface TokenSegment {
  readonly attribute: number;
  readonly numTokens: number;
}

/**
 * What the experts add to tokens `[B, T, D]`: the same shape.
 * @param options.segments the attributes of the tokens, in order; together T tokens.
 * @param options.numActive how many experts each attribute takes.
 * @throws ShapeError if the segments are not as long as x.
 */
export function conditionalExperts(
  params: ConditionalExperts<Value>,
  x: Value,
  options: { readonly segments: readonly TokenSegment[]; readonly numActive: number },
): Value {
  const { segments, numActive } = options;
  const sizes = segments.map(({ numTokens }) => numTokens);
  const total = sizes.reduce((sum, size) => sum + size, 0);
  if (x.rank !== 3 || x.shape[1] !== total) {
    throw new ShapeError(
      `conditionalExperts: the segments hold ${total} tokens, so x must be [B, ${total}, D], got ${x}`,
    );
  }
  const parts = sizes.length === 1 ? [x] : split(x, sizes, 1);
  const changed = parts.map((part, i) => {
    const scores = reshape(gather(params.router, constantInts([segments[i]!.attribute])), [-1]);
    const { values, indices } = topK(scores, numActive);
    const weights = softmax(values);
    const outputs = Array.from({ length: numActive }, (_, rank) => {
      const one = constantInts([rank]);
      const expert = gather(indices, one);
      const of = (table: Value) => reshape(gather(table, expert), table.shape.slice(1));
      return mul(matMul(gelu(matMul(part, of(params.up))), of(params.down)), gather(weights, one));
    });
    return outputs.reduce((sum, output) => add(sum, output));
  });
  return concat(changed, 1);
}
