/** @file Gradient rules of the ops that lay elements out anew, and reasons of those that give shapes and positions. */
import { int64, normalizeAxis, numElements, staticShape } from '../../core/index.ts';
import {
  concat,
  constant,
  constantScalar,
  depthToSpace,
  gather,
  intOf,
  intsOf,
  type layoutContribOps,
  mul,
  oneHot,
  pad,
  type rearrangeOps,
  reduceSum,
  reshape,
  reverseSequence,
  type shapeOps,
  spaceToDepth,
  stringOf,
  sub,
  transpose,
  type Value,
} from '../../graph/index.ts';
import { type GradientRule, inputAt, knownIntsAt, type NotDifferentiable } from '../rule.ts';
import { addBack } from './gather.ts';
import { padRule } from './layout.ts';

type Rules<Ops> = { readonly [Op in keyof Ops]: GradientRule | NotDifferentiable };

const shapeAt = (value: Value) => staticShape(value.shape, 'gradient of layout');

/** Blocks back to channels that were numbered by column and row first. */
function blocksToChannels(g: Value, blocksize: number): Value {
  const [n, c, h, w] = shapeAt(g) as [number, number, number, number];
  const [rows, columns] = [h / blocksize, w / blocksize];
  const apart = reshape(g, [n, c, rows, blocksize, columns, blocksize]);
  return reshape(transpose(apart, [0, 1, 3, 5, 2, 4]), [n, c * blocksize * blocksize, rows, columns]);
}

/** For every element of every column of a Col2Im, its place in the image as one number; that of no pixel is the image's size. */
function columnPlaces(
  image: readonly number[],
  block: readonly number[],
  window: { strides: readonly number[]; dilations: readonly number[]; pads: readonly number[] },
): { places: number[]; columns: number } {
  const counts = image.map((size, axis) => {
    const reach = window.dilations[axis]! * (block[axis]! - 1) + 1;
    return (
      Math.floor((size + window.pads[axis]! + window.pads[axis + image.length]! - reach) / window.strides[axis]!) + 1
    );
  });
  const [columns, area] = [numElements(counts), numElements(block)];
  const unravel = (position: number, dims: readonly number[]) => {
    let left = position;
    return [...dims]
      .reverse()
      .map((dim) => {
        const at = left % dim;
        left = Math.floor(left / dim);
        return at;
      })
      .reverse();
  };
  const places: number[] = [];
  for (let k = 0; k < area; k++) {
    const inBlock = unravel(k, block);
    for (let l = 0; l < columns; l++) {
      const at = unravel(l, counts).map(
        (place, a) => place * window.strides[a]! - window.pads[a]! + inBlock[a]! * window.dilations[a]!,
      );
      const isInside = at.every((position, a) => position >= 0 && position < image[a]!);
      places.push(isInside ? at.reduce((sum, position, a) => sum * image[a]! + position, 0) : numElements(image));
    }
  }
  return { places, columns };
}

