/**
 * @file An element-wise program as a WebAssembly module with 128-bit SIMD (WebAssembly 2.0): one function that runs the program over
 * vectors in an imported memory. Its parameters: the number of elements, a multiple of 4; the byte address of each vector that is
 * read; the address of each that is written; the numbers as float32 (a truth value as 0 or 1). A vector may be read and written.
 */
import { UnsupportedOpError } from '../core/index.ts';
import type { Instruction, Program, ProgramOperand } from './program.ts';
import { type WasmType, wasm, wasmModule } from './wasm-code.ts';

/** The name under which modules import their memory (`env.memory`) and export their function. */
export const kernelExport = 'run';

const { f32x4, i32, v128 } = wasm;

/** f32x4 operations by ONNX op type; comparisons give all bits of an element set where they hold. */
const simple: Readonly<Record<string, readonly number[]>> = {
  Add: f32x4.add,
  Sub: f32x4.sub,
  Mul: f32x4.mul,
  Div: f32x4.div,
  Min: f32x4.min,
  Max: f32x4.max,
  Neg: f32x4.neg,
  Abs: f32x4.abs,
  Sqrt: f32x4.sqrt,
  Equal: f32x4.equal,
  Less: f32x4.less,
  Greater: f32x4.greater,
  LessOrEqual: f32x4.lessOrEqual,
  GreaterOrEqual: f32x4.greaterOrEqual,
  Identity: [],
};
const splatOf = (value: number) => [...wasm.f32.const(value), ...f32x4.splat];

/** The bytes of the module. */
export function programToWasm(program: Program): Uint8Array<ArrayBuffer> {
  const numAddresses = program.numVectors + program.outputs.length;
  const parameters: WasmType[] = [
    'i32',
    ...new Array<WasmType>(numAddresses).fill('i32'),
    ...new Array<WasmType>(program.numScalars).fill('f32'),
  ];
  const locals = new Locals(program, numAddresses);
  const step = [
    ...Array.from({ length: program.numVectors }, (_, i) => [
      ...wasm.get(locals.address(i)),
      ...v128.load(),
      ...wasm.set(locals.vector(i)),
    ]).flat(),
    ...program.instructions.flatMap((instruction, i) => [
      ...instructionCode(instruction, locals),
      ...wasm.set(locals.result(i)),
    ]),
    ...program.outputs.flatMap((operand, i) => [
      ...wasm.get(locals.address(program.numVectors + i)),
      ...locals.push(operand),
      ...v128.store(),
    ]),
    ...Array.from({ length: numAddresses }, (_, i) => [
      ...wasm.get(locals.address(i)),
      ...i32.const(16),
      ...i32.add,
      ...wasm.set(locals.address(i)),
    ]).flat(),
    ...wasm.get(0),
    ...i32.const(4),
    ...i32.sub,
    ...wasm.tee(0),
    ...wasm.branchIf(0),
  ];
  const body = [
    ...splatScalars(program, locals),
    ...wasm.block([...wasm.get(0), ...i32.eqz, ...wasm.branchIf(0), ...wasm.loop(step)]),
  ];
  const vectors = new Array<WasmType>(locals.numVectors).fill('v128');
  return wasmModule([{ name: kernelExport, parameters, results: [], locals: vectors, body }]);
}

/** Which local holds what: parameters first, then one v128 for each number, vector and result. */
class Locals {
  readonly #program: Program;
  readonly #numAddresses: number;
  readonly #first: number;

  constructor(program: Program, numAddresses: number) {
    this.#program = program;
    this.#numAddresses = numAddresses;
    this.#first = 1 + numAddresses + program.numScalars;
  }

  get numVectors(): number {
    const { numScalars, numVectors, instructions } = this.#program;
    return numScalars + numVectors + instructions.length;
  }

  address(i: number): number {
    return 1 + i;
  }

  parameter(scalar: number): number {
    return 1 + this.#numAddresses + scalar;
  }

  scalar(i: number): number {
    return this.#first + i;
  }

  vector(i: number): number {
    return this.#first + this.#program.numScalars + i;
  }

  result(i: number): number {
    return this.vector(this.#program.numVectors) + i;
  }

  /** Puts an operand on the stack. */
  push(operand: ProgramOperand): number[] {
    if (operand.from === 'constant') return splatOf(operand.value);
    return wasm.get(this[operand.from](operand.index));
  }
}

function splatScalars(program: Program, locals: Locals): number[] {
  return Array.from({ length: program.numScalars }, (_, i) => [
    ...wasm.get(locals.parameter(i)),
    ...f32x4.splat,
    ...wasm.set(locals.scalar(i)),
  ]).flat();
}

function instructionCode({ op, operands }: Instruction, locals: Locals): number[] {
  const pushed = operands.map((operand) => locals.push(operand));
  const [first, second, third] = pushed as [number[], number[], number[]];
  const direct = simple[op];
  if (direct !== undefined) return [...pushed.flat(), ...direct];
  if (op === 'Reciprocal') return [...splatOf(1), ...first, ...simple.Div!];
  if (op === 'Relu') return [...first, ...splatOf(0), ...simple.Max!];
  if (op === 'Sign') {
    const holds = (comparison: readonly number[]) => [
      ...first,
      ...splatOf(0),
      ...comparison,
      ...splatOf(1),
      ...v128.and,
    ];
    return [...holds(simple.Greater!), ...holds(simple.Less!), ...simple.Sub!];
  }
  if (op === 'Where') {
    const isMask = operands[0]!.from === 'result';
    return [...second, ...third, ...first, ...(isMask ? [] : [...splatOf(0), ...f32x4.notEqual]), ...v128.bitSelect];
  }
  throw new UnsupportedOpError(`programToWasm: ${op} has no SIMD form`);
}
