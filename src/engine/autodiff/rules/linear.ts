/** @file Gradient rules of the matrix products. */
import { staticShape } from '../../core/index.ts';
import {
  constantScalar,
  floatOf,
  fusedMatMul,
  gemm,
  type linearOps,
  mul,
  type ProductOptions,
  productOptionsOf,
  reshape,
  unsqueeze,
  type Value,
} from '../../graph/index.ts';
import { type GradientRule, inputAt, type RuleContext, sumToShape } from '../rule.ts';

type Rules = { readonly [Op in keyof typeof linearOps]: GradientRule };
type Product = (a: Value, b: Value, options: ProductOptions) => Value;

/**
 * With y = α A B, where A = aᵀ? and B = bᵀ?: the cotangent of A is α g Bᵀ, that of B is α Aᵀ g, and that of a transposed operand is
 * the transpose of it, which swaps the factors.
 */
function productCotangents(
  product: Product,
  context: RuleContext,
  operands: { a: Value; b: Value; g: Value },
  options: Required<ProductOptions>,
): [Value | undefined, Value | undefined] {
  const { a, b, g } = operands;
  const { transA, transB, alpha } = options;
  const towardA = () =>
    transA ? product(b, g, { transA: transB, transB: true, alpha }) : product(g, b, { transB: !transB, alpha });
  const towardB = () =>
    transB ? product(g, a, { transA: true, transB: transA, alpha }) : product(a, g, { transA: !transA, alpha });
  return [context.needs(0) ? towardA() : undefined, context.needs(1) ? towardB() : undefined];
}

/** Products of stacks of matrices; vectors are given the axis that they lack, and broadcast axes are summed. */
function batchedRule(context: RuleContext): readonly (Value | undefined)[] {
  const [a, b] = [inputAt(context, 0), inputAt(context, 1)];
  const options = productOptionsOf(context.node.attributes);
  if (options.transA === false && a.rank > 2 && b.rank === 2) return foldedRule(context, a, b, options);
  const matrixA = a.rank === 1 ? unsqueeze(a, [0]) : a;
  const matrixB = b.rank === 1 ? unsqueeze(b, [1]) : b;
  const rows = matrixA.shape.at(options.transA ? -1 : -2)!;
  const columns = matrixB.shape.at(options.transB ? -2 : -1)!;
  const numKept = (a.rank > 1 ? 1 : 0) + (b.rank > 1 ? 1 : 0);
  const lead = context.cotangent.shape.slice(0, context.cotangent.rank - numKept);
  const g = reshape(context.cotangent, [...lead, rows, columns]);
  const product: Product = (x, y, o) =>
    x.rank === 2 && y.rank === 2 ? gemm(x, y, undefined, o) : fusedMatMul(x, y, o);
  const [towardA, towardB] = productCotangents(product, context, { a: matrixA, b: matrixB, g }, options);
  return [
    towardA && reshape(sumToShape(towardA, matrixA), a.shape),
    towardB && reshape(sumToShape(towardB, matrixB), b.shape),
  ];
}

/** A stack of rows times one matrix is one tall product: the leading axes of a and g are folded. */
function foldedRule(
  context: RuleContext,
  a: Value,
  b: Value,
  options: Required<ProductOptions>,
): readonly (Value | undefined)[] {
  const tall = (value: Value) => reshape(value, [-1, staticShape(value.shape, 'gradient of MatMul').at(-1)!]);
  const operands = { a: tall(a), b, g: tall(context.cotangent) };
  const product: Product = (x, y, o) => gemm(x, y, undefined, o);
  const [towardA, towardB] = productCotangents(product, context, operands, options);
  return [towardA && reshape(towardA, a.shape), towardB];
}

/** The rules of the matrix products. */
export const linearRules: Rules = {
  MatMul: batchedRule,
  'com.microsoft.FusedMatMul': batchedRule,
  Gemm: (context) => {
    const [a, b, c] = [inputAt(context, 0), inputAt(context, 1), context.inputs[2]];
    const { attributes } = context.node;
    const beta = floatOf(attributes, 'beta', 1);
    const g = context.cotangent;
    const product: Product = (x, y, o) => gemm(x, y, undefined, o);
    const cotangents = productCotangents(product, context, { a, b, g }, productOptionsOf(attributes));
    const towardC = c && context.needs(2) ? scaled(sumToShape(g, c), beta) : undefined;
    return [...cotangents, towardC];
  },
};

function scaled(value: Value, factor: number): Value {
  return factor === 1 ? value : mul(value, constantScalar(factor, value.dtype));
}
