/**
 * @file WebAssembly modules as bytes (WebAssembly 2.0 with 128-bit SIMD): the instructions that kernels of ours are put together from,
 * each as the bytes that it has in a function's body, and the module around the functions. Nothing is checked here; the engine that
 * compiles a module refuses one whose stack does not fit.
 */

/** Instructions, one after another. */
export type WasmCode = readonly number[];

/** The types of parameters, locals and results. */
export const wasmTypes = { i32: 0x7f, i64: 0x7e, f32: 0x7d, v128: 0x7b } as const;

/** One of the four types. */
export type WasmType = keyof typeof wasmTypes;

/** A function of a module. All functions are exported under their name. */
export interface WasmFunction {
  readonly name: string;
  readonly parameters: readonly WasmType[];
  readonly results: readonly WasmType[];
  /** The locals after the parameters. */
  readonly locals: readonly WasmType[];
  readonly body: WasmCode;
}

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

const simd = (opcode: number) => [0xfd, ...unsigned(opcode)];
/** An access to memory; alignment is a hint only, so that one byte always holds. */
const access =
  (...opcode: number[]) =>
  (offset = 0) => [...opcode, 0x00, ...unsigned(offset)];
const simdAccess = (opcode: number) => access(...simd(opcode));

/** The instructions. Those that take a number with them are functions; `offset` is added to an address, in bytes. */
export const wasm = {
  /** What `body` branches out of by its depth. */
  block: (body: WasmCode) => [0x02, 0x40, ...body, 0x0b],
  /** What `body` branches back to the start of by its depth. */
  loop: (body: WasmCode) => [0x03, 0x40, ...body, 0x0b],
  /** Runs `body` if the number on the stack is not 0. */
  when: (body: WasmCode) => [0x04, 0x40, ...body, 0x0b],
  branch: (depth: number) => [0x0c, ...unsigned(depth)],
  branchIf: (depth: number) => [0x0d, ...unsigned(depth)],
  get: (local: number) => [0x20, ...unsigned(local)],
  set: (local: number) => [0x21, ...unsigned(local)],
  tee: (local: number) => [0x22, ...unsigned(local)],
  i32: {
    const: (value: number) => [0x41, ...signed(value | 0)],
    load: access(0x28),
    load8: access(0x2d),
    load16: access(0x2f),
    store8: access(0x3a),
    store: access(0x36),
    store16: access(0x3b),
    add: [0x6a],
    sub: [0x6b],
    mul: [0x6c],
    and: [0x71],
    or: [0x72],
    xor: [0x73],
    shl: [0x74],
    shr: [0x76],
    eqz: [0x45],
    eq: [0x46],
    ne: [0x47],
    greaterSigned: [0x4a],
    greaterOrEqual: [0x4f],
    wrap64: [0xa7],
  },
  i64: {
    const: (value: number) => [0x42, ...signed(value)],
    load: access(0x29),
    sub: [0x7d],
    and: [0x83],
    eqz: [0x50],
    countTrailingZeros: [0x7a],
  },
  f32: {
    const: (value: number) => [0x43, ...new Uint8Array(Float32Array.of(value).buffer)],
    load: access(0x2a),
    store: access(0x38),
    add: [0x92],
    mul: [0x94],
    div: [0x95],
    max: [0x97],
    fromI32: [0xb2],
  },
  v128: {
    load: simdAccess(0x00),
    /** Eight bytes as eight signed 16-bit numbers. */
    load8x8: simdAccess(0x01),
    splat32: simdAccess(0x09),
    store: simdAccess(0x0b),
    /** A byte into a lane of the vector on the stack. */
    load8Lane: (lane: number, offset = 0) => [...simdAccess(0x54)(offset), lane],
    zero: [...simd(0x0c), ...new Array<number>(16).fill(0)],
    ones: [...simd(0x0c), ...new Array<number>(16).fill(0xff)],
    /** The 32-bit lanes at these places in the two vectors on the stack, taken as eight. */
    shuffle32: (places: readonly number[]) => [
      ...simd(0x0d),
      ...places.flatMap((place) => [4 * place, 4 * place + 1, 4 * place + 2, 4 * place + 3]),
    ],
    and: simd(0x4e),
    /** The first without the bits of the second. */
    andNot: simd(0x4f),
    or: simd(0x50),
    xor: simd(0x51),
    bitSelect: simd(0x52),
    anyTrue: simd(0x53),
  },
  i8x16: { bitMask: simd(0x64), narrow: simd(0x65), shl: simd(0x6b) },
  i16x8: { narrow: simd(0x85) },
  i32x4: {
    splat: simd(0x11),
    lane: (lane: number) => [...simd(0x1b), lane],
    add: simd(0xae),
    /** Products of signed 16-bit numbers, added in pairs. */
    dot: simd(0xba),
    greater: simd(0x3b),
    bitMask: simd(0xa4),
    truncate: simd(0xf8),
  },
  f32x4: {
    splat: simd(0x13),
    lane: (lane: number) => [...simd(0x1f), lane],
    nearest: simd(0x6a),
    abs: simd(0xe0),
    neg: simd(0xe1),
    sqrt: simd(0xe3),
    add: simd(0xe4),
    sub: simd(0xe5),
    mul: simd(0xe6),
    div: simd(0xe7),
    min: simd(0xe8),
    max: simd(0xe9),
    // Comparisons give all bits of an element set where they hold.
    equal: simd(0x41),
    notEqual: simd(0x42),
    less: simd(0x43),
    greater: simd(0x44),
    lessOrEqual: simd(0x45),
    greaterOrEqual: simd(0x46),
  },
} as const;

const vector = (list: readonly (readonly number[])[]) => [...unsigned(list.length), ...list.flat()];
const section = (id: number, content: readonly number[]) => [id, ...unsigned(content.length), ...content];
const name = (text: string) => [...unsigned(text.length), ...new TextEncoder().encode(text)];
const typeList = (types: readonly WasmType[]) => vector(types.map((type) => [wasmTypes[type]]));

/** The most pages of 64 KiB that a memory can have. */
export const maxWasmPages = 65536;

/** The bytes of a module that imports its memory as `env.memory`: one of its own, or one that threads share. */
export function wasmModule(
  functions: readonly WasmFunction[],
  { sharesMemory = false }: { sharesMemory?: boolean } = {},
): Uint8Array<ArrayBuffer> {
  const limits = sharesMemory ? [0x03, ...unsigned(0), ...unsigned(maxWasmPages)] : [0x00, 0x00];
  const index = (i: number) => unsigned(i);
  return Uint8Array.from([
    ...[0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00],
    ...section(1, vector(functions.map((f) => [0x60, ...typeList(f.parameters), ...typeList(f.results)]))),
    ...section(2, vector([[...name('env'), ...name('memory'), 0x02, ...limits]])),
    ...section(3, vector(functions.map((_, i) => index(i)))),
    ...section(7, vector(functions.map((f, i) => [...name(f.name), 0x00, ...index(i)]))),
    ...section(
      10,
      vector(
        functions.map(({ locals, body }) => {
          const declared = vector(locals.map((type) => [1, wasmTypes[type]]));
          const bytes = [...declared, ...body, 0x0b];
          return [...unsigned(bytes.length), ...bytes];
        }),
      ),
    ),
  ]);
}
