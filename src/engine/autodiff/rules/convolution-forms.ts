/**
 * @file The forms that the gradients of a convolution take, and which one is chosen: all give the same numbers, at speeds that differ
 * several times over with the shape. Figures and the rules of thumb behind `formOf` are in decisions/0041-convolution-gradients.md.
 * B: batch; C: channels in; O: channels out; G: groups. Layout `[B, C, ...spatial]`, weights `[O, C / G, ...kernel]`.
 */
import { numElements, staticShape } from '../../core/index.ts';
import {
  concat,
  conv,
  convTranspose,
  fusedMatMul,
  gemm,
  mul,
  pad,
  reduceSum,
  reshape,
  slice,
  spaceToDepth,
  transpose,
  type Value,
  type WindowOptions,
} from '../../graph/index.ts';

/** A window with every option filled in. */
export type Window = Required<WindowOptions>;

/** The forms of the gradient toward the weights. */
export type WeightForm = 'per sample' | 'over the batch' | 'planes' | 'diagonals' | 'multiply and sum' | 'convolution';

/** The sizes that decide the form. */
export interface ConvolutionSizes {
  readonly input: readonly number[];
  readonly output: readonly number[];
  readonly weight: readonly number[];
  readonly window: Window;
  readonly group: number;
}

/** Elements of a product that stays in the cache while it is summed. */
const chunkElements = 600_000;
/** The most channels that a machine computes side by side. */
const widestBlock = 16;
/** The most pieces that a batch is cut into: each costs a few nodes for each element of the kernel. */
const maxChunks = 16;

const shapeOf = (value: Value) => staticShape(value.shape, 'gradient of a convolution');
const spatialAxes = (count: number) => Array.from({ length: count }, (_, i) => i + 2);

/** The form in which the gradient toward the weights is fastest, by measured rules of thumb. */
export function formOf({ input, output, weight, window, group }: ConvolutionSizes): WeightForm {
  const [numOutputs, perGroup, ...kernel] = weight as [number, number, ...number[]];
  const places = numElements(output.slice(2));
  const depthwise = perGroup === 1 && numOutputs === group;
  if (depthwise && input.length === 4 && (input[0]! * input[1]!) % widestBlock === 0) return 'planes';
  if (depthwise) return output.at(-1)! <= 24 ? 'diagonals' : 'multiply and sum';
  const overlap = kernel.some((size, i) => size > 1 && (size - 1) * window.dilations[i]! >= window.strides[i]!);
  const pointwise = kernel.every((size) => size === 1);
  if (perGroup < 4 || !(overlap || pointwise)) return 'convolution';
  const products = numElements(kernel) * numOutputs * perGroup;
  return products <= 2 * (numOutputs + input[1]!) * places ? 'per sample' : 'over the batch';
}

/**
 * What a convolution's input must have been, given the cotangent of its output: at steps of 1 a convolution with the kernel turned round
 * and its channels exchanged, otherwise the transposed convolution, padded by the elements that no window reached.
 */
export function inputCotangent(
  g: Value,
  w: Value,
  inputShape: readonly number[],
  window: Window,
  group: number,
): Value {
  const [out, kernel] = [shapeOf(g).slice(2), shapeOf(w).slice(2)];
  const { strides, dilations, pads } = window;
  const rest = pads.map((width, i) => dilations[i % kernel.length]! * (kernel[i % kernel.length]! - 1) - width);
  if (strides.every((step) => step === 1) && rest.every((width) => width >= 0)) {
    return conv(g, turned(w, group), undefined, { dilations, pads: rest, group });
  }
  const outputPadding = inputShape.slice(2).map((dim, i) => {
    const reached = (out[i]! - 1) * strides[i]! + dilations[i]! * (kernel[i]! - 1) + 1;
    return dim - (reached - pads[i]! - pads[i + kernel.length]!);
  });
  return convTranspose(g, w, undefined, { ...window, group, outputPadding });
}

