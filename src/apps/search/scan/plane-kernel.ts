/**
 * @file The kernel that scans codes: for 128 rows at a time, the weighted sum of the bits of each row's code, and the rows whose sum
 * exceeds a threshold that rises as better ones are found.
 *
 * The codes lie as bit planes, so the sums are kept as bit planes too, and added by networks of full adders: 16 planes of one weight
 * take 15 adders of five instructions (Harley and Seal's counter; Muła, Kurz and Lemire, arXiv:1611.07612) instead of a population count a
 * row. The weights 4, 2 and 1 enter at the plane of their bit, so that a graded query costs the same as plain Hamming distance. Full adders are their
 * own duals: with all inputs inverted, their outputs come inverted. A plane of negative weight, which counts rows that lack the bit, is
 * therefore added as it is while the sums stand inverted.
 *
 * A query reads the planes of a group in an order of its own, which the processor cannot foresee. So each step also touches the next lines of the
 * group after it, one by one: that is a stream that the processor reads ahead (measured: 1.45 times as fast from memory).
 */
import { type WasmCode, type WasmFunction, wasm } from '../../../engine/kernels/index.ts';
import { advance, countDown, Frame } from './frame.ts';
import {
  groupBytes,
  listCapacity,
  planesPerStep,
  planeWeights,
  rowsPerGroup,
  scoreBits,
  threadParts,
  weightParts,
} from './layout.ts';

const { i32, i64, v128 } = wasm;

/** Bytes that the processor reads at once. */
const lineBytes = 64;
/** Lines of the next group that a step touches: together with the other steps, most of it. */
const linesPerStep = 6;

/**
 * `scanPlanes(planes, mask, numGroups, firstRow, thread, weights)`: looks at the rows of consecutive groups whose bit in the mask is set, and appends
 * those above the thread's threshold to its list. Returns how many groups are left because the list is full.
 */
export function scanPlanes(): WasmFunction {
  const frame = new Frame(['i32', 'i32', 'i32', 'i32', 'i32', 'i32']);
  const [planes, mask, numGroups, firstRow, thread, weights] = [0, 1, 2, 3, 4, 5];
  const sums = frame.locals('v128', scoreBits);
  const [rows, touched] = [frame.local('v128'), frame.local('i32')];

  const body = wasm.block([
    ...wasm.get(numGroups),
    ...i32.eqz,
    ...wasm.branchIf(0),
    ...wasm.loop([
      // A full list ends the call.
      ...wasm.get(thread),
      ...i32.load(threadParts.length),
      ...i32.const(listCapacity - rowsPerGroup),
      ...i32.greaterOrEqual,
      ...wasm.branchIf(1),
      ...wasm.block([
        ...wasm.get(mask),
        ...v128.load(),
        ...v128.anyTrue,
        ...i32.eqz,
        ...wasm.branchIf(0),
        ...weightedSums(frame, { planes, weights, sums, touched }),
        ...exceeds(frame, { thread, sums }),
        ...wasm.get(mask),
        ...v128.load(),
        ...v128.and,
        ...wasm.tee(rows),
        ...v128.anyTrue,
        ...i32.eqz,
        ...wasm.branchIf(0),
        ...keepRows(frame, { thread, firstRow, sums, rows }),
      ]),
      ...advance(planes, groupBytes),
      ...advance(mask, rowsPerGroup / 8),
      ...advance(firstRow, rowsPerGroup),
      ...wasm.get(numGroups),
      ...i32.const(1),
      ...i32.sub,
      ...wasm.tee(numGroups),
      ...wasm.branchIf(0),
    ]),
  ]);
  // What was touched is written somewhere, lest it be left out.
  const write = [...wasm.get(thread), ...wasm.get(touched), ...i32.store(threadParts.touched)];
  return frame.function('scanPlanes', [...body, ...write, ...wasm.get(numGroups)], ['i32']);
}

interface SumLocals {
  readonly planes: number;
  readonly weights: number;
  readonly sums: readonly number[];
  readonly touched: number;
}

