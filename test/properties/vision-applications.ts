/** @file Random applications of normalizations, and of the ops that resize pictures or read them at given places. */
import fc from 'fast-check';
import type { normalizationContribOps, normalizationOps, resizeOps, visionOps } from '../../src/engine/graph/index.ts';
import { int, ints, string } from '../../src/engine/graph/value.ts';
import type { Make } from './makers.ts';
import { axisFor, known, nearly, of, positiveDim, positiveShape } from './shapes.ts';
import type { Operand } from './verdict.ts';

/** A count that is mostly `size`. */
const mostly = (size: number) =>
  fc.oneof({ weight: 7, arbitrary: fc.constant(size) }, { weight: 1, arbitrary: fc.constant(size + 1) });

const overLastAxes =
  (bias: boolean): Make =>
  (opType) =>
    positiveShape(1, 3).chain((s) =>
      axisFor(s.length).chain((axis) =>
        fc.tuple(nearly(s.slice(axis)), fc.boolean()).map(([scale, hasBias]) => ({
          opType,
          operands: [of(s), of(scale), ...(bias ? [hasBias ? of(s.slice(axis)) : undefined] : [])],
          attributes: { axis: int(axis) },
        })),
      ),
    );

const perChannel =
  (numParameters: number, minRank: number, groups = false): Make =>
  (opType) =>
    positiveShape(minRank, 4).chain((s) =>
      fc.tuple(mostly(s[1]!), fc.constantFrom(1, s[1]!)).map(([channels, numGroups]) => ({
        opType,
        operands: [of(s), ...Array.from({ length: numParameters }, (_, i) => of([i === 1 ? channels : s[1]!]))],
        attributes: groups ? { num_groups: int(numGroups) } : {},
      })),
    );

/** Generators for the normalizations. */
export const normalizationApplications: {
  readonly [Op in keyof typeof normalizationOps | keyof typeof normalizationContribOps]: Make;
} = {
  LayerNormalization: overLastAxes(true),
  RMSNormalization: overLastAxes(false),
  SimplifiedLayerNormalization: overLastAxes(false),
  BatchNormalization: perChannel(4, 2),
  InstanceNormalization: perChannel(2, 3),
  GroupNormalization: perChannel(2, 3, true),
  LRN: (opType) =>
    fc
      .tuple(positiveShape(3, 4), fc.constantFrom(1, 3, 3, 5, 2))
      .map(([s, size]) => ({ opType, operands: [of(s)], attributes: { size: int(size) } })),
  MeanVarianceNormalization: (opType) =>
    positiveShape(1, 4).chain((s) =>
      fc.uniqueArray(fc.integer({ min: 0, max: s.length - 1 }), { minLength: 1 }).map((axes) => ({
        opType,
        operands: [of(s)],
        attributes: { axes: ints(axes) },
      })),
    ),
  'com.microsoft.SkipLayerNormalization': skipped([2, 3, 4]),
  'com.microsoft.SkipSimplifiedLayerNormalization': skipped([2, 3]),
  'com.microsoft.EmbedLayerNormalization': (opType) =>
    fc.tuple(positiveDim, positiveDim, positiveDim, fc.boolean()).chain(([batch, time, dim, segments]) =>
      mostly(dim).map((scale) => ({
        opType,
        operands: [
          of([batch, time], 'int32'),
          segments ? of([batch, time], 'int32') : undefined,
          of([5, dim]),
          of([4, dim]),
          segments ? of([2, dim]) : undefined,
          of([scale]),
          of([dim]),
        ],
        attributes: {},
      })),
    ),
};

function skipped(parameters: readonly number[]): Make {
  return (opType) =>
    positiveShape(2, 3).chain((s) =>
      fc.tuple(nearly(s), mostly(s.at(-1)!), fc.boolean()).map(([skip, scale, all]) => {
        const vectors = parameters.map((_, i) => (i === 0 ? of([scale]) : all ? of([s.at(-1)!]) : undefined));
        return { opType, operands: [of(s), of(skip), ...vectors], attributes: {} };
      }),
    );
}

const regions = (count: number, width: number): Operand => of([count, width]);

/** Generators for resizing and for reading at given places. */
export const visionApplications: { readonly [Op in keyof typeof visionOps | keyof typeof resizeOps]: Make } = {
  Resize: (opType) =>
    fc
      .tuple(positiveShape(4, 4), fc.array(positiveDim, { minLength: 2, maxLength: 3 }), fc.boolean())
      .map(([s, sizes, ofPlane]) => ({
        opType,
        operands: [of(s), undefined, undefined, known(ofPlane ? sizes : [...s.slice(0, 2), ...sizes])],
        attributes: {
          mode: string('linear'),
          ...(ofPlane ? { axes: ints([2, 3]) } : {}),
        },
      })),
  GridSample: (opType) =>
    fc.tuple(positiveShape(4, 4), positiveShape(2, 2)).chain(([s, places]) =>
      fc.tuple(mostly(s[0]!), mostly(2)).map(([batch, last]) => ({
        opType,
        operands: [of(s), of([batch, ...places, last])],
        attributes: { mode: string('linear') },
      })),
    ),
  AffineGrid: (opType) =>
    fc.tuple(positiveShape(4, 5), positiveDim).chain(([s]) =>
      mostly(s.length - 2).map((rows) => ({
        opType,
        operands: [of([s[0]!, rows, s.length - 1]), known(s)],
        attributes: {},
      })),
    ),
  RoiAlign: (opType) =>
    fc.tuple(positiveShape(4, 4), positiveDim).chain(([s, count]) =>
      fc.tuple(mostly(4), mostly(count), positiveDim).map(([width, indices, height]) => ({
        opType,
        operands: [of(s), regions(count, width), of([indices], 'int64')],
        attributes: { output_height: int(height), output_width: int(2), sampling_ratio: int(2) },
      })),
    ),
  MaxRoiPool: (opType) =>
    fc.tuple(positiveShape(3, 3), positiveDim, mostly(5), positiveDim).map(([s, count, width, height]) => ({
      opType,
      operands: [of([2, ...s]), regions(count, width)],
      attributes: { pooled_shape: ints([height, 2]) },
    })),
  NonMaxSuppression: (opType) =>
    fc.tuple(positiveDim, positiveDim, positiveDim).chain(([batch, count, classes]) =>
      fc.tuple(mostly(4), mostly(count)).map(([width, scored]) => ({
        opType,
        operands: [of([batch, count, width]), of([batch, classes, scored]), known([2])],
        attributes: {},
      })),
    ),
};
