/**
 * @file One direction of a recurrent layer, differentiated. The states are known, as outputs of the layer, so that the gates of all
 * steps are computed again at once, by two products over T·B rows; only what a step hands to the one before it goes step by step.
 * B: batch; T: steps; I: features of the input; H: hidden features; G: gates.
 */
import {
  add,
  concat,
  constantScalar,
  expand,
  gemm,
  mul,
  reduceSum,
  slice,
  split,
  sub,
  type Value,
} from '../../graph/index.ts';
import type { Activated, Activation } from './recurrent-activations.ts';

/** One direction, its steps in the order in which it takes them. */
export interface Direction {
  readonly steps: number;
  readonly batch: number;
  readonly hidden: number;
  /** `[T B, I]` */
  readonly x: Value;
  /** `[T B, H]`: the state before each step. */
  readonly previous: Value;
  /** `[G H, I]` */
  readonly w: Value;
  /** `[G H, H]` */
  readonly r: Value;
  /** `[G H]` each, of the input products and of the recurrent ones. */
  readonly biases: readonly [Value, Value] | undefined;
  readonly activations: readonly Activation[];
  /** `[B, H]` for each step: what reaches its state from outside; undefined where nothing does. */
  readonly arriving: readonly (Value | undefined)[];
  /** `[T B, 1]`: 1 in steps that a sequence has, 0 beyond its end; undefined where all have all. */
  readonly mask: Value | undefined;
}

/** What a direction owes to its operands. */
export interface DirectionCotangents {
  /** `[T B, G H]`: toward the input products. */
  readonly inputProducts: Value;
  /** `[T B, G H]`: toward the recurrent products, where they are others. */
  readonly recurrentProducts?: Value;
  /** `[G H, H]`, where it is not the recurrent products' with the states before. */
  readonly recurrentWeights?: Value;
  /** `[B, H]` */
  readonly initialH: Value;
  /** `[B, H]` */
  readonly initialC?: Value;
  /** `[3 H]` */
  readonly peepholes?: Value;
}

const columns = (value: Value, hidden: number, count: number): readonly Value[] =>
  count === 1 ? [value] : split(value, new Array<number>(count).fill(hidden), 1);

/** The rows of each step, `[B, ...]`. */
const bySteps = ({ steps, batch }: Direction, value: Value): readonly Value[] =>
  steps === 1 ? [value] : split(value, new Array<number>(steps).fill(batch), 0);

const rowsOf = (value: Value, start: number, end: number): Value =>
  slice(value, { starts: [start], ends: [end], axes: [0] });

const masked = ({ mask }: Direction, value: Value): Value => (mask ? mul(value, mask) : value);

/** `[B, H]` of zeros. */
export function zeroState({ batch, hidden, x }: Pick<Direction, 'batch' | 'hidden' | 'x'>): Value {
  return expand(constantScalar(0, x.dtype), [batch, hidden]);
}

/** What the gates are given: x wᵀ + states rᵀ + both biases. */
function preactivations(direction: Direction): Value {
  const { x, w, r, previous, biases } = direction;
  const inputs = gemm(x, w, biases && add(biases[0], biases[1]), { transB: true });
  return gemm(previous, r, inputs, { transB: true });
}

/** What reaches the state of a step: from outside, and from the recurrent products of the step after it. */
const arriveAt = (direction: Direction, t: number, later: Value | undefined, r: Value): Value => {
  const outside = direction.arriving[t];
  if (later === undefined) return outside ?? zeroState(direction);
  return gemm(later, r, outside);
};

/** hₜ = f(xₜ wᵀ + hₜ₋₁ rᵀ + bias) */
export function rnnCotangents(direction: Direction): DirectionCotangents {
  const slopes = bySteps(direction, masked(direction, direction.activations[0]!(preactivations(direction)).slope()));
  const products: Value[] = [];
  for (let t = direction.steps - 1; t >= 0; t--) {
    products[t] = mul(arriveAt(direction, t, products[t + 1], direction.r), slopes[t]!);
  }
  return { inputProducts: concat(products, 0), initialH: gemm(products[0]!, direction.r) };
}

/**
 * hₜ = (1 - z) h̃ + z hₜ₋₁ with the update gate z, the reset gate r, and h̃ = g(x wᵀ + (r · hₜ₋₁) rₕᵀ + biases), or, where the linear
 * product comes before the reset, g(x wᵀ + bias + r · (hₜ₋₁ rₕᵀ + bias)).
 */
export function gruCotangents(direction: Direction, linearBeforeReset: boolean): DirectionCotangents {
  return linearBeforeReset ? linearFirstGru(direction) : resetFirstGru(direction);
}

