/** @file Gradient rules of the ops that read pictures at given places, or why they have none. B: batch; C: channels; N: places. */
import { numElements, staticShape, Tensor, UnsupportedOpError } from '../../core/index.ts';
import {
  abs,
  add,
  affineGrid,
  and,
  cast,
  clip,
  concat,
  constant,
  equal,
  expand,
  floor,
  fusedMatMul,
  gatherElements,
  greaterOrEqual,
  intOf,
  less,
  mul,
  reduceSum,
  reshape,
  round,
  scatterElements,
  sign,
  slice,
  stringOf,
  sub,
  transpose,
  type Value,
  type visionOps,
  where,
} from '../../graph/index.ts';
import { type GradientRule, inputAt, maskOf, type NotDifferentiable, type RuleContext, zeroLike } from '../rule.ts';

type Rules = { readonly [Op in keyof typeof visionOps]: GradientRule | NotDifferentiable };

/** Where the places lie along one axis of the picture, `[B, 1, N]` in elements, and how far they move with the grid. */
interface Places {
  readonly at: Value;
  readonly slope: Value | number;
}

/** From the grid's numbers in [-1, 1] to elements of an axis; beyond the axis by the padding mode. */
function placesAlong(component: Value, size: number, padding: string, alignCorners: boolean): Places {
  const scale = alignCorners ? (size - 1) / 2 : size / 2;
  const free = alignCorners ? mul(add(component, 1), scale) : sub(mul(add(component, 1), scale), 0.5);
  if (padding === 'border') {
    const inside = and(greaterOrEqual(free, 0), less(free, size - 1));
    return { at: clip(free, 0, size - 1), slope: mul(maskOf(inside, free.dtype), scale) };
  }
  if (padding !== 'reflection') return { at: free, slope: scale };
  // Mirrored at both ends as often as it takes: forth in even turns, back in odd ones.
  const [low, range] = alignCorners ? [0, size - 1] : [-0.5, size];
  const distance = sub(free, low);
  const far = abs(distance);
  const turns = floor(mul(far, 1 / range));
  const rest = sub(far, mul(turns, range));
  const isForth = equal(sub(turns, mul(floor(mul(turns, 0.5)), 2)), 0);
  const at = where(isForth, add(rest, low), sub(low + range, rest));
  const direction = where(isForth, sign(distance), mul(sign(distance), -1));
  return { at, slope: mul(direction, scale) };
}

/** One of the elements around every place along one axis: its index, and whether it counts, as it does but for zeros around the picture. */
function neighbour(at: Value, size: number, padding: string): { index: Value; counts: Value | undefined } {
  const counts = padding === 'zeros' ? maskOf(and(greaterOrEqual(at, 0), less(at, size)), at.dtype) : undefined;
  return { index: clip(at, 0, size - 1), counts };
}

/**
 * A place between elements reads a sum over the corners around it, weighted by the distance along each axis. Toward x those weights times
 * g are added back to the corners; toward the grid go the differences of the corners along each axis.
 */
