/** @file Random applications of the ops that move elements and of those about shapes. */
import fc from 'fast-check';
import type { layoutContribOps, layoutOps, rearrangeOps, shapeOps } from '../../src/engine/graph/index.ts';
import { int, ints, string } from '../../src/engine/graph/value.ts';
import { type Make, unary } from './makers.ts';
import { axisFor, known, like, nearly, of, positiveDim, positiveShape, type Shape, shape } from './shapes.ts';
import type { Operand } from './verdict.ts';

type Layout = typeof layoutOps & typeof shapeOps & typeof rearrangeOps & typeof layoutContribOps;

const index = fc.integer({ min: -4, max: 4 });

/** A constant of whole numbers of 32 bits. */
const known32 = (values: readonly number[], knownShape: Shape): Operand => ({
  dtype: 'int32',
  shape: knownShape,
  ints: values,
});

/** Pad by the first `numModes` of its modes, sometimes on some axes only. */
const padding =
  (numModes: number): Make =>
  (opType) =>
    shape(1, 3).chain((s) =>
      fc
        .tuple(
          fc.array(fc.integer({ min: -2, max: 2 }), { minLength: 2 * s.length, maxLength: 2 * s.length }),
          fc.integer({ min: 0, max: 8 }),
          fc.constantFrom(...['constant', 'edge', 'reflect', 'wrap'].slice(0, numModes)),
          fc.boolean(),
        )
        .map(([widths, wrong, mode, isPartial]) => {
          const given = wrong === 0 ? [...widths, 0] : widths;
          if (isPartial && numModes === 4) {
            return {
              opType,
              operands: [of(s), known(given.slice(0, 2)), of([]), known([-1])],
              attributes: { mode: string(mode) },
            };
          }
          return { opType, operands: [of(s), known(given), of([])], attributes: { mode: string(mode) } };
        }),
    );

