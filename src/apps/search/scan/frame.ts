/** @file The parameters and locals of a WebAssembly function, told apart by name while its body is put together. */
import type { WasmFunction, WasmType } from '../../../engine/kernels/index.ts';
import { type WasmCode, wasm } from '../../../engine/kernels/index.ts';

const { i32 } = wasm;

/** The locals of one function. */
export class Frame {
  readonly #parameters: WasmType[];
  readonly #locals: WasmType[] = [];

  /** @param parameters their types, in order; the first is local 0. */
  constructor(parameters: readonly WasmType[]) {
    this.#parameters = [...parameters];
  }

  /** A new local; it begins as 0. */
  local(type: WasmType): number {
    this.#locals.push(type);
    return this.#parameters.length + this.#locals.length - 1;
  }

  /** As many new locals. */
  locals(type: WasmType, count: number): number[] {
    return Array.from({ length: count }, () => this.local(type));
  }

  /** The function. */
  function(name: string, body: WasmCode, results: readonly WasmType[] = []): WasmFunction {
    return { name, parameters: this.#parameters, results, locals: this.#locals, body };
  }
}

/** `local += amount`. */
export function advance(local: number, amount: number): WasmCode {
  return [...wasm.get(local), ...i32.const(amount), ...i32.add, ...wasm.set(local)];
}

/** Runs `body` for `counter` from its value down to 1; not at all at 0. */
export function countDown(counter: number, body: WasmCode): WasmCode {
  return wasm.block([
    ...wasm.get(counter),
    ...i32.eqz,
    ...wasm.branchIf(0),
    ...wasm.loop([
      ...body,
      ...wasm.get(counter),
      ...i32.const(1),
      ...i32.sub,
      ...wasm.tee(counter),
      ...wasm.branchIf(0),
    ]),
  ]);
}
