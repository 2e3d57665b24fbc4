/** @file Kernels of a query over rows: its projection, and the scores of given rows. D, here, is a multiple of 16. */
import { type WasmCode, type WasmFunction, wasm } from '../../../engine/kernels/index.ts';
import { dotStep, gather } from './dot-code.ts';
import { advance, countDown, Frame } from './frame.ts';
import { extentShift, numCodeBits, rowsPerExtent } from './layout.ts';

const { i32, f32, v128, i32x4 } = wasm;

/** `projectQuery(wide, projection, out, D)`: one row `int16[D]` times the projection, `int32[256]`. */
export function projectQuery(): WasmFunction {
  const frame = new Frame(['i32', 'i32', 'i32', 'i32']);
  const [wide, projection, out, dim] = [0, 1, 2, 3];
  const [quads, left, row, rowBytes] = frame.locals('i32', 4) as [number, number, number, number];
  const planes = frame.locals('i32', 4);
  const element = frame.local('v128');
  const sums = frame.locals('v128', 4);
  return frame.function('projectQuery', [
    ...wasm.get(dim),
    ...i32.const(1),
    ...i32.shl,
    ...wasm.set(rowBytes),
    ...i32.const(numCodeBits / 4),
    ...wasm.set(quads),
    ...countDown(quads, [
      ...planes.flatMap((plane, k) => [
        ...wasm.get(projection),
        ...wasm.get(rowBytes),
        ...i32.const(k),
        ...i32.mul,
        ...i32.add,
        ...wasm.set(plane),
      ]),
      ...wasm.get(wide),
      ...wasm.set(row),
      ...sums.flatMap((sum) => [...v128.zero, ...wasm.set(sum)]),
      ...wasm.get(dim),
      ...i32.const(3),
      ...i32.shr,
      ...wasm.set(left),
      ...countDown(left, [
        ...dotStep(row, element, planes, sums),
        ...[row, ...planes].flatMap((place) => advance(place, 16)),
      ]),
      ...wasm.get(out),
      ...gather(sums),
      ...v128.store(),
      ...advance(out, 16),
      ...wasm.get(planes[3]!),
      ...wasm.set(projection),
    ]),
  ]);
}

/**
 * `scoreRows(rows, numFours, scores, values, scales, extentBytes, query, D, unit)`: for four rows at a time of a list, the product with the query
 * (`int16[D]`) times the row's scale times `unit`. `values` and `scales` are those of the first extent.
 */
export function scoreRows(): WasmFunction {
  const frame = new Frame(['i32', 'i32', 'i32', 'i32', 'i32', 'i32', 'i32', 'i32', 'f32']);
  const [rows, numFours, scores, values, scales, extentBytes, query, dim, unit] = [0, 1, 2, 3, 4, 5, 6, 7, 8];
  const [left, place, row] = frame.locals('i32', 3) as [number, number, number];
  const [places, scalePlaces] = [frame.locals('i32', 4), frame.locals('i32', 4)];
  const [low, high] = [frame.local('v128'), frame.local('v128')];
  const sums = frame.locals('v128', 4);
  const four = [0, 1, 2, 3];
  const extentOf: WasmCode = [
    ...wasm.get(row),
    ...i32.const(extentShift),
    ...i32.shr,
    ...wasm.get(extentBytes),
    ...i32.mul,
  ];
  const inExtent: WasmCode = [...wasm.get(row), ...i32.const(rowsPerExtent - 1), ...i32.and];
  return frame.function(
    'scoreRows',
    countDown(numFours, [
      ...four.flatMap((k) => [
        ...wasm.get(rows),
        ...i32.load(4 * k),
        ...wasm.set(row),
        ...extentOf,
        ...inExtent,
        ...wasm.get(dim),
        ...i32.mul,
        ...i32.add,
        ...wasm.get(values),
        ...i32.add,
        ...wasm.set(places[k]!),
        ...extentOf,
        ...inExtent,
        ...i32.const(2),
        ...i32.shl,
        ...i32.add,
        ...wasm.get(scales),
        ...i32.add,
        ...wasm.set(scalePlaces[k]!),
        ...v128.zero,
        ...wasm.set(sums[k]!),
      ]),
      ...wasm.get(query),
      ...wasm.set(place),
      ...wasm.get(dim),
      ...i32.const(4),
      ...i32.shr,
      ...wasm.set(left),
      ...countDown(left, [
        ...wasm.get(place),
        ...v128.load(),
        ...wasm.set(low),
        ...wasm.get(place),
        ...v128.load(16),
        ...wasm.set(high),
        ...four.flatMap((k) => [
          ...wasm.get(places[k]!),
          ...v128.load8x8(),
          ...wasm.get(low),
          ...i32x4.dot,
          ...wasm.get(places[k]!),
          ...v128.load8x8(8),
          ...wasm.get(high),
          ...i32x4.dot,
          ...i32x4.add,
          ...wasm.get(sums[k]!),
          ...i32x4.add,
          ...wasm.set(sums[k]!),
          ...advance(places[k]!, 16),
        ]),
        ...advance(place, 32),
      ]),
      ...gather(sums),
      ...wasm.set(low),
      ...four.flatMap((k) => [
        ...wasm.get(scores),
        ...wasm.get(low),
        ...i32x4.lane(k),
        ...f32.fromI32,
        ...wasm.get(scalePlaces[k]!),
        ...f32.load(),
        ...f32.mul,
        ...wasm.get(unit),
        ...f32.mul,
        ...f32.store(4 * k),
      ]),
      ...advance(rows, 16),
      ...advance(scores, 16),
    ]),
  );
}
