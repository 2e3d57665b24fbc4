/**
 * @file The ops of classical models (ai.onnx.ml) that give tensors: encoders, scalers, linear models, support vectors, trees. B: rows;
 * C: columns. Those on maps (DictVectorizer, CastMap, ZipMap) are not here: a map is not a tensor.
 */
import {
  type Dim,
  type Dtype,
  formatShape,
  isRanked,
  type Shape,
  ShapeError,
  unknownDim,
  unknownShape,
} from '../../core/index.ts';
import {
  type Attributes,
  defineOp,
  floatsOf,
  intOf,
  intsOf,
  type OpDefinition,
  stringsOf,
  type Value,
} from '../value.ts';
import { sumOfDims } from './letters.ts';
import { requireDtype, required } from './operand.ts';

type Inputs = readonly (Value | undefined)[];

const numbers: readonly Dtype[] = ['float32', 'float64', 'int64', 'int32'];

const define = <T extends string>(opType: T, infer: OpDefinition['infer'], since?: number) =>
  defineOp(opType, infer, 'ai.onnx.ml', since === undefined ? {} : { since });

function operand(opType: string, inputs: Inputs, ...allowed: readonly Dtype[]): Value {
  const x = required(opType, inputs, 0);
  requireDtype(opType, 'x', x, ...allowed);
  return x;
}

/** The rows of x `[B, C]`; of one row where x is `[C]`. @throws ShapeError for other ranks. */
function rowsOf(opType: string, x: Value): Dim {
  if (!isRanked(x.shape)) return unknownDim;
  if (x.rank < 1 || x.rank > 2) throw new ShapeError(`${opType}: x must be [C] or [B,C], got ${formatShape(x.shape)}`);
  return x.rank === 1 ? 1 : x.shape[0]!;
}

const columnsOf = (x: Value): Dim => (isRanked(x.shape) ? (x.shape.at(-1) ?? unknownDim) : unknownDim);

/** @throws ShapeError unless a list of parameters has one number, or one for each column. */
function requirePerColumn(opType: string, what: string, count: number, x: Value): void {
  const columns = columnsOf(x);
  if (count !== 1 && typeof columns === 'number' && count !== columns) {
    throw new ShapeError(`${opType}: needs 1 ${what} or one for each of ${columns} columns, got ${count}`);
  }
}

/** The labels of a classifier: how many there are, and their type. */
function labelsOf(attributes: Attributes, wholeName: string): { count: number; dtype: Dtype } {
  const texts = stringsOf(attributes, 'classlabels_strings', []);
  if (texts.length > 0) return { count: texts.length, dtype: 'string' };
  return { count: intsOf(attributes, wholeName, []).length, dtype: 'int64' };
}

const classifier = (
  opType: string,
  wholeName: string,
  scoresOf: (numClasses: number, attributes: Attributes) => number,
): OpDefinition['infer'] => {
  return (inputs, attributes) => {
    const x = operand(opType, inputs, ...numbers);
    const rows = rowsOf(opType, x);
    const { count, dtype } = labelsOf(attributes, wholeName);
    return [
      { dtype, shape: [rows] },
      { dtype: 'float32', shape: [rows, scoresOf(count, attributes)] },
    ];
  };
};

const regressor = (opType: string, targetsName: string): OpDefinition['infer'] => {
  return (inputs, attributes) => {
    const x = operand(opType, inputs, ...numbers);
    return [{ dtype: 'float32', shape: [rowsOf(opType, x), intOf(attributes, targetsName, 1)] }];
  };
};

function labelEncoder(inputs: Inputs, attributes: Attributes) {
  const opType = 'LabelEncoder';
  const typeOf = (prefix: string): Dtype | undefined => {
    const tensor = attributes[`${prefix}_tensor`];
    if (tensor?.kind === 'tensor') return tensor.value.dtype;
    const kinds = { strings: 'string', int64s: 'int64', floats: 'float32' } as const;
    const named = Object.entries(kinds).find(([kind]) => attributes[`${prefix}_${kind}`] !== undefined);
    return named?.[1];
  };
  const [keys, values] = [typeOf('keys'), typeOf('values')];
  if (keys === undefined || values === undefined) throw new TypeError(`${opType}: needs keys and values`);
  const x = operand(opType, inputs, keys);
  return [{ dtype: values, shape: x.shape }];
}

function featureExtractor(inputs: Inputs) {
  const opType = 'ArrayFeatureExtractor';
  const [x, indices] = [required(opType, inputs, 0), required(opType, inputs, 1)];
  requireDtype(opType, 'x', x, ...numbers, 'string');
  requireDtype(opType, 'the indices', indices, 'int64');
  if (!isRanked(x.shape)) return [{ dtype: x.dtype, shape: unknownShape }];
  if (x.rank < 1) throw new ShapeError(`${opType}: x must have an axis, got a scalar`);
  const count =
    isRanked(indices.shape) && indices.shape.every((dim) => typeof dim === 'number')
      ? indices.shape.reduce<number>((product, dim) => product * Number(dim), 1)
      : unknownDim;
  return [{ dtype: x.dtype, shape: [...(x.rank === 1 ? [1] : x.shape.slice(0, -1)), count] }];
}

