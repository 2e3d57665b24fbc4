/** @file Ops that lay elements out anew: tiles, blocks of pixels as channels and back, reversed runs, picked or cropped rows. */
import {
  type Dim,
  formatShape,
  isRanked,
  normalizeAxis,
  numElements,
  type Shape,
  ShapeError,
  unknownDim,
  unknownShape,
} from '../../core/index.ts';
import { constantInts, constantOf } from '../constants.ts';
import { knownDims } from '../known-dims.ts';
import { divideDims, elementsOf, multiplyDims } from '../symbolic.ts';
import { type Attributes, applyOp1, defineOp, int, intOf, ints, intsOf, string, type Value } from '../value.ts';
import { requireDtype, required } from './operand.ts';
import { knownInts, unknownDims, withShape } from './types.ts';

function requireAxes(opType: string, x: Value, rank: number): boolean {
  if (!isRanked(x.shape)) return false;
  if (x.rank !== rank) throw new ShapeError(`${opType}: needs ${rank} axes, got ${formatShape(x.shape)}`);
  return true;
}

function blockSize(opType: string, attributes: Attributes): number {
  const size = intOf(attributes, 'blocksize', 0);
  if (size < 1) throw new RangeError(`${opType}: blocksize must be 1 or more, got ${size}`);
  return size;
}

function dividedDim(opType: string, shape: Shape, axis: number, by: number): Dim {
  const dim = shape[axis]!;
  if (typeof dim === 'number' && dim % by !== 0) {
    throw new ShapeError(`${opType}: axis ${axis} of ${formatShape(shape)} must be a multiple of ${by}`);
  }
  return divideDims(dim, by);
}

/** The sizes of the axes that CenterCropPad changes, by axis. */
function croppedShape(x: Value, sizes: Value, attributes: Attributes): Shape {
  const axes = intsOf(
    attributes,
    'axes',
    x.shape.map((_, axis) => axis),
  ).map((axis) => normalizeAxis(axis, x.rank, 'CenterCropPad'));
  const dims = knownDims(sizes) ?? unknownDims(axes.length);
  if (dims.length !== axes.length) {
    throw new ShapeError(`CenterCropPad: needs ${axes.length} sizes, one for each axis, got ${dims.length}`);
  }
  return x.shape.map((dim, axis) => (axes.includes(axis) ? dims[axes.indexOf(axis)]! : dim));
}

/** The window of a Col2Im. */
interface ColumnWindow {
  readonly strides: readonly number[];
  readonly dilations: readonly number[];
  readonly pads: readonly number[];
}

/** The window that the attributes of a Col2Im over `rank` spatial axes describe. */
function columnWindow(attributes: Attributes, rank: number): ColumnWindow {
  const ones = new Array<number>(rank).fill(1);
  return {
    strides: intsOf(attributes, 'strides', ones),
    dilations: intsOf(attributes, 'dilations', ones),
    pads: intsOf(attributes, 'pads', new Array<number>(2 * rank).fill(0)),
  };
}

/** How many places the window has along each axis. */
function windowPlaces(image: readonly number[], block: readonly number[], window: ColumnWindow): number[] {
  return image.map((size, axis) => {
    const padded = size + window.pads[axis]! + window.pads[axis + image.length]!;
    return Math.floor((padded - window.dilations[axis]! * (block[axis]! - 1) - 1) / window.strides[axis]!) + 1;
  });
}

function imageShape(x: Value, image: Value, block: Value, attributes: Attributes): Shape {
  const [imageDims, blockDims] = [knownDims(image), knownDims(block)];
  const count = imageDims?.length ?? blockDims?.length;
  if (count === undefined) return unknownShape;
  const [batch, channels, columns] = isRanked(x.shape) ? x.shape : unknownDims(3);
  const area = blockDims ? elementsOf(blockDims) : unknownDim;
  if (typeof channels === 'number' && typeof area === 'number' && channels % area !== 0) {
    throw new ShapeError(
      `Col2Im: axis 1 of ${formatShape(x.shape)} must be a multiple of the block's ${area} elements`,
    );
  }
  const [imageSizes, blockSizes] = [knownInts(image), knownInts(block)];
  if (imageSizes && blockSizes && typeof columns === 'number') {
    if (imageSizes.length !== blockSizes.length) {
      throw new ShapeError(`Col2Im: image and block must have as many axes, got [${imageSizes}] and [${blockSizes}]`);
    }
    const places = windowPlaces(imageSizes, blockSizes, columnWindow(attributes, imageSizes.length));
    if (places.some((place) => place < 1) || numElements(places) !== columns) {
      throw new ShapeError(
        `Col2Im: the block has ${places.join(' x ')} places in [${imageSizes}], got ${columns} columns`,
      );
    }
  }
  return [batch!, divideDims(channels!, area), ...(imageDims ?? unknownDims(count))];
}

