/** @file Resize: pictures (or any tensor) at another size, along some or all axes. */
import { type Dim, formatShape, isRanked, normalizeAxis, ShapeError, Tensor, unknownDim } from '../../core/index.ts';
import { constant, constantInts, constantOf } from '../constants.ts';
import { knownDims } from '../known-dims.ts';
import {
  type Attributes,
  applyOp1,
  defineOp,
  float,
  int,
  ints,
  intsOf,
  string,
  stringOf,
  type Value,
} from '../value.ts';
import { floats, numbers } from './element-types.ts';
import { requireDtype, required } from './operand.ts';
import { unknownDims } from './types.ts';

/** Whether the input is there and not the empty tensor by which older files leave it out. */
function isGiven(value: Value | undefined): value is Value {
  return value !== undefined && value.shape[0] !== 0;
}

/** The axes that are resized, counted from the front. @throws RangeError if one is not there or comes twice. */
export function resizedAxes(attributes: Attributes, rank: number): readonly number[] {
  const stated = intsOf(attributes, 'axes', []);
  const axes = stated.length === 0 ? Array.from({ length: rank }, (_, i) => i) : stated;
  const counted = axes.map((axis) => normalizeAxis(axis, rank, 'Resize'));
  if (new Set(counted).size < counted.length) throw new RangeError(`Resize: axes must differ, got [${stated}]`);
  return counted;
}

/** The numbers of the scales, if they are constant. */
export function resizeScales(scales: Value | undefined): readonly number[] | undefined {
  const tensor = isGiven(scales) ? constantOf(scales) : undefined;
  return tensor && Array.from(tensor.data as Float32Array);
}

/** The sizes along the axes as the policy of aspect ratio makes them of those that were asked for. */
function resizedSizes(from: readonly number[], to: readonly number[], policy: string): readonly number[] {
  if (policy === 'stretch') return to;
  const ratios = to.map((size, i) => size / from[i]!);
  const scale = policy === 'not_larger' ? Math.min(...ratios) : Math.max(...ratios);
  return from.map((size) => Math.floor(Math.fround(scale) * size + 0.5));
}

const policies = ['stretch', 'not_larger', 'not_smaller'];
const modes = ['nearest', 'linear', 'cubic'];

/** Resize op definition. */
export const resizeOps = {
  /** The inputs are x, a region of interest, scales and sizes: one of the last two. */
  Resize: defineOp('Resize', (inputs, attributes) => {
    const [x, roi, scales, sizes] = [required('Resize', inputs, 0), inputs[1], inputs[2], inputs[3]];
    requireDtype('Resize', 'x', x, ...numbers);
    if (roi) requireDtype('Resize', 'the region', roi, ...floats);
    if (scales) requireDtype('Resize', 'scales', scales, 'float32');
    if (sizes) requireDtype('Resize', 'sizes', sizes, 'int64');
    const mode = stringOf(attributes, 'mode', 'nearest');
    if (!modes.includes(mode)) throw new RangeError(`Resize: mode must be one of ${modes.join(', ')}, got ${mode}`);
    if (isGiven(scales) === isGiven(sizes)) throw new ShapeError('Resize: needs either scales or sizes');
    if (!isRanked(x.shape)) return [{ dtype: x.dtype, shape: x.shape }];
    const axes = resizedAxes(attributes, x.rank);
    const given = isGiven(sizes) ? knownDims(sizes) : (resizeScales(scales) ?? unknownDims(axes.length));
    if (given !== undefined && given.length !== axes.length) {
      throw new ShapeError(
        `Resize: needs a number for each of ${axes.length} axes of ${formatShape(x.shape)}, got ${formatShape(given)}`,
      );
    }
    const policy = stringOf(attributes, 'keep_aspect_ratio_policy', 'stretch');
    if (!policies.includes(policy)) {
      throw new RangeError(`Resize: keep_aspect_ratio_policy must be one of ${policies.join(', ')}, got ${policy}`);
    }
    const before = axes.map((axis) => x.shape[axis]!);
    const after = isGiven(sizes) ? sized(before, given, policy) : scaled(before, given);
    return [{ dtype: x.dtype, shape: x.shape.map((dim, axis) => after[axes.indexOf(axis)] ?? dim) }];
  }),
} as const;