/** Weights `[O, C / G, ...]` as `[C, O / G, ...]`, with every spatial axis reversed. */
function turned(w: Value, group: number): Value {
  const [numOutputs, perGroup, ...kernel] = shapeOf(w) as [number, number, ...number[]];
  const axes = spatialAxes(kernel.length).filter((axis) => kernel[axis - 2]! > 1);
  const all = (value: number) => axes.map(() => value);
  const reversed = axes.length === 0 ? w : slice(w, { starts: all(-1), ends: all(-(2 ** 31)), axes, steps: all(-1) });
  if (group === 1) return transpose(reversed, [1, 0, ...spatialAxes(kernel.length)]);
  if (perGroup === 1 && numOutputs === group) return reversed;
  const grouped = reshape(reversed, [group, numOutputs / group, perGroup, ...kernel]);
  const swapped = transpose(grouped, [0, 2, 1, ...kernel.map((_, i) => i + 3)]);
  return reshape(swapped, [group * perGroup, numOutputs / group, ...kernel]);
}

/** The cotangent of the weights, from the input x `[B, C, ...]` and the cotangent g `[B, O, ...]` of the output. */
export function weightCotangent(
  x: Value,
  g: Value,
  weight: readonly number[],
  window: Window,
  group: number,
  form: WeightForm = formOf({ input: shapeOf(x), output: shapeOf(g), weight, window, group }),
): Value {
  return weightForms[form](x, g, weight, window, group);
}

type FormOfWeights = (x: Value, g: Value, weight: readonly number[], window: Window, group: number) => Value;

/** Every position in the kernel, in row-major order, in elements of the padded input. */
function tapsOf(kernel: readonly number[], dilations: readonly number[]): number[][] {
  return kernel.reduce<number[][]>(
    (taps, size, axis) => taps.flatMap((tap) => Array.from({ length: size }, (_, i) => [...tap, i * dilations[axis]!])),
    [[]],
  );
}

/** x with the window's padding around it, and at the ends what is missing to a multiple of `multiple`. */
function padded(x: Value, { pads }: Window, multiple = 1): Value {
  const numSpatial = pads.length / 2;
  const sizes = shapeOf(x).slice(2);
  const ends = sizes.map((size, i) => {
    const rest = (size + pads[i]! + pads[i + numSpatial]!) % multiple;
    return pads[i + numSpatial]! + (rest === 0 ? 0 : multiple - rest);
  });
  if ([...pads.slice(0, numSpatial), ...ends].every((width) => width === 0)) return x;
  return pad(x, [0, 0, ...pads.slice(0, numSpatial)], [0, 0, ...ends]);
}

/** The elements of x that one element of the kernel meets, for every place of the output; whole axes are left as they are. */
function met(x: Value, starts: readonly number[], places: readonly number[], strides: readonly number[]): Value {
  const ends = starts.map((start, i) => start + (places[i]! - 1) * strides[i]! + 1);
  const shape = shapeOf(x).slice(2);
  const axes = spatialAxes(starts.length).filter(
    (axis) => starts[axis - 2] !== 0 || ends[axis - 2] !== shape[axis - 2] || strides[axis - 2] !== 1,
  );
  const of = (list: readonly number[]) => axes.map((axis) => list[axis - 2]!);
  return axes.length === 0 ? x : slice(x, { starts: of(starts), ends: of(ends), axes, steps: of(strides) });
}

/**
 * What each element of the kernel meets, `[B, C, ...places]` or, `swapped`, `[C, B, ...places]`. Steps over two axes are taken apart first,
 * so that every slice is whole rows of a smaller picture: a third of the time of slices that step.
 */
function metByTaps(
  x: Value,
  kernel: readonly number[],
  window: Window,
  places: readonly number[],
  swapped: boolean,
): Value[] {
  const taps = tapsOf(kernel, window.dilations);
  const [step] = window.strides as [number, ...number[]];
  const apart = kernel.length === 2 && taps.length > 1 && step > 1 && window.strides[1] === step ? step : 1;
  const around = padded(x, window, apart);
  const pictures = apart > 1 ? spaceToDepth(around, apart) : around;
  const ordered = swapped ? transpose(pictures, [1, 0, ...spatialAxes(kernel.length)]) : pictures;
  if (apart === 1) return taps.map((tap) => met(ordered, tap, places, window.strides));
  const channels = Number(x.shape[1]);
  return taps.map((tap) => {
    const phase = tap.reduce((index, offset) => index * apart + (offset % apart), 0);
    const starts = [phase * channels, ...tap.map((offset) => Math.floor(offset / apart))];
    const ends = [(phase + 1) * channels, ...places.map((count, i) => starts[i + 1]! + count)];
    return slice(ordered, { starts, ends, axes: [swapped ? 0 : 1, 2, 3] });
  });
}

