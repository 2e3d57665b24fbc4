/** @file Gradient rules of convolutions and pools. */
import { numElements, staticShape, Tensor } from '../../core/index.ts';
import {
  cast,
  constant,
  constantScalar,
  conv,
  type convolutionOps,
  convTranspose,
  div,
  expand,
  intOf,
  intsOf,
  mul,
  reduceSum,
  reshape,
  scatterElements,
  slice,
  transpose,
  type Value,
  type WindowOptions,
  windowOf,
} from '../../graph/index.ts';
import { type GradientRule, inputAt, type RuleContext } from '../rule.ts';

type Rules = { readonly [Op in keyof typeof convolutionOps]: GradientRule };
type Window = Required<WindowOptions>;

const shapeOf = (value: Value) => staticShape(value.shape, 'gradient of a convolution');

function windowOfNode(context: RuleContext): Window {
  return windowOf(context.node.attributes, inputAt(context, 0).rank - 2);
}

/** What a convolution's input must have been: its transpose, padded by the elements that no window reached. */
function inputCotangent(g: Value, w: Value, inputShape: readonly number[], window: Window, group: number): Value {
  const [out, kernel] = [shapeOf(g).slice(2), shapeOf(w).slice(2)];
  const outputPadding = inputShape.slice(2).map((dim, i) => {
    const { strides, dilations, pads } = window;
    const reached = (out[i]! - 1) * strides[i]! + dilations[i]! * (kernel[i]! - 1) + 1;
    return dim - (reached - pads[i]! - pads[i + kernel.length]!);
  });
  return convTranspose(g, w, undefined, { ...window, group, outputPadding });
}

/**
 * The weights' cotangent is a convolution of the input with the cotangent as its kernel, in which batch and channels change
 * places and strides and dilations too: x as `[C/G, G·B, ...]`, g as `[O, B, ...]`, in G groups.
 */
function weightCotangent(x: Value, g: Value, weightShape: readonly number[], window: Window, group: number): Value {
  const [batch, channels, ...spatial] = shapeOf(x) as [number, number, ...number[]];
  const perGroup = channels / group;
  const tail = spatial.map((_, i) => i + 3);
  const grouped = transpose(reshape(x, [batch, group, perGroup, ...spatial]), [2, 1, 0, ...tail]);
  const swapped = transpose(g, [1, 0, ...spatial.map((_, i) => i + 2)]);
  const product = conv(reshape(grouped, [perGroup, group * batch, ...spatial]), swapped, undefined, {
    strides: window.dilations,
    dilations: window.strides,
    pads: window.pads,
    group,
  });
  const kernel = weightShape.slice(2);
  const axes = kernel.map((_, i) => i + 2);
  const fits = shapeOf(product).slice(2).join() === kernel.join();
  const cut = fits ? product : slice(product, { starts: kernel.map(() => 0), ends: kernel, axes });
  return transpose(cut, [1, 0, ...axes]);
}

function biasCotangent(g: Value): Value {
  return reduceSum(g, { axes: g.shape.map((_, axis) => axis).filter((axis) => axis !== 1) });
}

/** How many elements that are not padding each window covers, `[1, 1, ...]`. */
function windowCounts(input: readonly number[], output: readonly number[], kernel: readonly number[], window: Window) {
  const perAxis = output.map((length, axis) =>
    Array.from({ length }, (_, o) => {
      const start = o * window.strides[axis]! - window.pads[axis]!;
      return Math.min(start + kernel[axis]!, input[axis]!) - Math.max(start, 0);
    }),
  );
  const counts = perAxis.reduce((product, axis) => product.flatMap((p) => axis.map((count) => p * count)), [1]);
  return constant(new Tensor('float32', [1, 1, ...output], Float32Array.from(counts)));
}

const averagePoolRule: GradientRule = (context) => {
  const x = inputAt(context, 0);
  const [shape, g] = [shapeOf(x), context.cotangent];
  const kernel = intsOf(context.node.attributes, 'kernel_shape', []);
  const window = windowOfNode(context);
  const countsPadding = intOf(context.node.attributes, 'count_include_pad', 0) === 1;
  const mean = countsPadding
    ? mul(g, 1 / numElements(kernel))
    : div(g, cast(windowCounts(shape.slice(2), shapeOf(g).slice(2), kernel, window), g.dtype));
  const ones = expand(constantScalar(1, x.dtype), [shape[1]!, 1, ...kernel]);
  return [inputCotangent(mean, ones, shape, window, shape[1]!)];
};

/** The rules of the convolutions and pools. */
export const convolutionRules: Rules = {
  Conv: (context) => {
    const [x, w, g] = [inputAt(context, 0), inputAt(context, 1), context.cotangent];
    const window = windowOfNode(context);
    const group = intOf(context.node.attributes, 'group', 1);
    return [
      context.needs(0) ? inputCotangent(g, w, shapeOf(x), window, group) : undefined,
      context.needs(1) ? weightCotangent(x, g, shapeOf(w), window, group) : undefined,
      context.needs(2) ? biasCotangent(g) : undefined,
    ];
  },
  ConvTranspose: (context) => {
    const [x, w, g] = [inputAt(context, 0), inputAt(context, 1), context.cotangent];
    const window = windowOfNode(context);
    const group = intOf(context.node.attributes, 'group', 1);
    return [
      context.needs(0) ? conv(g, w, undefined, { ...window, group }) : undefined,
      context.needs(1) ? weightCotangent(g, x, shapeOf(w), window, group) : undefined,
      context.needs(2) ? biasCotangent(g) : undefined,
    ];
  },
  MaxPool: (context) => {
    const shape = shapeOf(inputAt(context, 0));
    const flat = (value: Value) => reshape(value, [-1]);
    const zeros = expand(constantScalar(0, context.cotangent.dtype), [numElements(shape)]);
    const sums = scatterElements(zeros, flat(context.outputs[1]!), flat(context.cotangent), { reduction: 'add' });
    return [reshape(sums, shape)];
  },
  AveragePool: averagePoolRule,
  GlobalAveragePool: (context) => {
    const shape = shapeOf(inputAt(context, 0));
    return [expand(mul(context.cotangent, 1 / numElements(shape.slice(2))), shape)];
  },
};