function sized(before: readonly Dim[], sizes: readonly Dim[] | undefined, policy: string): readonly Dim[] {
  if (sizes === undefined) return unknownDims(before.length);
  if (sizes.some((size) => typeof size === 'number' && size < 0)) {
    throw new RangeError(`Resize: sizes must not be negative, got [${sizes}]`);
  }
  if (policy === 'stretch') return sizes;
  const areKnown = [...before, ...sizes].every((dim) => typeof dim === 'number');
  return areKnown ? resizedSizes(before as number[], sizes as number[], policy) : unknownDims(before.length);
}

function scaled(before: readonly Dim[], scales: readonly Dim[] | undefined): readonly Dim[] {
  return before.map((dim, i) => {
    const scale = scales?.[i];
    if (typeof scale !== 'number') return unknownDim;
    if (!(scale > 0)) throw new RangeError(`Resize: scales must be positive, got [${scales}]`);
    if (scale === 1) return dim;
    return typeof dim === 'number' ? Math.floor(dim * scale) : unknownDim;
  });
}

/** What a resized tensor is computed from, and how its places correspond to those of the original. */
export interface ResizeOptions {
  /** The new sizes along `axes`; or else `scales`. */
  readonly sizes?: readonly number[];
  /** How many times larger each of `axes` becomes; the size is rounded down. */
  readonly scales?: readonly number[];
  /** The axes that change; all if absent. */
  readonly axes?: readonly number[];
  /** The nearest element, between neighbours along a line, or along a cubic curve; nearest if absent. */
  readonly mode?: 'nearest' | 'linear' | 'cubic';
  /** Where the place of a new element lies in the original; half_pixel if absent. */
  readonly coordinates?:
    | 'half_pixel'
    | 'half_pixel_symmetric'
    | 'pytorch_half_pixel'
    | 'align_corners'
    | 'asymmetric'
    | 'tf_crop_and_resize';
  /** Which of two elements is the nearest; round_prefer_floor if absent. */
  readonly nearest?: 'round_prefer_floor' | 'round_prefer_ceil' | 'floor' | 'ceil';
  /** Widen the filter where a picture becomes smaller; no if absent. */
  readonly antialias?: boolean;
  /** The a of the cubic curve; -0.75 if absent. */
  readonly cubicCoefficient?: number;
  /** Leave places outside the original out of a cubic or linear sum and divide by what is left; no if absent. */
  readonly excludeOutside?: boolean;
  /** Under tf_crop_and_resize: where the region begins and ends along `axes`, in [0, 1], all beginnings first. */
  readonly region?: readonly number[];
  /** Under tf_crop_and_resize: the value of places outside the original; 0 if absent. */
  readonly extrapolation?: number;
}

/** x at another size. */
export function resize(x: Value, options: ResizeOptions): Value {
  const vector = (values: readonly number[] | undefined) =>
    values && constant(new Tensor('float32', [values.length], Float32Array.from(values)));
  return applyOp1(
    resizeOps.Resize,
    [x, vector(options.region), vector(options.scales), options.sizes && constantInts(options.sizes)],
    {
      mode: string(options.mode ?? 'nearest'),
      coordinate_transformation_mode: string(options.coordinates ?? 'half_pixel'),
      nearest_mode: string(options.nearest ?? 'round_prefer_floor'),
      antialias: int(options.antialias ? 1 : 0),
      cubic_coeff_a: float(options.cubicCoefficient ?? -0.75),
      exclude_outside: int(options.excludeOutside ? 1 : 0),
      extrapolation_value: float(options.extrapolation ?? 0),
      ...(options.axes ? { axes: ints(options.axes) } : {}),
    },
  );
}
