/**
 * @file Gradient rules of the recurrent layers: each direction on its own, in the order in which it takes its steps. Sequences that end
 * early are masked. T: steps; B: batch; I: features of the input; H: hidden features; D: directions.
 */
import { int64, staticShape, UnsupportedOpError } from '../../core/index.ts';
import {
  add,
  cast,
  concat,
  constant,
  constantIntsOf,
  equal,
  gemm,
  intOf,
  less,
  mul,
  type recurrentOps,
  reduceSum,
  reshape,
  reverseSequence,
  slice,
  split,
  stringOf,
  sub,
  unsqueeze,
  type Value,
} from '../../graph/index.ts';
import { type GradientRule, inputAt, type RuleContext } from '../rule.ts';
import { type Activation, activationsOf } from './recurrent-activations.ts';
import {
  type Direction,
  type DirectionCotangents,
  gruCotangents,
  lstmCotangents,
  rnnCotangents,
  zeroState,
} from './recurrent-cells.ts';

type Rules = { readonly [Op in keyof typeof recurrentOps]: GradientRule };

const shapeOf = (value: Value) => staticShape(value.shape, 'gradient of a recurrent layer');

/** Which steps the sequences have, where not all have all. */
interface Ends {
  /** `int64[B]` */
  readonly lengths: Value;
  /** `[T, B, 1]`: 1 within a sequence. */
  readonly within: Value;
  /** `[T, B, 1]`: 1 at its last step. */
  readonly last: Value;
}

function endsOf(context: RuleContext, steps: number): Ends | undefined {
  const given = context.inputs[4];
  const known = constantIntsOf(given);
  if (given === undefined || known?.every((length) => length === steps)) return undefined;
  const { dtype } = inputAt(context, 0);
  const lengths = cast(given, 'int64');
  const time = constant(
    int64(
      Array.from({ length: steps }, (_, t) => t),
      [steps, 1],
    ),
  );
  const asColumn = (condition: Value) => unsqueeze(cast(condition, dtype), [2]);
  return { lengths, within: asColumn(less(time, lengths)), last: asColumn(equal(time, sub(lengths, 1))) };
}

/** `[T, B, ...]` with time running the other way, within each sequence. */
function reversed(value: Value, ends: Ends | undefined): Value {
  if (ends) return reverseSequence(value, ends.lengths, { timeAxis: 0 });
  return slice(value, { starts: [-1], ends: [-(2 ** 31)], axes: [0], steps: [-1] });
}

/** Part `d` of `[D, ...]`, without that axis. */
function partOf(value: Value, d: number): Value {
  const shape = shapeOf(value);
  const part = shape[0] === 1 ? value : slice(value, { starts: [d], ends: [d + 1], axes: [0] });
  return reshape(part, shape.slice(1));
}

/** Direction `d` of `[T, D, B, H]`: `[T, B, H]`. */
function statesOf(value: Value, d: number): Value {
  const [steps, numDirections, batch, hidden] = shapeOf(value) as [number, number, number, number];
  const part = numDirections === 1 ? value : slice(value, { starts: [d], ends: [d + 1], axes: [1] });
  return reshape(part, [steps, batch, hidden]);
}

/** What reaches the state after each step, `[B, H]`: from the outputs of all steps and from that of the last. */
function arriving(all: Value | undefined, last: Value | undefined, steps: number, ends: Ends | undefined) {
  const lists: (Value | undefined)[] = new Array<Value | undefined>(steps).fill(undefined);
  if (ends) {
    const parts = [all && mul(all, ends.within), last && mul(ends.last, last)].filter((part) => part !== undefined);
    return parts.length === 0 ? lists : rowsByStep(parts.reduce(add), steps);
  }
  const list = all === undefined ? lists : rowsByStep(all, steps);
  const atLast = list[steps - 1];
  if (last) list[steps - 1] = atLast ? add(atLast, last) : last;
  return list;
}

function rowsByStep(value: Value, steps: number): (Value | undefined)[] {
  const [, batch, hidden] = shapeOf(value) as [number, number, number];
  const parts = steps === 1 ? [value] : split(value, new Array<number>(steps).fill(1), 0);
  return parts.map((part) => reshape(part, [batch, hidden]));
}

interface Layer {
  readonly numGates: number;
  readonly activations: readonly string[];
  readonly differentiate: (
    context: RuleContext,
    direction: Direction,
    d: number,
    ends: Ends | undefined,
  ) => DirectionCotangents;
}

