/** @file Gradient rules of the classical ops that are smooth in x; their parameters are attributes, which are not trained. */
import { float32, numElements, staticShape, UnsupportedOpError } from '../../core/index.ts';
import {
  type classicalOps,
  constant,
  constantScalar,
  expand,
  floatsOf,
  intOf,
  matMul,
  mul,
  reshape,
  scatterElements,
  stringOf,
  type Value,
} from '../../graph/index.ts';
import { type GradientRule, inputAt, type NotDifferentiable } from '../rule.ts';

type Rules = { readonly [Op in keyof typeof classicalOps]: GradientRule | NotDifferentiable };

const shapeOf = (value: Value) => staticShape(value.shape, 'gradient of a classical op');

/** Picks columns by index: g goes back to the columns, added up where one was picked twice. */
const extractorRule: GradientRule = (context) => {
  const [x, indices] = [inputAt(context, 0), inputAt(context, 1)];
  const shape = shapeOf(x);
  const picked = [...shape.slice(0, -1), numElements(shapeOf(indices))];
  const zeros = expand(constantScalar(0, x.dtype), shape);
  const places = expand(reshape(indices, [-1]), picked);
  return [scatterElements(zeros, places, reshape(context.cotangent, picked), { axis: -1, reduction: 'add' })];
};

/** (x - offset) · scale. */
const scalerRule: GradientRule = (context) => {
  const x = inputAt(context, 0);
  if (x.dtype !== 'float32') {
    throw new UnsupportedOpError(`gradients: Scaler gives float32 whatever it is given, got ${x}; cast it first`);
  }
  return [mul(context.cotangent, constant(float32(floatsOf(context.node.attributes, 'scale', [1]))))];
};

/** x wᵀ + intercepts, with w `[targets, C]`. */
const linearRegressorRule: GradientRule = (context) => {
  const { attributes } = context.node;
  const transform = stringOf(attributes, 'post_transform', 'NONE');
  if (transform !== 'NONE') {
    throw new UnsupportedOpError(
      `gradients: LinearRegressor has none through its ${transform}; apply that to its result instead`,
    );
  }
  const coefficients = floatsOf(attributes, 'coefficients', []);
  const targets = intOf(attributes, 'targets', 1);
  const w = constant(float32(coefficients, [targets, coefficients.length / targets]));
  return [reshape(matMul(context.cotangent, w), inputAt(context, 0).shape)];
};

const category: NotDifferentiable = { notDifferentiable: 'it takes or gives categories, which do not change smoothly' };
const trees: NotDifferentiable = { notDifferentiable: 'a tree is constant between its thresholds' };
const classes: NotDifferentiable = {
  notDifferentiable: 'its scores serve to choose a class; rebuild the model from Gemm to train it',
};

/** The rules of the classical ops. */
export const classicalRules: Rules = {
  'ai.onnx.ml.ArrayFeatureExtractor': extractorRule,
  'ai.onnx.ml.Binarizer': { notDifferentiable: 'it is a step: its derivative is 0 wherever it has one' },
  'ai.onnx.ml.CategoryMapper': category,
  'ai.onnx.ml.FeatureVectorizer': { notDifferentiable: 'it collects features of mixed types; use Concat' },
  'ai.onnx.ml.Imputer': { notDifferentiable: 'it replaces missing features before a model is given them' },
  'ai.onnx.ml.LabelEncoder': category,
  'ai.onnx.ml.LinearClassifier': classes,
  'ai.onnx.ml.LinearRegressor': linearRegressorRule,
  'ai.onnx.ml.Normalizer': {
    notDifferentiable: 'it prepares features; use LpNormalization inside a model that is trained',
  },
  'ai.onnx.ml.OneHotEncoder': category,
  'ai.onnx.ml.Scaler': scalerRule,
  'ai.onnx.ml.SVMClassifier': classes,
  'ai.onnx.ml.SVMRegressor': {
    notDifferentiable: 'its support vectors are attributes; rebuild its kernel from MatMul to train through it',
  },
  'ai.onnx.ml.TreeEnsemble': trees,
  'ai.onnx.ml.TreeEnsembleClassifier': trees,
  'ai.onnx.ml.TreeEnsembleRegressor': trees,
};