/** The op definitions that lay elements out anew. */
export const rearrangeOps = {
  Tile: defineOp('Tile', (inputs) => {
    const [x, repeats] = [required('Tile', inputs, 0), required('Tile', inputs, 1)];
    requireDtype('Tile', 'the repeats', repeats, 'int64');
    if (!isRanked(x.shape)) return [withShape(x, unknownShape)];
    const times = knownDims(repeats) ?? unknownDims(x.rank);
    if (times.length !== x.rank || times.some((time) => typeof time === 'number' && time < 0)) {
      throw new ShapeError(`Tile: needs ${x.rank} repeats for ${formatShape(x.shape)}, got ${formatShape(times)}`);
    }
    return [
      withShape(
        x,
        x.shape.map((dim, axis) => multiplyDims(dim, times[axis]!)),
      ),
    ];
  }),
  DepthToSpace: defineOp('DepthToSpace', (inputs, attributes) => {
    const x = required('DepthToSpace', inputs, 0);
    const size = blockSize('DepthToSpace', attributes);
    if (!requireAxes('DepthToSpace', x, 4)) return [withShape(x, unknownDims(4))];
    const [n, , h, w] = x.shape;
    const channels = dividedDim('DepthToSpace', x.shape, 1, size * size);
    return [withShape(x, [n!, channels, multiplyDims(h!, size), multiplyDims(w!, size)])];
  }),
  SpaceToDepth: defineOp('SpaceToDepth', (inputs, attributes) => {
    const x = required('SpaceToDepth', inputs, 0);
    const size = blockSize('SpaceToDepth', attributes);
    if (!requireAxes('SpaceToDepth', x, 4)) return [withShape(x, unknownDims(4))];
    const [n, c] = x.shape;
    const [h, w] = [2, 3].map((axis) => dividedDim('SpaceToDepth', x.shape, axis, size));
    return [withShape(x, [n!, multiplyDims(c!, size * size), h!, w!])];
  }),
  ReverseSequence: defineOp('ReverseSequence', (inputs, attributes) => {
    const [x, lengths] = [required('ReverseSequence', inputs, 0), required('ReverseSequence', inputs, 1)];
    requireDtype('ReverseSequence', 'the lengths', lengths, 'int64');
    const [batch, time] = [intOf(attributes, 'batch_axis', 1), intOf(attributes, 'time_axis', 0)];
    if (batch + time !== 1 || batch * time !== 0) {
      throw new RangeError(`ReverseSequence: batch and time must be axes 0 and 1, got ${batch} and ${time}`);
    }
    if (!isRanked(x.shape)) return [withShape(x, unknownShape)];
    if (x.rank < 2) throw new ShapeError(`ReverseSequence: needs 2 axes or more, got ${formatShape(x.shape)}`);
    const [needed, came] = [x.shape[batch]!, lengths.shape];
    const isWrong = typeof needed === 'number' && typeof came[0] === 'number' && came[0] !== needed;
    if (isRanked(came) && (came.length !== 1 || isWrong)) {
      throw new ShapeError(
        `ReverseSequence: needs ${needed} lengths for ${formatShape(x.shape)}, got ${formatShape(came)}`,
      );
    }
    return [withShape(x, x.shape)];
  }),
  Compress: defineOp('Compress', (inputs, attributes) => {
    const [x, condition] = [required('Compress', inputs, 0), required('Compress', inputs, 1)];
    requireDtype('Compress', 'the condition', condition, 'bool');
    if (isRanked(condition.shape) && condition.rank !== 1) {
      throw new ShapeError(`Compress: the condition must be a vector, got ${condition}`);
    }
    if (!isRanked(x.shape)) return [withShape(x, attributes.axis ? unknownShape : [unknownDim])];
    const axis = attributes.axis && normalizeAxis(intOf(attributes, 'axis', 0), x.rank, 'Compress');
    const size = axis === undefined ? elementsOf(x.shape) : x.shape[axis]!;
    const taken = typeof size === 'number' ? keptPositions(condition, size)?.length : undefined;
    if (axis === undefined) return [withShape(x, [taken ?? unknownDim])];
    return [
      withShape(
        x,
        x.shape.map((dim, a) => (a === axis ? (taken ?? unknownDim) : dim)),
      ),
    ];
  }),
  CenterCropPad: defineOp('CenterCropPad', (inputs, attributes) => {
    const [x, sizes] = [required('CenterCropPad', inputs, 0), required('CenterCropPad', inputs, 1)];
    requireDtype('CenterCropPad', 'the sizes', sizes, 'int64', 'int32');
    return [withShape(x, isRanked(x.shape) ? croppedShape(x, sizes, attributes) : unknownShape)];
  }),
  Col2Im: defineOp('Col2Im', (inputs, attributes) => {
    const [x, image, block] = [0, 1, 2].map((i) => required('Col2Im', inputs, i)) as [Value, Value, Value];
    requireDtype('Col2Im', 'the shape of the image', image, 'int64');
    requireDtype('Col2Im', 'the shape of the block', block, 'int64');
    requireAxes('Col2Im', x, 3);
    return [withShape(x, imageShape(x, image, block, attributes))];
  }),
} as const;

