/** @file Random applications of the ops that gather and scatter. */
import fc from 'fast-check';
import type { Dtype } from '../../src/engine/core/index.ts';
import type { gatherOps, scatterOps } from '../../src/engine/graph/index.ts';
import { int, string } from '../../src/engine/graph/value.ts';
import type { Make } from './makers.ts';
import { axisFor, nearly, of, positiveShape, shape } from './shapes.ts';

const scatterReduction = fc.constantFrom('none', 'add', 'mul', 'max', 'min');

/** Coordinates within each of the first `batch` axes, which are mostly those of the data. */
const coordinates =
  (dtype: Dtype, mostBatch: number): Make =>
  (opType) =>
    positiveShape(2, 4).chain((s) =>
      fc
        .tuple(positiveShape(0, 2), fc.integer({ min: 1, max: 3 }), fc.integer({ min: 0, max: mostBatch }), nearly(s))
        .map(([lead, depth, batch, other]) => ({
          opType,
          operands: [of(s), of([...other.slice(0, batch), ...lead, depth], dtype)],
          attributes: batch === 0 ? {} : { batch_dims: int(batch) },
        })),
    );

/** The ops that gather and scatter. */
export const indexingApplications: { readonly [Op in keyof (typeof gatherOps & typeof scatterOps)]: Make } = {
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
  GatherND: coordinates('int64', 1),
  'com.microsoft.GatherND': coordinates('int32', 0),
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
  TensorScatter: (opType) =>
    positiveShape(2, 4).chain((s) =>
      fc
        .tuple(axisFor(s.length), nearly(s), fc.boolean(), fc.constantFrom('linear', 'circular'))
        .map(([axis, u, placed, mode]) => ({
          opType,
          operands: [of(s), of(u), placed ? of([s[0]!], 'int64') : undefined],
          attributes: { axis: int(axis), mode: string(mode) },
        })),
    ),
};
