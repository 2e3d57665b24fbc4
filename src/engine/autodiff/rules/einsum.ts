/**
 * @file The gradient rule of Einsum: the cotangent of an operand is an Einsum of g and the other operands, whose output has the
 * operand's letters. Letters that only the operand has are stretched, axes of size 1 that were stretched are summed, and a
 * letter that the operand has twice puts its cotangent on the diagonal.
 */
import { staticShape } from '../../core/index.ts';
import {
  cast,
  constantInts,
  type EinsumEquation,
  einsum,
  type einsumOps,
  equal,
  expand,
  lettersOf,
  mul,
  parseEinsum,
  reshape,
  stringOf,
  type Value,
} from '../../graph/index.ts';
import { type GradientRule, inputAt, type RuleContext } from '../rule.ts';

type Rules = { readonly [Op in keyof typeof einsumOps]: GradientRule };

function towardOperand(context: RuleContext, equation: EinsumEquation, operands: readonly Value[], k: number): Value {
  const letters = equation.operands[k]!;
  const shape = staticShape(operands[k]!.shape, 'gradient of Einsum');
  const full = lettersOf(equation, operands);
  const own = new Map(letters.map((letter, axis) => [letter, shape[axis]!]));
  const factors = [
    { letters: equation.output, value: context.cotangent },
    ...operands.flatMap((value, i) => (i === k ? [] : [{ letters: equation.operands[i]!, value }])),
  ];
  const present = [...own.keys()].filter(
    (letter) => factors.some((factor) => factor.letters.includes(letter)) && own.get(letter) === full.get(letter),
  );
  const left = factors.map((factor) => factor.letters.join('')).join(',');
  const product =
    left === present.join('')
      ? context.cotangent
      : einsum(
          `${left}->${present.join('')}`,
          factors.map((f) => f.value),
        );
  const sizes = new Map(present.map((letter, axis) => [letter, product.shape[axis]!]));
  const firstOnly = (size: (letter: string) => number) =>
    letters.map((letter, axis) => (letters.indexOf(letter) === axis ? size(letter) : 1));
  const placed = reshape(
    product,
    firstOnly((letter) => Number(sizes.get(letter) ?? 1)),
  );
  const stretched = expand(
    placed,
    firstOnly((letter) => own.get(letter)!),
  );
  return onDiagonals(stretched, letters, shape);
}

/** x, whose repeated letters have their elements at the first place, times 1 where all places of a letter agree. */
function onDiagonals(x: Value, letters: readonly string[], shape: readonly number[]): Value {
  let result = x;
  letters.forEach((letter, axis) => {
    const first = letters.indexOf(letter);
    if (first === axis) return;
    const positions = (at: number) =>
      reshape(
        constantInts(Array.from({ length: shape[at]! }, (_, i) => i)),
        shape.map((dim, a) => (a === at ? dim : 1)),
      );
    result = mul(result, cast(equal(positions(first), positions(axis)), x.dtype));
  });
  return result;
}

/** The rule of Einsum. */
export const einsumRules: Rules = {
  Einsum: (context) => {
    const operands = context.inputs.map((_, i) => inputAt(context, i));
    const equation = parseEinsum(
      stringOf(context.node.attributes, 'equation', ''),
      operands.map((operand) => operand.rank),
    );
    return operands.map((_, k) => (context.needs(k) ? towardOperand(context, equation, operands, k) : undefined));
  },
};
