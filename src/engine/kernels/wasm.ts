/**
 * @file An element-wise program as a WebAssembly module with 128-bit SIMD (WebAssembly 2.0): one function that runs the program over
 * vectors in an imported memory. Its parameters: the number of elements, a multiple of 4; the byte address of each vector that is
 * read; the address of each that is written; the numbers as float32 (a truth value as 0 or 1). A vector may be read and written.
 */
import { UnsupportedOpError } from '../core/index.ts';
import type { Instruction, Program, ProgramOperand } from './program.ts';

/** The name under which modules import their memory (`env.memory`) and export their function. */
export const kernelExport = 'run';

const [i32, f32, v128] = [0x7f, 0x7d, 0x7b];

/** An unsigned number in LEB128. */
function unsigned(value: number): number[] {
  const bytes: number[] = [];
  let rest = value;
  do {
    const low = rest % 128;
    rest = Math.floor(rest / 128);
    bytes.push(rest > 0 ? low | 0x80 : low);
  } while (rest > 0);
  return bytes;
}

/** A signed number in LEB128. */
function signed(value: number): number[] {
  const bytes: number[] = [];
  let rest = value;
  for (;;) {
    const low = rest & 0x7f;
    rest >>= 7;
    if ((rest === 0 && (low & 0x40) === 0) || (rest === -1 && (low & 0x40) !== 0)) return [...bytes, low];
    bytes.push(low | 0x80);
  }
}

const vector = (list: readonly (readonly number[])[]) => [...unsigned(list.length), ...list.flat()];
const section = (id: number, content: readonly number[]) => [id, ...unsigned(content.length), ...content];
const name = (text: string) => [...unsigned(text.length), ...new TextEncoder().encode(text)];

/** The instructions that are used, by what they do. */
const code = {
  block: [0x02, 0x40],
  loop: [0x03, 0x40],
  end: [0x0b],
  branch: (depth: number) => [0x0c, ...unsigned(depth)],
  branchIf: (depth: number) => [0x0d, ...unsigned(depth)],
  get: (local: number) => [0x20, ...unsigned(local)],
  set: (local: number) => [0x21, ...unsigned(local)],
  tee: (local: number) => [0x22, ...unsigned(local)],
  i32Const: (value: number) => [0x41, ...signed(value)],
  f32Const: (value: number) => [0x43, ...new Uint8Array(Float32Array.of(value).buffer)],
  i32Add: [0x6a],
  i32Sub: [0x6b],
  i32Eqz: [0x45],
  load: [0xfd, 0x00, 0x04, 0x00],
  store: [0xfd, 0x0b, 0x04, 0x00],
  splat: [0xfd, 0x13],
} as const;

const simd = (opcode: number) => [0xfd, ...unsigned(opcode)];

/** f32x4 operations by ONNX op type; comparisons give all bits of an element set where they hold. */
const simple: Readonly<Record<string, readonly number[]>> = {
  Add: simd(0xe4),
  Sub: simd(0xe5),
  Mul: simd(0xe6),
  Div: simd(0xe7),
  Min: simd(0xe8),
  Max: simd(0xe9),
  Neg: simd(0xe1),
  Abs: simd(0xe0),
  Sqrt: simd(0xe3),
  Equal: simd(0x41),
  Less: simd(0x43),
  Greater: simd(0x44),
  LessOrEqual: simd(0x45),
  GreaterOrEqual: simd(0x46),
  Identity: [],
};
const [notEqual, and, bitSelect] = [simd(0x42), simd(0x4e), simd(0x52)];
const splatOf = (value: number) => [...code.f32Const(value), ...code.splat];

/** The bytes of the module. */
export function programToWasm(program: Program): Uint8Array<ArrayBuffer> {
  const numAddresses = program.numVectors + program.outputs.length;
  const parameters = [
    i32,
    ...new Array<number>(numAddresses).fill(i32),
    ...new Array<number>(program.numScalars).fill(f32),
  ];
  const locals = new Locals(program, numAddresses);
  const body = [
    ...unsigned(1),
    ...unsigned(locals.numVectors),
    v128,
    ...splatScalars(program, locals),
    ...code.block,
    ...code.get(0),
    ...code.i32Eqz,
    ...code.branchIf(0),
    ...code.loop,
    ...Array.from({ length: program.numVectors }, (_, i) => [
      ...code.get(locals.address(i)),
      ...code.load,
      ...code.set(locals.vector(i)),
    ]).flat(),
    ...program.instructions.flatMap((instruction, i) => [
      ...instructionCode(instruction, locals),
      ...code.set(locals.result(i)),
    ]),
    ...program.outputs.flatMap((operand, i) => [
      ...code.get(locals.address(program.numVectors + i)),
      ...locals.push(operand),
      ...code.store,
    ]),
    ...Array.from({ length: numAddresses }, (_, i) => [
      ...code.get(locals.address(i)),
      ...code.i32Const(16),
      ...code.i32Add,
      ...code.set(locals.address(i)),
    ]).flat(),
    ...code.get(0),
    ...code.i32Const(4),
    ...code.i32Sub,
    ...code.tee(0),
    ...code.branchIf(0),
    ...code.end,
    ...code.end,
    ...code.end,
  ];
  return Uint8Array.from([
    ...[0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00],
    ...section(1, vector([[0x60, ...vector(parameters.map((type) => [type])), 0x00]])),
    ...section(2, vector([[...name('env'), ...name('memory'), 0x02, 0x00, 0x00]])),
    ...section(3, vector([[0x00]])),
    ...section(7, vector([[...name(kernelExport), 0x00, 0x00]])),
    ...section(10, vector([[...unsigned(body.length), ...body]])),
  ]);
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
    return code.get(this[operand.from](operand.index));
  }
}

function splatScalars(program: Program, locals: Locals): number[] {
  return Array.from({ length: program.numScalars }, (_, i) => [
    ...code.get(locals.parameter(i)),
    ...code.splat,
    ...code.set(locals.scalar(i)),
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
    const holds = (comparison: readonly number[]) => [...first, ...splatOf(0), ...comparison, ...splatOf(1), ...and];
    return [...holds(simple.Greater!), ...holds(simple.Less!), ...simple.Sub!];
  }
  if (op === 'Where') {
    const isMask = operands[0]!.from === 'result';
    return [...second, ...third, ...first, ...(isMask ? [] : [...splatOf(0), ...notEqual]), ...bitSelect];
  }
  throw new UnsupportedOpError(`programToWasm: ${op} has no SIMD form`);
}
