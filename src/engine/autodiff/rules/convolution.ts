/** @file Gradient rules of convolutions and pools. */
import { numElements, staticShape, Tensor } from '../../core/index.ts';
import {
  cast,
  constant,
  constantScalar,
  conv,
  type convolutionOps,
  div,
  expand,
  intOf,
  intsOf,
  mul,
  reduceSum,
  reshape,
  scatterElements,
  type Value,
  windowOf,
} from '../../graph/index.ts';
import { type GradientRule, inputAt, type RuleContext } from '../rule.ts';
import { inputCotangent, type Window, weightCotangent } from './convolution-forms.ts';

type Rules = { readonly [Op in keyof typeof convolutionOps]: GradientRule };

const shapeOf = (value: Value) => staticShape(value.shape, 'gradient of a convolution');

function windowOfNode(context: RuleContext): Window {
  return windowOf(context.node.attributes, inputAt(context, 0).rank - 2);
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
