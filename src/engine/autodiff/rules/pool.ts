/** @file Gradient rules of pools. g is the cotangent of the result. */
import { type Dtype, numElements, staticShape, Tensor } from '../../core/index.ts';
import {
  abs,
  cast,
  constant,
  convTranspose,
  div,
  equal,
  expand,
  exponentOf,
  gather,
  globalMaxPool,
  intOf,
  intsOf,
  mul,
  type poolOps,
  pow,
  reduceSum,
  reshape,
  resize,
  scatterElements,
  sign,
  transpose,
  type Value,
  where,
  windowOf,
} from '../../graph/index.ts';
import { type GradientRule, inputAt, maskOf, type NotDifferentiable, type RuleContext, zeroLike } from '../rule.ts';
import type { Window } from './convolution-forms.ts';

type Rules = { readonly [Op in keyof typeof poolOps]: GradientRule | NotDifferentiable };

const shapeOf = (value: Value) => staticShape(value.shape, 'gradient of a pool');
const flat = (value: Value) => reshape(value, [-1]);

/** The kernel and the window of a pool; the padding at the end made to cover what the last windows reach in ceil mode. */
function windowOfPool(context: RuleContext): { kernel: readonly number[]; window: Window; stated: Window } {
  const { attributes } = context.node;
  const kernel = intsOf(attributes, 'kernel_shape', []);
  const spatial = shapeOf(inputAt(context, 0)).slice(2);
  const output = shapeOf(context.outputs[0]!).slice(2);
  const stated = windowOf(attributes, spatial, kernel);
  const begins = stated.pads.slice(0, kernel.length);
  const ends = kernel.map((size, i) => {
    const reach = (output[i]! - 1) * stated.strides[i]! + stated.dilations[i]! * (size - 1) + 1;
    return Math.max(stated.pads[i + kernel.length]!, reach - begins[i]! - spatial[i]!);
  });
  return { kernel, stated, window: { ...stated, pads: [...begins, ...ends] } };
}

/** Every element of g given to all elements of its window: a transposed convolution of each plane with ones, or a repetition where none overlap. */
function overWindows(g: Value, input: readonly number[], kernel: readonly number[], window: Window): Value {
  const [batch, channels, ...places] = shapeOf(g) as [number, number, ...number[]];
  const spatial = input.slice(2);
  const tiles = kernel.every((size, i) => {
    const isTile = window.strides[i] === size && window.dilations[i] === 1 && spatial[i] === size * places[i]!;
    return isTile && window.pads[i] === 0;
  });
  if (tiles) {
    return resize(g, { scales: [1, 1, ...kernel], coordinates: 'asymmetric', nearest: 'floor' });
  }
  const outputPadding = spatial.map((size, i) => {
    const reach = (places[i]! - 1) * window.strides[i]! + window.dilations[i]! * (kernel[i]! - 1) + 1;
    return size - reach + window.pads[i]! + window.pads[i + kernel.length]!;
  });
  const ones = constant(new Tensor('float32', [1, 1, ...kernel], new Float32Array(numElements(kernel)).fill(1)));
  const planes = reshape(g, [batch * channels, 1, ...places]);
  return reshape(convTranspose(planes, cast(ones, g.dtype), undefined, { ...window, outputPadding }), input);
}

/** How many elements each window averages, `[1, 1, ...]`: those that lie in x, or also in its padding as it was stated. */
function windowCounts(context: RuleContext, countsPadding: boolean, dtype: Dtype): Value {
  const { kernel, stated } = windowOfPool(context);
  const input = shapeOf(inputAt(context, 0)).slice(2);
  const output = shapeOf(context.outputs[0]!).slice(2);
  const perAxis = output.map((length, axis) => {
    const begin = countsPadding ? -stated.pads[axis]! : 0;
    const end = input[axis]! + (countsPadding ? stated.pads[axis + kernel.length]! : 0);
    return Array.from({ length }, (_, o) => {
      const start = o * stated.strides[axis]! - stated.pads[axis]!;
      const places = Array.from({ length: kernel[axis]! }, (_, k) => start + k * stated.dilations[axis]!);
      return places.filter((place) => place >= begin && place < end).length;
    });
  });
  const counts = perAxis.reduce((product, axis) => product.flatMap((p) => axis.map((count) => p * count)), [1]);
  return cast(constant(new Tensor('float32', [1, 1, ...output], Float32Array.from(counts))), dtype);
}

