/**
 * @file Branches and loops: ops whose attributes are graphs. They run as they are; `replay` writes branches with a known
 * condition and loops with a known number of steps out, after which derivatives flow through them.
 */
import {
  type Dim,
  formatShape,
  isRanked,
  normalizeAxis,
  type Shape,
  ShapeError,
  unknownDim,
  unknownShape,
} from '../../core/index.ts';
import { constantIntsOf, constantOf, constantScalar } from '../constants.ts';
import type { Subgraph } from '../graph.ts';
import {
  type Attributes,
  defineOp,
  intOf,
  intsOf,
  type OpDefinition,
  opKey,
  type Value,
  type ValueType,
} from '../value.ts';
import { concat, split, squeeze, unsqueeze } from './layout.ts';
import { requireDtype, required } from './operand.ts';
import { listElements, sequenceConstruct } from './sequence.ts';
import { commonType, inside, typeOf, unwrapped, withShape } from './types.ts';

type Inputs = readonly (Value | undefined)[];

function graphAttribute(opType: string, attributes: Attributes, name: string): Subgraph {
  const attribute = attributes[name];
  if (attribute?.kind !== 'graph') throw new TypeError(`${opType}: needs a graph as its attribute "${name}"`);
  return attribute.value;
}

/** @throws TypeError unless the body has so many inputs, and outputs at least so many. */
function requireArity(opType: string, body: Subgraph, inputs: number, outputs: number): void {
  if (body.inputs.length !== inputs || body.outputs.length < outputs) {
    const came = `${body.inputs.length} inputs and ${body.outputs.length} outputs`;
    throw new TypeError(`${opType}: its body needs ${inputs} inputs and ${outputs} outputs or more, got ${came}`);
  }
}

const outputType = (body: Subgraph, index: number): ValueType => typeOf(body.outputs[index]!.value);

/** The number of steps of a Loop, if nothing can end it early; else unknown. */
function stepsOf(inputs: Inputs, body: Subgraph): Dim {
  const [most] = constantIntsOf(inputs[0]) ?? [];
  const starts = inputs[1] === undefined || constantOf(inputs[1])?.data[0] === 1;
  return most !== undefined && starts && neverEnds(body) ? Math.max(0, most) : unknownDim;
}

/** Whether the body of a Loop plainly goes on, so that the number of steps is the limit. */
function neverEnds(body: Subgraph): boolean {
  const goesOn = body.outputs[0]!.value;
  const node = goesOn.origin.kind === 'node' ? goesOn.origin.node : undefined;
  const source = node !== undefined && opKey(node.op) === 'Identity' ? node.inputs[0]! : goesOn;
  return source === body.inputs[1]!.value || constantOf(source)?.data[0] === 1;
}

interface ScanForm {
  readonly numStates: number;
  /** By scanned input: the axis along which it is cut, and whether from the end. */
  readonly inputs: readonly { readonly axis: number; readonly reversed: boolean }[];
  /** By stacked output. */
  readonly outputs: readonly { readonly axis: number; readonly reversed: boolean }[];
  readonly length: Dim;
}

function scanForm(inputs: Inputs, attributes: Attributes, body: Subgraph): ScanForm {
  const numScanned = intOf(attributes, 'num_scan_inputs', 0);
  const numStates = inputs.length - numScanned;
  if (numScanned < 1 || numStates < 0)
    throw new ShapeError(`Scan: of ${inputs.length} inputs, it cannot scan ${numScanned}`);
  const axes = intsOf(attributes, 'scan_input_axes', []);
  const directions = intsOf(attributes, 'scan_input_directions', []);
  let length: Dim = unknownDim;
  const scanned = Array.from({ length: numScanned }, (_, i) => {
    const x = required('Scan', inputs, numStates + i);
    if (!isRanked(x.shape)) return { axis: axes[i] ?? 0, reversed: directions[i] === 1 };
    const axis = normalizeAxis(axes[i] ?? 0, x.rank, 'Scan');
    const dim = x.shape[axis]!;
    if (length === unknownDim) length = dim;
    else if (typeof dim === 'number' && typeof length === 'number' && dim !== length) {
      throw new ShapeError(
        `Scan: its inputs must be of one length, got ${length} and ${formatShape(x.shape)} on axis ${axis}`,
      );
    }
    return { axis, reversed: directions[i] === 1 };
  });
  const outputAxes = intsOf(attributes, 'scan_output_axes', []);
  const outputDirections = intsOf(attributes, 'scan_output_directions', []);
  const stacked = body.outputs.slice(numStates).map(({ value }, i) => {
    const axis = outputAxes[i] ?? 0;
    const counted = isRanked(value.shape) ? normalizeAxis(axis, value.rank + 1, 'Scan') : axis;
    return { axis: counted, reversed: outputDirections[i] === 1 };
  });
  return { numStates, inputs: scanned, outputs: stacked, length };
}

