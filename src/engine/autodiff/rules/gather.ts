/** @file Gradient rules of the indexing ops: gathering and scattering are each other's transposes. */
import { staticShape } from '../../core/index.ts';
import {
  cast,
  constantScalar,
  expand,
  gatherElements,
  gatherND,
  type gatherOps,
  intOf,
  scatterElements,
  scatterND,
  stringOf,
  transpose,
  unsqueeze,
  type Value,
} from '../../graph/index.ts';
import { type GradientRule, inputAt } from '../rule.ts';

type Rules = { readonly [Op in keyof typeof gatherOps]: GradientRule };

function zeros(like: Value, shape: readonly number[]): Value {
  return expand(constantScalar(0, like.dtype), shape);
}

const shapeOf = (value: Value) => staticShape(value.shape, 'gradient of indexing');

/** Slices taken along any axis are added back along axis 0, after the indexed axes have been brought to the front. */
const gatherRule: GradientRule = (context) => {
  const [data, indices] = [inputAt(context, 0), inputAt(context, 1)];
  const axis = (intOf(context.node.attributes, 'axis', 0) + data.rank) % data.rank;
  const shape = shapeOf(data);
  const axes = shape.map((_, a) => a);
  const indexed = indices.shape.map((_, i) => axis + i);
  const others = context.cotangent.shape.map((_, a) => a).filter((a) => !indexed.includes(a));
  const g = axis === 0 ? context.cotangent : transpose(context.cotangent, [...indexed, ...others]);
  const order = [axis, ...axes.filter((a) => a !== axis)];
  const into = zeros(
    data,
    order.map((a) => shape[a]!),
  );
  const coordinates = unsqueeze(cast(indices, 'int64'), [indices.rank]);
  const sums = scatterND(into, coordinates, g, 'add');
  return [
    axis === 0
      ? sums
      : transpose(
          sums,
          axes.map((a) => order.indexOf(a)),
        ),
  ];
};

/** The rules of the indexing ops. Under reduction 'none' the indices must be distinct. */
export const gatherRules: Rules = {
  Gather: gatherRule,
  GatherElements: (context) => {
    const [data, indices] = [inputAt(context, 0), inputAt(context, 1)];
    const axis = intOf(context.node.attributes, 'axis', 0);
    return [scatterElements(zeros(data, shapeOf(data)), indices, context.cotangent, { axis, reduction: 'add' })];
  },
  GatherND: (context) => {
    const data = inputAt(context, 0);
    return [scatterND(zeros(data, shapeOf(data)), inputAt(context, 1), context.cotangent, 'add')];
  },
  ScatterElements: (context) => {
    const [indices, updates, g] = [inputAt(context, 1), inputAt(context, 2), context.cotangent];
    const axis = intOf(context.node.attributes, 'axis', 0);
    const adds = stringOf(context.node.attributes, 'reduction', 'none') === 'add';
    const blank = () => scatterElements(g, indices, zeros(updates, shapeOf(updates)), { axis });
    return [
      context.needs(0) ? (adds ? g : blank()) : undefined,
      undefined,
      context.needs(2) ? gatherElements(g, indices, axis) : undefined,
    ];
  },
  ScatterND: (context) => {
    const [indices, updates, g] = [inputAt(context, 1), inputAt(context, 2), context.cotangent];
    const adds = stringOf(context.node.attributes, 'reduction', 'none') === 'add';
    const blank = () => scatterND(g, indices, zeros(updates, shapeOf(updates)));
    return [
      context.needs(0) ? (adds ? g : blank()) : undefined,
      undefined,
      context.needs(2) ? gatherND(g, indices) : undefined,
    ];
  },
};
