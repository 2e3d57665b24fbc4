/** @file Random applications of every op: mostly well formed, sometimes just not, so that refusals are compared too. */
import fc from 'fast-check';
import type { controlFlowOps, OpType, sequenceOps } from '../../src/engine/graph/index.ts';
import { int, ints } from '../../src/engine/graph/value.ts';
import { classicalApplications } from './classical-applications.ts';
import {
  activationApplications,
  bitwiseApplications,
  elementwiseApplications,
  randomApplications,
  trigonometricApplications,
} from './elementwise-applications.ts';
import { indexingApplications } from './indexing-applications.ts';
import { layoutApplications } from './layout-applications.ts';
import type { Make } from './makers.ts';
import { quantizeApplications } from './quantize-applications.ts';
import {
  alongAxisApplications,
  einsumApplications,
  linearApplications,
  lossApplications,
  matrixApplications,
  reduceApplications,
  selectionApplications,
} from './reduce-applications.ts';
import { sequenceModelApplications } from './sequence-model-applications.ts';
import { axisFor, nearly, of, positiveDim, positiveShape } from './shapes.ts';

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

/** The ops on tensors: those on lists and those with subgraphs are held to ONNX Runtime in `control-flow.test.ts`. */
export type TensorOp = Exclude<OpType, keyof typeof sequenceOps | keyof typeof controlFlowOps>;

/** A generator of applications for every op on tensors. */
export const applications: { readonly [Op in TensorOp]: Make } = {
  ...classicalApplications,
  ...quantizeApplications,
  ...sequenceModelApplications,
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
  ...layoutApplications,
  ...indexingApplications,
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
