/** @file Ops that work along one axis and keep the shape: softmax and its kin, running sums and products. */
import { type Dtype, isRanked, normalizeAxis } from '../../core/index.ts';
import { constantIntsOf, constantScalar } from '../constants.ts';
import { applyOp1, defineOp, int, intOf, type OpDefinition, type Value } from '../value.ts';
import { floats, indexTypes, summable } from './element-types.ts';
import { requireDtype, required, requireFloat } from './operand.ts';

const normalizing =
  (opType: string, allowed: readonly Dtype[] = floats): OpDefinition['infer'] =>
  (inputs, attributes) => {
    const x = required(opType, inputs, 0);
    requireFloat(opType, x);
    requireDtype(opType, 'the operand', x, ...allowed);
    if (isRanked(x.shape)) normalizeAxis(intOf(attributes, 'axis', -1), x.rank, opType);
    return [{ dtype: x.dtype, shape: x.shape }];
  };

const running =
  (opType: string): OpDefinition['infer'] =>
  (inputs) => {
    const [x, axis] = [required(opType, inputs, 0), required(opType, inputs, 1)];
    requireDtype(opType, 'the operand', x, ...summable);
    requireDtype(opType, 'the axis', axis, ...indexTypes);
    const known = constantIntsOf(axis)?.[0];
    if (known !== undefined && isRanked(x.shape)) normalizeAxis(known, x.rank, opType);
    return [{ dtype: x.dtype, shape: x.shape }];
  };

/** The op definitions. */
export const alongAxisOps = {
  Softmax: defineOp('Softmax', normalizing('Softmax')),
  LogSoftmax: defineOp('LogSoftmax', normalizing('LogSoftmax')),
  Hardmax: defineOp('Hardmax', normalizing('Hardmax')),
  LpNormalization: defineOp('LpNormalization', (inputs, attributes) => {
    const p = intOf(attributes, 'p', 2);
    if (p !== 1 && p !== 2) throw new RangeError(`LpNormalization: p must be 1 or 2, got ${p}`);
    return normalizing('LpNormalization')(inputs, attributes);
  }),
  CumSum: defineOp('CumSum', running('CumSum')),
  CumProd: defineOp('CumProd', running('CumProd'), '', { since: 26 }),
} as const;

/** exp(x) divided by its sum along `axis`. */
export function softmax(x: Value, axis = -1): Value {
  return applyOp1(alongAxisOps.Softmax, [x], { axis: int(axis) });
}

/** The logarithm of the softmax along `axis`, computed without overflow. */
export function logSoftmax(x: Value, axis = -1): Value {
  return applyOp1(alongAxisOps.LogSoftmax, [x], { axis: int(axis) });
}

/** 1 at the largest element along `axis`, the first of equals, and 0 elsewhere. */
export function hardmax(x: Value, axis = -1): Value {
  return applyOp1(alongAxisOps.Hardmax, [x], { axis: int(axis) });
}

/** x divided by its norm along `axis`: the sum of absolute values (p = 1), or the length (p = 2). A row of zeros stays zeros. */
export function lpNormalization(x: Value, options: { axis?: number; p?: 1 | 2 } = {}): Value {
  const { axis = -1, p = 2 } = options;
  return applyOp1(alongAxisOps.LpNormalization, [x], { axis: int(axis), p: int(p) });
}

/** Which elements a running sum or product takes in. */
export interface RunningOptions {
  /** Leave the element itself out. */
  readonly exclusive?: boolean;
  /** Run from the end. */
  readonly reverse?: boolean;
}

const run =
  (op: OpDefinition, subject: string) =>
  (x: Value, axis: number, options: RunningOptions = {}): Value =>
    applyOp1(op, [x, constantScalar(normalizeAxis(axis, x.rank, subject), 'int64')], {
      exclusive: int(options.exclusive ? 1 : 0),
      reverse: int(options.reverse ? 1 : 0),
    });

/** Running sums along `axis`. `exclusive` leaves the element itself out; `reverse` runs from the end. */
export const cumSum = run(alongAxisOps.CumSum, 'cumSum');
/** Running products along `axis`. Written for operator set 26. */
export const cumProd = run(alongAxisOps.CumProd, 'cumProd');
