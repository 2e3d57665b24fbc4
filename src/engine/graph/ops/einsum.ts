/** @file Sums of products by Einstein's convention: `einsum('bij,bjk->bik', [a, b])` names every axis by a letter. */
import { type Dim, dimsFit, formatShape, isRanked, ShapeError, unknownDim, unknownShape } from '../../core/index.ts';
import { type Attributes, applyOp1, defineOp, string, stringOf, type Value, type ValueType } from '../value.ts';
import { numbers } from './element-types.ts';
import { requireDtype, required, requireSameDtype } from './operand.ts';

/** An equation with a letter for every axis: those that an ellipsis stands for have letters of their own. */
export interface EinsumEquation {
  readonly operands: readonly (readonly string[])[];
  readonly output: readonly string[];
}

const ellipsis = '...';

/** The letters and the ellipsis of one term: `b...ij`. */
function termsOf(term: string, equation: string): string[] {
  const terms = term.match(/\.\.\.|[a-zA-Z]/g) ?? [];
  if (terms.join('') !== term || terms.filter((one) => one === ellipsis).length > 1) {
    throw new ShapeError(`Einsum: "${equation}" must hold letters, commas, one arrow, and one ellipsis a term at most`);
  }
  return terms;
}

/**
 * Reads an equation for operands of the given ranks. Without an arrow the output has the letters that occur once, in the order of
 * the alphabet, after the ellipsis.
 * @throws ShapeError if it is not one, or does not fit to the operands.
 */
export function parseEinsum(equation: string, ranks: readonly number[]): EinsumEquation {
  const [left = '', right, more] = equation.replaceAll(' ', '').split('->');
  const inputs = left.split(',').map((term) => termsOf(term, equation));
  if (more !== undefined || inputs.length !== ranks.length) {
    throw new ShapeError(`Einsum: "${equation}" names ${inputs.length} operands, got ${ranks.length}`);
  }
  const hidden = inputs.map((terms, i) => {
    const numHidden = ranks[i]! - terms.filter((term) => term !== ellipsis).length;
    if (terms.includes(ellipsis) ? numHidden < 0 : numHidden !== 0) {
      throw new ShapeError(`Einsum: "${equation}" does not fit operand ${i}, which has ${ranks[i]} axes`);
    }
    return numHidden;
  });
  const given = new Set([...left, ...(right ?? '')]);
  const fresh = [...'abcdefghijklmnopqrstuvwxyz'].filter((letter) => !given.has(letter));
  const numHidden = Math.max(0, ...hidden);
  if (numHidden > fresh.length) throw new ShapeError(`Einsum: "${equation}" leaves no letters for ${numHidden} axes`);
  const expand = (terms: readonly string[], count: number) =>
    terms.flatMap((term) => (term === ellipsis ? fresh.slice(numHidden - count, numHidden) : [term]));
  const operands = inputs.map((terms, i) => expand(terms, hidden[i]!));
  const output = expand(right === undefined ? implicitOutput(inputs) : termsOf(right, equation), numHidden);
  if (new Set(output).size < output.length || output.some((letter) => !operands.some((o) => o.includes(letter)))) {
    throw new ShapeError(`Einsum: every letter of the output of "${equation}" must be among the inputs, and only once`);
  }
  const usesEllipsis = inputs.some((terms) => terms.includes(ellipsis));
  if (right !== undefined && usesEllipsis && !right.includes(ellipsis)) {
    throw new ShapeError(`Einsum: the output of "${equation}" must keep the ellipsis`);
  }
  return { operands, output };
}

function implicitOutput(inputs: readonly (readonly string[])[]): string[] {
  const letters = inputs.flat().filter((term) => term !== ellipsis);
  const once = letters.filter((letter) => letters.indexOf(letter) === letters.lastIndexOf(letter)).sort();
  return inputs.some((terms) => terms.includes(ellipsis)) ? [ellipsis, ...once] : once;
}

/** How long each letter's axis is; 1 stretches to what the others say. @throws ShapeError if two lengths differ. */
export function lettersOf(equation: EinsumEquation, values: readonly Value[]): Map<string, Dim> {
  const dims = new Map<string, Dim>();
  equation.operands.forEach((letters, i) => {
    letters.forEach((letter, axis) => {
      const { shape } = values[i]!;
      const dim = shape[axis]!;
      const known = dims.get(letter) ?? 1;
      if (!dimsFit(dim, shape[letters.indexOf(letter)])) {
        throw new ShapeError(`Einsum: the diagonal "${letter}" of ${formatShape(shape)} needs axes of one length`);
      }
      if (known === 1 || (known === unknownDim && dim !== 1)) dims.set(letter, dim);
      else if (dim !== 1 && !dimsFit(dim, known)) {
        const shapes = values.map((value) => formatShape(value.shape)).join(' and ');
        throw new ShapeError(`Einsum: "${letter}" is ${known} long in one place and ${dim} in another, got ${shapes}`);
      }
    });
  });
  return dims;
}

function infer(inputs: readonly (Value | undefined)[], attributes: Attributes): ValueType[] {
  const values = inputs.map((_, i) => required('Einsum', inputs, i));
  const first = required('Einsum', inputs, 0);
  requireDtype('Einsum', 'operands', first, ...numbers);
  requireSameDtype('Einsum', ...values);
  if (!values.every((value) => isRanked(value.shape))) return [{ dtype: first.dtype, shape: unknownShape }];
  const equation = parseEinsum(
    stringOf(attributes, 'equation', ''),
    values.map((value) => value.rank),
  );
  const dims = lettersOf(equation, values);
  return [{ dtype: first.dtype, shape: equation.output.map((letter) => dims.get(letter)!) }];
}

/** The op definition. */
export const einsumOps = { Einsum: defineOp('Einsum', infer) } as const;

/**
 * Products of the operands, summed over every letter that the output lacks. A letter twice in one operand takes its diagonal; `...`
 * stands for leading axes that broadcast. ONNX Runtime reads lower-case letters only.
 */
export function einsum(equation: string, operands: readonly Value[]): Value {
  return applyOp1(einsumOps.Einsum, operands, { equation: string(equation) });
}
