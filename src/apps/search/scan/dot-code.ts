/** @file Products of rows of 16-bit numbers, as pieces of kernels. */
import { type WasmCode, wasm } from '../../../engine/kernels/index.ts';

const { v128, i32x4 } = wasm;

/** What 1 is in 16 bits. */
export const wideOne = 32767;

/** Four registers of four partial sums each, to one register with the four sums. */
export function gather(sums: readonly number[]): WasmCode {
  const pairs = (a: WasmCode, b: WasmCode, into: number): WasmCode => [
    ...a,
    ...b,
    ...v128.shuffle32([0, 2, 4, 6]),
    ...a,
    ...b,
    ...v128.shuffle32([1, 3, 5, 7]),
    ...i32x4.add,
    ...wasm.set(into),
  ];
  const [s0, s1, s2, s3] = sums as [number, number, number, number];
  return [
    ...pairs(wasm.get(s0), wasm.get(s1), s0),
    ...pairs(wasm.get(s2), wasm.get(s3), s2),
    ...pairs(wasm.get(s0), wasm.get(s2), s0),
    ...wasm.get(s0),
  ];
}

/** Adds to `sums[k]` the products of 8 numbers at `row` with 8 numbers at each of four rows of 16-bit numbers. */
export function dotStep(row: number, element: number, others: readonly number[], sums: readonly number[]): WasmCode {
  return [
    ...wasm.get(row),
    ...v128.load(),
    ...wasm.set(element),
    ...others.flatMap((other, k) => [
      ...wasm.get(element),
      ...wasm.get(other),
      ...v128.load(),
      ...i32x4.dot,
      ...wasm.get(sums[k]!),
      ...i32x4.add,
      ...wasm.set(sums[k]!),
    ]),
  ];
}
