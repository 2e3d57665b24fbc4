/** @file Convolutions and pools over 1 to 3 spatial axes. B: batch; C: channels; G: groups. Layout `[B, C, ...spatial]`. */
import { type Dim, formatShape, ShapeError } from '../../core/index.ts';
import { type Attributes, applyOp1, defineOp, int, intOf, ints, intsOf, type Value, type ValueType } from '../value.ts';
import { required, requireFloat, requireSameDtype } from './operand.ts';

/** How a window moves over the spatial axes. */
export interface WindowOptions {
  /** Steps between windows, one per spatial axis; 1 if absent. */
  readonly strides?: readonly number[];
  /** Elements of padding: all beginnings, then all ends; 0 if absent. */
  readonly pads?: readonly number[];
  /** Steps between the elements of a window; 1 if absent. */
  readonly dilations?: readonly number[];
}

/** The window options of a node with every default filled in. */
export function windowOf(attributes: Attributes, numSpatial: number): Required<WindowOptions> {
  return {
    strides: intsOf(attributes, 'strides', new Array<number>(numSpatial).fill(1)),
    pads: intsOf(attributes, 'pads', new Array<number>(2 * numSpatial).fill(0)),
    dilations: intsOf(attributes, 'dilations', new Array<number>(numSpatial).fill(1)),
  };
}

function windowAttributes(options: WindowOptions): Attributes {
  return {
    ...(options.strides ? { strides: ints(options.strides) } : {}),
    ...(options.pads ? { pads: ints(options.pads) } : {}),
    ...(options.dilations ? { dilations: ints(options.dilations) } : {}),
  };
}

/** The spatial size after a window of `kernel` has moved over `spatial`; a symbolic size gives a new symbol. */
function windowedDims(
  opType: string,
  spatial: readonly Dim[],
  kernel: readonly number[],
  window: Required<WindowOptions>,
): Dim[] {
  return spatial.map((dim, i) => {
    if (typeof dim !== 'number') throw new ShapeError(`${opType}: spatial axes must be static, got "${dim}"`);
    const padded = dim + window.pads[i]! + window.pads[i + spatial.length]!;
    const length = Math.floor((padded - window.dilations[i]! * (kernel[i]! - 1) - 1) / window.strides[i]!) + 1;
    if (length < 1) throw new ShapeError(`${opType}: a window of ${kernel} does not fit into ${formatShape(spatial)}`);
    return length;
  });
}

/** @throws ShapeError unless the window has a step, a dilation and two pads for each spatial axis. */
function requireWindow(
  opType: string,
  window: Required<WindowOptions>,
  kernel: readonly number[],
  numSpatial: number,
): void {
  const { strides, dilations, pads } = window;
  const asMany =
    [kernel, strides, dilations].every((list) => list.length === numSpatial) && pads.length === 2 * numSpatial;
  if (!asMany) {
    const came = `kernel [${kernel}], strides [${strides}], dilations [${dilations}], pads [${pads}]`;
    throw new ShapeError(
      `${opType}: a window needs one of each and two pads for each of ${numSpatial} axes, got ${came}`,
    );
  }
  if ([...kernel, ...strides, ...dilations].some((step) => step < 1)) {
    throw new RangeError(
      `${opType}: kernel, strides and dilations must be positive, got [${kernel}], [${strides}], [${dilations}]`,
    );
  }
}

function requireBias(opType: string, bias: Value | undefined, numOutputs: number): void {
  if (bias && bias.shape.join() !== String(numOutputs)) {
    throw new ShapeError(`${opType}: the bias must be [${numOutputs}], got ${formatShape(bias.shape)}`);
  }
}

function requirePicture(opType: string, x: Value): void {
  requireFloat(opType, x);
  if (x.rank < 3) throw new ShapeError(`${opType}: x must be [B, C, ...spatial], got ${formatShape(x.shape)}`);
}

function numbers(opType: string, shape: readonly Dim[]): number[] {
  return shape.map((dim) => {
    if (typeof dim !== 'number') throw new ShapeError(`${opType}: weights must be static, got ${formatShape(shape)}`);
    return dim;
  });
}

function pooledType(opType: string, inputs: readonly (Value | undefined)[], attributes: Attributes): ValueType {
  const x = required(opType, inputs, 0);
  requirePicture(opType, x);
  const kernel = intsOf(attributes, 'kernel_shape', []);
  const window = windowOf(attributes, x.rank - 2);
  requireWindow(opType, window, kernel, x.rank - 2);
  return { dtype: x.dtype, shape: [...x.shape.slice(0, 2), ...windowedDims(opType, x.shape.slice(2), kernel, window)] };
}

