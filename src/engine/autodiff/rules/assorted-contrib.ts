/** @file Why ONNX Runtime's remaining ops have no gradient, and that of distances, which do. */
import { UnsupportedOpError } from '../../core/index.ts';
import {
  type assortedContribOps,
  div,
  equal,
  matMul,
  mul,
  reduceSum,
  stringOf,
  sub,
  transpose,
  type Value,
  where,
} from '../../graph/index.ts';
import { type GradientRule, inputAt, type NotDifferentiable, zeroLike } from '../rule.ts';

type Rules = { readonly [Op in keyof typeof assortedContribOps]: GradientRule | NotDifferentiable };

/** Squared distances of rows: 2 (Σₙ g a - g b) toward a, and the same the other way; g / 2d stands for g where d is the root. */
const distancesRule: GradientRule = (context) => {
  const [a, b, d] = [inputAt(context, 0), inputAt(context, 1), context.outputs[0]!];
  const metric = stringOf(context.node.attributes, 'metric', 'sqeuclidean');
  if (metric !== 'sqeuclidean' && metric !== 'euclidean') {
    throw new UnsupportedOpError(`gradients: CDist by ${metric} has none; use euclidean or sqeuclidean`);
  }
  const zero = zeroLike(d);
  const g =
    metric === 'sqeuclidean' ? mul(context.cotangent, 2) : where(equal(d, zero), zero, div(context.cotangent, d));
  const toward = (weights: Value, own: Value, other: Value) =>
    sub(mul(own, reduceSum(weights, { axes: [1], keepDims: true })), matMul(weights, other));
  return [
    context.needs(0) ? toward(g, a, b) : undefined,
    context.needs(1) ? toward(transpose(g, [1, 0]), b, a) : undefined,
  ];
};

const state: NotDifferentiable = {
  notDifferentiable: 'it keeps a state to decode with; train the layer built from Conv, MatMul and CumSum',
};

/** The rules of the ops that no family of their own holds. */
export const assortedContribRules: Rules = {
  BitCast: { notDifferentiable: 'it reads bits as another type, which does not change smoothly' },
  'com.microsoft.QLinearConv': {
    notDifferentiable:
      'it computes on whole numbers; train with QuantizeLinear and DequantizeLinear around Conv, and quantize afterwards',
  },
  'com.microsoft.CDist': distancesRule,
  'com.microsoft.MoE': {
    notDifferentiable: 'it sends rows to experts inside one op; train the layer built from TopK and MatMul',
  },
  'com.microsoft.MatMulBnb4': {
    notDifferentiable: 'its weights are packed by a table of its own; unpack them to train through it',
  },
  'com.microsoft.GridSample': {
    notDifferentiable: "it is the form before ONNX's own; use GridSample of operator set 16 or later",
  },
  'com.microsoft.Range': { notDifferentiable: 'it counts: how many numbers it gives does not change smoothly' },
  'com.microsoft.UnfoldTensor': { notDifferentiable: 'use Gather with constant indices, which has one' },
  'com.microsoft.CausalConvWithState': state,
  'com.microsoft.LinearAttention': state,
  'com.microsoft.MurmurHash3': { notDifferentiable: 'a hash does not change smoothly' },
  'com.microsoft.NGramRepeatBlock': {
    notDifferentiable: 'it forbids tokens while text is generated, which is not trained',
  },
};