/** Leaves the sums of the group at `planes` in `sums`, the lowest bit first. */
function weightedSums(frame: Frame, { planes, weights, sums, touched }: SumLocals): WasmCode {
  const [place, steps, ahead] = [frame.local('i32'), frame.local('i32'), frame.local('i32')];
  const mixed = frame.local('v128');
  const carries = Array.from({ length: 4 }, () => [frame.local('v128'), frame.local('v128')] as const);
  const last = frame.local('v128');

  const nextPlane = (out: number, nth: number): WasmCode => [
    ...wasm.get(planes),
    ...wasm.get(place),
    ...i32.load(4 * nth),
    ...i32.add,
    ...v128.load(),
    ...wasm.set(out),
  ];
  /** Adds two planes to the sum: sum, carry = sum + a + b. */
  const fullAdder = (sum: number, a: number, b: number, carry: number): WasmCode => [
    ...wasm.get(sum),
    ...wasm.get(a),
    ...v128.xor,
    ...wasm.set(mixed),
    ...wasm.get(sum),
    ...wasm.get(a),
    ...v128.and,
    ...wasm.get(mixed),
    ...wasm.get(b),
    ...v128.and,
    ...v128.or,
    ...wasm.get(mixed),
    ...wasm.get(b),
    ...v128.xor,
    ...wasm.set(sum),
    ...wasm.set(carry),
  ];
  /** Adds 2^levels planes, from the nth of the step on, at the bit `bit`; what does not fit in `levels` bits goes to `out`. */
  const addPlanes = (bit: number, levels: number, nth: number, out: number): WasmCode => {
    if (levels === 0) return nextPlane(out, nth);
    const [a, b] = carries[levels - 1]!;
    return [
      ...addPlanes(bit, levels - 1, nth, a),
      ...addPlanes(bit, levels - 1, nth + 2 ** (levels - 1), b),
      ...fullAdder(sums[bit + levels - 1]!, a, b, out),
    ];
  };
  /** Adds the plane in `last` at the bit `bit` and carries to the end; while the sums stand inverted, so does the carry. */
  const addLast = (bit: number, isInverted: boolean): WasmCode =>
    sums
      .slice(bit)
      .flatMap((sum) => [
        ...wasm.get(sum),
        ...wasm.get(last),
        ...(isInverted ? v128.or : v128.and),
        ...wasm.get(sum),
        ...wasm.get(last),
        ...v128.xor,
        ...(isInverted ? [...v128.ones, ...v128.xor] : []),
        ...wasm.set(sum),
        ...wasm.set(last),
      ]);
  const touchAhead: WasmCode = [
    ...Array.from({ length: linesPerStep }, (_, line) => [
      ...wasm.get(ahead),
      ...i32.load(lineBytes * line),
      ...wasm.get(touched),
      ...i32.add,
      ...wasm.set(touched),
    ]).flat(),
    ...advance(ahead, lineBytes * linesPerStep),
  ];
  const invert = sums.flatMap((sum) => [...wasm.get(sum), ...v128.ones, ...v128.xor, ...wasm.set(sum)]);
  const stepsOf = (weight: number, i: number): WasmCode => {
    const bit = Math.log2(Math.abs(weight));
    return [
      ...wasm.get(weights),
      ...i32.load(weightParts.steps + 4 * i),
      ...wasm.set(steps),
      ...countDown(steps, [
        ...addPlanes(bit, Math.log2(planesPerStep), 0, last),
        ...addLast(bit + Math.log2(planesPerStep), weight < 0),
        ...advance(place, 4 * planesPerStep),
        ...touchAhead,
      ]),
    ];
  };
  return [
    ...sums.flatMap((sum) => [...v128.zero, ...wasm.set(sum)]),
    ...wasm.get(weights),
    ...i32.const(weightParts.planes),
    ...i32.add,
    ...wasm.set(place),
    ...wasm.get(planes),
    ...i32.const(groupBytes),
    ...i32.add,
    ...wasm.set(ahead),
    ...planeWeights.flatMap((weight, i) => [
      ...(weight < 0 && planeWeights[i - 1]! > 0 ? invert : []),
      ...stepsOf(weight, i),
    ]),
    ...invert,
  ];
}

/** Leaves a register with the bits of the rows whose sum is not below the threshold + 1. */
function exceeds(frame: Frame, { thread, sums }: { thread: number; sums: readonly number[] }): WasmCode {
  const [borrow, bit] = [frame.local('v128'), frame.local('v128')];
  return [
    ...v128.zero,
    ...wasm.set(borrow),
    // borrow = bit and not sum, or borrow where they are equal: what is left at the end is set where sum < threshold + 1.
    ...sums.flatMap((sum, i) => [
      ...wasm.get(thread),
      ...v128.load(threadParts.thresholdBits + 16 * i),
      ...wasm.tee(bit),
      ...wasm.get(sum),
      ...v128.andNot,
      ...wasm.get(borrow),
      ...wasm.get(bit),
      ...wasm.get(sum),
      ...v128.xor,
      ...v128.andNot,
      ...v128.or,
      ...wasm.set(borrow),
    ]),
    ...v128.ones,
    ...wasm.get(borrow),
    ...v128.xor,
  ];
}

interface KeepLocals {
  readonly thread: number;
  readonly firstRow: number;
  readonly sums: readonly number[];
  readonly rows: number;
}

