/** @file Gradient rules of the layout ops: each moves the cotangent back to where the elements came from. */
import { normalizeAxis, staticShape } from '../../core/index.ts';
import {
  add,
  concat,
  constantIntsOf,
  constantScalar,
  expand,
  intOf,
  intsOf,
  type layoutOps,
  pad,
  reduceSum,
  reshape,
  slice,
  split,
  stringOf,
  sub,
  transpose,
  type Value,
} from '../../graph/index.ts';
import { type GradientRule, inputAt, knownIntsAt, type RuleContext, sumToShape } from '../rule.ts';

type Rules = { readonly [Op in keyof typeof layoutOps]: GradientRule };

const backToShape: GradientRule = (context) => [
  reshape(context.cotangent, staticShape(inputAt(context, 0).shape, context.node.op.opType)),
];

function zerosOf(value: Value): Value {
  return expand(constantScalar(0, value.dtype), staticShape(value.shape, 'gradient'));
}

/**
 * A slice's cotangent lies between zeros. Steps other than 1 leave gaps, which are the zeros behind each element on an axis of
 * its own: a pad, two reshapes and a pad, for all axes together.
 */
function sliceRule(context: RuleContext): readonly (Value | undefined)[] {
  const x = inputAt(context, 0);
  const shape = staticShape(x.shape, 'gradient of Slice');
  const taken = staticShape(context.cotangent.shape, 'gradient of Slice');
  if (taken.includes(0)) return [zerosOf(x)];
  const starts = knownIntsAt(context, 1, 'starts');
  const axes = constantIntsOf(context.inputs[3]) ?? starts.map((_, i) => i);
  const steps = constantIntsOf(context.inputs[4]) ?? starts.map(() => 1);
  const [first, gap] = [shape.map(() => 0), shape.map(() => 1)];
  const flipped: number[] = [];
  axes.forEach((rawAxis, i) => {
    const axis = normalizeAxis(rawAxis, shape.length, 'gradient of Slice');
    const [dim, step] = [shape[axis]!, steps[i]!];
    const from = Math.min(Math.max(starts[i]! < 0 ? starts[i]! + dim : starts[i]!, 0), step > 0 ? dim : dim - 1);
    if (step < 0) flipped.push(axis);
    first[axis] = step < 0 ? from + (taken[axis]! - 1) * step : from;
    gap[axis] = Math.abs(step);
  });
  const g = flipped.length === 0 ? context.cotangent : reversed(context.cotangent, flipped);
  const spaced = gap.every((size, axis) => size === 1 || taken[axis] === 1) ? g : spread(g, taken, gap);
  const width = staticShape(spaced.shape, 'gradient of Slice');
  return [
    padded(
      spaced,
      first,
      shape.map((dim, axis) => dim - first[axis]! - width[axis]!),
    ),
  ];
}

/** `gap[axis] - 1` zeros behind each element along every axis. */
function spread(g: Value, taken: readonly number[], gap: readonly number[]): Value {
  const apart = reshape(
    g,
    taken.flatMap((dim, axis) => (gap[axis] === 1 ? [dim] : [dim, 1])),
  );
  const behind = taken.flatMap((_, axis) => (gap[axis] === 1 ? [0] : [0, gap[axis]! - 1]));
  return reshape(
    pad(
      apart,
      behind.map(() => 0),
      behind,
    ),
    taken.map((dim, axis) => dim * gap[axis]!),
  );
}

function reversed(x: Value, axes: readonly number[]): Value {
  const each = (value: number) => axes.map(() => value);
  return slice(x, { starts: each(-1), ends: each(-(2 ** 31)), axes, steps: each(-1) });
}

function padded(x: Value, before: readonly number[], after: readonly number[]): Value {
  return [...before, ...after].every((width) => width === 0) ? x : pad(x, before, after);
}

/** Which element of an axis of `dim` each padding mode repeats at a position that may lie outside. */
const sources: Readonly<Record<string, (position: number, dim: number) => number>> = {
  edge: (position, dim) => Math.min(Math.max(position, 0), dim - 1),
  wrap: (position, dim) => ((position % dim) + dim) % dim,
  reflect: (position, dim) => {
    const period = Math.max(1, 2 * (dim - 1));
    const at = ((position % period) + period) % period;
    return at < dim ? at : period - at;
  },
};

/** A stretch of a padded axis: elements that came from `source` on, forwards, backwards, or all from there. */
interface Run {
  readonly from: number;
  count: number;
  readonly source: number;
  step: number;
}

