/** @file Matrix products. */
import {
  broadcastShapes,
  type Dim,
  type Dtype,
  dimsFit,
  formatShape,
  isRanked,
  type Shape,
  ShapeError,
  unknownDim,
  unknownShape,
} from '../../core/index.ts';
import {
  type Attributes,
  applyOp1,
  defineOp,
  float,
  floatOf,
  int,
  intOf,
  type OpDefinition,
  type Value,
  type ValueType,
} from '../value.ts';
import { summable } from './element-types.ts';
import { requireDtype, required, requireSameDtype } from './operand.ts';

const fusedFloats: readonly Dtype[] = ['float32', 'float64', 'float16'];

/** How the axes of one operand lie before the product is taken. */
interface Layout {
  /** The last two axes are swapped. */
  readonly transposed: boolean;
  /** The first axis stands where the rows should, and the leading axes follow it. */
  readonly batchTransposed?: boolean;
}

/** The leading axes, rows and columns of an operand; a vector is a row on the left and a column on the right. */
function matrixOf(shape: Shape, layout: Layout, vectorAsRow: boolean): [Dim[], Dim, Dim] {
  if (shape.length === 1) return vectorAsRow ? [[], 1, shape[0]!] : [[], shape[0]!, 1];
  const last = shape[shape.length - 1]!;
  const batch = layout.batchTransposed ? shape.slice(1, -1) : shape.slice(0, -2);
  const rows = layout.batchTransposed ? shape[0]! : shape[shape.length - 2]!;
  return layout.transposed ? [batch, last, rows] : [batch, rows, last];
}

/** The shape of a product. @throws ShapeError if the operands do not fit. */
function productShape(
  opType: string,
  a: Value,
  b: Value,
  layoutA: Layout = { transposed: false },
  layoutB: Layout = { transposed: false },
): Shape {
  if (!isRanked(a.shape) || !isRanked(b.shape)) return unknownShape;
  if (a.rank < 1 || b.rank < 1) throw new ShapeError(`${opType}: operands must have axes, got ${a} and ${b}`);
  const [batchA, m, kA] = matrixOf(a.shape, layoutA, true);
  const [batchB, kB, n] = matrixOf(b.shape, layoutB, false);
  if (!dimsFit(kA, kB)) {
    const mark = (layout: Layout) => (layout.transposed ? 'ᵀ' : '');
    throw new ShapeError(
      `${opType}: the inner dimensions must agree, got ${formatShape(a.shape)}${mark(layoutA)} and ${formatShape(b.shape)}${mark(layoutB)}`,
    );
  }
  const tail = [...(a.rank > 1 ? [m] : []), ...(b.rank > 1 ? [n] : [])];
  return [...broadcastShapes(opType, batchA, batchB), ...tail];
}

const inferProduct =
  (opType: string, allowed: readonly Dtype[], transposable = false, batchTransposable = false): OpDefinition['infer'] =>
  (inputs, attributes) => {
    const [a, b] = [required(opType, inputs, 0), required(opType, inputs, 1)];
    requireDtype(opType, 'operands', a, ...allowed);
    requireSameDtype(opType, a, b);
    const layout = (letter: string): Layout => ({
      transposed: transposable && intOf(attributes, `trans${letter}`, 0) === 1,
      batchTransposed: batchTransposable && intOf(attributes, `transBatch${letter}`, 0) === 1,
    });
    return [{ dtype: a.dtype, shape: productShape(opType, a, b, layout('A'), layout('B')) }];
  };

/** A matrix, or a value of unknown rank taken for one. */
function requireMatrix(opType: string, what: string, value: Value): Shape {
  if (!isRanked(value.shape)) return [unknownDim, unknownDim];
  if (value.rank !== 2) throw new ShapeError(`${opType}: ${what} must have 2 axes, got ${formatShape(value.shape)}`);
  return value.shape;
}

/** The type of alpha · aᵀ? bᵀ? + beta · c for matrices. */
const inferGemm =
  (opType: string, allowed: readonly Dtype[]): OpDefinition['infer'] =>
  (inputs, attributes): ValueType[] => {
    const [a, b, c] = [required(opType, inputs, 0), required(opType, inputs, 1), inputs[2]];
    requireDtype(opType, 'operands', a, ...allowed);
    requireSameDtype(opType, a, b, c);
    const [shapeA, shapeB] = [requireMatrix(opType, 'a', a), requireMatrix(opType, 'b', b)];
    const [transA, transB] = [intOf(attributes, 'transA', 0) === 1, intOf(attributes, 'transB', 0) === 1];
    const [, m, kA] = matrixOf(shapeA, { transposed: transA }, true);
    const [, kB, n] = matrixOf(shapeB, { transposed: transB }, false);
    if (!dimsFit(kA, kB)) {
      throw new ShapeError(
        `${opType}: the inner dimensions must agree, got ${formatShape(shapeA)}${transA ? 'ᵀ' : ''} and ${formatShape(shapeB)}${transB ? 'ᵀ' : ''}`,
      );
    }
    const shape = [m, n];
    if (c && isRanked(c.shape)) {
      const stretches = (dim: Dim, i: number) => dim === 1 || dimsFit(dim, shape[i + 2 - c.rank]);
      if (c.rank > 2 || !c.shape.every(stretches)) {
        throw new ShapeError(`${opType}: c must broadcast to ${formatShape(shape)}, got ${formatShape(c.shape)}`);
      }
    }
    return [{ dtype: a.dtype, shape }];
  };

const bytes: readonly Dtype[] = ['int8', 'uint8'];

/** The matrix product op definitions. */
export const linearOps = {
  MatMul: defineOp('MatMul', inferProduct('MatMul', summable)),
  'com.microsoft.FusedMatMul': defineOp(
    'FusedMatMul',
    inferProduct('FusedMatMul', fusedFloats, true, true),
    'com.microsoft',
  ),
  /** FusedMatMul under the name it had first. */
  'com.microsoft.TransposeMatMul': defineOp(
    'TransposeMatMul',
    inferProduct('TransposeMatMul', fusedFloats, true),
    'com.microsoft',
  ),
  Gemm: defineOp('Gemm', inferGemm('Gemm', summable)),
  /** Gemm followed by the activation that an attribute names; ONNX Runtime writes it when it optimizes a model. */
  'com.microsoft.FusedGemm': defineOp('FusedGemm', inferGemm('FusedGemm', fusedFloats), 'com.microsoft'),
  MatMulInteger: defineOp('MatMulInteger', (inputs) => {
    const [a, b] = [required('MatMulInteger', inputs, 0), required('MatMulInteger', inputs, 1)];
    requireDtype('MatMulInteger', 'operands', a, ...bytes);
    requireDtype('MatMulInteger', 'operands', b, ...bytes);
    requireSameDtype('MatMulInteger', a, inputs[2]);
    requireSameDtype('MatMulInteger', b, inputs[3]);
    return [{ dtype: 'int32', shape: productShape('MatMulInteger', a, b) }];
  }),
} as const;

/** The matrix product of the last two axes; leading axes broadcast. */
export function matMul(a: Value, b: Value): Value {
  return applyOp1(linearOps.MatMul, [a, b]);
}

/** The product of small whole numbers (int8 or uint8), added up in int32; the zero points are subtracted first. */
export function matMulInteger(a: Value, b: Value, zeroPoints: { a?: Value; b?: Value } = {}): Value {
  return applyOp1(linearOps.MatMulInteger, [a, b, zeroPoints.a, zeroPoints.b]);
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
