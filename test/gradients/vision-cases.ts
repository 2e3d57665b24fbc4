/** @file Cases of the ops that read pictures at given places. */
import { affineGrid, gridSample, mul, type visionOps } from '../../src/engine/graph/index.ts';
import { exactly, type GradientCase, uniform } from './checker.ts';

type Options = NonNullable<Parameters<typeof gridSample>[2]>;

/** Coordinates, in elements, that are far from the middle and the edges of elements, in the picture and beyond it. */
const inElements = [0.3, 1.7, -0.8, 2.2, 3.7, 0.7, 1.3, -1.7, 2.8, 4.3, 0.2, 2.3];

/** A grid that reads a picture of the given sizes (last axis first) at those elements. */
function gridOf(shape: readonly number[], sizes: readonly number[], alignCorners: boolean) {
  const count = shape.reduce((product, dim) => product * dim, 1);
  const elements = Array.from({ length: count }, (_, i) => {
    const [at, size] = [inElements[(i * 5) % inElements.length]!, sizes[i % sizes.length]!];
    return alignCorners ? (2 * at) / (size - 1) - 1 : (2 * at + 1) / size - 1;
  });
  return exactly(shape, elements);
}

const sampled = (what: string, options: Options, inSpace = false): GradientCase => {
  const align = options.alignCorners ?? false;
  return inSpace
    ? {
        name: `GridSample ${what}`,
        operands: [uniform([1, 2, 3, 3, 4]), gridOf([1, 2, 1, 2, 3], [4, 3, 3], align)],
        apply: ([x, grid]) => gridSample(x!, grid!, options),
      }
    : {
        name: `GridSample ${what}`,
        operands: [uniform([2, 2, 3, 4]), gridOf([2, 2, 3, 2], [4, 3], align)],
        apply: ([x, grid]) => gridSample(x!, grid!, options),
      };
};

/** The cases of the ops that read pictures at given places. */
export const visionCases = {
  GridSample: [
    sampled('between elements', {}),
    sampled('between elements, from middle to middle', { alignCorners: true }),
    sampled('between elements, by the border outside', { padding: 'border' }),
    sampled('between elements, by the border outside, from middle to middle', {
      padding: 'border',
      alignCorners: true,
    }),
    sampled('between elements, mirrored outside', { padding: 'reflection' }),
    sampled('between elements, mirrored outside, from middle to middle', { padding: 'reflection', alignCorners: true }),
    sampled('at the nearest element', { mode: 'nearest' }),
    sampled('in space', { padding: 'border' }, true),
  ],
  AffineGrid: [
    {
      name: 'AffineGrid of a plane',
      operands: [uniform([2, 2, 3])],
      apply: ([theta]) => affineGrid(theta!, [2, 1, 2, 3]),
      dtype: 'float32',
    },
    {
      name: 'AffineGrid of space, from middle to middle',
      operands: [uniform([1, 3, 4])],
      apply: ([theta]) => mul(affineGrid(theta!, [1, 1, 2, 2, 3], { alignCorners: true }), 0.5),
      dtype: 'float32',
    },
  ],
} as const satisfies { readonly [Op in keyof typeof visionOps]?: readonly GradientCase[] };