function resetFirstGru(direction: Direction): DirectionCotangents {
  const { hidden, x, w, r, previous, biases, steps } = direction;
  const [f, g] = direction.activations as [Activation, Activation];
  const [gateWeights, stateWeights] = [rowsOf(r, 0, 2 * hidden), rowsOf(r, 2 * hidden, 3 * hidden)];
  const inputs = gemm(x, w, biases && add(biases[0], biases[1]), { transB: true });
  const [inputGates, inputState] = split(inputs, [2 * hidden, hidden], 1) as [Value, Value];
  const gates = columns(gemm(previous, gateWeights, inputGates, { transB: true }), hidden, 2);
  const [update, reset] = gates.map(f) as [Activated, Activated];
  const kept = mul(reset.y, previous);
  const state = g(gemm(kept, stateWeights, inputState, { transB: true }));
  const perStep = {
    update: bySteps(direction, masked(direction, mul(sub(previous, state.y), update.slope()))),
    reset: bySteps(direction, mul(previous, reset.slope())),
    state: bySteps(direction, masked(direction, mul(sub(1, update.y), state.slope()))),
    keep: bySteps(direction, masked(direction, update.y)),
    resets: bySteps(direction, reset.y),
  };
  const products: Value[] = [];
  let handed: Value | undefined;
  for (let t = steps - 1; t >= 0; t--) {
    const outside = direction.arriving[t];
    const dh = handed === undefined ? (outside ?? zeroState(direction)) : outside ? add(outside, handed) : handed;
    const towardState = mul(dh, perStep.state[t]!);
    const towardKept = gemm(towardState, stateWeights);
    const towardGates = concat([mul(dh, perStep.update[t]!), mul(towardKept, perStep.reset[t]!)], 1);
    const direct = add(mul(dh, perStep.keep[t]!), mul(towardKept, perStep.resets[t]!));
    handed = gemm(towardGates, gateWeights, direct);
    products[t] = concat([towardGates, towardState], 1);
  }
  const all = concat(products, 0);
  const [towardGates, towardState] = split(all, [2 * hidden, hidden], 1) as [Value, Value];
  const recurrentWeights = concat(
    [gemm(towardGates, previous, undefined, { transA: true }), gemm(towardState, kept, undefined, { transA: true })],
    0,
  );
  return { inputProducts: all, recurrentWeights, initialH: handed! };
}

function linearFirstGru(direction: Direction): DirectionCotangents {
  const { hidden, x, w, r, previous, biases, steps } = direction;
  const [f, g] = direction.activations as [Activation, Activation];
  const inputs = columns(gemm(x, w, biases?.[0], { transB: true }), hidden, 3);
  const recurrent = columns(gemm(previous, r, biases?.[1], { transB: true }), hidden, 3);
  const update = f(add(inputs[0]!, recurrent[0]!));
  const reset = f(add(inputs[1]!, recurrent[1]!));
  const state = g(add(inputs[2]!, mul(reset.y, recurrent[2]!)));
  const towardUpdate = masked(direction, mul(sub(previous, state.y), update.slope()));
  const towardState = masked(direction, mul(sub(1, update.y), state.slope()));
  const towardReset = mul(mul(towardState, recurrent[2]!), reset.slope());
  const factors = concat([towardUpdate, towardReset, mul(towardState, reset.y)], 1);
  const perStep = { factors: bySteps(direction, factors), keep: bySteps(direction, masked(direction, update.y)) };
  const arrived: Value[] = [];
  const products: Value[] = [];
  let handed: Value | undefined;
  for (let t = steps - 1; t >= 0; t--) {
    const outside = direction.arriving[t];
    const dh = handed === undefined ? (outside ?? zeroState(direction)) : outside ? add(outside, handed) : handed;
    arrived[t] = dh;
    products[t] = mul(concat([dh, dh, dh], 1), perStep.factors[t]!);
    handed = gemm(products[t]!, r, mul(dh, perStep.keep[t]!));
  }
  const recurrentProducts = concat(products, 0);
  const stateProducts = mul(concat(arrived, 0), towardState);
  const gateProducts = slice(recurrentProducts, { starts: [0], ends: [2 * hidden], axes: [1] });
  return { inputProducts: concat([gateProducts, stateProducts], 1), recurrentProducts, initialH: handed! };
}

/** What an LSTM has besides. */
export interface CellState {
  /** `[B, H]` */
  readonly initialC: Value;
  /** `[3 H]`: of the input, output and forget gates. */
  readonly peepholes: Value | undefined;
  /** Whether the forget gate is 1 - the input gate. */
  readonly inputForget: boolean;
  /** `[B, H]` for each step: what reaches its cell from outside. */
  readonly arriving: readonly (Value | undefined)[];
}

