/** @file The shapes that Slice and Pad give: how much of an axis is taken, and by how much it grows. */
import {
  type Dim,
  formatShape,
  isRanked,
  normalizeAxis,
  ShapeError,
  unknownDim,
  unknownShape,
} from '../../core/index.ts';
import { knownDims } from '../known-dims.ts';
import { addDims, subtractDims } from '../symbolic.ts';
import { type OpDefinition, stringOf, type Value } from '../value.ts';
import { requireDtype, required, requireSameDtype } from './operand.ts';
import { knownInts, unknownDims, withShape } from './types.ts';

/** An index at and beyond which a slice goes on to the end of any axis. */
const beyond = 2 ** 31 - 1;

/** Slice. */
export const sliceInfer: OpDefinition['infer'] = (inputs) => {
  const x = required('Slice', inputs, 0);
  const [startsInput, endsInput] = [required('Slice', inputs, 1), required('Slice', inputs, 2)];
  for (const input of [startsInput, endsInput, inputs[3], inputs[4]]) {
    if (input) requireDtype('Slice', 'starts, ends, axes and steps', input, 'int64', 'int32');
  }
  if (!isRanked(x.shape)) return [withShape(x, unknownShape)];
  const [starts, ends] = [knownDims(startsInput), knownDims(endsInput)];
  const axes = inputs[3] ? knownInts(inputs[3]) : starts?.map((_, i) => i);
  const steps = inputs[4] ? knownDims(inputs[4]) : starts?.map(() => 1);
  if (starts === undefined || ends === undefined || axes === undefined || steps === undefined) {
    return [withShape(x, unknownDims(x.rank))];
  }
  if ([ends, axes, steps].some((list) => list.length !== starts.length)) {
    const came = [starts, ends, axes, steps].map((list) => formatShape(list)).join(' ');
    throw new ShapeError(`Slice: starts, ends, axes and steps must be as many, got ${came}`);
  }
  const shape: Dim[] = [...x.shape];
  const seen = new Set<number>();
  axes.forEach((rawAxis, i) => {
    const axis = normalizeAxis(rawAxis, x.rank, 'Slice');
    if (seen.has(axis)) throw new ShapeError(`Slice: axes must differ, got [${axes}]`);
    seen.add(axis);
    shape[axis] = sliceLength(x.shape[axis]!, starts[i]!, ends[i]!, steps[i]!);
  });
  return [withShape(x, shape)];
};

/**
 * How many elements a slice takes from an axis, under ONNX's clamping rules. Where names are among them, the slice is taken to
 * lie within the axis: `[start, end)` has `end - start`.
 */
function sliceLength(dim: Dim, start: Dim, end: Dim, step: Dim): Dim {
  if (step === 0) throw new ShapeError('Slice: a step must not be 0');
  if (typeof dim === 'number' && typeof start === 'number' && typeof end === 'number' && typeof step === 'number') {
    const clamp = (index: number, low: number, high: number) =>
      Math.min(Math.max(index < 0 ? index + dim : index, low), high);
    const first = step > 0 ? clamp(start, 0, dim) : clamp(start, 0, dim - 1);
    const last = step > 0 ? clamp(end, 0, dim) : clamp(end, -1, dim - 1);
    return Math.max(0, Math.ceil((last - first) / step));
  }
  if (step !== 1 || dim === unknownDim || (typeof start === 'number' && start < 0)) return unknownDim;
  if (typeof end === 'number') {
    if (end >= beyond) return subtractDims(dim, start);
    return end < 0 ? subtractDims(addDims(dim, end), start) : unknownDim;
  }
  return subtractDims(end, start);
}

const padModes: readonly string[] = ['constant', 'reflect', 'edge', 'wrap'];

/** The widths that are added before and after each axis of x; unknown where they are not constant. */
function paddedWidths(x: Value, pads: Value, axes: Value | undefined): { before: Dim[]; after: Dim[] } {
  const widths = knownDims(pads);
  const given = axes === undefined ? x.shape.map((_, axis) => axis) : knownInts(axes);
  if (widths === undefined || given === undefined) {
    return { before: [...unknownDims(x.rank)], after: [...unknownDims(x.rank)] };
  }
  if (widths.length !== 2 * given.length) {
    throw new ShapeError(`Pad: needs ${2 * given.length} widths for ${formatShape(x.shape)}, got ${widths.length}`);
  }
  const [before, after] = [x.shape.map((): Dim => 0), x.shape.map((): Dim => 0)];
  given.forEach((rawAxis, i) => {
    const axis = normalizeAxis(rawAxis, x.rank, 'Pad');
    before[axis] = widths[i]!;
    after[axis] = widths[i + given.length]!;
  });
  return { before, after };
}

/** Pad. */
export const padInfer: OpDefinition['infer'] = (inputs, attributes) => {
  const [x, pads] = [required('Pad', inputs, 0), required('Pad', inputs, 1)];
  const mode = stringOf(attributes, 'mode', 'constant');
  if (!padModes.includes(mode)) throw new RangeError(`Pad: mode must be one of ${padModes.join(', ')}, got ${mode}`);
  requireDtype('Pad', 'the widths', pads, 'int64');
  requireSameDtype('Pad', x, inputs[2]);
  if (!isRanked(x.shape)) return [withShape(x, unknownShape)];
  const { before, after } = paddedWidths(x, pads, inputs[3]);
  const shape = x.shape.map((dim, axis) => {
    const [low, high] = [before[axis]!, after[axis]!];
    const size = addDims(dim, addDims(low, high));
    const isKnown = typeof dim === 'number' && typeof low === 'number' && typeof high === 'number';
    if (!isKnown) return size;
    const problem = padProblem(mode, dim, low, high, x.shape.includes(0));
    if (problem === undefined) return size;
    throw new ShapeError(
      `Pad: ${formatShape([...before, ...after])} ${problem} axis ${axis} of ${formatShape(x.shape)} has`,
    );
  });
  return [withShape(x, shape)];
};

/** Why an axis cannot be padded so, as the middle of a sentence. Negative widths cut first; what is left is repeated. */
function padProblem(mode: string, dim: number, low: number, high: number, isEmpty: boolean): string | undefined {
  if (dim + low + high < 0) return 'cut more than';
  if (mode === 'constant') return undefined;
  if (isEmpty) return mode === 'wrap' || (dim === 0 && low + high > 0) ? 'repeat elements that no' : undefined;
  const extent = dim + Math.min(low, 0) + Math.min(high, 0);
  if (extent < 1) return 'leave nothing to repeat of what';
  const most = mode === 'reflect' ? extent - 1 : Number.POSITIVE_INFINITY;
  return Math.max(low, high) > most ? 'mirror more than' : undefined;
}
