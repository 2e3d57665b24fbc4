/** @file Gradient rules of the random ops: draws have none; dropout lets the cotangent through where it let the value through. */
import {
  cast,
  constantOf,
  constantScalar,
  div,
  mul,
  type randomOps,
  sub,
  type Value,
  where,
} from '../../graph/index.ts';
import { type GradientRule, inputAt, maskOf, type NotDifferentiable, type RuleContext } from '../rule.ts';

type Rules = { readonly [Op in keyof typeof randomOps]: GradientRule | NotDifferentiable };

const draw: NotDifferentiable = { notDifferentiable: 'it draws at random; its result does not follow from an input' };

/** g where an element was kept, divided by 1 - ratio; g itself where the op is known not to train. */
function dropoutRule(context: RuleContext): readonly (Value | undefined)[] {
  const g = context.cotangent;
  const { dtype } = inputAt(context, 0);
  const [, ratio = constantScalar(0.5, dtype), training = constantScalar(0, 'bool')] = context.inputs;
  const isTraining = constantOf(training)?.data[0];
  if (isTraining === 0) return [g];
  const scale = div(1, sub(1, cast(ratio, dtype)));
  const used = isTraining === undefined ? where(training, scale, 1) : scale;
  return [mul(g, mul(maskOf(context.outputs[1]!, dtype), used))];
}

/** The rules of the random ops. */
export const randomRules: Rules = {
  Bernoulli: draw,
  RandomNormal: draw,
  RandomNormalLike: draw,
  RandomUniform: draw,
  RandomUniformLike: draw,
  Multinomial: draw,
  Dropout: dropoutRule,
};
