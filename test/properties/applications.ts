/** @file Random applications of every op: mostly well formed, sometimes just not, so that refusals are compared too. */
import fc from 'fast-check';
import type { Dtype } from '../../src/engine/core/index.ts';
import type { OpType } from '../../src/engine/graph/index.ts';
import { int, ints, string } from '../../src/engine/graph/value.ts';
import {
  activationApplications,
  bitwiseApplications,
  elementwiseApplications,
  randomApplications,
  trigonometricApplications,
} from './elementwise-applications.ts';
import { type Make, unary } from './makers.ts';
import {
  alongAxisApplications,
  einsumApplications,
  linearApplications,
  lossApplications,
  matrixApplications,
  reduceApplications,
  selectionApplications,
} from './reduce-applications.ts';
import { axisFor, known, like, nearly, of, positiveDim, positiveShape, shape } from './shapes.ts';

interface Window {
  readonly kernel: number[];
  readonly strides: number[];
  readonly dilations: number[];
  readonly pads: number[];
}

const windowFor = (numSpatial: number, padBelowKernel: boolean): fc.Arbitrary<Window> => {
  const each = (min: number, max: number, count = numSpatial) =>
    fc.array(fc.integer({ min, max }), { minLength: count, maxLength: count });
  return fc
    .record({ kernel: each(1, 3), strides: each(1, 3), dilations: each(1, 2), pads: each(0, 2, 2 * numSpatial) })
    .map((w) => ({
      ...w,
      pads: padBelowKernel ? w.pads.map((width, i) => Math.min(width, w.kernel[i % numSpatial]! - 1)) : w.pads,
    }));
};

const convolution =
  (transposed: boolean): Make =>
  (opType) =>
    fc
      .record({
        batch: positiveDim,
        spatial: fc.array(fc.integer({ min: 1, max: 5 }), { minLength: 1, maxLength: 2 }),
        inPerGroup: fc.integer({ min: 1, max: 2 }),
        outPerGroup: fc.integer({ min: 1, max: 2 }),
        group: fc.integer({ min: 1, max: 2 }),
        bias: fc.option(fc.constantFrom(0, 0, 0, 1), { nil: undefined }),
        wrongChannels: fc.integer({ min: 0, max: 6 }),
      })
      .chain((c) =>
        windowFor(c.spatial.length, false).map((window) => {
          const channels = c.inPerGroup * c.group + (c.wrongChannels === 0 ? 1 : 0);
          const outputs = c.outPerGroup * c.group;
          const w = transposed ? [c.inPerGroup * c.group, c.outPerGroup] : [outputs, c.inPerGroup];
          return {
            opType,
            operands: [
              of([c.batch, channels, ...c.spatial]),
              of([...w, ...window.kernel]),
              c.bias === undefined ? undefined : of([outputs + c.bias]),
            ],
            attributes: {
              strides: ints(window.strides),
              dilations: ints(window.dilations),
              pads: ints(window.pads),
              group: int(c.group),
            },
          };
        }),
      );

const pool =
  (dilated: boolean): Make =>
  (opType) =>
    fc
      .tuple(positiveDim, positiveDim, fc.array(fc.integer({ min: 1, max: 6 }), { minLength: 1, maxLength: 2 }))
      .chain(([batch, channels, spatial]) =>
        windowFor(spatial.length, true).map((window) => ({
          opType,
          operands: [of([batch, channels, ...spatial])],
          attributes: {
            kernel_shape: ints(window.kernel),
            strides: ints(window.strides),
            pads: ints(window.pads),
            ...(dilated ? { dilations: ints(window.dilations) } : { count_include_pad: int(1) }),
          },
        })),
      );

const scatterReduction = fc.constantFrom('none', 'add');

