/** @file Gradient rules of the layout ops: each moves the cotangent back to where the elements came from. */
import { staticShape } from '../../core/index.ts';
import {
  concat,
  constantInts,
  constantIntsOf,
  constantScalar,
  expand,
  intOf,
  intsOf,
  type layoutOps,
  pad,
  reshape,
  scatterElements,
  slice,
  split,
  transpose,
  type Value,
} from '../../graph/index.ts';
import { type GradientRule, inputAt, type RuleContext, sumToShape } from '../rule.ts';

type Rules = { readonly [Op in keyof typeof layoutOps]: GradientRule };

const backToShape: GradientRule = (context) => [
  reshape(context.cotangent, staticShape(inputAt(context, 0).shape, context.node.op.opType)),
];

function zerosOf(value: Value): Value {
  return expand(constantScalar(0, value.dtype), staticShape(value.shape, 'gradient'));
}

/** A slice's cotangent lies between zeros; steps other than 1 spread it by a scatter along each such axis. */
function sliceRule(context: RuleContext): readonly (Value | undefined)[] {
  const x = inputAt(context, 0);
  const shape = [...staticShape(x.shape, 'gradient of Slice')];
  const starts = constantIntsOf(context.inputs[1])!;
  const axes = constantIntsOf(context.inputs[3]) ?? starts.map((_, i) => i);
  const steps = constantIntsOf(context.inputs[4]) ?? starts.map(() => 1);
  let result = context.cotangent;
  axes.forEach((rawAxis, i) => {
    const axis = rawAxis < 0 ? rawAxis + shape.length : rawAxis;
    const [dim, step] = [shape[axis]!, steps[i]!];
    const taken = staticShape(result.shape, 'gradient of Slice')[axis]!;
    const from = starts[i]! < 0 ? starts[i]! + dim : starts[i]!;
    const first = Math.min(Math.max(from, 0), step > 0 ? dim : dim - 1);
    result =
      step === 1
        ? padAxis(result, axis, first, dim - first - taken)
        : scatterAlong(result, axis, dim, first, step, taken);
  });
  return [result];
}

function padAxis(value: Value, axis: number, before: number, after: number): Value {
  if (before === 0 && after === 0) return value;
  const widths = (width: number) => value.shape.map((_, a) => (a === axis ? width : 0));
  return pad(value, widths(before), widths(after));
}

function scatterAlong(value: Value, axis: number, dim: number, first: number, step: number, taken: number): Value {
  const shape = staticShape(value.shape, 'gradient of Slice');
  const zeros = expand(
    constantScalar(0, value.dtype),
    shape.map((d, a) => (a === axis ? dim : d)),
  );
  const positions = Array.from({ length: taken }, (_, k) => first + k * step);
  const column = reshape(
    constantInts(positions),
    shape.map((_, a) => (a === axis ? taken : 1)),
  );
  return scatterElements(zeros, expand(column, shape), value, { axis });
}

/** The rules of the layout ops. */
export const layoutRules: Rules = {
  Identity: (context) => [context.cotangent],
  Reshape: backToShape,
  Flatten: backToShape,
  Unsqueeze: backToShape,
  Squeeze: backToShape,
  Transpose: (context) => {
    const { rank } = inputAt(context, 0);
    const perm = intsOf(
      context.node.attributes,
      'perm',
      Array.from({ length: rank }, (_, axis) => rank - 1 - axis),
    );
    const inverse = new Array<number>(rank);
    perm.forEach((from, to) => {
      inverse[from] = to;
    });
    return [transpose(context.cotangent, inverse)];
  },
  Expand: (context) => [sumToShape(context.cotangent, inputAt(context, 0))],
  Concat: (context) => {
    const { rank } = inputAt(context, 0);
    const axis = (intOf(context.node.attributes, 'axis', 0) + rank) % rank;
    const sizes = context.inputs.map((_, i) => Number(inputAt(context, i).shape[axis]));
    return split(context.cotangent, sizes, axis);
  },
  Split: (context) => {
    const parts = context.outputs.map((output, i) => context.cotangents[i] ?? zerosOf(output));
    return [concat(parts, intOf(context.node.attributes, 'axis', 0))];
  },
  Slice: sliceRule,
  Pad: (context) => {
    const x = inputAt(context, 0);
    const shape = staticShape(x.shape, 'gradient of Pad');
    const pads = constantIntsOf(context.inputs[1])!;
    const before = pads.slice(0, shape.length);
    const [cut, after] = [before.map((width) => -width), pads.slice(shape.length).map((width) => -width)];
    if (pads.some((width) => width < 0)) return [pad(context.cotangent, cut, after)];
    return [slice(context.cotangent, { starts: before, ends: shape.map((dim, axis) => before[axis]! + dim) })];
  },
};
