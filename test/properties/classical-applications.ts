/** @file Random applications of the ops on signals, on text, and of classical models. */
import fc from 'fast-check';
import { type Dtype, Tensor } from '../../src/engine/core/index.ts';
import type { classicalOps, signalOps, textOps } from '../../src/engine/graph/index.ts';
import { type Attributes, float, floats, int, ints, string, strings } from '../../src/engine/graph/value.ts';
import type { Make } from './makers.ts';
import { like, of, positiveDim, positiveShape, shape } from './shapes.ts';
import type { Operand } from './verdict.ts';

const maybe = fc.boolean();
const rarely = fc.integer({ min: 0, max: 6 }).map((n) => n === 0);
const number = (value: number, dtype: Dtype = 'int64'): Operand => ({ dtype, shape: [], ints: [value] });

const dft: Make = (opType) =>
  positiveShape(2, 3).chain((lead) =>
    fc
      .record({
        parts: fc.constantFrom(1, 2, 1, 2, 3),
        axis: fc.option(fc.integer({ min: -lead.length - 1, max: lead.length - 1 }), { nil: undefined }),
        length: fc.option(fc.integer({ min: 1, max: 5 }), { nil: undefined }),
        onesided: maybe,
        inverse: maybe,
      })
      .map(({ parts, axis, length, onesided, inverse }) => ({
        opType,
        operands: [
          of([...lead.map((dim) => dim + 1), parts]),
          length === undefined ? undefined : number(length),
          axis === undefined ? undefined : number(axis),
        ],
        attributes: { onesided: int(onesided ? 1 : 0), inverse: int(inverse ? 1 : 0) },
      })),
  );

const stft: Make = (opType) =>
  fc
    .record({
      batch: positiveDim,
      length: fc.integer({ min: 4, max: 9 }),
      step: positiveDim,
      window: fc.integer({ min: 2, max: 5 }),
      flat: maybe,
      onesided: maybe,
      both: maybe,
    })
    .map(({ batch, length, step, window, flat, onesided, both }) => ({
      opType,
      operands: [
        of(flat ? [batch, length] : [batch, length, 1]),
        number(step),
        of([window]),
        both ? number(window) : undefined,
      ],
      attributes: { onesided: int(onesided ? 1 : 0) },
    }));

const window: Make = (opType) =>
  fc.integer({ min: 1, max: 6 }).map((size) => ({ opType, operands: [number(size)], attributes: {} }));

const mel: Make = (opType) =>
  fc.tuple(positiveDim, fc.integer({ min: 8, max: 16 })).map(([bins, length]) => ({
    opType,
    operands: [number(bins), number(length), number(8000), of([]), of([])],
    attributes: {},
  }));

const texts =
  (attributes: Attributes = {}): Make =>
  (opType) =>
    shape(0, 3).map((s) => ({ opType, operands: [of(s, 'string')], attributes }));

const tokens: Make = (opType) =>
  fc.tuple(positiveShape(1, 2), fc.constantFrom<Dtype>('int64', 'int32')).map(([s, dtype]) => ({
    opType,
    operands: [of(s, dtype)],
    attributes: {
      mode: string('TF'),
      min_gram_length: int(1),
      max_gram_length: int(2),
      max_skip_count: int(0),
      ngram_counts: ints([0, 2]),
      ngram_indexes: ints([0, 1, 2]),
      pool_int64s: ints([1, 2, 1, 2]),
    },
  }));

/** x `[B, C]` or `[C]`, with attributes that may depend on C. */
const rows =
  (attributesOf: (columns: number) => Attributes, ranks: readonly number[] = [1, 2], dtype: Dtype = 'float32'): Make =>
  (opType) =>
    fc.tuple(positiveDim, positiveDim, fc.constantFrom(...ranks)).map(([batch, columns, rank]) => ({
      opType,
      operands: [of(rank === 1 ? [columns] : [batch, columns], dtype)],
      attributes: attributesOf(columns),
    }));

const upTo = (count: number) => Array.from({ length: count }, (_, i) => i);
const perColumn: Make = (opType) =>
  fc.tuple(positiveDim, positiveDim, maybe, rarely).map(([batch, columns, each, wrong]) => {
    const values = floats(upTo((each ? columns : 1) + (wrong ? 3 : 0)).map((i) => i + 1));
    const attributes: Attributes =
      opType === 'ai.onnx.ml.Imputer'
        ? { imputed_value_floats: values, replaced_value_float: float(0) }
        : { scale: values, offset: values };
    return { opType, operands: [of([batch, columns])], attributes };
  });

const extractor: Make = (opType) =>
  fc.tuple(positiveShape(1, 3), positiveDim).map(([s, count]) => ({
    opType,
    operands: [of(s), of([count], 'int64')],
    attributes: {},
  }));

const vectorizer: Make = (opType) =>
  fc.tuple(positiveDim, positiveDim, positiveDim).map(([batch, a, b]) => ({
    opType,
    operands: [of([batch, a]), of([batch, b])],
    attributes: { inputdimensions: ints([a, b]) },
  }));

