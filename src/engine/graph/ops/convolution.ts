/**
 * @file Convolutions over 1 to 3 spatial axes. B: batch; C: channels in; O: channels out; G: groups. Layout `[B, C, ...spatial]`; what is
 * not known of imported pictures and weights stays unknown.
 */
import {
  type Dim,
  type Dtype,
  dimsFit,
  formatShape,
  isRanked,
  type Shape,
  ShapeError,
  unknownDim,
  unknownShape,
} from '../../core/index.ts';
import { addDims, multiplyDims, subtractDims } from '../symbolic.ts';
import { type Attributes, applyOp1, defineOp, int, intOf, ints, intsOf, string, type Value } from '../value.ts';
import { requireDtype, required, requireFloat, requireSameDtype } from './operand.ts';
import { knownInts, mergedShape, unknownDims } from './types.ts';
import {
  autoPadOf,
  requirePicture,
  requireWindow,
  statedWindow,
  type WindowOptions,
  windowAttributes,
  windowedDims,
} from './window.ts';

/** The shapes of pictures and weights, each completed by the other's rank; undefined where neither has one. */
function ranked(opType: string, x: Value, w: Value): { x: Shape; w: Shape } | undefined {
  requirePicture(opType, x);
  if (!isRanked(x.shape) && !isRanked(w.shape)) return undefined;
  const rank = isRanked(x.shape) ? x.rank : w.rank;
  const filled = (value: Value) => (isRanked(value.shape) ? value.shape : unknownDims(rank));
  if (filled(w).length !== rank || rank < 3) {
    throw new ShapeError(
      `${opType}: w must have as many axes as x, got ${formatShape(w.shape)} for ${formatShape(x.shape)}`,
    );
  }
  return { x: filled(x), w: filled(w) };
}

/** The kernel's size by axis: that of the weights, or what the attribute says of it. */
function kernelOf(opType: string, w: Shape, attributes: Attributes): Shape {
  const stated = intsOf(attributes, 'kernel_shape', []);
  const kernel = stated.length === 0 ? w.slice(2) : mergedShape(w.slice(2), stated);
  if (kernel === undefined) {
    throw new ShapeError(`${opType}: kernel_shape must be that of w, got [${stated}] and ${formatShape(w)}`);
  }
  return kernel;
}

function requireBias(opType: string, bias: Value | undefined, numOutputs: Dim): void {
  if (bias && isRanked(bias.shape) && (bias.rank !== 1 || !dimsFit(bias.shape[0], numOutputs))) {
    throw new ShapeError(`${opType}: the bias must be [${numOutputs}], got ${formatShape(bias.shape)}`);
  }
}

/** The shape of a convolution. */
function convolved(opType: string, x: Value, w: Value, bias: Value | undefined, attributes: Attributes): Shape {
  const shapes = ranked(opType, x, w);
  if (shapes === undefined) return unknownShape;
  const group = intOf(attributes, 'group', 1);
  const [numOutputs, perGroup] = shapes.w as [Dim, Dim];
  const isDivisible = typeof numOutputs !== 'number' || numOutputs % group === 0;
  if (!dimsFit(shapes.x[1], multiplyDims(perGroup, group)) || !isDivisible) {
    throw new ShapeError(
      `${opType}: w must be [out, in / group, ...kernel] for x ${formatShape(x.shape)} and group ${group}, got ${formatShape(w.shape)}`,
    );
  }
  requireBias(opType, bias, numOutputs);
  const kernel = kernelOf(opType, shapes.w, attributes);
  return [shapes.x[0]!, numOutputs, ...windowedDims(opType, shapes.x.slice(2), kernel, attributes)];
}

/** The shape of a transposed convolution. */
function spread(opType: string, x: Value, w: Value, bias: Value | undefined, attributes: Attributes): Shape {
  const shapes = ranked(opType, x, w);
  if (shapes === undefined) return unknownShape;
  const group = intOf(attributes, 'group', 1);
  const [numInputs, perGroup] = shapes.w as [Dim, Dim];
  if (!dimsFit(shapes.x[1], numInputs) || (typeof numInputs === 'number' && numInputs % group !== 0)) {
    throw new ShapeError(
      `${opType}: w must be [in, out / group, ...kernel] for x ${formatShape(x.shape)}, got ${formatShape(w.shape)}`,
    );
  }
  const numOutputs = multiplyDims(perGroup, group);
  requireBias(opType, bias, numOutputs);
  const spatial = shapes.x.slice(2);
  const kernel = kernelOf(opType, shapes.w, attributes);
  const window = statedWindow(attributes, spatial.length);
  requireWindow(opType, window, kernel, spatial.length);
  return [shapes.x[0]!, numOutputs, ...spreadDims(opType, spatial, kernel, attributes)];
}

