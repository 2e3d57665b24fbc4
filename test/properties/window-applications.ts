/** @file Random applications of the ops that move a window over pictures. */
import fc from 'fast-check';
import type { convolutionOps, poolOps } from '../../src/engine/graph/index.ts';
import { int, ints, string } from '../../src/engine/graph/value.ts';
import type { Make } from './makers.ts';
import { known, of, positiveDim, positiveShape } from './shapes.ts';
import type { Application } from './verdict.ts';

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

/** The same applications with changes. */
const changed =
  (make: Make, change: (application: Application) => Application): Make =>
  (opType) =>
    make(opType).map(change);

/** Operands of a convolution of bytes. */
const ofBytes = (application: Application): Application => ({
  ...application,
  operands: application.operands.slice(0, 2).map((operand) => operand && { ...operand, dtype: 'uint8' as const }),
});

/** Two spatial axes, which some ops are limited to. */
const flat =
  (make: Make): Make =>
  (opType) =>
    make(opType).filter(({ operands }) => operands[0]!.shape.length === 4);

const automatic =
  (make: Make): Make =>
  (opType) =>
    fc
      .tuple(make(opType), fc.constantFrom('NOTSET', 'NOTSET', 'SAME_UPPER', 'SAME_LOWER', 'VALID'))
      .map(([one, mode]) => {
        if (mode === 'NOTSET') return one;
        const { pads: _, dilations: __, ...rest } = one.attributes;
        return { ...one, attributes: { ...rest, auto_pad: string(mode) } };
      });

const deformed: Make = (opType) =>
  flat(convolution(false))(opType).chain((one) =>
    fc.integer({ min: 0, max: 5 }).map((wrong) => {
      const [x, w, bias] = one.operands;
      const axes = [0, 1].map((i) => {
        const { strides, pads, dilations } = one.attributes as Record<string, { value: readonly number[] }>;
        const reach = dilations!.value[i]! * (w!.shape[i + 2]! - 1) + 1;
        const size = x!.shape[i + 2]! + pads!.value[i]! + pads!.value[i + 2]!;
        return Math.floor((size - reach) / strides!.value[i]!) + 1;
      });
      const places = axes.map((length) => Math.max(1, length));
      const taps = w!.shape[2]! * w!.shape[3]!;
      const offset = of([x!.shape[0]!, 2 * taps + (wrong === 0 ? 1 : 0), ...places]);
      return { ...one, operands: [x, w, offset, bias] };
    }),
  );

const plane: Make = (opType) => positiveShape(1, 4).map((s) => ({ opType, operands: [of(s)], attributes: {} }));

const unpooled: Make = (opType) =>
  pool(false)(opType).chain((one) =>
    fc.boolean().map((fits) => {
      const { shape } = one.operands[0]!;
      const { dilations: _, count_include_pad: __, pads: ___, ...rest } = one.attributes;
      const indices = of(fits ? shape : [...shape.slice(0, -1), shape.at(-1)! + 1], 'int64');
      return { ...one, operands: [one.operands[0], indices], attributes: rest };
    }),
  );

/** Generators for the convolutions. */
export const convolutionApplications: { readonly [Op in keyof typeof convolutionOps]: Make } = {
  Conv: automatic(convolution(false)),
  ConvTranspose: automatic(convolution(true)),
  ConvInteger: changed(convolution(false), ofBytes),
  'com.microsoft.FusedConv': changed(convolution(false), (one) => ({
    ...one,
    attributes: { ...one.attributes, activation: string('Relu') },
  })),
  'com.microsoft.ConvTransposeWithDynamicPads': changed(flat(convolution(true)), (one) => {
    const { pads, ...attributes } = one.attributes as typeof one.attributes & { pads: { value: readonly number[] } };
    const [x, w, bias] = one.operands;
    return { ...one, operands: [x, w, known(pads.value), bias], attributes };
  }),
  DeformConv: deformed,
};

/** Generators for the pools. */
export const poolApplications: { readonly [Op in keyof typeof poolOps]: Make } = {
  MaxPool: automatic(pool(true)),
  AveragePool: automatic(pool(false)),
  LpPool: pool(true),
  GlobalAveragePool: plane,
  GlobalMaxPool: plane,
  GlobalLpPool: plane,
  MaxUnpool: unpooled,
  'com.microsoft.MaxpoolWithMask': changed(flat(pool(false)), (one) => {
    const { count_include_pad: _, ...attributes } = one.attributes;
    return { ...one, operands: [one.operands[0], of(one.operands[0]!.shape, 'int32')], attributes };
  }),
  'com.microsoft.NhwcMaxPool': changed(pool(true), (one) => {
    const [batch, channels, ...spatial] = one.operands[0]!.shape as [number, number, ...number[]];
    return { ...one, operands: [of([batch, ...spatial, channels], 'int8')] };
  }),
};
