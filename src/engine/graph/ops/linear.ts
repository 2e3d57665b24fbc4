/** @file Matrix products. */
import { broadcastShapes, type Dim, formatShape, ShapeError } from '../../core/index.ts';
import {
  type Attributes,
  applyOp1,
  defineOp,
  float,
  floatOf,
  int,
  intOf,
  type Value,
  type ValueType,
} from '../value.ts';
import { requireDtype, required, requireRank, requireSameDtype } from './operand.ts';

function matMulType(opType: string, a: Value, b: Value, transA: boolean, transB: boolean): ValueType {
  requireDtype(
    opType,
    'operands',
    a,
    'float32',
    'float64',
    'float16',
    ...(opType === 'MatMul' ? (['int64', 'int32'] as const) : []),
  );
  requireSameDtype(opType, a, b);
  if (a.rank < 1 || b.rank < 1) throw new ShapeError(`${opType}: operands must have axes, got ${a} and ${b}`);
  const matrix = (value: Value, transposed: boolean, vectorAsRow: boolean): [Dim[], Dim, Dim] => {
    const { shape } = value;
    if (shape.length === 1) return vectorAsRow ? [[], 1, shape[0]!] : [[], shape[0]!, 1];
    const [rows, columns] = [shape[shape.length - 2]!, shape[shape.length - 1]!];
    return [shape.slice(0, -2), ...((transposed ? [columns, rows] : [rows, columns]) as [Dim, Dim])];
  };
  const [batchA, m, kA] = matrix(a, transA, true);
  const [batchB, kB, n] = matrix(b, transB, false);
  if (kA !== kB) {
    throw new ShapeError(
      `${opType}: the inner dimensions must agree, got ${formatShape(a.shape)}${transA ? 'ᵀ' : ''} and ${formatShape(b.shape)}${transB ? 'ᵀ' : ''}`,
    );
  }
  const tail = [...(a.rank > 1 ? [m] : []), ...(b.rank > 1 ? [n] : [])];
  return { dtype: a.dtype, shape: [...broadcastShapes(opType, batchA, batchB), ...tail] };
}

/** The matrix product op definitions. */
export const linearOps = {
  MatMul: defineOp('MatMul', (inputs) => [
    matMulType('MatMul', required('MatMul', inputs, 0), required('MatMul', inputs, 1), false, false),
  ]),
  'com.microsoft.FusedMatMul': defineOp(
    'FusedMatMul',
    (inputs, attributes) => {
      const [a, b] = [required('FusedMatMul', inputs, 0), required('FusedMatMul', inputs, 1)];
      return [
        matMulType('FusedMatMul', a, b, intOf(attributes, 'transA', 0) === 1, intOf(attributes, 'transB', 0) === 1),
      ];
    },
    'com.microsoft',
  ),
  Gemm: defineOp('Gemm', (inputs, attributes) => {
    const [a, b] = [required('Gemm', inputs, 0), required('Gemm', inputs, 1)];
    requireRank('Gemm', 'a', a, 2);
    requireRank('Gemm', 'b', b, 2);
    const type = matMulType('Gemm', a, b, intOf(attributes, 'transA', 0) === 1, intOf(attributes, 'transB', 0) === 1);
    const c = inputs[2];
    requireSameDtype('Gemm', a, c);
    const stretches = (dim: Dim, i: number) => dim === 1 || dim === type.shape[i + 2 - (c?.rank ?? 0)];
    if (c && !(c.rank <= 2 && c.shape.every(stretches))) {
      throw new ShapeError(`Gemm: c must broadcast to ${formatShape(type.shape)}, got ${formatShape(c.shape)}`);
    }
    return [type];
  }),
} as const;

/** The matrix product of the last two axes; leading axes broadcast. */
export function matMul(a: Value, b: Value): Value {
  return applyOp1(linearOps.MatMul, [a, b]);
}

/** How the operands of a product enter it. */
export interface ProductOptions {
  /** Swap the last two axes of a. */
  readonly transA?: boolean;
  /** Swap the last two axes of b. */
  readonly transB?: boolean;
  /** Multiplies the product; 1 if absent. */
  readonly alpha?: number;
}

const productAttributes = (options: ProductOptions): Attributes => ({
  transA: int(options.transA ? 1 : 0),
  transB: int(options.transB ? 1 : 0),
  alpha: float(options.alpha ?? 1),
});

/** `alpha · aᵀ? bᵀ?` over the last two axes, transposed without a copy (ONNX Runtime's com.microsoft.FusedMatMul). */
export function fusedMatMul(a: Value, b: Value, options: ProductOptions = {}): Value {
  return applyOp1(linearOps['com.microsoft.FusedMatMul'], [a, b], productAttributes(options));
}

/** `alpha · aᵀ? bᵀ? + beta · c` for matrices; c broadcasts to the result. */
export function gemm(a: Value, b: Value, c?: Value, options: ProductOptions & { readonly beta?: number } = {}): Value {
  return applyOp1(linearOps.Gemm, [a, b, c], { ...productAttributes(options), beta: float(options.beta ?? 1) });
}

/** How a product node was made. */
export function productOptionsOf(attributes: Attributes): Required<ProductOptions> {
  return {
    transA: intOf(attributes, 'transA', 0) === 1,
    transB: intOf(attributes, 'transB', 0) === 1,
    alpha: floatOf(attributes, 'alpha', 1),
  };
}