function withAxis(shape: Shape, axis: number, dim: Dim): Shape {
  return isRanked(shape) ? [...shape.slice(0, axis), dim, ...shape.slice(axis)] : unknownShape;
}

/** The ops whose attributes are graphs. */
export const controlFlowOps = {
  If: defineOp('If', (inputs, attributes) => {
    requireDtype('If', 'the condition', required('If', inputs, 0), 'bool');
    const [then, otherwise] = [
      graphAttribute('If', attributes, 'then_branch'),
      graphAttribute('If', attributes, 'else_branch'),
    ];
    requireArity('If', then, 0, 0);
    requireArity('If', otherwise, 0, then.outputs.length);
    return then.outputs.map((_, i) => commonType('If', outputType(then, i), outputType(otherwise, i)));
  }),
  Loop: defineOp('Loop', (inputs, attributes) => {
    const body = graphAttribute('Loop', attributes, 'body');
    const states = inputs.slice(2).map((_, i) => required('Loop', inputs, i + 2));
    requireArity('Loop', body, states.length + 2, states.length + 1);
    if (inputs[0]) requireDtype('Loop', 'the number of steps', inputs[0], 'int64');
    if (inputs[1]) requireDtype('Loop', 'the condition', inputs[1], 'bool');
    const steps = stepsOf(inputs, body);
    return body.outputs.slice(1).map((_, i) => {
      const type = outputType(body, i + 1);
      if (i >= states.length) return withShape(type, withAxis(type.shape, 0, steps));
      const given = commonType('Loop', typeOf(states[i]!), typeOf(body.inputs[i + 2]!.value));
      // What may be absent before the first step need not be so after it.
      const isThereNow = given.containers?.[0] === 'optional' && type.containers?.[0] !== 'optional';
      return steps === 1 || isThereNow ? type : commonType('Loop', given, type);
    });
  }),
  Scan: defineOp('Scan', (inputs, attributes) => {
    const body = graphAttribute('Scan', attributes, 'body');
    const form = scanForm(inputs, attributes, body);
    requireArity('Scan', body, inputs.length, form.numStates);
    return body.outputs.map((_, i) => {
      const type = outputType(body, i);
      if (i < form.numStates) return commonType('Scan', typeOf(required('Scan', inputs, i)), type);
      return withShape(type, withAxis(type.shape, form.outputs[i - form.numStates]!.axis, form.length));
    });
  }),
  SequenceMap: defineOp('SequenceMap', (inputs, attributes) => {
    const body = graphAttribute('SequenceMap', attributes, 'body');
    required('SequenceMap', inputs, 0);
    requireArity('SequenceMap', body, inputs.length, 1);
    return body.outputs.map((_, i) => inside('sequence', outputType(body, i)));
  }),
} as const;

/** The types of the inputs of a body, given the inputs of the op that holds it. */
export function bodyInputTypes(op: OpDefinition, inputs: Inputs, attributes: Attributes, body: Subgraph): ValueType[] {
  const own = body.inputs.map(({ value }) => typeOf(value));
  const given = typesForBody[opKey(op)]?.(inputs, attributes, body) ?? [];
  return own.map((type, i) => {
    const now = given[i];
    return now === undefined || (!isRanked(now.shape) && now.dtype === type.dtype) ? type : now;
  });
}

type TypesForBody = (inputs: Inputs, attributes: Attributes, body: Subgraph) => readonly (ValueType | undefined)[];

const typesForBody: Readonly<Record<string, TypesForBody>> = {
  Loop: (inputs) => inputs.map((input, i) => (i < 2 || input === undefined ? undefined : typeOf(input))),
  Scan: (inputs, attributes, body) => {
    const { numStates, inputs: scanned } = scanForm(inputs, attributes, body);
    return inputs.map((input, i) => {
      if (input === undefined) return undefined;
      const { axis } = scanned[i - numStates] ?? { axis: -1 };
      return i < numStates || !isRanked(input.shape)
        ? typeOf(input)
        : withShape(
            input,
            input.shape.filter((_, a) => a !== axis),
          );
    });
  },
  SequenceMap: (inputs) =>
    inputs.map((input) => input && (input.containers?.[0] === 'sequence' ? unwrapped(input) : typeOf(input))),
};