/** What direction `d` owes to every input of the layer; that to x in the layer's own order of time. */
function directionCotangents(context: RuleContext, layer: Layer, d: number, activations: readonly Activation[]) {
  const [x, w, r, bias] = [inputAt(context, 0), inputAt(context, 1), inputAt(context, 2), context.inputs[3]];
  const [steps, batch, features] = shapeOf(x) as [number, number, number];
  const hidden = shapeOf(r)[2]!;
  const ends = endsOf(context, steps);
  const isReverse = d === 1 || stringOf(context.node.attributes, 'direction', 'forward') === 'reverse';
  const ordered = (value: Value) => (isReverse ? reversed(value, ends) : value);
  const rows = reshape(ordered(x), [steps * batch, features]);
  const given = context.inputs[5];
  const initial = given ? partOf(given, d) : zeroState({ batch, hidden, x });
  const states = reshape(ordered(statesOf(context.outputs[0]!, d)), [steps * batch, hidden]);
  const gates = layer.numGates * hidden;
  const halves = bias ? (split(partOf(bias, d), [gates, gates], 0) as [Value, Value]) : undefined;
  const [all, last] = context.cotangents;
  const direction: Direction = {
    steps,
    batch,
    hidden,
    x: rows,
    previous:
      steps === 1
        ? initial
        : concat([initial, slice(states, { starts: [0], ends: [(steps - 1) * batch], axes: [0] })], 0),
    w: partOf(w, d),
    r: partOf(r, d),
    biases: halves,
    activations,
    arriving: arriving(all && ordered(statesOf(all, d)), last && partOf(last, d), steps, ends),
    mask: ends && reshape(ends.within, [steps * batch, 1]),
  };
  const result = layer.differentiate(context, direction, d, ends);
  const recurrent = result.recurrentProducts ?? result.inputProducts;
  const sums = (value: Value) => reduceSum(value, { axes: [0] });
  const fromBias = () => {
    const ofInputs = sums(result.inputProducts);
    return concat([ofInputs, result.recurrentProducts ? sums(result.recurrentProducts) : ofInputs], 0);
  };
  const towardX = () => ordered(reshape(gemm(result.inputProducts, direction.w), [steps, batch, features]));
  return {
    x: context.needs(0) ? towardX() : undefined,
    w: context.needs(1) ? gemm(result.inputProducts, rows, undefined, { transA: true }) : undefined,
    r: context.needs(2)
      ? (result.recurrentWeights ?? gemm(recurrent, direction.previous, undefined, { transA: true }))
      : undefined,
    bias: context.needs(3) ? fromBias() : undefined,
    initialH: result.initialH,
    initialC: result.initialC,
    peepholes: result.peepholes,
  };
}

const recurrentRule =
  (layer: Layer): GradientRule =>
  (context) => {
    const { attributes, op } = context.node;
    if (intOf(attributes, 'layout', 0) === 1) {
      throw new UnsupportedOpError(
        `gradients: ${op.opType} with the batch first has none, nor does ONNX Runtime run it; transpose x and y instead`,
      );
    }
    const numDirections = stringOf(attributes, 'direction', 'forward') === 'bidirectional' ? 2 : 1;
    const activations = activationsOf(attributes, layer.activations, numDirections, (index) => index === 2);
    const parts = activations.map((own, d) => directionCotangents(context, layer, d, own));
    const stacked = (name: Exclude<keyof (typeof parts)[number], 'x'>, index: number) => {
      if (!context.needs(index)) return undefined;
      return concat(
        parts.map((part) => unsqueeze(part[name]!, [0])),
        0,
      );
    };
    return [
      context.needs(0) ? parts.map((part) => part.x!).reduce(add) : undefined,
      stacked('w', 1),
      stacked('r', 2),
      stacked('bias', 3),
      undefined,
      stacked('initialH', 5),
      ...(op.opType === 'LSTM' ? [stacked('initialC', 6), stacked('peepholes', 7)] : []),
    ];
  };

/** The rules of the recurrent layers. */
export const recurrentRules: Rules = {
  RNN: recurrentRule({
    numGates: 1,
    activations: ['Tanh'],
    differentiate: (_, direction) => rnnCotangents(direction),
  }),
  GRU: recurrentRule({
    numGates: 3,
    activations: ['Sigmoid', 'Tanh'],
    differentiate: (context, direction) =>
      gruCotangents(direction, intOf(context.node.attributes, 'linear_before_reset', 0) !== 0),
  }),
  LSTM: recurrentRule({
    numGates: 4,
    activations: ['Sigmoid', 'Tanh', 'Tanh'],
    differentiate: (context, direction, d, ends) => {
      const [initial, peepholes] = [context.inputs[6], context.inputs[7]];
      const last = context.cotangents[2];
      return lstmCotangents(direction, {
        initialC: initial ? partOf(initial, d) : zeroState(direction),
        peepholes: peepholes && partOf(peepholes, d),
        inputForget: intOf(context.node.attributes, 'input_forget', 0) !== 0,
        arriving: arriving(undefined, last && partOf(last, d), direction.steps, ends),
      });
    },
  }),
};
