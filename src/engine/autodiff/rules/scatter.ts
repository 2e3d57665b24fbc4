/** @file Gradient rules of the scattering ops. Where nothing is reduced, the indices must be distinct. */
import { int64, staticShape } from '../../core/index.ts';
import {
  add,
  cast,
  constant,
  constantScalar,
  div,
  equal,
  expand,
  gatherElements,
  gatherND,
  intOf,
  mod,
  mul,
  reshape,
  type ScatterReduction,
  scatterElements,
  scatterND,
  type scatterOps,
  stringOf,
  tensorScatter,
  type Value,
} from '../../graph/index.ts';
import { type GradientRule, inputAt, maskOf, type RuleContext } from '../rule.ts';
import { zerosLike } from './gather.ts';

type Rules = { readonly [Op in keyof typeof scatterOps]: GradientRule };

/** How a scattering op reads and writes at its indices. */
interface Places {
  read(data: Value): Value;
  write(data: Value, updates: Value, reduction: ScatterReduction): Value;
}

type RuleOfReduction = (context: RuleContext, places: Places) => readonly (Value | undefined)[];

/** What was largest (or smallest) at a place, the element or an update, has the cotangent; equal ones share it. */
const extreme: RuleOfReduction = (context, places) => {
  const [data, updates, y, g] = [inputAt(context, 0), inputAt(context, 2), context.outputs[0]!, context.cotangent];
  const kept = maskOf(equal(data, y), g.dtype);
  const won = maskOf(equal(updates, places.read(y)), g.dtype);
  const shared = div(g, places.write(kept, won, 'add'));
  return [mul(shared, kept), undefined, context.needs(2) ? mul(places.read(shared), won) : undefined];
};

const byReduction: { readonly [R in ScatterReduction]: RuleOfReduction } = {
  none: (context, places) => [
    context.needs(0) ? places.write(context.cotangent, zerosLike(inputAt(context, 2)), 'none') : undefined,
    undefined,
    context.needs(2) ? places.read(context.cotangent) : undefined,
  ],
  add: (context, places) => [
    context.cotangent,
    undefined,
    context.needs(2) ? places.read(context.cotangent) : undefined,
  ],
  // y = x · (product of the updates): x goes by that product; an update by y without it, and so must not be 0.
  mul: (context, places) => {
    const [updates, g] = [inputAt(context, 2), context.cotangent];
    return [
      context.needs(0) ? places.write(g, updates, 'mul') : undefined,
      undefined,
      context.needs(2) ? div(places.read(mul(g, context.outputs[0]!)), updates) : undefined,
    ];
  },
  max: extreme,
  min: extreme,
};

const scattering =
  (placesOf: (context: RuleContext) => Places): GradientRule =>
  (context) =>
    byReduction[stringOf(context.node.attributes, 'reduction', 'none') as ScatterReduction](context, placesOf(context));

/** TensorScatter: the positions, along its axis, at which every element of the update is written. */
function writtenAt(context: RuleContext): { indices: Value; axis: number } {
  const cache = staticShape(inputAt(context, 0).shape, 'gradient of TensorScatter');
  const update = staticShape(inputAt(context, 1).shape, 'gradient of TensorScatter');
  const axis = (intOf(context.node.attributes, 'axis', -2) + cache.length) % cache.length;
  const count = update[axis]!;
  const steps = constant(
    int64(
      Array.from({ length: count }, (_, i) => i),
      cache.map((_, a) => (a === axis ? count : 1)),
    ),
  );
  const places = context.inputs[2];
  const column =
    places &&
    reshape(
      places,
      cache.map((_, a) => (a === 0 ? cache[0]! : 1)),
    );
  const positions = column === undefined ? steps : add(column, steps);
  const isCircular = stringOf(context.node.attributes, 'mode', 'linear') === 'circular';
  const within = isCircular ? mod(positions, constantScalar(cache[axis]!, 'int64')) : positions;
  return { indices: expand(within, update), axis };
}

/** The rules of the scattering ops. */
export const scatterRules: Rules = {
  ScatterElements: scattering((context) => {
    const indices = inputAt(context, 1);
    const axis = intOf(context.node.attributes, 'axis', 0);
    return {
      read: (data) => gatherElements(data, indices, axis),
      write: (data, updates, reduction) => scatterElements(data, indices, updates, { axis, reduction }),
    };
  }),
  ScatterND: scattering((context) => {
    const indices = cast(inputAt(context, 1), 'int64');
    return {
      read: (data) => gatherND(data, indices),
      write: (data, updates, reduction) => scatterND(data, indices, updates, reduction),
    };
  }),
  TensorScatter: (context) => {
    const [g, update] = [context.cotangent, inputAt(context, 1)];
    const { indices, axis } = writtenAt(context);
    const mode = stringOf(context.node.attributes, 'mode', 'linear') as 'linear' | 'circular';
    return [
      context.needs(0) ? tensorScatter(g, zerosLike(update), context.inputs[2], { axis, mode }) : undefined,
      context.needs(1) ? gatherElements(g, indices, axis) : undefined,
    ];
  },
};
