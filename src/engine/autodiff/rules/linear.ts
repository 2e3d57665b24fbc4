/** @file Gradient rules of the matrix products. */
import { staticShape, UnsupportedOpError } from '../../core/index.ts';
import {
  applyOp,
  constantScalar,
  floatOf,
  fusedMatMul,
  gemm,
  intOf,
  type linearOps,
  mul,
  type Node,
  ops,
  type ProductOptions,
  productOptionsOf,
  reshape,
  stringOf,
  transpose,
  unsqueeze,
  type Value,
} from '../../graph/index.ts';
import { type GradientRule, inputAt, type NotDifferentiable, type RuleContext, sumToShape } from '../rule.ts';
import { activationRules } from './activation.ts';
import { wholeNumbers } from './pointwise.ts';
import { trigonometricRules } from './trigonometric.ts';

type Rules = { readonly [Op in keyof typeof linearOps]: GradientRule | NotDifferentiable };
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

/** Products whose operands may have their first axis where the rows should be: both are put in order, and their cotangents back. */
function fusedRule(context: RuleContext): readonly (Value | undefined)[] {
  const inputs = [inputAt(context, 0), inputAt(context, 1)];
  const moved = ['transBatchA', 'transBatchB'].map((name) => intOf(context.node.attributes, name, 0) === 1);
  if (!moved.includes(true)) return batchedRule(context);
  const ordered = inputs.map((x, i) => (moved[i] ? transpose(x, rowsInPlace(x.rank)) : x));
  const cotangents = batchedRule({ ...context, inputs: ordered });
  return cotangents.map((g, i) => (g && moved[i] ? transpose(g, rowsInFront(g.rank)) : g));
}

/** The order of axes that moves the first axis before the last one. */
function rowsInPlace(rank: number): number[] {
  return [...Array.from({ length: rank - 2 }, (_, axis) => axis + 1), 0, rank - 1];
}

/** The order of axes that moves the last axis but one to the front. */
function rowsInFront(rank: number): number[] {
  return [rank - 2, ...Array.from({ length: rank - 2 }, (_, axis) => axis), rank - 1];
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

const gemmRule: GradientRule = (context) => {
  const [a, b, c] = [inputAt(context, 0), inputAt(context, 1), context.inputs[2]];
  const { attributes } = context.node;
  const beta = floatOf(attributes, 'beta', 1);
  const g = context.cotangent;
  const product: Product = (x, y, o) => gemm(x, y, undefined, o);
  const cotangents = productCotangents(product, context, { a, b, g }, productOptionsOf(attributes));
  const towardC = c && context.needs(2) ? scaled(sumToShape(g, c), beta) : undefined;
  return [...cotangents, towardC];
};

/** The activations that may follow a product, each a function of one operand. */
const followers = { ...activationRules, Tanh: trigonometricRules.Tanh };

/** The activation is taken apart from the product, which is computed again for it. */
const fusedGemmRule: GradientRule = (context) => {
  const { attributes } = context.node;
  const [a, b, c] = [inputAt(context, 0), inputAt(context, 1), context.inputs[2]];
  const name = stringOf(attributes, 'activation', '');
  const rule = name in followers ? followers[name as keyof typeof followers] : undefined;
  if (rule === undefined) throw new UnsupportedOpError(`gradients: FusedGemm has no gradient with "${name}"`);
  const own = Object.entries(attributes).flatMap(([key, attribute]) =>
    key.startsWith('activation_') ? [[key.slice('activation_'.length), attribute] as const] : [],
  );
  const product = gemm(a, b, c, { ...productOptionsOf(attributes), beta: floatOf(attributes, 'beta', 1) });
  const outputs = applyOp(ops[name as keyof typeof followers], [product], Object.fromEntries(own));
  const node = (outputs[0]!.origin as { node: Node }).node;
  const [g] = rule({ ...context, node, inputs: [product], outputs, needs: () => true });
  return gemmRule({ ...context, cotangent: g!, cotangents: [g] });
};

/** The rules of the matrix products. */
export const linearRules: Rules = {
  MatMul: batchedRule,
  'com.microsoft.FusedMatMul': fusedRule,
  'com.microsoft.TransposeMatMul': fusedRule,
  Gemm: gemmRule,
  'com.microsoft.FusedGemm': fusedGemmRule,
  MatMulInteger: wholeNumbers,
};

function scaled(value: Value, factor: number): Value {
  return factor === 1 ? value : mul(value, constantScalar(factor, value.dtype));
}
