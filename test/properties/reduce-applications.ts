/** @file Random applications of the reductions, ops along an axis, matrix products, Einsum and losses. */
import fc from 'fast-check';
import type {
  Attributes,
  alongAxisOps,
  einsumOps,
  linearOps,
  lossOps,
  matrixOps,
  reduceOps,
  selectionOps,
} from '../../src/engine/graph/index.ts';
import { float, int, string } from '../../src/engine/graph/value.ts';
import { alongAxis, forEach, type Make, unary } from './makers.ts';
import { axisFor, known, like, nearly, of, positiveDim, positiveShape, shape } from './shapes.ts';

type Table<Ops> = { readonly [Op in keyof Ops]: Make };

const reduction: Make = (opType) =>
  positiveShape(0, 4).chain((s) =>
    fc
      .tuple(fc.option(fc.array(axisFor(s.length), { maxLength: 3 }), { nil: undefined }), fc.boolean(), fc.boolean())
      .filter(
        ([axes]) => axes === undefined || new Set(axes.map((a) => (a + s.length) % s.length)).size === axes.length,
      )
      .map(([axes, keep, noop]) => ({
        opType,
        operands: [of(s), axes === undefined ? undefined : known(axes)],
        attributes: { keepdims: int(keep ? 1 : 0), noop_with_empty_axes: int(noop ? 1 : 0) },
      })),
  );

const product =
  (transposable: boolean): Make =>
  (opType) =>
    fc
      .record({
        lead: positiveShape(0, 2),
        m: positiveDim,
        k: positiveDim,
        n: positiveDim,
        otherK: fc.oneof({ weight: 6, arbitrary: fc.constant(0) }, { weight: 1, arbitrary: positiveDim }),
        transA: transposable ? fc.boolean() : fc.constant(false),
        transB: transposable ? fc.boolean() : fc.constant(false),
        vector: transposable ? fc.constant('neither') : fc.constantFrom('neither', 'neither', 'a', 'b', 'both'),
      })
      .chain(({ lead, m, k, n, otherK, transA, transB, vector }) =>
        fc.tuple(like(lead), like(lead)).map(([leadA, leadB]) => {
          const kB = otherK || k;
          const a = vector === 'a' || vector === 'both' ? [k] : [...leadA, ...(transA ? [k, m] : [m, k])];
          const b = vector === 'b' || vector === 'both' ? [kB] : [...leadB, ...(transB ? [n, kB] : [kB, n])];
          const attributes: Attributes = transposable
            ? { transA: int(transA ? 1 : 0), transB: int(transB ? 1 : 0), alpha: float(0.5) }
            : {};
          return { opType, operands: [of(a), of(b)], attributes };
        }),
      );

const gemm: Make = (opType) =>
  fc
    .record({
      m: positiveDim,
      k: positiveDim,
      n: positiveDim,
      otherK: positiveDim,
      wrong: fc.integer({ min: 0, max: 5 }),
    })
    .chain(({ m, k, n, otherK, wrong }) =>
      fc.tuple(fc.boolean(), fc.boolean(), fc.option(like([m, n]), { nil: undefined })).map(([transA, transB, c]) => {
        const kB = wrong === 0 ? otherK : k;
        return {
          opType,
          operands: [of(transA ? [k, m] : [m, k]), of(transB ? [n, kB] : [kB, n]), c && of(c)],
          attributes: { transA: int(transA ? 1 : 0), transB: int(transB ? 1 : 0) },
        };
      }),
    );

const position: Make = (opType) =>
  positiveShape(1, 3).chain((s) =>
    fc.tuple(axisFor(s.length), fc.boolean()).map(([axis, keep]) => ({
      opType,
      operands: [of(s)],
      attributes: { axis: int(axis), keepdims: int(keep ? 1 : 0) },
    })),
  );

/** Generators for the reducing ops. */
export const reduceApplications: Table<typeof reduceOps> = {
  ...forEach(['ReduceSum', 'ReduceMean', 'ReduceProd', 'ReduceMax', 'ReduceMin', 'ReduceSumSquare'], reduction),
  ...forEach(['ReduceL1', 'ReduceL2', 'ReduceLogSum', 'ReduceLogSumExp'], reduction),
  ...forEach(['ArgMax', 'ArgMin'], position),
};

const running: Make = (opType) =>
  positiveShape(1, 3).chain((s) =>
    axisFor(s.length).map((axis) => ({ opType, operands: [of(s), known([axis], [])], attributes: {} })),
  );

/** Generators for the ops along one axis. */
export const alongAxisApplications: Table<typeof alongAxisOps> = {
  ...forEach(['Softmax', 'LogSoftmax', 'Hardmax', 'LpNormalization'], alongAxis),
  ...forEach(['CumSum', 'CumProd'], running),
};