interface Gates {
  readonly input: Activated;
  readonly forget: Activated | undefined;
  readonly keep: Value;
}

/** The cells after each step, `[B, H]` each: c = forget · c + input · candidate. */
function cellsOf(direction: Direction, cell: CellState, pre: readonly Value[], candidate: Value): Value[] {
  const { hidden } = direction;
  const f = direction.activations[0]!;
  const candidates = bySteps(direction, candidate);
  const cells: Value[] = [];
  if (cell.peepholes === undefined) {
    const { input, keep } = gatesOf(f, pre[0]!, cell.inputForget ? undefined : pre[2]!);
    const [added, kept] = [bySteps(direction, mul(input.y, candidate)), bySteps(direction, keep)];
    candidates.forEach((_, t) => {
      cells.push(add(mul(kept[t]!, cells[t - 1] ?? cell.initialC), added[t]!));
    });
    return cells;
  }
  const [pi, , pf] = split(cell.peepholes, [hidden, hidden, hidden], 0) as [Value, Value, Value];
  const [inputs, forgets] = [bySteps(direction, pre[0]!), bySteps(direction, pre[2]!)];
  candidates.forEach((value, t) => {
    const before = cells[t - 1] ?? cell.initialC;
    const forget = cell.inputForget ? undefined : add(forgets[t]!, mul(before, pf));
    const { input, keep } = gatesOf(f, add(inputs[t]!, mul(before, pi)), forget);
    cells.push(add(mul(keep, before), mul(input.y, value)));
  });
  return cells;
}

function gatesOf(f: Activation, preInput: Value, preForget: Value | undefined): Gates {
  const input = f(preInput);
  const forget = preForget && f(preForget);
  return { input, forget, keep: forget ? forget.y : sub(1, input.y) };
}

/** The gates i, o, f and the candidate; c as in `cellsOf`, hₜ = o · h(cₜ). */
export function lstmCotangents(direction: Direction, cell: CellState): DirectionCotangents {
  const { hidden, steps, r } = direction;
  const [f, g, h] = direction.activations as [Activation, Activation, Activation];
  const pre = columns(preactivations(direction), hidden, 4);
  const candidate = g(pre[3]!);
  const cells = cellsOf(direction, cell, pre, candidate.y);
  const after = concat(cells, 0);
  const before = concat([cell.initialC, ...cells.slice(0, -1)], 0);
  const [pi, po, pf] = cell.peepholes ? split(cell.peepholes, [hidden, hidden, hidden], 0) : [];
  const peeped = (value: Value, weights: Value | undefined, of: Value) =>
    weights ? add(value, mul(of, weights)) : value;
  const forgetPre = cell.inputForget ? undefined : peeped(pre[2]!, pf, before);
  const { input, forget, keep } = gatesOf(f, peeped(pre[0]!, pi, before), forgetPre);
  const output = f(peeped(pre[1]!, po, after));
  const shown = h(after);
  const towardInput = mul(cell.inputForget ? sub(candidate.y, before) : candidate.y, input.slope());
  const towardOutput = mul(shown.y, output.slope());
  const towardForget = forget ? mul(before, forget.slope()) : mul(towardInput, 0);
  const factors = concat([towardInput, towardOutput, towardForget, mul(input.y, candidate.slope())], 1);
  const throughOutput = peeped(mul(output.y, shown.slope()), po, towardOutput);
  const throughInput = peeped(keep, pi, towardInput);
  const perStep = {
    factors: bySteps(direction, masked(direction, factors)),
    cell: bySteps(direction, masked(direction, throughOutput)),
    keep: bySteps(direction, masked(direction, forget ? peeped(throughInput, pf, towardForget) : throughInput)),
  };
  const products: Value[] = [];
  let handed: Value | undefined;
  for (let t = steps - 1; t >= 0; t--) {
    const dh = arriveAt(direction, t, products[t + 1], r);
    const sources = [mul(dh, perStep.cell[t]!), handed, cell.arriving[t]].filter((value) => value !== undefined);
    const dc = sources.reduce(add);
    products[t] = mul(concat([dc, dh, dc, dc], 1), perStep.factors[t]!);
    handed = mul(dc, perStep.keep[t]!);
  }
  const all = concat(products, 0);
  const peepholes = () => {
    const [ofInput, ofOutput, ofForget] = columns(all, hidden, 4) as [Value, Value, Value, Value];
    const pairs = [mul(ofInput, before), mul(ofOutput, after), mul(ofForget, before)];
    return reduceSum(concat(pairs, 1), { axes: [0] });
  };
  return {
    inputProducts: all,
    initialH: gemm(products[0]!, r),
    initialC: handed!,
    ...(cell.peepholes ? { peepholes: peepholes() } : {}),
  };
}