function featureVectorizer(inputs: Inputs, attributes: Attributes) {
  const opType = 'FeatureVectorizer';
  const sizes = intsOf(attributes, 'inputdimensions', []);
  if (sizes.length !== inputs.length) {
    throw new ShapeError(`${opType}: needs the columns of ${inputs.length} inputs, got [${sizes}]`);
  }
  const values = inputs.map((_, i) => required(opType, inputs, i));
  for (const value of values) requireDtype(opType, 'its inputs', value, ...numbers);
  const rows = values.map((value) => rowsOf(opType, value)).find((dim) => typeof dim === 'number');
  return [{ dtype: 'float32' as const, shape: [rows ?? unknownDim, sumOfDims(...sizes)] }];
}

/** The same shape, whose rows are at most a matrix. */
const sameShape = (opType: string, x: Value): Shape => {
  rowsOf(opType, x);
  return x.shape;
};

/** The op definitions of classical models. */
export const classicalOps = {
  'ai.onnx.ml.ArrayFeatureExtractor': define('ArrayFeatureExtractor', featureExtractor),
  'ai.onnx.ml.Binarizer': define('Binarizer', (inputs) => {
    const x = operand('Binarizer', inputs, ...numbers);
    return [{ dtype: x.dtype, shape: x.shape }];
  }),
  'ai.onnx.ml.CategoryMapper': define('CategoryMapper', (inputs) => {
    const x = operand('CategoryMapper', inputs, 'string', 'int64');
    return [{ dtype: x.dtype === 'string' ? 'int64' : 'string', shape: x.shape }];
  }),
  'ai.onnx.ml.FeatureVectorizer': define('FeatureVectorizer', featureVectorizer),
  'ai.onnx.ml.Imputer': define('Imputer', (inputs, attributes) => {
    const x = operand('Imputer', inputs, ...numbers);
    const values = x.dtype.startsWith('int')
      ? intsOf(attributes, 'imputed_value_int64s', [])
      : floatsOf(attributes, 'imputed_value_floats', []);
    requirePerColumn('Imputer', 'value', values.length, x);
    return [{ dtype: x.dtype, shape: x.shape }];
  }),
  'ai.onnx.ml.LabelEncoder': define('LabelEncoder', labelEncoder, 4),
  'ai.onnx.ml.LinearClassifier': define(
    'LinearClassifier',
    classifier('LinearClassifier', 'classlabels_ints', (count) => count),
  ),
  'ai.onnx.ml.LinearRegressor': define('LinearRegressor', regressor('LinearRegressor', 'targets')),
  'ai.onnx.ml.Normalizer': define('Normalizer', (inputs) => {
    const x = operand('Normalizer', inputs, ...numbers);
    return [{ dtype: 'float32', shape: sameShape('Normalizer', x) }];
  }),
  'ai.onnx.ml.OneHotEncoder': define('OneHotEncoder', (inputs, attributes) => {
    const x = operand('OneHotEncoder', inputs, ...numbers, 'string');
    const texts = stringsOf(attributes, 'cats_strings', []).length;
    const count = texts || intsOf(attributes, 'cats_int64s', []).length;
    return [{ dtype: 'float32', shape: isRanked(x.shape) ? [...x.shape, count] : unknownShape }];
  }),
  'ai.onnx.ml.Scaler': define('Scaler', (inputs, attributes) => {
    const x = operand('Scaler', inputs, ...numbers);
    requirePerColumn('Scaler', 'scale', floatsOf(attributes, 'scale', [1]).length, x);
    requirePerColumn('Scaler', 'offset', floatsOf(attributes, 'offset', [0]).length, x);
    return [{ dtype: 'float32', shape: sameShape('Scaler', x) }];
  }),
  'ai.onnx.ml.SVMClassifier': define(
    'SVMClassifier',
    classifier('SVMClassifier', 'classlabels_ints', (count, attributes) =>
      count > 2 && floatsOf(attributes, 'prob_a', []).length === 0 ? (count * (count - 1)) / 2 : count,
    ),
  ),
  'ai.onnx.ml.SVMRegressor': define('SVMRegressor', regressor('SVMRegressor', 'n_targets')),
  'ai.onnx.ml.TreeEnsemble': define(
    'TreeEnsemble',
    (inputs, attributes) => {
      const weights = attributes.leaf_weights;
      const x = operand('TreeEnsemble', inputs, weights?.kind === 'tensor' ? weights.value.dtype : 'float32');
      return [{ dtype: x.dtype, shape: [rowsOf('TreeEnsemble', x), intOf(attributes, 'n_targets', 1)] }];
    },
    5,
  ),
  'ai.onnx.ml.TreeEnsembleClassifier': define(
    'TreeEnsembleClassifier',
    classifier('TreeEnsembleClassifier', 'classlabels_int64s', (count) => count),
    3,
  ),
  'ai.onnx.ml.TreeEnsembleRegressor': define(
    'TreeEnsembleRegressor',
    regressor('TreeEnsembleRegressor', 'n_targets'),
    3,
  ),
} as const;
