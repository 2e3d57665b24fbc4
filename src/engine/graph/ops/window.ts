/** @file Windows that move over the spatial axes of a picture `[B, C, ...spatial]`: how far, from where, and what size they leave. */
import { type Dim, formatShape, isRanked, type Shape, ShapeError, unknownDim } from '../../core/index.ts';
import { addDims, divideDims } from '../symbolic.ts';
import { type Attributes, intOf, ints, intsOf, stringOf, type Value } from '../value.ts';

/** How a window moves over the spatial axes. */
export interface WindowOptions {
  /** Steps between windows, one per spatial axis; 1 if absent. */
  readonly strides?: readonly number[];
  /** Elements of padding: all beginnings, then all ends; 0 if absent. */
  readonly pads?: readonly number[];
  /** Steps between the elements of a window; 1 if absent. */
  readonly dilations?: readonly number[];
}

/** Attributes that say what the options say. */
export function windowAttributes(options: WindowOptions): Attributes {
  return {
    ...(options.strides ? { strides: ints(options.strides) } : {}),
    ...(options.pads ? { pads: ints(options.pads) } : {}),
    ...(options.dilations ? { dilations: ints(options.dilations) } : {}),
  };
}

const autoPads = ['NOTSET', 'SAME_UPPER', 'SAME_LOWER', 'VALID'] as const;
type AutoPad = (typeof autoPads)[number];

/** How padding is chosen. @throws RangeError if the attribute says something that ONNX does not know. */
export function autoPadOf(opType: string, attributes: Attributes): AutoPad {
  const text = stringOf(attributes, 'auto_pad', 'NOTSET');
  const mode = autoPads.find((one) => one === text);
  if (mode === undefined)
    throw new RangeError(`${opType}: auto_pad must be one of ${autoPads.join(', ')}, got ${text}`);
  return mode;
}

/** The padding that keeps `⌈size / stride⌉` windows, at the beginning and at the end. */
function samePads(size: number, kernel: number, stride: number, dilation: number, mode: AutoPad): [number, number] {
  const reach = (Math.ceil(size / stride) - 1) * stride + dilation * (kernel - 1) + 1;
  const total = Math.max(0, reach - size);
  const less = Math.floor(total / 2);
  return mode === 'SAME_UPPER' ? [less, total - less] : [total - less, less];
}

/** The steps, padding and dilations of a node with every default filled in; padding that is automatic only by `windowFor`. */
export function statedWindow(attributes: Attributes, numSpatial: number): Required<WindowOptions> {
  return {
    strides: intsOf(attributes, 'strides', new Array<number>(numSpatial).fill(1)),
    pads: intsOf(attributes, 'pads', new Array<number>(2 * numSpatial).fill(0)),
    dilations: intsOf(attributes, 'dilations', new Array<number>(numSpatial).fill(1)),
  };
}

/** The window of a node over pictures of the given size, with every default filled in and automatic padding in numbers. */
export function windowOf(
  attributes: Attributes,
  spatial: readonly number[],
  kernel: readonly number[],
): Required<WindowOptions> {
  const stated = statedWindow(attributes, spatial.length);
  const mode = autoPadOf('window', attributes);
  if (mode === 'NOTSET') return stated;
  if (mode === 'VALID') return { ...stated, pads: stated.pads.map(() => 0) };
  const pairs = spatial.map((size, i) => samePads(size, kernel[i]!, stated.strides[i]!, stated.dilations[i]!, mode));
  return { ...stated, pads: [...pairs.map(([begin]) => begin), ...pairs.map(([, end]) => end)] };
}

/** @throws ShapeError unless the window has a step, a dilation and two pads for each spatial axis, all in range. */
export function requireWindow(
  opType: string,
  window: Required<WindowOptions>,
  kernel: Shape,
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
  if ([...kernel, ...strides, ...dilations].some((step) => typeof step === 'number' && step < 1)) {
    throw new RangeError(
      `${opType}: kernel, strides and dilations must be positive, got [${kernel}], [${strides}], [${dilations}]`,
    );
  }
}

/** `⌊a / b⌋` (or `⌈a / b⌉`) of a dimension; unknown where a name does not divide. */
function dividedDim(dim: Dim, by: number, up: boolean): Dim {
  if (typeof dim === 'number') return up ? Math.ceil(dim / by) : Math.floor(dim / by);
  return by === 1 ? dim : divideDims(dim, by);
}

/** The spatial sizes after a window of `kernel` has moved over `spatial`. @throws ShapeError if it does not fit. */
export function windowedDims(
  opType: string,
  spatial: Shape,
  kernel: Shape,
  attributes: Attributes,
  ceilMode = false,
): Dim[] {
  const window = statedWindow(attributes, spatial.length);
  requireWindow(opType, window, kernel, spatial.length);
  const mode = autoPadOf(opType, attributes);
  return spatial.map((dim, i) => {
    const [stride, size] = [window.strides[i]!, kernel[i]!];
    if (mode === 'SAME_UPPER' || mode === 'SAME_LOWER') return dividedDim(dim, stride, true);
    if (typeof size !== 'number') return unknownDim;
    const begin = mode === 'VALID' ? 0 : window.pads[i]!;
    const end = mode === 'VALID' ? 0 : window.pads[i + spatial.length]!;
    const reach = window.dilations[i]! * (size - 1) + 1;
    let length = addDims(dividedDim(addDims(dim, begin + end - reach), stride, ceilMode), 1);
    if (typeof length === 'number' && typeof dim === 'number') {
      // A last window that would begin in the padding at the end is left out.
      if (ceilMode && (length - 1) * stride >= dim + begin) length -= 1;
      if (length < 1)
        throw new ShapeError(`${opType}: a window of ${kernel} does not fit into ${formatShape(spatial)}`);
    }
    return length;
  });
}

/** @throws ShapeError if windows that are padded to the same size would leave out elements between them. */
export function requireCovering(
  opType: string,
  spatial: Shape,
  kernel: readonly number[],
  attributes: Attributes,
): void {
  const mode = autoPadOf(opType, attributes);
  if (mode === 'NOTSET' || mode === 'VALID') return;
  const { strides, dilations } = statedWindow(attributes, spatial.length);
  spatial.forEach((dim, i) => {
    if (typeof dim !== 'number') return;
    const reach = (Math.ceil(dim / strides[i]!) - 1) * strides[i]! + dilations[i]! * (kernel[i]! - 1) + 1;
    if (reach < dim) {
      throw new ShapeError(
        `${opType}: windows of [${kernel}] in steps of [${strides}] leave a rest of ${formatShape(spatial)}, which ${mode} does not allow`,
      );
    }
  });
}

/** @throws ShapeError unless x is `[B, C, ...spatial]` or of unknown rank. */
export function requirePicture(opType: string, x: Value): void {
  if (isRanked(x.shape) && x.rank < 3) {
    throw new ShapeError(`${opType}: x must be [B, C, ...spatial], got ${formatShape(x.shape)}`);
  }
}

/** Whether the last window may reach beyond the padding. */
export function isCeilMode(attributes: Attributes): boolean {
  return intOf(attributes, 'ceil_mode', 0) === 1;
}