/** Generators for the selecting ops. */
export const selectionApplications: Table<typeof selectionOps> = {
  TopK: (opType) =>
    positiveShape(1, 3).chain((s) =>
      fc.tuple(axisFor(s.length), fc.integer({ min: 0, max: 4 })).map(([axis, k]) => ({
        opType,
        operands: [of(s), known([k])],
        attributes: { axis: int(axis) },
      })),
    ),
  NonZero: unary(),
  Unique: (opType) =>
    positiveShape(1, 3).chain((s) =>
      fc.option(axisFor(s.length), { nil: undefined }).map((axis) => ({
        opType,
        operands: [of(s)],
        attributes: axis === undefined ? {} : { axis: int(axis) },
      })),
    ),
};

const square: Make = (opType) =>
  fc.tuple(positiveShape(0, 2), positiveDim, fc.integer({ min: 0, max: 6 })).map(([lead, size, wrong]) => ({
    opType,
    operands: [of(wrong === 0 ? [...lead, size, size + 1] : wrong === 1 ? [size] : [...lead, size, size])],
    attributes: {},
  }));

const triangle: Make = (opType) =>
  fc.tuple(shape(1, 4), fc.integer({ min: -3, max: 3 }), fc.boolean()).map(([s, diagonal, upper]) => ({
    opType,
    operands: [of(s), known([diagonal], [])],
    attributes: { upper: int(upper ? 1 : 0) },
  }));

/** Generators for the matrix ops. */
export const matrixApplications: Table<typeof matrixOps> = {
  ...forEach(['Det', 'com.microsoft.Inverse'], square),
  ...forEach(['Trilu', 'com.microsoft.Trilu'], triangle),
};

const batchTransposed: Make = (opType) =>
  fc
    .tuple(positiveShape(1, 2), positiveDim, positiveDim, positiveDim, fc.boolean(), fc.boolean())
    .map(([lead, m, k, n, batchA, batchB]) => ({
      opType,
      operands: [of(batchA ? [m, ...lead, k] : [...lead, m, k]), of(batchB ? [k, ...lead, n] : [...lead, k, n])],
      attributes: { transBatchA: int(batchA ? 1 : 0), transBatchB: int(batchB ? 1 : 0) },
    }));

/** Generators for the matrix products. */
export const linearApplications: Table<typeof linearOps> = {
  MatMul: product(false),
  'com.microsoft.FusedMatMul': (opType) => fc.oneof(product(true)(opType), batchTransposed(opType)),
  'com.microsoft.TransposeMatMul': product(true),
  Gemm: gemm,
  'com.microsoft.FusedGemm': (opType) =>
    gemm(opType).map((one) => ({ ...one, attributes: { ...one.attributes, activation: string('Relu') } })),
  MatMulInteger: (opType) =>
    product(false)(opType).map((one) => ({
      ...one,
      operands: one.operands.map((operand) => operand && { ...operand, dtype: 'uint8' as const }),
    })),
};

/** Generators for Einsum: equations with operands that mostly fit. */
export const einsumApplications: Table<typeof einsumOps> = {
  Einsum: (opType) =>
    fc
      .constantFrom(
        ...['ij,jk->ik', 'bij,bjk->bik', 'ij->ji', 'ij->', 'i,j->ij', 'ii->i', 'ij,jk', 'i j , j -> i', 'i...->...i'],
        ...['...ij,...jk->...ik', 'ij,ij->ij', 'bii->b', 'ij->ik', 'ij->ijj'],
      )
      .chain((equation) => {
        const terms = equation.replaceAll(' ', '').split('->')[0]!.split(',');
        const sizes = { b: 2, i: 3, j: 2, k: 1 } as const;
        const fitting = terms.map((term) =>
          (term.match(/\.\.\.|[a-z]/g) ?? []).flatMap((one) => (one === '...' ? [2, 3] : [sizes[one as 'b']])),
        );
        return fc.tuple(...fitting.map((s) => nearly(s))).map((shapes) => ({
          opType,
          operands: shapes.map((s) => of(s)),
          attributes: { equation: string(equation) },
        }));
      }),
};

const classification: Make = (opType) =>
  fc
    .tuple(positiveDim, positiveDim, positiveShape(0, 2), fc.constantFrom('none', 'sum', 'mean'), fc.boolean())
    .chain(([batch, numClasses, rest, reduction, weighted]) =>
      fc.tuple(nearly([batch, ...rest]), nearly([numClasses])).map(([target, weights]) => ({
        opType,
        operands: [of([batch, numClasses, ...rest]), of(target, 'int64'), weighted ? of(weights) : undefined],
        attributes: { reduction: string(reduction) },
      })),
    );

/** Generators for the losses. */
export const lossApplications: Table<typeof lossOps> = forEach(
  ['NegativeLogLikelihoodLoss', 'SoftmaxCrossEntropyLoss'],
  classification,
);