const gridSampleRule: GradientRule = (context) => {
  const [x, grid, g] = [inputAt(context, 0), inputAt(context, 1), context.cotangent];
  const { attributes } = context.node;
  const mode = stringOf(attributes, 'mode', 'linear');
  if (mode === 'cubic') {
    throw new UnsupportedOpError('gradients: GridSample has no gradient along cubic curves; sample linearly');
  }
  const [batch, channels, ...spatial] = staticShape(x.shape, 'gradient of GridSample') as [number, number, ...number[]];
  const numPlaces = numElements(staticShape(g.shape, 'gradient of GridSample').slice(2));
  const rank = spatial.length;
  const [padding, align] = [stringOf(attributes, 'padding_mode', 'zeros'), intOf(attributes, 'align_corners', 0) === 1];
  const flatGrid = reshape(grid, [batch, numPlaces, rank]);
  const places = spatial.map((size, axis) => {
    const last = rank - 1 - axis;
    const component = slice(flatGrid, { starts: [last], ends: [last + 1], axes: [2] });
    return placesAlong(reshape(component, [batch, 1, numPlaces]), size, padding, align);
  });
  const bases = places.map(({ at }) => (mode === 'nearest' ? round(at) : floor(at)));
  const parts = places.map(({ at }, axis) => sub(at, bases[axis]!));
  const isNearest = mode === 'nearest';
  const corners = Array.from({ length: isNearest ? 1 : 2 ** rank }, (_, corner) => {
    const ends = spatial.map((_, axis) => (corner >> axis) & 1);
    const found = spatial.map((size, axis) => neighbour(add(bases[axis]!, ends[axis]!), size, padding));
    const index = found
      .map(({ index }, axis) => mul(index, numElements(spatial.slice(axis + 1))))
      .reduce((sum, one) => add(sum, one));
    const weights = ends.map((end, axis) => (isNearest ? undefined : end ? parts[axis]! : sub(1, parts[axis]!)));
    const counts = found.map((one) => one.counts);
    return { ends, index: expand(cast(index, 'int64'), [batch, channels, numPlaces]), weights, counts };
  });
  const cotangent = reshape(g, [batch, channels, numPlaces]);
  const product = (values: readonly (Value | undefined)[]): Value | number =>
    values.reduce<Value | number>((all, value) => {
      if (value === undefined) return all;
      return all === 1 ? value : mul(all as Value, value);
    }, 1);
  const towardX = () => {
    const zeros = expand(zeroLike(x), [batch, channels, numElements(spatial)]);
    const shares = corners.map(({ weights, counts }) => mul(cotangent, product([...counts, ...weights])));
    const indices = corners.map(({ index }) => index);
    const sums = scatterElements(zeros, concat(indices, 2), concat(shares, 2), { axis: 2, reduction: 'add' });
    return reshape(sums, x.shape);
  };
  const towardGrid = () => {
    const flat = reshape(x, [batch, channels, numElements(spatial)]);
    const sums = corners.map(({ index, counts }) => {
      const along = reduceSum(mul(cotangent, gatherElements(flat, index, 2)), { axes: [1], keepDims: true });
      return mul(along, product(counts));
    });
    const components = spatial.map((_, axis) => {
      const total = corners
        .map(({ ends, weights }, i) => {
          const share = mul(sums[i]!, product(weights.filter((_, other) => other !== axis)));
          return ends[axis] ? share : mul(share, -1);
        })
        .reduce((sum, one) => add(sum, one));
      return mul(total, places[axis]!.slope);
    });
    const [all, order] = [concat(components.reverse(), 1), [0, 2, 1]];
    return reshape(transpose(all, order), grid.shape);
  };
  return [context.needs(0) ? towardX() : undefined, context.needs(1) && !isNearest ? towardGrid() : undefined];
};

/** The grid is theta times the places of a picture that nothing moves, with a 1 behind each: toward theta g times those. */
const affineGridRule: GradientRule = (context: RuleContext) => {
  const [theta, g] = [inputAt(context, 0), context.cotangent];
  const shape = staticShape(g.shape, 'gradient of AffineGrid');
  const [batch, rank] = [shape[0]!, shape.at(-1)!];
  const count = numElements(shape.slice(1, -1));
  const still = new Float32Array(rank * (rank + 1));
  for (let i = 0; i < rank; i++) still[i * (rank + 2)] = 1;
  const unmoved = constant(new Tensor('float32', [1, rank, rank + 1], still));
  const alignCorners = intOf(context.node.attributes, 'align_corners', 0) === 1;
  const places = reshape(affineGrid(unmoved, [1, 1, ...shape.slice(1, -1)], { alignCorners }), [1, count, rank]);
  const ones = constant(new Tensor('float32', [1, count, 1], new Float32Array(count).fill(1)));
  const base = expand(cast(concat([places, ones], 2), theta.dtype), [batch, count, rank + 1]);
  return [fusedMatMul(reshape(g, [batch, count, rank]), base, { transA: true })];
};

/** The rules of the ops that read pictures at given places. */
export const visionRules: Rules = {
  GridSample: gridSampleRule,
  AffineGrid: affineGridRule,
  RoiAlign: {
    notDifferentiable: 'how many samples a region gets depends on its size; cut regions out with GridSample',
  },
  MaxRoiPool: { notDifferentiable: 'it does not tell which elements it chose' },
  NonMaxSuppression: { notDifferentiable: 'its results are indices' },
};
