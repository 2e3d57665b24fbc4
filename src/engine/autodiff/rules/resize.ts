/**
 * @file Gradient rule of Resize. It is linear in x and works axis by axis: along each axis the result is a matrix times x, and the
 * cotangent its transpose times g. The matrix is what Resize makes of the identity, which is computed once, when the graph is loaded.
 */
import { numElements, ShapeError, staticShape, Tensor } from '../../core/index.ts';
import {
  type Attributes,
  applyOp,
  averagePool,
  cast,
  constant,
  constantInts,
  constantIntsOf,
  constantOf,
  fusedMatMul,
  matMul,
  mul,
  reduceSum,
  reshape,
  resizedAxes,
  resizeOps,
  resizeScales,
  slice,
  stringOf,
  transpose,
  type Value,
} from '../../graph/index.ts';
import { type GradientRule, inputAt, type NotDifferentiable, type RuleContext } from '../rule.ts';

type Rules = { readonly [Op in keyof typeof resizeOps]: GradientRule | NotDifferentiable };

/** How one axis is resized. */
interface AxisResize {
  readonly axis: number;
  readonly from: number;
  readonly to: number;
  /** As it was given; undefined where sizes were. */
  readonly scale: number | undefined;
  /** Where the region begins and ends, of the whole axis. */
  readonly region: readonly [number, number];
}

const vector = (elements: readonly number[]) =>
  constant(new Tensor('float32', [elements.length], Float32Array.from(elements)));

/** The axes that Resize changes, with what it is told of each. */
function changedAxes(context: RuleContext): AxisResize[] {
  const { attributes } = context.node;
  const [x, roi, scalesInput] = context.inputs;
  const [from, to] = [x!, context.outputs[0]!].map((value) => staticShape(value.shape, 'gradient of Resize'));
  const axes = resizedAxes(attributes, x!.rank);
  const scales = resizeScales(scalesInput);
  if (scalesInput && scalesInput.shape[0] !== 0 && scales === undefined) {
    throw new ShapeError('gradient of Resize: the scales must be known when traced');
  }
  const isCropping = stringOf(attributes, 'coordinate_transformation_mode', 'half_pixel') === 'tf_crop_and_resize';
  const region = isCropping && roi ? constantOf(roi) : undefined;
  if (isCropping && region === undefined) {
    throw new ShapeError('gradient of Resize: the region must be known when traced');
  }
  return axes
    .map((axis, i): AxisResize => {
      const ends = region && [region.data[i], region.data[i + axes.length]].map(Number);
      return { axis, from: from![axis]!, to: to![axis]!, scale: scales?.[i], region: [ends?.[0] ?? 0, ends?.[1] ?? 1] };
    })
    .filter(({ from, to, scale, region }) => from !== to || (scale ?? 1) !== 1 || region.join() !== '0,1');
}

/** Whether every element is repeated a whole number of times. */
function repeats(attributes: Attributes, { from, to, scale }: AxisResize): boolean {
  if (stringOf(attributes, 'mode', 'nearest') !== 'nearest' || to % from !== 0) return false;
  if (scale !== undefined && scale !== to / from) return false;
  const coordinates = stringOf(attributes, 'coordinate_transformation_mode', 'half_pixel');
  const nearest = stringOf(attributes, 'nearest_mode', 'round_prefer_floor');
  return coordinates === 'asymmetric'
    ? nearest === 'floor'
    : ['half_pixel', 'pytorch_half_pixel'].includes(coordinates) && nearest.startsWith('round');
}

/** The matrix `[to, from]` that the axis is multiplied with. */
function matrixOf(attributes: Attributes, { from, to, scale, region }: AxisResize, like: Value): Value {
  const identity = new Float32Array(from * from);
  for (let i = 0; i < from; i++) identity[i * (from + 1)] = 1;
  const { axes: _, keep_aspect_ratio_policy: __, extrapolation_value: ___, ...rest } = attributes;
  const inputs = [
    constant(new Tensor('float32', [from, from], identity)),
    vector([region[0], 0, region[1], 1]),
    scale === undefined ? undefined : vector([scale, 1]),
    scale === undefined ? constantInts([to, from]) : undefined,
  ];
  return cast(applyOp(resizeOps.Resize, inputs, rest)[0]!, like.dtype);
}