const tree = {
  nodes_treeids: ints([0, 0, 0]),
  nodes_nodeids: ints([0, 1, 2]),
  nodes_featureids: ints([0, 0, 0]),
  nodes_modes: strings(['BRANCH_LEQ', 'LEAF', 'LEAF']),
  nodes_values: floats([0.5, 0, 0]),
  nodes_truenodeids: ints([1, 0, 0]),
  nodes_falsenodeids: ints([2, 0, 0]),
};
const leaves = (prefix: string) => ({
  [`${prefix}_treeids`]: ints([0, 0]),
  [`${prefix}_nodeids`]: ints([1, 2]),
  [`${prefix}_ids`]: ints([0, 1]),
  [`${prefix}_weights`]: floats([1, 2]),
});
const supportVectors = (columns: number) => ({
  coefficients: floats([1, -1]),
  kernel_params: floats([0.5, 0, 3]),
  kernel_type: string('RBF'),
  rho: floats([0.1]),
  support_vectors: floats(upTo(2 * columns)),
});
const tensorOf = (dtype: 'float32' | 'uint8', values: readonly number[]): Attributes[string] => ({
  kind: 'tensor',
  value:
    dtype === 'uint8'
      ? new Tensor('uint8', [values.length], Uint8Array.from(values))
      : new Tensor('float32', [values.length], Float32Array.from(values)),
});

/** Applications of the ops on signals, on text, and of classical models. */
export const classicalApplications = {
  DFT: dft,
  STFT: stft,
  MelWeightMatrix: mel,
  HannWindow: window,
  HammingWindow: window,
  BlackmanWindow: window,
  StringNormalizer: (opType) =>
    shape(0, 2).map((s) => ({ opType, operands: [of(s, 'string')], attributes: { locale: string('C') } })),
  StringConcat: (opType) =>
    shape(0, 3).chain((base) =>
      fc
        .tuple(like(base), like(base))
        .map(([a, b]) => ({ opType, operands: [of(a, 'string'), of(b, 'string')], attributes: {} })),
    ),
  StringSplit: texts({ delimiter: string(' ') }),
  RegexFullMatch: texts({ pattern: string('a*') }),
  TfIdfVectorizer: tokens,
  'ai.onnx.ml.ArrayFeatureExtractor': extractor,
  'ai.onnx.ml.Binarizer': rows(() => ({ threshold: float(0.5) })),
  'ai.onnx.ml.CategoryMapper': (opType) =>
    fc.tuple(shape(1, 3), fc.constantFrom<Dtype>('string', 'int64')).map(([s, dtype]) => ({
      opType,
      operands: [of(s, dtype)],
      attributes: { cats_strings: strings(['a', 'b']), cats_int64s: ints([1, 2]) },
    })),
  'ai.onnx.ml.FeatureVectorizer': vectorizer,
  'ai.onnx.ml.Imputer': perColumn,
  'ai.onnx.ml.LabelEncoder': (opType) =>
    shape(0, 3).map((s) => ({
      opType,
      operands: [of(s, 'string')],
      attributes: { keys_strings: strings(['a', 'b']), values_int64s: ints([1, 2]) },
    })),
  'ai.onnx.ml.LinearClassifier': rows((columns) => ({
    coefficients: floats(upTo(2 * columns)),
    intercepts: floats([0, 1]),
    classlabels_ints: ints([3, 4]),
  })),
  'ai.onnx.ml.LinearRegressor': rows((columns) => ({ coefficients: floats(upTo(2 * columns)), targets: int(2) })),
  'ai.onnx.ml.Normalizer': rows(() => ({ norm: string('L2') })),
  'ai.onnx.ml.OneHotEncoder': rows(() => ({ cats_int64s: ints([0, 1, 2]), zeros: int(1) })),
  'ai.onnx.ml.Scaler': perColumn,
  'ai.onnx.ml.SVMClassifier': rows(
    (columns) => ({ ...supportVectors(columns), vectors_per_class: ints([1, 1]), classlabels_ints: ints([0, 1]) }),
    [2],
  ),
  'ai.onnx.ml.SVMRegressor': rows((columns) => ({ ...supportVectors(columns), n_supports: int(2) })),
  'ai.onnx.ml.TreeEnsemble': rows(
    () => ({
      n_targets: int(1),
      aggregate_function: int(1),
      post_transform: int(0),
      tree_roots: ints([0]),
      nodes_modes: tensorOf('uint8', [0]),
      nodes_featureids: ints([0]),
      nodes_splits: tensorOf('float32', [0.5]),
      nodes_truenodeids: ints([0]),
      nodes_trueleafs: ints([1]),
      nodes_falsenodeids: ints([1]),
      nodes_falseleafs: ints([1]),
      leaf_targetids: ints([0, 0]),
      leaf_weights: tensorOf('float32', [1, 2]),
    }),
    [2],
  ),
  'ai.onnx.ml.TreeEnsembleClassifier': rows(
    () => ({ ...tree, ...leaves('class'), classlabels_int64s: ints([4, 5]) }),
    [2],
  ),
  'ai.onnx.ml.TreeEnsembleRegressor': rows(() => ({ ...tree, ...leaves('target'), n_targets: int(2) }), [2]),
} as const satisfies {
  readonly [Op in keyof typeof signalOps | keyof typeof textOps | keyof typeof classicalOps]: Make;
};