function runsOf(
  before: number,
  after: number,
  dim: number,
  sourceOf: (position: number, dim: number) => number,
): Run[] {
  const runs: Run[] = [];
  for (let i = 0; i < dim + before + after; i++) {
    const source = sourceOf(i - before, dim);
    const run = runs[runs.length - 1];
    const step = run && source - (run.source + (run.count - 1) * run.step);
    if (run && step !== undefined && Math.abs(step) <= 1 && (run.count === 1 || step === run.step)) {
      run.step = step;
      run.count++;
    } else runs.push({ from: i, count: 1, source, step: 1 });
  }
  return runs;
}

/** The cotangent of an axis padded from x's own elements: every stretch back in its place, added up. */
function unpadAxis(g: Value, axis: number, dim: number, runs: readonly Run[]): Value {
  const parts = runs.map((run) => {
    const part = slice(g, { starts: [run.from], ends: [run.from + run.count], axes: [axis] });
    if (run.step === 0) return placed(reduceSum(part, { axes: [axis], keepDims: true }), axis, run.source, dim);
    const ordered = run.step < 0 && run.count > 1 ? reversed(part, [axis]) : part;
    return placed(ordered, axis, run.step < 0 ? run.source - run.count + 1 : run.source, dim);
  });
  return parts.reduce(add);
}

function placed(x: Value, axis: number, at: number, dim: number): Value {
  const size = Number(x.shape[axis]);
  const widths = (width: number) => x.shape.map((_, a) => (a === axis ? width : 0));
  return padded(x, widths(at), widths(dim - at - size));
}

/** Pad, ONNX's and ONNX Runtime's own. */
export const padRule: GradientRule = (context) => {
  const x = inputAt(context, 0);
  const shape = staticShape(x.shape, 'gradient of Pad');
  const widths = knownIntsAt(context, 1, 'the widths');
  const axes = context.inputs[3] ? knownIntsAt(context, 3, 'axes') : shape.map((_, axis) => axis);
  const [before, after] = [shape.map(() => 0), shape.map(() => 0)];
  axes.forEach((rawAxis, i) => {
    const axis = normalizeAxis(rawAxis, shape.length, 'gradient of Pad');
    before[axis] = widths[i]!;
    after[axis] = widths[i + axes.length]!;
  });
  const sourceOf = sources[stringOf(context.node.attributes, 'mode', 'constant')];
  if (sourceOf !== undefined) {
    const back = (g: Value, dim: number, axis: number) => {
      const [low, high] = [before[axis]!, after[axis]!];
      if (low === 0 && high === 0) return g;
      const extent = dim + Math.min(low, 0) + Math.min(high, 0);
      const runs = runsOf(Math.max(low, 0), Math.max(high, 0), extent, sourceOf);
      return placed(unpadAxis(g, axis, extent, runs), axis, Math.max(-low, 0), dim);
    };
    return [shape.reduce(back, context.cotangent)];
  }
  const inner = [...before, ...after].some((width) => width < 0)
    ? pad(
        context.cotangent,
        before.map((width) => -width),
        after.map((width) => -width),
      )
    : slice(context.cotangent, { starts: before, ends: shape.map((dim, axis) => before[axis]! + dim) });
  const value = context.inputs[2];
  if (value === undefined || !context.needs(2)) return [inner];
  const around = sub(reduceSum(context.cotangent), reduceSum(inner));
  return [inner, undefined, reshape(around, staticShape(value.shape, 'gradient of Pad'))];
};

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
    return sizes.length === 1 ? [context.cotangent] : split(context.cotangent, sizes, axis);
  },
  Split: (context) => {
    const { shape } = inputAt(context, 0);
    const axis = normalizeAxis(intOf(context.node.attributes, 'axis', 0), shape.length, 'gradient of Split');
    const arrived = context.cotangents.flatMap((cotangent, i) => (cotangent ? [i] : []));
    if (arrived.length === 1) {
      const before = context.outputs.slice(0, arrived[0]).reduce((sum, part) => sum + Number(part.shape[axis]), 0);
      return [placed(context.cotangents[arrived[0]!]!, axis, before, Number(shape[axis]))];
    }
    return [
      concat(
        context.outputs.map((output, i) => context.cotangents[i] ?? zerosOf(output)),
        axis,
      ),
    ];
  },
  Slice: sliceRule,
  Pad: padRule,
};