/** Appends the rows of a group that are set in `rows`, unless the threshold has passed them by meanwhile, and raises the threshold. */
function keepRows(frame: Frame, { thread, firstRow, sums, rows }: KeepLocals): WasmCode {
  const left = frame.local('i64');
  const [at, score, shift, entry, slot] = frame.locals('i32', 5) as [number, number, number, number, number];
  const atCount = (slotOf: number) => [
    ...wasm.get(thread),
    ...wasm.get(slotOf),
    ...i32.const(2),
    ...i32.shl,
    ...i32.add,
  ];
  const scoreOfRow = sums.flatMap((_, i) => [
    ...wasm.get(slot),
    ...i32.load8(threadParts.scoreBits + 16 * i),
    ...wasm.get(shift),
    ...i32.shr,
    ...i32.const(1),
    ...i32.and,
    ...(i === 0 ? [] : [...i32.const(i), ...i32.shl, ...i32.or]),
  ]);
  const append: WasmCode = [
    ...wasm.get(thread),
    ...wasm.get(thread),
    ...i32.load(threadParts.length),
    ...wasm.tee(entry),
    ...i32.const(3),
    ...i32.shl,
    ...i32.add,
    ...wasm.tee(slot),
    ...wasm.get(firstRow),
    ...wasm.get(at),
    ...i32.add,
    ...i32.store(threadParts.list),
    ...wasm.get(slot),
    ...wasm.get(score),
    ...i32.store(threadParts.list + 4),
    ...wasm.get(thread),
    ...wasm.get(entry),
    ...i32.const(1),
    ...i32.add,
    ...i32.store(threadParts.length),
  ];
  const count: WasmCode = [
    ...atCount(score),
    ...wasm.tee(slot),
    ...wasm.get(slot),
    ...i32.load(threadParts.histogram),
    ...i32.const(1),
    ...i32.add,
    ...i32.store(threadParts.histogram),
    ...wasm.get(thread),
    ...wasm.get(thread),
    ...i32.load(threadParts.above),
    ...i32.const(1),
    ...i32.add,
    ...i32.store(threadParts.above),
  ];
  const threshold = score;
  const storeBits = sums.flatMap((_, i) => [
    ...wasm.get(thread),
    ...i32.const(0),
    ...wasm.get(threshold),
    ...i32.const(1),
    ...i32.add,
    ...i32.const(i),
    ...i32.shr,
    ...i32.const(1),
    ...i32.and,
    ...i32.sub,
    ...wasm.i32x4.splat,
    ...v128.store(threadParts.thresholdBits + 16 * i),
  ]);
  // While as many rows as are looked for exceed the threshold, it can rise by one.
  const raise: WasmCode = wasm.block([
    ...isFull(thread),
    ...i32.eqz,
    ...wasm.branchIf(0),
    ...wasm.get(thread),
    ...i32.load(threadParts.threshold),
    ...wasm.set(threshold),
    ...wasm.loop([
      ...advance(threshold, 1),
      ...wasm.get(thread),
      ...wasm.get(thread),
      ...i32.load(threadParts.above),
      ...atCount(threshold),
      ...i32.load(threadParts.histogram),
      ...i32.sub,
      ...i32.store(threadParts.above),
      ...isFull(thread),
      ...wasm.branchIf(0),
    ]),
    ...wasm.get(thread),
    ...wasm.get(threshold),
    ...i32.store(threadParts.threshold),
    ...storeBits,
  ]);
  const half = (nth: number): WasmCode =>
    wasm.block([
      ...wasm.get(thread),
      ...i64.load(threadParts.groupRows + 8 * nth),
      ...wasm.set(left),
      ...wasm.loop([
        ...wasm.get(left),
        ...i64.eqz,
        ...wasm.branchIf(1),
        ...wasm.get(left),
        ...i64.countTrailingZeros,
        ...i32.wrap64,
        ...i32.const(64 * nth),
        ...i32.or,
        ...wasm.set(at),
        ...wasm.get(left),
        ...wasm.get(left),
        ...i64.const(1),
        ...i64.sub,
        ...i64.and,
        ...wasm.set(left),
        ...wasm.get(at),
        ...i32.const(7),
        ...i32.and,
        ...wasm.set(shift),
        ...wasm.get(thread),
        ...wasm.get(at),
        ...i32.const(3),
        ...i32.shr,
        ...i32.add,
        ...wasm.set(slot),
        ...scoreOfRow,
        ...wasm.tee(score),
        ...wasm.get(thread),
        ...i32.load(threadParts.threshold),
        ...i32.greaterSigned,
        ...i32.eqz,
        ...wasm.branchIf(0),
        ...append,
        ...count,
        ...raise,
        ...wasm.branch(0),
      ]),
    ]);
  return [
    ...sums.flatMap((sum, i) => [...wasm.get(thread), ...wasm.get(sum), ...v128.store(threadParts.scoreBits + 16 * i)]),
    ...wasm.get(thread),
    ...wasm.get(rows),
    ...v128.store(threadParts.groupRows),
    ...half(0),
    ...half(1),
  ];
}

/** Whether as many rows as are looked for exceed the threshold. */
function isFull(thread: number): WasmCode {
  return [
    ...wasm.get(thread),
    ...i32.load(threadParts.above),
    ...wasm.get(thread),
    ...i32.load(threadParts.depth),
    ...i32.greaterOrEqual,
  ];
}