function spreadDims(opType: string, spatial: Shape, kernel: Shape, attributes: Attributes): readonly Dim[] {
  const stated = intsOf(attributes, 'output_shape', []);
  if (stated.length > 0) return stated.slice(-spatial.length);
  const { strides, dilations, pads } = statedWindow(attributes, spatial.length);
  const mode = autoPadOf(opType, attributes);
  const extra = intsOf(attributes, 'output_padding', new Array<number>(spatial.length).fill(0));
  const dims = spatial.map((dim, i) => {
    if (typeof kernel[i] !== 'number') return unknownDim;
    const steps = multiplyDims(subtractDims(dim, 1), strides[i]!);
    const reach = dilations[i]! * (kernel[i] - 1) + 1 + extra[i]!;
    const padding = mode === 'VALID' ? 0 : pads[i]! + pads[i + spatial.length]!;
    // Padding to the same size takes away only: a kernel that is shorter than a step leaves what it reaches.
    const isSame = mode === 'SAME_UPPER' || mode === 'SAME_LOWER';
    return isSame ? addDims(steps, Math.min(reach, strides[i]!)) : addDims(steps, reach - padding);
  });
  if (dims.some((dim) => typeof dim === 'number' && dim < 1)) {
    throw new ShapeError(`${opType}: pads [${pads}] leave nothing of ${formatShape(spatial)}`);
  }
  return dims;
}

const bytes: readonly Dtype[] = ['uint8', 'int8'];

/** The convolution op definitions. */
export const convolutionOps = {
  Conv: defineOp('Conv', (inputs, attributes) => {
    const [x, w] = [required('Conv', inputs, 0), required('Conv', inputs, 1)];
    requireFloat('Conv', x);
    requireSameDtype('Conv', x, w, inputs[2]);
    return [{ dtype: x.dtype, shape: convolved('Conv', x, w, inputs[2], attributes) }];
  }),
  /** A convolution, its fourth input added, and an activation named by an attribute; ONNX Runtime writes it when it optimizes a model. */
  'com.microsoft.FusedConv': defineOp(
    'FusedConv',
    (inputs, attributes) => {
      const [x, w] = [required('FusedConv', inputs, 0), required('FusedConv', inputs, 1)];
      requireFloat('FusedConv', x);
      requireSameDtype('FusedConv', x, w, inputs[2], inputs[3]);
      return [{ dtype: x.dtype, shape: convolved('FusedConv', x, w, inputs[2], attributes) }];
    },
    'com.microsoft',
  ),
  ConvInteger: defineOp('ConvInteger', (inputs, attributes) => {
    const [x, w] = [required('ConvInteger', inputs, 0), required('ConvInteger', inputs, 1)];
    requireDtype('ConvInteger', 'x', x, ...bytes);
    requireDtype('ConvInteger', 'w', w, ...bytes);
    requireSameDtype('ConvInteger', x, inputs[2]);
    requireSameDtype('ConvInteger', w, inputs[3]);
    return [{ dtype: 'int32', shape: convolved('ConvInteger', x, w, undefined, attributes) }];
  }),
  ConvTranspose: defineOp('ConvTranspose', (inputs, attributes) => {
    const [x, w] = [required('ConvTranspose', inputs, 0), required('ConvTranspose', inputs, 1)];
    requireFloat('ConvTranspose', x);
    requireSameDtype('ConvTranspose', x, w, inputs[2]);
    return [{ dtype: x.dtype, shape: spread('ConvTranspose', x, w, inputs[2], attributes) }];
  }),
  /** ConvTranspose over two spatial axes whose padding is its third input, `int64[4]`. */
  'com.microsoft.ConvTransposeWithDynamicPads': defineOp(
    'ConvTransposeWithDynamicPads',
    (inputs, attributes) => {
      const opType = 'ConvTransposeWithDynamicPads';
      const [x, w, pads] = [0, 1, 2].map((i) => required(opType, inputs, i)) as [Value, Value, Value];
      requireFloat(opType, x);
      requireSameDtype(opType, x, w, inputs[3]);
      requireDtype(opType, 'the pads', pads, 'int64');
      const known = knownInts(pads);
      const shape = spread(opType, x, w, inputs[3], known ? { ...attributes, pads: ints(known) } : attributes);
      return [{ dtype: x.dtype, shape: shape.map((dim, axis) => (axis < 2 || known ? dim : unknownDim)) }];
    },
    'com.microsoft',
  ),
  /** A convolution that reads each element of its window at an offset of its own (arXiv:1703.06211), multiplied with a mask if given. */
  DeformConv: defineOp('DeformConv', (inputs, attributes) => {
    const [x, w, offset] = [0, 1, 2].map((i) => required('DeformConv', inputs, i)) as [Value, Value, Value];
    requireFloat('DeformConv', x);
    requireSameDtype('DeformConv', x, w, offset, inputs[3], inputs[4]);
    const shape = convolved('DeformConv', x, w, inputs[3], attributes);
    requireOffsets(offset, inputs[4], x, w, shape, intOf(attributes, 'offset_group', 1));
    return [{ dtype: x.dtype, shape }];
  }),
} as const;