/** The positions, of `size`, at which a constant condition holds; positions beyond its end are dropped. */
function keptPositions(condition: Value, size: number): readonly number[] | undefined {
  const tensor = constantOf(condition);
  if (tensor === undefined) return undefined;
  return Array.from(tensor.data as Uint8Array).flatMap((holds, i) => (holds && i < size ? [i] : []));
}

/** x repeated `repeats[axis]` times along each axis. */
export function tile(x: Value, repeats: readonly number[]): Value {
  return applyOp1(rearrangeOps.Tile, [x, constantInts(repeats)]);
}

/** How channels are numbered inside a block: by depth first (`DCR`), or by column and row first (`CRD`, as PixelShuffle). */
export type DepthMode = 'DCR' | 'CRD';

/** Channels as blocks of pixels: `[N, C · b², H, W]` to `[N, C, H · b, W · b]`. */
export function depthToSpace(x: Value, blocksize: number, mode: DepthMode = 'DCR'): Value {
  return applyOp1(rearrangeOps.DepthToSpace, [x], { blocksize: int(blocksize), mode: string(mode) });
}

/** Blocks of pixels as channels: `[N, C, H · b, W · b]` to `[N, C · b², H, W]`. */
export function spaceToDepth(x: Value, blocksize: number): Value {
  return applyOp1(rearrangeOps.SpaceToDepth, [x], { blocksize: int(blocksize) });
}

/** x with the first `lengths[b]` (int64) steps of every item of the batch in reverse order; axes 0 and 1 are time and batch. */
export function reverseSequence(x: Value, lengths: Value, options: { timeAxis?: 0 | 1 } = {}): Value {
  const time = options.timeAxis ?? 0;
  return applyOp1(rearrangeOps.ReverseSequence, [x, lengths], { time_axis: int(time), batch_axis: int(1 - time) });
}

/** The slices of x along `axis` where the condition (bool, a vector) holds; without an axis, of x as one long row. */
export function compress(x: Value, condition: Value, axis?: number): Value {
  return applyOp1(rearrangeOps.Compress, [x, condition], axis === undefined ? {} : { axis: int(axis) });
}

/** The middle of x in the given sizes, with zeros around it where x is smaller. */
export function centerCropPad(x: Value, sizes: readonly number[], axes?: readonly number[]): Value {
  return applyOp1(rearrangeOps.CenterCropPad, [x, constantInts(sizes)], axes === undefined ? {} : { axes: ints(axes) });
}

/** Overlapping blocks put back in an image and added up: `[N, C · block, L]` to `[N, C, ...image]`. */
export function col2Im(
  x: Value,
  image: readonly number[],
  block: readonly number[],
  window: Partial<ColumnWindow> = {},
): Value {
  const attributes = Object.entries(window).map(([name, values]) => [name, ints(values)] as const);
  return applyOp1(rearrangeOps.Col2Im, [x, constantInts(image), constantInts(block)], Object.fromEntries(attributes));
}
