/**
 * @file Kernels that bring vectors into an index: 8-bit values, codes, bit planes. D, here, is a multiple of 16.
 */
import { type WasmCode, type WasmFunction, wasm } from '../../../engine/kernels/index.ts';
import { dotStep, gather, wideOne } from './dot-code.ts';
import { advance, countDown, Frame } from './frame.ts';
import { codeBytes, numCodeBits } from './layout.ts';

const { i32, f32, v128, i16x8, i32x4, f32x4, i8x16 } = wasm;

/** The sum of the lanes of a float register in a local. */
const laneSum = (local: number): WasmCode => [
  ...[0, 1, 2, 3].flatMap((lane) => [...wasm.get(local), ...f32x4.lane(lane), ...(lane === 0 ? [] : f32.add)]),
];

/**
 * `narrowRows(source, numRows, values, scales, wide, norms, D)`: `float32[numRows, D]` to 8 bits with a scale for each row, to 16 bits in
 * units of 1 / 32767, and the squared length of each.
 */
export function narrowRows(): WasmFunction {
  const frame = new Frame(['i32', 'i32', 'i32', 'i32', 'i32', 'i32', 'i32']);
  const [source, numRows, values, scales, wide, norms, dim] = [0, 1, 2, 3, 4, 5, 6];
  const [place, left] = [frame.local('i32'), frame.local('i32')];
  const [largest, squares, element, factor] = frame.locals('v128', 4) as [number, number, number, number];
  const most = frame.local('f32');
  const load = (nth: number): WasmCode => [...wasm.get(place), ...v128.load(16 * nth)];
  const begin: WasmCode = [
    ...wasm.get(source),
    ...wasm.set(place),
    ...wasm.get(dim),
    ...i32.const(4),
    ...i32.shr,
    ...wasm.set(left),
  ];
  const four = [0, 1, 2, 3];
  const measure: WasmCode = [
    ...v128.zero,
    ...wasm.set(largest),
    ...v128.zero,
    ...wasm.set(squares),
    ...begin,
    ...countDown(left, [
      ...four.flatMap((nth) => [
        ...load(nth),
        ...wasm.tee(element),
        ...f32x4.abs,
        ...wasm.get(largest),
        ...f32x4.max,
        ...wasm.set(largest),
        ...wasm.get(element),
        ...wasm.get(element),
        ...f32x4.mul,
        ...wasm.get(squares),
        ...f32x4.add,
        ...wasm.set(squares),
      ]),
      ...advance(place, 64),
    ]),
    ...wasm.get(norms),
    ...laneSum(squares),
    ...f32.store(),
    ...four.flatMap((lane) => [
      ...wasm.get(largest),
      ...f32x4.lane(lane),
      ...(lane === 0 ? f32.const(1e-30) : []),
      ...f32.max,
    ]),
    ...wasm.set(most),
    ...wasm.get(scales),
    ...wasm.get(most),
    ...f32.const(1 / 127),
    ...f32.mul,
    ...f32.store(),
  ];
  const rounded = (nth: number, by: WasmCode): WasmCode => [
    ...load(nth),
    ...by,
    ...f32x4.mul,
    ...f32x4.nearest,
    ...i32x4.truncate,
  ];
  const byFactor = wasm.get(factor);
  const byOne: WasmCode = [...f32.const(wideOne), ...f32x4.splat];
  const write: WasmCode = [
    ...f32.const(127),
    ...wasm.get(most),
    ...f32.div,
    ...f32x4.splat,
    ...wasm.set(factor),
    ...begin,
    ...countDown(left, [
      ...wasm.get(values),
      ...rounded(0, byFactor),
      ...rounded(1, byFactor),
      ...i16x8.narrow,
      ...rounded(2, byFactor),
      ...rounded(3, byFactor),
      ...i16x8.narrow,
      ...i8x16.narrow,
      ...v128.store(),
      ...[0, 1].flatMap((half) => [
        ...wasm.get(wide),
        ...rounded(2 * half, byOne),
        ...rounded(2 * half + 1, byOne),
        ...i16x8.narrow,
        ...v128.store(16 * half),
      ]),
      ...advance(place, 64),
      ...advance(values, 16),
      ...advance(wide, 32),
    ]),
  ];
  const next: WasmCode = [...wasm.get(place), ...wasm.set(source), ...advance(scales, 4), ...advance(norms, 4)];
  return frame.function('narrowRows', countDown(numRows, [...measure, ...write, ...next]));
}

/**
 * `projectRows(wide, numPairs, projection, thresholds, codes, D)`: pairs of rows `int16[2, D]` to codes of 32 bytes each, which must be 0 before;
 * bit p is set where the product with row p of the projection exceeds threshold p.
 */
