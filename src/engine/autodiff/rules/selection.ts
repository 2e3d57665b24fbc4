/** @file Gradient rules of the ops that pick elements by their values. */
import { staticShape } from '../../core/index.ts';
import { constantScalar, expand, intOf, scatterElements, type selectionOps } from '../../graph/index.ts';
import { type GradientRule, inputAt, type NotDifferentiable } from '../rule.ts';

type Rules = { readonly [Op in keyof typeof selectionOps]: GradientRule | NotDifferentiable };

/** The rules of the selecting ops. */
export const selectionRules: Rules = {
  TopK: (context) => {
    const x = inputAt(context, 0);
    const zeros = expand(constantScalar(0, x.dtype), staticShape(x.shape, 'gradient of TopK'));
    const axis = intOf(context.node.attributes, 'axis', -1);
    return [scatterElements(zeros, context.outputs[1]!, context.cotangent, { axis })];
  },
  NonZero: { notDifferentiable: 'its results are coordinates' },
  Unique: { notDifferentiable: 'how many elements it keeps is only known when the graph runs' },
};