/** The convolution and pooling op definitions. */
export const convolutionOps = {
  Conv: defineOp('Conv', (inputs, attributes) => {
    const [x, w] = [required('Conv', inputs, 0), required('Conv', inputs, 1)];
    requirePicture('Conv', x);
    requireSameDtype('Conv', x, w, inputs[2]);
    const kernel = numbers('Conv', w.shape);
    const group = intOf(attributes, 'group', 1);
    if (x.rank !== w.rank || x.shape[1] !== kernel[1]! * group || kernel[0]! % group !== 0) {
      throw new ShapeError(
        `Conv: w must be [out, in / group, ...kernel] for x ${formatShape(x.shape)} and group ${group}, got ${formatShape(w.shape)}`,
      );
    }
    requireBias('Conv', inputs[2], kernel[0]!);
    const window = windowOf(attributes, x.rank - 2);
    requireWindow('Conv', window, kernel.slice(2), x.rank - 2);
    const spatial = windowedDims('Conv', x.shape.slice(2), kernel.slice(2), window);
    return [{ dtype: x.dtype, shape: [x.shape[0]!, kernel[0]!, ...spatial] }];
  }),
  ConvTranspose: defineOp('ConvTranspose', (inputs, attributes) => {
    const [x, w] = [required('ConvTranspose', inputs, 0), required('ConvTranspose', inputs, 1)];
    requirePicture('ConvTranspose', x);
    requireSameDtype('ConvTranspose', x, w, inputs[2]);
    const kernel = numbers('ConvTranspose', w.shape);
    const numSpatial = x.rank - 2;
    const group = intOf(attributes, 'group', 1);
    if (x.rank !== w.rank || x.shape[1] !== kernel[0] || kernel[0]! % group !== 0) {
      throw new ShapeError(
        `ConvTranspose: w must be [in, out / group, ...kernel] for x ${formatShape(x.shape)}, got ${formatShape(w.shape)}`,
      );
    }
    requireBias('ConvTranspose', inputs[2], kernel[1]! * group);
    const window = windowOf(attributes, numSpatial);
    requireWindow('ConvTranspose', window, kernel.slice(2), numSpatial);
    const outputPadding = intsOf(attributes, 'output_padding', new Array<number>(numSpatial).fill(0));
    const spatial = numbers('ConvTranspose', x.shape.slice(2)).map(
      (dim, i) =>
        (dim - 1) * window.strides[i]! +
        window.dilations[i]! * (kernel[i + 2]! - 1) +
        1 +
        outputPadding[i]! -
        window.pads[i]! -
        window.pads[i + numSpatial]!,
    );
    if (spatial.some((dim) => dim < 1)) {
      throw new ShapeError(`ConvTranspose: pads [${window.pads}] leave nothing of ${formatShape(x.shape)}`);
    }
    return [{ dtype: x.dtype, shape: [x.shape[0]!, kernel[1]! * group, ...spatial] }];
  }),
  /** The second output is where each largest element lies in x, counted over all of its elements. */
  MaxPool: {
    firstOptionalOutput: 1,
    ...defineOp('MaxPool', (inputs, attributes) => {
      const type = pooledType('MaxPool', inputs, attributes);
      return [type, { dtype: 'int64', shape: type.shape }];
    }),
  },
  AveragePool: defineOp('AveragePool', (inputs, attributes) => [pooledType('AveragePool', inputs, attributes)]),
  GlobalAveragePool: defineOp('GlobalAveragePool', (inputs) => {
    const x = required('GlobalAveragePool', inputs, 0);
    requirePicture('GlobalAveragePool', x);
    return [{ dtype: x.dtype, shape: x.shape.map((dim, axis) => (axis < 2 ? dim : 1)) }];
  }),
} as const;

/** Convolution of x `[B, C, ...]` with w `[O, C / G, ...kernel]` and a bias `[O]`: `[B, O, ...]`. */
export function conv(x: Value, w: Value, b?: Value, options: WindowOptions & { readonly group?: number } = {}): Value {
  return applyOp1(convolutionOps.Conv, [x, w, b], { ...windowAttributes(options), group: int(options.group ?? 1) });
}

/** Transposed convolution of x `[B, C, ...]` with w `[C, O / G, ...kernel]`: the gradient of `conv` toward its input. */
export function convTranspose(
  x: Value,
  w: Value,
  b?: Value,
  options: WindowOptions & { readonly group?: number; readonly outputPadding?: readonly number[] } = {},
): Value {
  return applyOp1(convolutionOps.ConvTranspose, [x, w, b], {
    ...windowAttributes(options),
    group: int(options.group ?? 1),
    ...(options.outputPadding ? { output_padding: ints(options.outputPadding) } : {}),
  });
}

/** The largest element of each window of `kernel`. */
export function maxPool(x: Value, kernel: readonly number[], options: WindowOptions = {}): Value {
  return applyOp1(convolutionOps.MaxPool, [x], { kernel_shape: ints(kernel), ...windowAttributes(options) });
}

/** The mean of each window of `kernel`; padding does not count unless `countPadding`. */
export function averagePool(
  x: Value,
  kernel: readonly number[],
  options: Omit<WindowOptions, 'dilations'> & { readonly countPadding?: boolean } = {},
): Value {
  return applyOp1(convolutionOps.AveragePool, [x], {
    kernel_shape: ints(kernel),
    ...windowAttributes(options),
    count_include_pad: int(options.countPadding ? 1 : 0),
  });
}

/** The mean over the spatial axes, which stay as axes of size 1. */
export function globalAveragePool(x: Value): Value {
  return applyOp1(convolutionOps.GlobalAveragePool, [x]);
}