/**
 * The matrix of an axis whose size follows another's, as the aspect ratio is kept: the factor is the other axis's, so both are resized, of
 * pictures that are constant along the other one.
 */
function followingMatrixOf(context: RuleContext, one: AxisResize, like: Value): Value {
  const { attributes } = context.node;
  const [x, asked] = [inputAt(context, 0), constantIntsOf(context.inputs[3])];
  if (asked === undefined) throw new ShapeError('gradient of Resize: the sizes must be known when traced');
  const axes = resizedAxes(attributes, x.rank);
  const ratios = axes.map((axis, i) => asked[i]! / Number(x.shape[axis]));
  const policy = stringOf(attributes, 'keep_aspect_ratio_policy', 'stretch');
  const leading = ratios.indexOf(policy === 'not_larger' ? Math.min(...ratios) : Math.max(...ratios));
  if (axes[leading] === one.axis) return matrixOf(attributes, one, like);
  const [from, other] = [one.from, Number(x.shape[axes[leading]!])];
  const pictures = new Float32Array(from * from * other);
  for (let i = 0; i < from; i++) pictures.fill(1, i * (from + 1) * other, (i * (from + 1) + 1) * other);
  const inputs = [
    constant(new Tensor('float32', [1, from, from, other], pictures)),
    undefined,
    undefined,
    constantInts([asked[axes.indexOf(one.axis)]!, asked[leading]!]),
  ];
  const [resized] = applyOp(resizeOps.Resize, inputs, { ...attributes, axes: { kind: 'ints', value: [2, 3] } });
  const first = slice(resized!, { starts: [0], ends: [1], axes: [3] });
  return cast(transpose(reshape(first, [from, one.to]), [1, 0]), like.dtype);
}

/** The transpose of the matrix times g along the axis. */
function alongAxis(g: Value, { axis, from, to }: AxisResize, matrix: Value): Value {
  const shape = staticShape(g.shape, 'gradient of Resize');
  const after = shape.map((dim, a) => (a === axis ? from : dim));
  const tail = numElements(shape.slice(axis + 1));
  const lead = numElements(shape.slice(0, axis));
  if (tail === 1) return reshape(matMul(reshape(g, [lead, to]), matrix), after);
  return reshape(fusedMatMul(matrix, reshape(g, [lead, to, tail]), { transA: true }), after);
}

const resizeRule: GradientRule = (context) => {
  const { attributes } = context.node;
  const x = inputAt(context, 0);
  const axes = changedAxes(context);
  const keepsAspect = stringOf(attributes, 'keep_aspect_ratio_policy', 'stretch') !== 'stretch';
  const repeated = keepsAspect ? [] : axes.filter((one) => repeats(attributes, one));
  let g = context.cotangent;
  // What shrinks most comes first: the later products are smaller for it.
  for (const one of axes.filter((axis) => !repeated.includes(axis)).sort((a, b) => b.to / b.from - a.to / a.from)) {
    g = alongAxis(g, one, keepsAspect ? followingMatrixOf(context, one, x) : matrixOf(attributes, one, x));
  }
  if (repeated.length === 0) return [g];
  if (x.rank === 4 && x.dtype === 'float32' && repeated.every(({ axis }) => axis >= 2)) {
    const factors = [2, 3].map((axis) => {
      const one = repeated.find((candidate) => candidate.axis === axis);
      return one ? one.to / one.from : 1;
    });
    return [mul(averagePool(g, factors, { strides: factors }), numElements(factors))];
  }
  const parts = staticShape(g.shape, 'gradient of Resize').map((dim, axis) => {
    const one = repeated.find((candidate) => candidate.axis === axis);
    return one ? [one.from, one.to / one.from] : [dim];
  });
  const copies: number[] = [];
  parts.reduce((place, part) => {
    if (part.length === 2) copies.push(place + 1);
    return place + part.length;
  }, 0);
  return [reduceSum(reshape(g, parts.flat()), { axes: copies })];
};

/** The rule of Resize. */
export const resizeRules: Rules = { Resize: resizeRule };