/** The ops on layout and shapes. */
export const layoutApplications: { readonly [Op in keyof Layout]: Make } = {
  Identity: unary(),
  Reshape: (opType) =>
    fc
      .tuple(
        fc.oneof({ weight: 3, arbitrary: positiveShape(0, 4) }, { weight: 1, arbitrary: shape(1, 3) }),
        fc.array(fc.constantFrom(-1, 0, 1, 2, 3, 4, 6, -2), { maxLength: 4 }),
        fc.boolean(),
        fc.constantFrom(undefined, undefined, 0, 1),
      )
      .map(([s, random, regroup, allowZero]) => {
        const target = regroup && s.length > 1 ? [s[0]! * s[1]!, ...s.slice(2)] : random;
        const attributes = allowZero === undefined ? {} : { allowzero: int(allowZero) };
        return { opType, operands: [of(s), known(target)], attributes };
      }),
  Flatten: (opType) =>
    shape().chain((s) =>
      fc.integer({ min: -s.length - 1, max: s.length + 1 }).map((axis) => ({
        opType,
        operands: [of(s)],
        attributes: { axis: int(axis) },
      })),
    ),
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
      fc.tuple(fc.array(axisFor(s.length), { minLength: 1, maxLength: 2 }), fc.boolean()).map(([axes, all]) => {
        if (all) return { opType, operands: [of(s)], attributes: {} };
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
          fc.integer({ min: 0, max: 3 }),
        )
        .map(([axis, sizes, wrong, count]) => {
          if (count > 0) return { opType, operands: [of(s)], attributes: { axis: int(axis), num_outputs: int(count) } };
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
  Pad: padding(4),
  Shape: (opType) =>
    fc
      .tuple(shape(), fc.option(index, { nil: undefined }), fc.option(index, { nil: undefined }))
      .map(([s, start, end]) => ({
        opType,
        operands: [of(s)],
        attributes: {
          ...(start === undefined ? {} : { start: int(start) }),
          ...(end === undefined ? {} : { end: int(end) }),
        },
      })),
  Size: unary(),
  ConstantOfShape: (opType) =>
    fc
      .array(fc.integer({ min: -1, max: 3 }), { maxLength: 3 })
      .map((target) => ({ opType, operands: [known(target)], attributes: {} })),
  Range: (opType) =>
    fc
      .tuple(index, index, fc.constantFrom(1, 2, -1, -3, 0), fc.constantFrom<Shape>([], [], [], [1]), fc.boolean())
      .map(([start, limit, delta, s, isFed]) => ({
        opType,
        operands: isFed ? [of([1]), of(s), of([1])] : [known([start], s), known([limit], []), known([delta], [])],
        attributes: {},
      })),
  EyeLike: (opType) =>
    fc
      .tuple(fc.oneof({ weight: 6, arbitrary: shape(2, 2) }, { weight: 1, arbitrary: shape(1, 3) }), index)
      .map(([s, k]) => ({ opType, operands: [of(s)], attributes: { k: int(k) } })),
  OneHot: (opType) =>
    shape(0, 3).chain((s) =>
      fc
        .tuple(
          axisFor(s.length + 1),
          fc.integer({ min: 0, max: 3 }),
          fc.constantFrom<Shape>([], [1]),
          fc.constantFrom(2, 2, 2, 3),
        )
        .map(([axis, depth, depthShape, numValues]) => ({
          opType,
          operands: [of(s, 'int64'), known([depth], depthShape), of([numValues])],
          attributes: { axis: int(axis) },
        })),
    ),
  Tile: (opType) =>
    shape(1, 3).chain((s) =>
      fc
        .tuple(
          fc.array(fc.integer({ min: 0, max: 3 }), { minLength: s.length, maxLength: s.length }),
          fc.integer({ min: 0, max: 6 }),
        )
        .map(([times, wrong]) => ({
          opType,
          operands: [of(s), known(wrong === 0 ? [...times, 1] : times)],
          attributes: {},
        })),
    ),
  DepthToSpace: (opType) =>
    fc
      .tuple(
        positiveShape(4, 4),
        fc.integer({ min: 1, max: 2 }),
        fc.constantFrom('DCR', 'CRD'),
        fc.constantFrom(1, 1, 1, 0),
      )
      .map(([[n, c, h, w], block, mode, exact]) => ({
        opType,
        operands: [of([n!, exact === 1 ? c! * block * block : c!, h!, w!])],
        attributes: { blocksize: int(block), mode: string(mode) },
      })),
  SpaceToDepth: (opType) =>
    fc
      .tuple(positiveShape(4, 4), fc.integer({ min: 1, max: 2 }), fc.constantFrom(1, 1, 1, 0))
      .map(([[n, c, h, w], block, exact]) => ({
        opType,
        operands: [of(exact === 1 ? [n!, c!, h! * block, w! * block] : [n!, c!, h!, w!])],
        attributes: { blocksize: int(block) },
      })),
  ReverseSequence: (opType) =>
    fc.tuple(positiveShape(2, 4), fc.constantFrom(0, 1), fc.constantFrom(0, 0, 0, 1)).map(([s, time, wrong]) => ({
      opType,
      operands: [of(s), of([s[1 - time]! + wrong], 'int64')],
      attributes: { time_axis: int(time), batch_axis: int(1 - time) },
    })),
  Compress: (opType) =>
    positiveShape(1, 3).chain((s) =>
      fc.tuple(fc.option(axisFor(s.length), { nil: undefined }), positiveDim).map(([axis, count]) => ({
        opType,
        operands: [of(s), of([count], 'bool')],
        attributes: axis === undefined ? {} : { axis: int(axis) },
      })),
    ),
  CenterCropPad: (opType) =>
    positiveShape(1, 3).chain((s) =>
      fc
        .tuple(
          fc.uniqueArray(fc.integer({ min: 0, max: s.length - 1 }), { minLength: 1, maxLength: s.length }),
          fc.array(fc.integer({ min: 1, max: 5 }), { minLength: 3, maxLength: 3 }),
        )
        .map(([axes, sizes]) => ({
          opType,
          operands: [of(s), known(sizes.slice(0, axes.length))],
          attributes: { axes: ints(axes) },
        })),
    ),
  Col2Im: (opType) =>
    fc
      .record({
        n: positiveDim,
        c: positiveDim,
        block: fc.array(fc.integer({ min: 1, max: 2 }), { minLength: 2, maxLength: 2 }),
        image: fc.array(fc.integer({ min: 2, max: 4 }), { minLength: 2, maxLength: 2 }),
        strides: fc.array(fc.integer({ min: 1, max: 2 }), { minLength: 2, maxLength: 2 }),
        pads: fc.array(fc.integer({ min: 0, max: 1 }), { minLength: 4, maxLength: 4 }),
        wrong: fc.integer({ min: 0, max: 6 }),
      })
      .map(({ n, c, block, image, strides, pads, wrong }) => {
        const places = image.map(
          (size, a) => Math.floor((size + pads[a]! + pads[a + 2]! - block[a]!) / strides[a]!) + 1,
        );
        const columns = places[0]! * places[1]! + (wrong === 0 ? 1 : 0);
        return {
          opType,
          operands: [of([n, c * block[0]! * block[1]!, columns]), known(image), known(block)],
          attributes: { strides: ints(strides), pads: ints(pads) },
        };
      }),
  'com.microsoft.Pad': padding(3),
  'com.microsoft.ExpandDims': (opType) =>
    shape(1, 3).chain((s) =>
      axisFor(s.length + 1).map((axis) => ({
        opType,
        operands: [of(s), known32([axis], [])],
        attributes: {},
      })),
    ),
  'com.microsoft.Unique': (opType) =>
    fc
      .oneof({ weight: 6, arbitrary: positiveShape(1, 1) }, { weight: 1, arbitrary: positiveShape(2, 2) })
      .map((s) => ({ opType, operands: [of(s)], attributes: {} })),
  'com.microsoft.CropAndResize': (opType) =>
    fc.tuple(positiveShape(4, 4), positiveDim, positiveDim, positiveDim).map(([s, boxes, h, w]) => ({
      opType,
      operands: [of(s), of([boxes, 4]), of([boxes], 'int32'), known32([h, w], [2])],
      attributes: {},
    })),
};