/** One step of a body: its outputs on its inputs. */
export type Step = (inputs: readonly Value[]) => readonly Value[];

/** The outputs of a loop written out step by step, where it is known to end within `most` of them; else undefined. */
export function unrolled(
  op: OpDefinition,
  inputs: Inputs,
  attributes: Attributes,
  most: number,
  step: Step,
): readonly Value[] | undefined {
  return unrollByOp[opKey(op)]?.(inputs, attributes, most, step);
}

type Unroll = (inputs: Inputs, attributes: Attributes, most: number, step: Step) => readonly Value[] | undefined;

/** Values of equal shape, one a step, along a new axis. */
function stacked(values: readonly Value[], axis: number): Value {
  return concat(
    values.map((value) => unsqueeze(value, [axis])),
    axis,
  );
}

const unrollLoop: Unroll = (inputs, attributes, most, step) => {
  const body = graphAttribute('Loop', attributes, 'body');
  const [limit] = inputs[0] === undefined ? [Number.POSITIVE_INFINITY] : (constantIntsOf(inputs[0]) ?? []);
  if (limit === undefined || (limit > most && neverEnds(body))) return undefined;
  const numStates = inputs.length - 2;
  let states = inputs.slice(2) as Value[];
  let condition = inputs[1] ?? constantScalar(1, 'bool');
  const collected: Value[][] = body.outputs.slice(1 + numStates).map(() => []);
  for (let i = 0; i < limit; i++) {
    const goesOn = constantOf(condition)?.data[0];
    if (goesOn === undefined) return undefined;
    if (goesOn === 0) break;
    if (i >= most) return undefined;
    const outputs = step([constantScalar(i, 'int64'), condition, ...states]);
    condition = outputs[0]!;
    states = outputs.slice(1, 1 + numStates);
    collected.forEach((list, k) => {
      list.push(outputs[1 + numStates + k]!);
    });
  }
  if (collected.some((list) => list.length === 0)) return undefined;
  return [...states, ...collected.map((list) => stacked(list, 0))];
};

const unrollScan: Unroll = (inputs, attributes, most, step) => {
  const body = graphAttribute('Scan', attributes, 'body');
  const form = scanForm(inputs, attributes, body);
  const { length, numStates } = form;
  if (typeof length !== 'number' || length > most || length === 0) return undefined;
  const slices = form.inputs.map(({ axis, reversed }, i) => {
    const x = inputs[numStates + i]!;
    const parts = length === 1 ? [x] : split(x, new Array<number>(length).fill(1), axis);
    const cut = parts.map((part) => squeeze(part, [axis]));
    return reversed ? cut.reverse() : cut;
  });
  let states = inputs.slice(0, numStates) as Value[];
  const collected: Value[][] = form.outputs.map(() => []);
  for (let i = 0; i < length; i++) {
    const outputs = step([...states, ...slices.map((list) => list[i]!)]);
    states = outputs.slice(0, numStates);
    collected.forEach((list, k) => {
      list.push(outputs[numStates + k]!);
    });
  }
  const joined = collected.map((list, k) =>
    stacked(form.outputs[k]!.reversed ? list.reverse() : list, form.outputs[k]!.axis),
  );
  return [...states, ...joined];
};

const unrollMap: Unroll = (inputs, attributes, most, step) => {
  const lists = inputs.map((input) => (input?.containers?.[0] === 'sequence' ? listElements(input) : [input!]));
  const [first] = lists;
  if (first === undefined || first.length === 0 || first.length > most || lists.some((list) => list === undefined))
    return undefined;
  const steps = first.map((_, i) =>
    step(inputs.map((input, k) => (input!.containers?.[0] === 'sequence' ? lists[k]![i]! : input!))),
  );
  return graphAttribute('SequenceMap', attributes, 'body').outputs.map((_, k) =>
    sequenceConstruct(steps.map((outputs) => outputs[k]!)),
  );
};

const unrollByOp: Readonly<Record<string, Unroll>> = { Loop: unrollLoop, Scan: unrollScan, SequenceMap: unrollMap };
