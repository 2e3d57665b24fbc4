/** @file Cases of the reductions, of the ops along one axis, and of those that pick elements by their values. */
import {
  type alongAxisOps,
  applyOp,
  constantInts,
  cumProd,
  cumSum,
  logSoftmax,
  lpNormalization,
  type ReduceOptions,
  type RunningOptions,
  reduceL1,
  reduceL2,
  reduceLogSum,
  reduceLogSumExp,
  reduceMax,
  reduceMean,
  reduceMin,
  reduceOps,
  reduceProd,
  reduceSum,
  reduceSumSquare,
  type selectionOps,
  softmax,
  topK,
  type Value,
} from '../../src/engine/graph/index.ts';
import { int } from '../../src/engine/graph/value.ts';
import { awayFromZero, distinct, exactly, type GradientCase, type OperandSpec, uniform } from './checker.ts';

type Draw = (shape: readonly number[]) => OperandSpec;

function one(name: string, operand: OperandSpec, apply: (x: Value) => Value | readonly Value[]): GradientCase {
  return { name, operands: [operand], apply: ([x]) => apply(x!) };
}

const positive: Draw = (shape) => uniform(shape, 0.5, 2.5);

const reductionCases = (
  name: string,
  reduce: (x: Value, options?: ReduceOptions) => Value,
  draw: Draw = uniform,
): GradientCase[] => [
  one(`${name} of everything`, draw([2, 3]), (x) => reduce(x)),
  one(`${name} over the last axis`, draw([2, 3]), (x) => reduce(x, { axes: [-1] })),
  one(`${name} over two axes, kept`, draw([2, 3, 4]), (x) => reduce(x, { axes: [2, 0], keepDims: true })),
  one(`${name} over the middle axis`, draw([2, 3, 2]), (x) => reduce(x, { axes: [1] })),
];

/** A reduction over no axis: of each element by itself. */
const ofEach = (opType: keyof typeof reduceOps, draw: Draw = uniform): GradientCase =>
  one(`${opType} over no axes`, draw([2, 3]), (x) =>
    applyOp(reduceOps[opType], [x, constantInts([])], { noop_with_empty_axes: int(1) }),
  );

/** The cases of the reducing ops. */
export const reduceCases = {
  ReduceSum: [...reductionCases('ReduceSum', reduceSum), ofEach('ReduceSum')],
  ReduceMean: [...reductionCases('ReduceMean', reduceMean), ofEach('ReduceMean')],
  ReduceProd: [
    ...reductionCases('ReduceProd', reduceProd, awayFromZero),
    ofEach('ReduceProd', awayFromZero),
    one('ReduceProd with no, one and two zeros', exactly([3, 3], [1.5, -2, 0.5, 1.5, 0, -0.5, 0, 2, 0]), (x) =>
      reduceProd(x, { axes: [1] }),
    ),
  ],
  ReduceMax: reductionCases('ReduceMax', reduceMax, distinct),
  ReduceMin: reductionCases('ReduceMin', reduceMin, distinct),
  ReduceSumSquare: [...reductionCases('ReduceSumSquare', reduceSumSquare), ofEach('ReduceSumSquare')],
  ReduceL1: [...reductionCases('ReduceL1', reduceL1, awayFromZero), ofEach('ReduceL1', awayFromZero)],
  ReduceL2: [...reductionCases('ReduceL2', reduceL2), ofEach('ReduceL2', awayFromZero)],
  ReduceLogSum: [...reductionCases('ReduceLogSum', reduceLogSum, positive), ofEach('ReduceLogSum', positive)],
  ReduceLogSumExp: [...reductionCases('ReduceLogSumExp', reduceLogSumExp), ofEach('ReduceLogSumExp')],
} as const satisfies { readonly [Op in keyof typeof reduceOps]?: readonly GradientCase[] };

const runningCases = (
  name: string,
  apply: (x: Value, axis: number, options: RunningOptions) => Value,
  draw: Draw,
): GradientCase[] =>
  [false, true].flatMap((exclusive) =>
    [false, true].map((reverse) =>
      one(`${name}${exclusive ? ', exclusive' : ''}${reverse ? ', reversed' : ''}`, draw([3, 4]), (x) =>
        apply(x, exclusive ? 0 : -1, { exclusive, reverse }),
      ),
    ),
  );

const normalizingCases = (
  name: string,
  apply: (x: Value, axis?: number) => Value,
  draw: Draw = uniform,
): GradientCase[] => [
  one(`${name} along the last axis`, draw([3, 4]), (x) => apply(x)),
  one(`${name} along the first axis`, draw([3, 2]), (x) => apply(x, 0)),
  one(`${name} along a middle axis`, draw([2, 3, 2]), (x) => apply(x, -2)),
];

/** Rows without a zero, with one in each place, and with two. */
const withZeros = exactly([4, 4], [0, 2, -1.5, 0.5, 1.5, -2, 0, 0.5, 1.5, 0, -1, 0, 0.5, 2, -1, 1.5]);

/** The cases of the ops along one axis. */
export const alongAxisCases = {
  Softmax: normalizingCases('Softmax', softmax),
  LogSoftmax: normalizingCases('LogSoftmax', logSoftmax),
  LpNormalization: [
    ...normalizingCases('LpNormalization by length', (x, axis = -1) => lpNormalization(x, { axis })),
    ...normalizingCases('LpNormalization by sums', (x, axis = -1) => lpNormalization(x, { axis, p: 1 }), awayFromZero),
  ],
  CumSum: runningCases('CumSum', cumSum, uniform),
  CumProd: [
    ...runningCases('CumProd', cumProd, awayFromZero),
    ...runningCases('CumProd with zeros', cumProd, () => withZeros),
  ],
} as const satisfies { readonly [Op in keyof typeof alongAxisOps]?: readonly GradientCase[] };

/** The cases of the selecting ops. */
export const selectionCases = {
  TopK: [
    one('TopK along the last axis', distinct([3, 5]), (x) => topK(x, 2).values),
    one('TopK along the first axis', distinct([4, 3]), (x) => topK(x, 3, 0).values),
    one('TopK of the smallest', distinct([2, 4]), (x) => topK(x, 2, 1, { largest: false }).values),
  ],
} as const satisfies { readonly [Op in keyof typeof selectionOps]?: readonly GradientCase[] };
