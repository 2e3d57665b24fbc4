/** @file Cases of Resize: every mode and every way to say where an element comes from. */
import {
  applyOp,
  constantInts,
  ops,
  type ResizeOptions,
  resize,
  type resizeOps,
} from '../../src/engine/graph/index.ts';
import { string } from '../../src/engine/graph/value.ts';
import { type GradientCase, uniform } from './checker.ts';

const resized = (what: string, shape: readonly number[], options: ResizeOptions): GradientCase => ({
  name: `Resize ${what}`,
  operands: [uniform(shape)],
  apply: ([x]) => resize(x!, options),
  dtype: 'float32',
});

const plane = [1, 2, 3, 4];
const larger = { axes: [2, 3], sizes: [5, 7] };
const smaller = { axes: [2, 3], sizes: [2, 3] };

/** The cases of Resize. */
export const resizeCases = {
  Resize: [
    resized('to twice the size by repeating', plane, { scales: [1, 1, 2, 2] }),
    resized('to three times the size by repeating, from the corner', plane, {
      axes: [3, 2],
      sizes: [12, 6],
      coordinates: 'asymmetric',
      nearest: 'floor',
    }),
    resized('to the nearest, larger', plane, larger),
    resized('to the nearest, smaller', plane, { ...smaller, nearest: 'ceil' }),
    resized('to the nearest, from the corner', plane, { ...larger, coordinates: 'asymmetric', nearest: 'ceil' }),
    resized('along lines, larger', plane, { ...larger, mode: 'linear' }),
    resized('along lines, smaller, widened', plane, { ...smaller, mode: 'linear', antialias: true }),
    resized('along lines between the outer elements', plane, {
      ...larger,
      mode: 'linear',
      coordinates: 'align_corners',
    }),
    resized('along lines as PyTorch does', plane, { ...smaller, mode: 'linear', coordinates: 'pytorch_half_pixel' }),
    resized('along lines by scales that leave a rest', plane, { scales: [1, 1, 1.7, 1.3], mode: 'linear' }),
    resized('along lines, symmetric, by a scale that leaves a rest', plane, {
      scales: [1, 1, 1.7, 1],
      mode: 'linear',
      coordinates: 'half_pixel_symmetric',
    }),
    resized('of a region', plane, {
      sizes: [1, 2, 4, 3],
      mode: 'linear',
      coordinates: 'tf_crop_and_resize',
      region: [0, 0, 0.2, -0.3, 1, 1, 0.9, 1.2],
      extrapolation: 2,
    }),
    resized('along curves, larger', plane, { ...larger, mode: 'cubic' }),
    resized('along curves without what is outside, smaller', plane, {
      ...smaller,
      mode: 'cubic',
      excludeOutside: true,
      cubicCoefficient: -0.5,
    }),
    resized('along one axis of three', [2, 3, 4], { scales: [1, 1, 2.5], mode: 'linear' }),
    {
      name: 'Resize that keeps the proportions',
      operands: [uniform([1, 1, 3, 4])],
      apply: ([x]) =>
        applyOp(ops.Resize, [x, undefined, undefined, constantInts([7, 6])], {
          axes: { kind: 'ints', value: [2, 3] },
          mode: string('linear'),
          keep_aspect_ratio_policy: string('not_larger'),
        }),
      dtype: 'float32',
    },
  ],
} as const satisfies { readonly [Op in keyof typeof resizeOps]: readonly GradientCase[] };