/** Products of the elements that each element of the kernel meets with g, over the places, then summed over the batch. */
const perSample: FormOfWeights = (x, g, weight, window, group) => {
  const [batch, numOutputs, ...places] = shapeOf(g) as [number, number, ...number[]];
  const [perGroup, ...kernel] = weight.slice(1) as [number, ...number[]];
  const numPlaces = numElements(places);
  const split = group === 1 ? [] : [group];
  const cotangent = reshape(g, [batch, ...split, numOutputs / group, numPlaces]);
  const products = metByTaps(x, kernel, window, places, false).map((inputs) =>
    fusedMatMul(cotangent, reshape(inputs, [batch, ...split, perGroup, numPlaces]), { transB: true }),
  );
  const sums = products.map((product) => reduceSum(product, { axes: [0] }));
  return fromTaps(sums, weight);
};

/** The same products with the batch among the places: nothing is left to sum, for batch and channels changing places first. */
const overTheBatch: FormOfWeights = (x, g, weight, window, group) => {
  const [batch, numOutputs, ...places] = shapeOf(g) as [number, number, ...number[]];
  const [perGroup, ...kernel] = weight.slice(1) as [number, ...number[]];
  const swap = [1, 0, ...spatialAxes(kernel.length)];
  const numPlaces = batch * numElements(places);
  const split = group === 1 ? [] : [group];
  const cotangent = reshape(transpose(g, swap), [...split, numOutputs / group, numPlaces]);
  const products = metByTaps(x, kernel, window, places, true).map((taken) => {
    const inputs = reshape(taken, [...split, perGroup, numPlaces]);
    return group === 1
      ? gemm(cotangent, inputs, undefined, { transB: true })
      : fusedMatMul(cotangent, inputs, { transB: true });
  });
  return fromTaps(products, weight);
};

/** `[O, C / G]` (or `[G, O / G, C / G]`) for each element of the kernel, as weights. */
function fromTaps(products: readonly Value[], weight: readonly number[]): Value {
  const [numOutputs, perGroup, ...kernel] = weight as [number, number, ...number[]];
  if (products.length === 1) return reshape(products[0]!, weight);
  const side = concat(products, products[0]!.rank - 1);
  const apart = transpose(reshape(side, [numOutputs, products.length, perGroup]), [0, 2, 1]);
  return reshape(apart, [numOutputs, perGroup, ...kernel]);
}

/**
 * Depthwise: a depthwise convolution again, of which every plane of every sample is a channel and the cotangent the kernel; the batch is
 * summed afterwards. `withFastDepthwise` brings it into a form that suits the machine.
 */
const planes: FormOfWeights = (x, g, weight, window) => {
  const [batch, channels, ...spatial] = shapeOf(x) as [number, number, ...number[]];
  const kernel = weight.slice(2);
  const count = batch * channels;
  const kernels = reshape(g, [count, 1, ...shapeOf(g).slice(2)]);
  const product = conv(reshape(x, [1, count, ...spatial]), kernels, undefined, {
    strides: window.dilations,
    dilations: window.strides,
    pads: window.pads,
    group: count,
  });
  const ones = kernel.map(() => 1);
  const cut = met(
    product,
    kernel.map(() => 0),
    kernel,
    ones,
  );
  return reshape(reduceSum(reshape(cut, [batch, channels, numElements(kernel)]), { axes: [0] }), weight);
};

/**
 * Depthwise: along the last axis every column of x is multiplied with every column of g, in one product for each element of the other axes
 * of the kernel; the columns that an element of the last axis pairs lie on a diagonal.
 */