const averagePoolRule: GradientRule = (context) => {
  const { kernel, window } = windowOfPool(context);
  const g = context.cotangent;
  const countsPadding = intOf(context.node.attributes, 'count_include_pad', 0) === 1;
  const mean = div(g, windowCounts(context, countsPadding, g.dtype));
  return [overWindows(mean, shapeOf(inputAt(context, 0)), kernel, window)];
};

/** The cotangent goes to the largest elements; where they are counted with the last spatial axis first, over planes turned round. */
const maxPoolRule: GradientRule = (context) => {
  const shape = shapeOf(inputAt(context, 0));
  const turned = intOf(context.node.attributes, 'storage_order', 0) === 1 && shape.length > 3;
  const zeros = expand(zeroLike(context.cotangent), [numElements(shape)]);
  const sums = scatterElements(zeros, flat(context.outputs[1]!), flat(context.cotangent), { reduction: 'add' });
  if (!turned) return [reshape(sums, shape)];
  const spatial = shape.slice(2);
  const back = [0, 1, ...spatial.map((_, i) => shape.length - 1 - i)];
  return [transpose(reshape(sums, [...shape.slice(0, 2), ...[...spatial].reverse()]), back)];
};

/** sign(x) |x|^(p - 1), the derivative of |x|^p / p. */
function powerSlope(x: Value, p: number): Value {
  if (p === 1) return sign(x);
  if (p === 2) return x;
  return mul(x, pow(abs(x), p - 2));
}

/** g y^(1 - p), nothing where the norm y is zero. */
function normShare(g: Value, y: Value, p: number): Value {
  if (p === 1) return g;
  const isZero = equal(y, zeroLike(y));
  const share = div(g, pow(where(isZero, 1, y), p - 1));
  return where(isZero, zeroLike(y), share);
}

const lpPoolRule: GradientRule = (context) => {
  const x = inputAt(context, 0);
  const p = exponentOf(context.node.attributes);
  const { kernel, window } = windowOfPool(context);
  const shares = normShare(context.cotangent, context.outputs[0]!, p);
  return [mul(powerSlope(x, p), overWindows(shares, shapeOf(x), kernel, window))];
};

/** The rules of the pools. */
export const poolRules: Rules = {
  MaxPool: maxPoolRule,
  AveragePool: averagePoolRule,
  LpPool: lpPoolRule,
  GlobalAveragePool: (context) => {
    const shape = shapeOf(inputAt(context, 0));
    return [expand(mul(context.cotangent, 1 / numElements(shape.slice(2))), shape)];
  },
  // In equal shares to the elements that equal the largest.
  GlobalMaxPool: (context) => {
    const x = inputAt(context, 0);
    const chosen = maskOf(equal(x, globalMaxPool(x)), x.dtype);
    const axes = x.shape.map((_, axis) => axis).slice(2);
    return [mul(chosen, div(context.cotangent, reduceSum(chosen, { axes, keepDims: true })))];
  },
  GlobalLpPool: (context) => {
    const x = inputAt(context, 0);
    const p = exponentOf(context.node.attributes);
    return [mul(powerSlope(x, p), normShare(context.cotangent, context.outputs[0]!, p))];
  },
  MaxUnpool: (context) => {
    const [x, indices] = [inputAt(context, 0), inputAt(context, 1)];
    return [reshape(gather(flat(context.cotangent), flat(indices)), shapeOf(x))];
  },
  'com.microsoft.MaxpoolWithMask': { notDifferentiable: 'it does not tell which elements it chose' },
  'com.microsoft.NhwcMaxPool': { notDifferentiable: 'it computes with whole numbers' },
};