/** A generator of applications for every op. */
export const applications: { readonly [Op in OpType]: Make } = {
  ...elementwiseApplications,
  ...trigonometricApplications,
  ...activationApplications,
  ...bitwiseApplications,
  ...randomApplications,
  ...reduceApplications,
  ...alongAxisApplications,
  ...selectionApplications,
  ...matrixApplications,
  ...linearApplications,
  ...einsumApplications,
  ...lossApplications,
  Identity: unary(),
  Reshape: (opType) =>
    fc
      .tuple(positiveShape(0, 4), fc.array(fc.constantFrom(-1, 0, 1, 2, 3, 4, 6, -2), { maxLength: 4 }), fc.boolean())
      .map(([s, random, regroup]) => {
        const target = regroup && s.length > 1 ? [s[0]! * s[1]!, ...s.slice(2)] : random;
        return { opType, operands: [of(s), known(target)], attributes: {} };
      }),
  Transpose: (opType) =>
    shape().chain((s) =>
      fc
        .oneof(
          {
            weight: 8,
            arbitrary: fc.shuffledSubarray(
              s.map((_, a) => a),
              { minLength: s.length },
            ),
          },
          { weight: 1, arbitrary: fc.array(fc.integer({ min: 0, max: 4 }), { minLength: 1, maxLength: 4 }) },
        )
        .map((perm) => ({ opType, operands: [of(s)], attributes: s.length === 0 ? {} : { perm: ints(perm) } })),
    ),
  Expand: (opType) =>
    shape().chain((base) =>
      fc
        .tuple(like(base), like(base))
        .map(([s, target]) => ({ opType, operands: [of(s), known(target)], attributes: {} })),
    ),
  Unsqueeze: (opType) =>
    fc
      .tuple(shape(0, 3), fc.array(fc.integer({ min: -5, max: 4 }), { minLength: 1, maxLength: 2 }))
      .map(([s, axes]) => ({ opType, operands: [of(s), known(axes)], attributes: {} })),
  Squeeze: (opType) =>
    shape(1, 4).chain((s) =>
      fc.array(axisFor(s.length), { minLength: 1, maxLength: 2 }).map((axes) => {
        const ones = s.flatMap((size, axis) => (size === 1 ? [axis] : []));
        return { opType, operands: [of(s), known(ones.length > 0 && axes[0]! >= 0 ? ones : axes)], attributes: {} };
      }),
    ),
  Concat: (opType) =>
    shape(1, 3).chain((s) =>
      fc
        .tuple(
          axisFor(s.length),
          fc.array(nearly(s), { minLength: 1, maxLength: 3 }),
          fc.array(positiveDim, { minLength: 4, maxLength: 4 }),
        )
        .map(([axis, others, sizes]) => ({
          opType,
          operands: [s, ...others].map((one, i) => of(one.map((size, a) => (a === axis ? sizes[i]! : size)))),
          attributes: { axis: int(axis) },
        })),
    ),
  Split: (opType) =>
    shape(1, 3).chain((s) =>
      fc
        .tuple(
          axisFor(s.length),
          fc.array(fc.integer({ min: -1, max: 2 }), { maxLength: 2 }),
          fc.integer({ min: 0, max: 5 }),
        )
        .map(([axis, sizes, wrong]) => {
          const size = s.at(axis) ?? 1;
          const rest = size - sizes.reduce((sum, part) => sum + part, 0) + (wrong === 0 ? 1 : 0);
          return { opType, operands: [of(s), known([...sizes, rest])], attributes: { axis: int(axis) } };
        }),
    ),
  Slice: (opType) =>
    shape(1, 3).chain((s) =>
      fc.uniqueArray(fc.integer({ min: 0, max: s.length - 1 }), { minLength: 1, maxLength: s.length }).chain((axes) => {
        const each = <T>(values: fc.Arbitrary<T>) =>
          fc.array(values, { minLength: axes.length, maxLength: axes.length });
        const index = fc.oneof(fc.integer({ min: -5, max: 5 }), fc.constantFrom(-100, 100, 2 ** 40, -(2 ** 40)));
        const step = fc.constantFrom(1, 1, 1, 2, 3, -1, -2, 0, 5, -5);
        return fc
          .tuple(each(index), each(index), each(step), each(fc.boolean()))
          .map(([starts, ends, steps, fromEnd]) => ({
            opType,
            operands: [
              of(s),
              known(starts),
              known(ends),
              known(axes.map((axis, i) => (fromEnd[i] ? axis - s.length : axis))),
              known(steps),
            ],
            attributes: {},
          }));
      }),
    ),
  Pad: (opType) =>
    shape(1, 3).chain((s) =>
      fc
        .tuple(
          fc.array(fc.integer({ min: -2, max: 2 }), { minLength: 2 * s.length, maxLength: 2 * s.length }),
          fc.integer({ min: 0, max: 8 }),
        )
        .map(([widths, wrong]) => ({
          opType,
          operands: [of(s), known(wrong === 0 ? [...widths, 0] : widths), of([])],
          attributes: {},
        })),
    ),
  Gather: (opType) =>
    positiveShape(1, 3).chain((s) =>
      fc
        .tuple(axisFor(s.length), shape(0, 2), fc.constantFrom<Dtype>('int64', 'int32', 'float32'))
        .map(([axis, i, dtype]) => ({
          opType,
          operands: [of(s), of(i, dtype)],
          attributes: { axis: int(axis) },
        })),
    ),
  GatherElements: (opType) =>
    positiveShape(1, 3).chain((s) =>
      fc.tuple(axisFor(s.length), nearly(s)).map(([axis, i]) => ({
        opType,
        operands: [of(s), of(i, 'int64')],
        attributes: { axis: int(axis) },
      })),
    ),
  GatherND: (opType) =>
    fc
      .tuple(positiveShape(1, 3), positiveShape(0, 2), fc.integer({ min: 1, max: 4 }))
      .map(([s, lead, depth]) => ({ opType, operands: [of(s), of([...lead, depth], 'int64')], attributes: {} })),
  ScatterElements: (opType) =>
    positiveShape(1, 3).chain((s) =>
      fc.tuple(axisFor(s.length), nearly(s), scatterReduction).chain(([axis, i, reduction]) =>
        nearly(i).map((u) => ({
          opType,
          operands: [of(s), of(i, 'int64'), of(u)],
          attributes: { axis: int(axis), reduction: string(reduction) },
        })),
      ),
    ),
  ScatterND: (opType) =>
    fc
      .tuple(positiveShape(1, 3), positiveShape(0, 2), fc.integer({ min: 1, max: 4 }), scatterReduction)
      .chain(([s, lead, depth, reduction]) =>
        nearly([...lead, ...s.slice(depth)]).map((u) => ({
          opType,
          operands: [of(s), of([...lead, depth], 'int64'), of(u)],
          attributes: { reduction: string(reduction) },
        })),
      ),
  LayerNormalization: (opType) =>
    positiveShape(1, 3).chain((s) =>
      axisFor(s.length).chain((axis) =>
        fc.tuple(nearly(s.slice(axis)), fc.boolean()).map(([scale, bias]) => ({
          opType,
          operands: [of(s), of(scale), bias ? of(s.slice(axis)) : undefined],
          attributes: { axis: int(axis) },
        })),
      ),
    ),
  Conv: convolution(false),
  ConvTranspose: convolution(true),
  MaxPool: pool(true),
  AveragePool: pool(false),
  GlobalAveragePool: (opType) => positiveShape(1, 4).map((s) => ({ opType, operands: [of(s)], attributes: {} })),
};