const diagonals: FormOfWeights = (x, g, weight, window) => {
  const [batch, channels, ...places] = shapeOf(g) as [number, number, ...number[]];
  const kernel = weight.slice(2);
  const swap = [1, 0, ...spatialAxes(kernel.length)];
  const around = transpose(padded(x, window), swap);
  const columns = shapeOf(around).at(-1)!;
  const [numRows, numColumns] = [batch * numElements(places.slice(0, -1)), places.at(-1)!];
  const cotangent = reshape(transpose(g, swap), [channels, numRows, numColumns]);
  const [stride, dilation] = [window.strides.at(-1)!, window.dilations.at(-1)!];
  const rows = tapsOf(kernel.slice(0, -1), window.dilations);
  const products = rows.map((tap) => {
    const inputs = met(around, [...tap, 0], [...places.slice(0, -1), columns], [...window.strides.slice(0, -1), 1]);
    const product = fusedMatMul(reshape(inputs, [channels, numRows, columns]), cotangent, { transA: true });
    return reshape(product, [channels, 1, columns * numColumns]);
  });
  const all = concat(products, 1);
  const diagonal = stride * numColumns + 1;
  const sums = Array.from({ length: kernel.at(-1)! }, (_, j) => {
    const start = j * dilation * numColumns;
    const ends = [start + (numColumns - 1) * diagonal + 1];
    return reduceSum(slice(all, { starts: [start], ends, axes: [2], steps: [diagonal] }), {
      axes: [2],
      keepDims: true,
    });
  });
  return reshape(concat(sums, 2), weight);
};

/** Depthwise: what each element of the kernel meets times g, summed; in pieces of the batch that stay in the cache. */
const multiplyAndSum: FormOfWeights = (x, g, weight, window) => {
  const [batch, channels, ...places] = shapeOf(g) as [number, number, ...number[]];
  const kernel = weight.slice(2);
  const axes = [0, ...spatialAxes(kernel.length)];
  const fitting = Math.floor(chunkElements / (channels * numElements(places)));
  const size = Math.max(1, fitting, Math.ceil(batch / maxChunks));
  const starts = Array.from({ length: Math.ceil(batch / size) }, (_, i) => i * size);
  const pieces = starts.map((start) => {
    const piece = (value: Value) =>
      size >= batch ? value : slice(value, { starts: [start], ends: [Math.min(batch, start + size)], axes: [0] });
    const [around, cotangent] = [padded(piece(x), window), piece(g)];
    const sums = tapsOf(kernel, window.dilations).map((tap) =>
      reduceSum(mul(met(around, tap, places, window.strides), cotangent), { axes, keepDims: true }),
    );
    return concat(sums, 2);
  });
  return reshape(pieces.length === 1 ? pieces[0]! : reduceSum(concat(pieces, 0), { axes: [0] }), weight);
};

/**
 * A convolution of the input with the cotangent as its kernel, in which batch and channels change places and strides and dilations too:
 * x as `[C / G, G · B, ...]`, g as `[O, B, ...]`, in G groups.
 */
const convolution: FormOfWeights = (x, g, weight, window, group) => {
  const [batch, channels, ...spatial] = shapeOf(x) as [number, number, ...number[]];
  const perGroup = channels / group;
  const tail = spatial.map((_, i) => i + 3);
  const grouped = transpose(reshape(x, [batch, group, perGroup, ...spatial]), [2, 1, 0, ...tail]);
  const swapped = transpose(g, [1, 0, ...spatialAxes(spatial.length)]);
  const product = conv(reshape(grouped, [perGroup, group * batch, ...spatial]), swapped, undefined, {
    strides: window.dilations,
    dilations: window.strides,
    pads: window.pads,
    group,
  });
  const kernel = weight.slice(2);
  const cut = met(
    product,
    kernel.map(() => 0),
    kernel,
    kernel.map(() => 1),
  );
  return transpose(cut, [1, 0, ...spatialAxes(kernel.length)]);
};

const weightForms: Readonly<Record<WeightForm, FormOfWeights>> = {
  'per sample': perSample,
  'over the batch': overTheBatch,
  planes,
  diagonals,
  'multiply and sum': multiplyAndSum,
  convolution,
};