/** Two offsets, and one factor of the mask, for each element of the kernel at each place of the output. */
function requireOffsets(
  offset: Value,
  mask: Value | undefined,
  x: Value,
  w: Value,
  output: Shape,
  offsetGroup: number,
): void {
  const taps = isRanked(w.shape) ? w.shape.slice(2).reduce(multiplyDims, 1) : unknownDim;
  const check = (what: string, value: Value, count: Dim) => {
    if (!isRanked(value.shape) || !isRanked(output)) return;
    const needed = [x.shape[0]!, count, ...output.slice(2)];
    if (mergedShape(value.shape, needed) === undefined) {
      throw new ShapeError(`DeformConv: ${what} must be ${formatShape(needed)}, got ${formatShape(value.shape)}`);
    }
  };
  check('the offsets', offset, multiplyDims(taps, 2 * offsetGroup));
  if (mask) check('the mask', mask, multiplyDims(taps, offsetGroup));
}

/** How a convolution moves, and in how many groups. */
export interface ConvolutionOptions extends WindowOptions {
  /** Groups of channels that are convolved apart; 1 if absent. */
  readonly group?: number;
  /** Instead of `pads`: as much as keeps `⌈size / stride⌉` places, the odd element at the end (upper) or beginning; or none. */
  readonly autoPad?: 'SAME_UPPER' | 'SAME_LOWER' | 'VALID';
}

const convolutionAttributes = (options: ConvolutionOptions): Attributes => ({
  ...windowAttributes(options),
  group: int(options.group ?? 1),
  ...(options.autoPad ? { auto_pad: string(options.autoPad) } : {}),
});

/** Convolution of x `[B, C, ...]` with w `[O, C / G, ...kernel]` and a bias `[O]`: `[B, O, ...]`. */
export function conv(x: Value, w: Value, b?: Value, options: ConvolutionOptions = {}): Value {
  return applyOp1(convolutionOps.Conv, [x, w, b], convolutionAttributes(options));
}

/** Convolution of whole numbers (uint8 or int8), added up in int32; the zero points are subtracted first. */
export function convInteger(
  x: Value,
  w: Value,
  options: ConvolutionOptions & { readonly xZeroPoint?: Value; readonly wZeroPoint?: Value } = {},
): Value {
  const inputs = [x, w, options.xZeroPoint, options.wZeroPoint];
  return applyOp1(convolutionOps.ConvInteger, inputs, convolutionAttributes(options));
}

/** Transposed convolution of x `[B, C, ...]` with w `[C, O / G, ...kernel]`: the gradient of `conv` toward its input. */
export function convTranspose(
  x: Value,
  w: Value,
  b?: Value,
  options: ConvolutionOptions & {
    /** Elements added at the ends of the spatial axes; 0 if absent. */
    readonly outputPadding?: readonly number[];
    /** The spatial size of the result, from which the padding then follows. */
    readonly outputShape?: readonly number[];
  } = {},
): Value {
  return applyOp1(convolutionOps.ConvTranspose, [x, w, b], {
    ...convolutionAttributes(options),
    ...(options.outputPadding ? { output_padding: ints(options.outputPadding) } : {}),
    ...(options.outputShape ? { output_shape: ints(options.outputShape) } : {}),
  });
}

/**
 * Convolution of x `[B, C, H, W]` with w `[O, C / G, KH, KW]` where the element (i, j) of the window is read at its place moved by `offset`
 * `[B, 2 · F · KH · KW, OH, OW]` (down, then right; between places linearly, 0 outside) and multiplied with `mask` `[B, F · KH · KW, OH, OW]`.
 */
export function deformConv(
  x: Value,
  w: Value,
  offset: Value,
  options: ConvolutionOptions & { readonly bias?: Value; readonly mask?: Value; readonly offsetGroup?: number } = {},
): Value {
  return applyOp1(convolutionOps.DeformConv, [x, w, offset, options.bias, options.mask], {
    ...convolutionAttributes(options),
    offset_group: int(options.offsetGroup ?? 1),
  });
}