/** The rules of the ops that lay elements out anew. */
export const rearrangeRules: Rules<typeof rearrangeOps> = {
  Tile: (context) => {
    const shape = shapeAt(inputAt(context, 0));
    const repeats = knownIntsAt(context, 1, 'the repeats');
    const axes = repeats.flatMap((times, axis) => (times === 1 ? [] : [axis]));
    if (axes.length === 0) return [context.cotangent];
    const apart = shape.flatMap((dim, axis) => (axes.includes(axis) ? [repeats[axis]!, dim] : [dim]));
    const summed = axes.map((axis, i) => axis + i);
    return [reshape(reduceSum(reshape(context.cotangent, apart), { axes: summed }), shape)];
  },
  DepthToSpace: (context) => {
    const size = intOf(context.node.attributes, 'blocksize', 1);
    const isDepthFirst = stringOf(context.node.attributes, 'mode', 'DCR') === 'DCR';
    return [isDepthFirst ? spaceToDepth(context.cotangent, size) : blocksToChannels(context.cotangent, size)];
  },
  SpaceToDepth: (context) => [depthToSpace(context.cotangent, intOf(context.node.attributes, 'blocksize', 1))],
  ReverseSequence: (context) => {
    const timeAxis = intOf(context.node.attributes, 'time_axis', 0) === 1 ? 1 : 0;
    return [reverseSequence(context.cotangent, inputAt(context, 1), { timeAxis })];
  },
  Compress: (context) => {
    const x = inputAt(context, 0);
    const shape = shapeAt(x);
    const hasAxis = context.node.attributes.axis !== undefined;
    const axis = hasAxis ? normalizeAxis(intOf(context.node.attributes, 'axis', 0), shape.length, 'Compress') : 0;
    const from = hasAxis ? shape : [numElements(shape)];
    const kept = knownIntsAt(context, 1, 'the condition').flatMap((holds, i) => (holds && i < from[axis]! ? [i] : []));
    const back = addBack(x, from, axis, constant(int64(kept)), context.cotangent);
    return [reshape(back, shape)];
  },
  CenterCropPad: (context) => {
    const [from, to] = [shapeAt(inputAt(context, 0)), shapeAt(context.cotangent)];
    const before = from.map((dim, axis) => {
      const grown = to[axis]! - dim;
      return grown >= 0 ? Math.floor(grown / 2) : -Math.floor(-grown / 2);
    });
    const after = from.map((dim, axis) => to[axis]! - dim - before[axis]!);
    return [
      pad(
        context.cotangent,
        before.map((width) => -width),
        after.map((width) => -width),
      ),
    ];
  },
  Col2Im: (context) => {
    const x = inputAt(context, 0);
    const [image, block] = [knownIntsAt(context, 1, 'the image'), knownIntsAt(context, 2, 'the block')];
    const ones = image.map(() => 1);
    const { places, columns } = columnPlaces(image, block, {
      strides: intsOf(context.node.attributes, 'strides', ones),
      dilations: intsOf(context.node.attributes, 'dilations', ones),
      pads: intsOf(
        context.node.attributes,
        'pads',
        [...ones, ...ones].map(() => 0),
      ),
    });
    const [n, c] = shapeAt(context.cotangent) as [number, number];
    const pixels = pad(reshape(context.cotangent, [n, c, numElements(image)]), [0, 0, 0], [0, 0, 1]);
    const picked = gather(pixels, constant(int64(places, [numElements(block), columns])), 2);
    return [reshape(picked, shapeAt(x))];
  },
};

const fixed: NotDifferentiable = { notDifferentiable: 'its result is the same whatever the elements are' };

/** The rules of the ops about shapes and positions. */
export const shapeRules: Rules<typeof shapeOps> = {
  Shape: fixed,
  Size: fixed,
  ConstantOfShape: fixed,
  EyeLike: fixed,
  Range: {
    notDifferentiable: 'how many numbers it gives depends on its operands; where they are known it is a constant',
  },
  OneHot: (context) => {
    const indices = inputAt(context, 0);
    const axis = intOf(context.node.attributes, 'axis', -1);
    const depth = knownIntsAt(context, 1, 'the depth')[0]!;
    const marks = concat(
      [
        reshape(constantScalar(0, context.cotangent.dtype), [1]),
        reshape(constantScalar(1, context.cotangent.dtype), [1]),
      ],
      0,
    );
    const on = reduceSum(mul(context.cotangent, oneHot(indices, depth, marks, axis)));
    const off = sub(reduceSum(context.cotangent), on);
    return [undefined, undefined, concat([reshape(off, [1]), reshape(on, [1])], 0)];
  },
};

/** The rules of ONNX Runtime's own ops on layout. */
export const layoutContribRules: Rules<typeof layoutContribOps> = {
  'com.microsoft.Pad': padRule,
  'com.microsoft.ExpandDims': (context) => [reshape(context.cotangent, shapeAt(inputAt(context, 0)))],
  'com.microsoft.Unique': { notDifferentiable: 'how many different elements there are is known only when it runs' },
  'com.microsoft.CropAndResize': {
    notDifferentiable: 'ONNX Runtime has no kernel that adds resized pieces back; Slice and Resize have gradients',
  },
};
