/**
 * @file Contrast between every two modalities of a batch at once, where any sample may lack any modality (all pairs, as in ImageBind's setting of many
 * modalities, arXiv:2305.05665, but none of them at the centre). Of each two modalities, the samples that have both are the pairs; all that
 * have one of them are candidates. B: samples in the batch; D: dimension of the space.
 */
import { ShapeError } from '../../engine/core/index.ts';
import {
  add,
  argMax,
  cast,
  constant,
  constantInts,
  div,
  equal,
  fusedMatMul,
  logSoftmax,
  max,
  mul,
  neg,
  reduceSum,
  reshape,
  softplus,
  sub,
  type Value,
} from '../../engine/graph/index.ts';
import { diagonalMatrix } from './diagonal.ts';

/** One modality of a batch. */
export interface ModalityRows {
  /** `[B, D]` unit rows; what stands in the rows of samples that lack the modality does not matter, if it is finite. */
  readonly embedding: Value;
  /** `[B]`: 1 where the sample has the modality, 0 where it lacks it. */
  readonly present: Value;
}

/** How two modalities are contrasted: by `infoNce` (arXiv:1807.03748) or by the sigmoid loss (arXiv:2303.15343), which needs a bias. */
export type PairContrast =
  | { readonly kind: 'infoNce'; readonly logitScale: Value }
  | { readonly kind: 'sigmoid'; readonly logitScale: Value; readonly logitBias: Value };

/** What `allPairs` gives. */
export interface AllPairsLoss {
  /** `[]`: the mean over all pairs that the batch holds, of all modalities together; 0 for a batch without pairs. */
  readonly loss: Value;
  /** `[]` by `<modality>-<modality>`: of the pairs, the share whose second ranks first among its candidates for the first. */
  readonly accuracy: Readonly<Record<string, Value>>;
}

/** Added to the logits of candidates that are not there. */
const absent = -1e4;

/**
 * The contrastive loss of a batch between every two of its modalities.
 * @param pairs the names of modalities to contrast, `['text', 'image']`; every two unless given.
 * @throws ShapeError unless every embedding is `[B, D]` of one shape and every mask `[B]`; RangeError with fewer than two modalities.
 */
export function allPairs(
  modalities: Readonly<Record<string, ModalityRows>>,
  contrast: PairContrast,
  pairs: readonly (readonly [string, string])[] = everyTwo(Object.keys(modalities)),
): AllPairsLoss {
  if (pairs.length === 0) throw new RangeError('allPairs: needs at least two modalities to contrast');
  const size = checkedSize(modalities);
  const sums: Value[] = [];
  const counts: Value[] = [];
  const accuracy: Record<string, Value> = {};
  for (const [first, second] of pairs) {
    const [a, b] = [rowsOf(modalities, first), rowsOf(modalities, second)];
    const both = mul(a.present, b.present);
    const count = reduceSum(both);
    const similarities = mul(fusedMatMul(a.embedding, b.embedding, { transB: true }), contrast.logitScale);
    sums.push(
      contrast.kind === 'infoNce'
        ? crossEntropies(similarities, a.present, b.present, both, size)
        : binaryEntropies(add(similarities, contrast.logitBias), a.present, b.present, size),
    );
    counts.push(count);
    const best = argMax(add(similarities, reshape(penalty(b.present), [1, size])), 1);
    const found = cast(equal(best, constantInts(Array.from({ length: size }, (_, i) => i))), 'float32');
    accuracy[`${first}-${second}`] = div(reduceSum(mul(found, both)), atLeastOne(count));
  }
  return { loss: div(sumOf(sums), atLeastOne(sumOf(counts))), accuracy };
}

/** Σ over the pairs of half the cross-entropies in both directions, among the candidates that are there. */
function crossEntropies(logits: Value, rows: Value, columns: Value, both: Value, size: number): Value {
  const diagonal = constant(diagonalMatrix(size, 1, 0));
  const towards = (masked: Value, axis: number) =>
    neg(reduceSum(mul(reduceSum(mul(logSoftmax(masked, axis), diagonal), { axes: [axis] }), both)));
  const amongColumns = towards(add(logits, reshape(penalty(columns), [1, size])), 1);
  const amongRows = towards(add(logits, reshape(penalty(rows), [size, 1])), 0);
  return mul(add(amongColumns, amongRows), 0.5);
}

/** Σ -log σ(± logit) over every two rows that are there; a sample is no candidate for itself unless it has both. */
function binaryEntropies(logits: Value, rows: Value, columns: Value, size: number): Value {
  const wrong = softplus(neg(mul(logits, constant(diagonalMatrix(size, 1, -1)))));
  return reduceSum(mul(wrong, mul(reshape(rows, [size, 1]), reshape(columns, [1, size]))));
}

function penalty(present: Value): Value {
  return mul(sub(1, present), absent);
}

function atLeastOne(count: Value): Value {
  return max(count, 1);
}

function sumOf(values: readonly Value[]): Value {
  return values.reduce((sum, value) => add(sum, value));
}

function everyTwo(names: readonly string[]): [string, string][] {
  return names.flatMap((first, i) => names.slice(i + 1).map((second): [string, string] => [first, second]));
}

function rowsOf(modalities: Readonly<Record<string, ModalityRows>>, name: string): ModalityRows {
  const rows = modalities[name];
  if (rows === undefined) throw new RangeError(`allPairs: there is no modality "${name}" in the batch`);
  return rows;
}

function checkedSize(modalities: Readonly<Record<string, ModalityRows>>): number {
  const all = Object.values(modalities);
  const shape = all[0]?.embedding.shape ?? [];
  const size = shape[0];
  const fits = all.every(
    ({ embedding, present }) => embedding.shape.join() === shape.join() && present.shape.join() === String(size),
  );
  if (shape.length !== 2 || typeof size !== 'number' || !fits) {
    const got = all.map(({ embedding, present }) => `${embedding} with ${present}`);
    throw new ShapeError(`allPairs: needs [B, D] and a mask [B] of each modality, B known, got ${got.join(', ')}`);
  }
  return size;
}
