/**
 * @file Element-wise programs: what is left of a piece of a graph when every value in it is either a vector of one common length or a
 * number. A program names no shapes, so that all parameters that are updated by the same formula share one.
 */
import { numElements, staticShape } from '../core/index.ts';
import { constantOf, type Node, opKey, type Value } from '../graph/index.ts';

/** An operand of an instruction: a vector or a number that comes from outside, a constant, or the result of an earlier instruction. */
export type ProgramOperand =
  | { readonly from: 'vector' | 'scalar' | 'result'; readonly index: number }
  | { readonly from: 'constant'; readonly value: number };

/** One operation on four elements at a time; `op` is an ONNX op type. */
export interface Instruction {
  readonly op: string;
  readonly operands: readonly ProgramOperand[];
}

/** A sequence of operations that reads vectors and numbers and writes vectors. */
export interface Program {
  readonly numVectors: number;
  readonly numScalars: number;
  readonly instructions: readonly Instruction[];
  /** What is written; in the order of the targets. */
  readonly outputs: readonly ProgramOperand[];
}

/** A program with the values of the graph that it reads. */
export interface ExtractedProgram {
  readonly program: Program;
  readonly vectors: readonly Value[];
  readonly scalars: readonly Value[];
}

/** How many operands each op takes that a program can hold, by op key. */
const arity: Readonly<Record<string, number>> = {
  Add: 2,
  Sub: 2,
  Mul: 2,
  Div: 2,
  Max: 2,
  Min: 2,
  Neg: 1,
  Abs: 1,
  Sqrt: 1,
  Reciprocal: 1,
  Sign: 1,
  Relu: 1,
  Identity: 1,
  Greater: 2,
  GreaterOrEqual: 2,
  Less: 2,
  LessOrEqual: 2,
  Equal: 2,
  Where: 3,
};

/**
 * The program that computes `targets`, float32 values of one shape, or undefined where a target needs more than element-wise
 * operations between its own elements, or is a single number. The walk from the targets ends at numbers and at values for which `isGiven` holds.
 */
export function extractProgram(
  targets: readonly Value[],
  isGiven: (value: Value) => boolean,
): ExtractedProgram | undefined {
  // In a single number, what is a vector and what is a number cannot be told apart; nothing would be won either.
  if (targets[0]!.rank === 0) return undefined;
  const shape = staticShape(targets[0]!.shape, 'extractProgram').join();
  const vectors: Value[] = [];
  const scalars: Value[] = [];
  const instructions: Instruction[] = [];
  const known = new Map<Value, ProgramOperand>();

  const enter = (list: Value[], from: 'vector' | 'scalar', value: Value): ProgramOperand => {
    list.push(value);
    return { from, index: list.length - 1 };
  };
  const operandOf = (value: Value): ProgramOperand | undefined => {
    const earlier = known.get(value);
    if (earlier !== undefined) return earlier;
    const operand = isNumber(value) ? numberOperand(value) : vectorOperand(value);
    if (operand !== undefined) known.set(value, operand);
    return operand;
  };
  const numberOperand = (value: Value): ProgramOperand | undefined => {
    const constant = constantOf(value);
    if (constant?.dtype === 'float32') return { from: 'constant', value: Number(constant.data[0]) };
    return value.dtype === 'float32' || value.dtype === 'bool' ? enter(scalars, 'scalar', value) : undefined;
  };
  const vectorOperand = (value: Value): ProgramOperand | undefined => {
    if (value.shape.join() !== shape) return undefined;
    if (isGiven(value)) return value.dtype === 'float32' ? enter(vectors, 'vector', value) : undefined;
    if (value.origin.kind !== 'node' || !canHold(value.origin.node)) return undefined;
    const { node } = value.origin;
    const operands: ProgramOperand[] = [];
    for (const input of node.inputs) {
      const operand = operandOf(input!);
      if (operand === undefined) return undefined;
      operands.push(operand);
    }
    instructions.push({ op: node.op.opType, operands });
    return { from: 'result', index: instructions.length - 1 };
  };

  const outputs: ProgramOperand[] = [];
  for (const target of targets) {
    const operand = target.dtype === 'float32' && target.shape.join() === shape ? operandOf(target) : undefined;
    if (operand === undefined) return undefined;
    outputs.push(operand);
  }
  return {
    program: { numVectors: vectors.length, numScalars: scalars.length, instructions, outputs },
    vectors,
    scalars,
  };
}

function isNumber(value: Value): boolean {
  return value.rank === 0;
}

function canHold(node: Node): boolean {
  return arity[opKey(node.op)] === node.inputs.length && node.inputs.every((input) => input !== undefined);
}

/** How many elements a value has, rounded up to what a program handles at a time. */
export function paddedElements(shape: readonly number[]): number {
  return Math.ceil(numElements(shape) / 4) * 4;
}