export function projectRows(): WasmFunction {
  const frame = new Frame(['i32', 'i32', 'i32', 'i32', 'i32', 'i32']);
  const [wide, numPairs, projection, thresholds, codes, dim] = [0, 1, 2, 3, 4, 5];
  const [quads, pairs, code, left, shift, rowBytes] = frame.locals('i32', 6) as number[] as [
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  const planes = frame.locals('i32', 4);
  const [first, second, row] = frame.locals('i32', 3) as [number, number, number];
  const [element] = [frame.local('v128')];
  const [sumsA, sumsB] = [frame.locals('v128', 4), frame.locals('v128', 4)];
  const setBits = (sums: readonly number[], offset: number): WasmCode => [
    ...wasm.get(code),
    ...wasm.get(code),
    ...i32.load8(offset),
    ...gather(sums),
    ...wasm.get(thresholds),
    ...v128.load(),
    ...i32x4.greater,
    ...i32x4.bitMask,
    ...wasm.get(shift),
    ...i32.shl,
    ...i32.or,
    ...i32.store8(offset),
  ];
  const placePlanes: WasmCode = planes.flatMap((plane, k) => [
    ...wasm.get(projection),
    ...wasm.get(rowBytes),
    ...i32.const(k),
    ...i32.mul,
    ...i32.add,
    ...wasm.set(plane),
  ]);
  const pair: WasmCode = [
    ...placePlanes,
    ...wasm.get(row),
    ...wasm.tee(first),
    ...wasm.get(rowBytes),
    ...i32.add,
    ...wasm.set(second),
    ...[...sumsA, ...sumsB].flatMap((sum) => [...v128.zero, ...wasm.set(sum)]),
    ...wasm.get(dim),
    ...i32.const(3),
    ...i32.shr,
    ...wasm.set(left),
    ...countDown(left, [
      ...dotStep(first, element, planes, sumsA),
      ...dotStep(second, element, planes, sumsB),
      ...[first, second, ...planes].flatMap((place) => advance(place, 16)),
    ]),
    ...setBits(sumsA, 0),
    ...setBits(sumsB, codeBytes),
    ...wasm.get(second),
    ...wasm.set(row),
    ...advance(code, 2 * codeBytes),
  ];
  return frame.function('projectRows', [
    ...wasm.get(dim),
    ...i32.const(1),
    ...i32.shl,
    ...wasm.set(rowBytes),
    ...i32.const(numCodeBits / 4),
    ...wasm.set(quads),
    ...countDown(quads, [
      ...wasm.get(wide),
      ...wasm.set(row),
      ...wasm.get(codes),
      ...wasm.set(code),
      ...wasm.get(numPairs),
      ...wasm.set(pairs),
      ...countDown(pairs, pair),
      // A quad of planes fills half a byte of each code.
      ...wasm.get(shift),
      ...i32.const(2),
      ...i32.shr,
      ...wasm.get(codes),
      ...i32.add,
      ...wasm.set(codes),
      ...wasm.get(shift),
      ...i32.const(4),
      ...i32.xor,
      ...wasm.set(shift),
      ...advance(thresholds, 16),
      ...wasm.get(projection),
      ...wasm.get(rowBytes),
      ...i32.const(2),
      ...i32.shl,
      ...i32.add,
      ...wasm.set(projection),
    ]),
  ]);
}

/**
 * `turnCodes(codes, planes, numSixteens)`: adds the codes of 16 rows at a time, 32 bytes each, to the bit planes of their group. `planes` points to the
 * two bytes of the first 16 rows in plane 0.
 */
export function turnCodes(): WasmFunction {
  const frame = new Frame(['i32', 'i32', 'i32']);
  const [codes, planes, numSixteens] = [0, 1, 2];
  const [bytes, plane] = [frame.local('i32'), frame.local('i32')];
  const column = frame.local('v128');
  const sixteen: WasmCode = [
    ...wasm.get(planes),
    ...wasm.set(plane),
    ...i32.const(codeBytes),
    ...wasm.set(bytes),
    ...countDown(bytes, [
      ...v128.zero,
      ...wasm.set(column),
      ...Array.from({ length: 16 }, (_, row) => [
        ...wasm.get(codes),
        ...wasm.get(column),
        ...v128.load8Lane(row, row * codeBytes),
        ...wasm.set(column),
      ]).flat(),
      ...[7, 6, 5, 4, 3, 2, 1, 0].flatMap((bit) => [
        ...wasm.get(plane),
        ...wasm.get(plane),
        ...i32.load16(16 * bit),
        ...wasm.get(column),
        ...i8x16.bitMask,
        ...i32.or,
        ...i32.store16(16 * bit),
        ...wasm.get(column),
        ...i32.const(1),
        ...i8x16.shl,
        ...wasm.set(column),
      ]),
      ...advance(codes, 1),
      ...advance(plane, 128),
    ]),
    ...advance(codes, 15 * codeBytes),
    ...advance(planes, 2),
  ];
  return frame.function('turnCodes', countDown(numSixteens, sixteen));
}
