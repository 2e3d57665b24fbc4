/**
 * @file Folding: what an op gives, where it is known before anything runs. Small constants are computed on the host, shapes of
 * static values and dimensions known one by one become constants, and ops that change nothing pass their input through.
 */
import { dtypes, formatShape, int64, isRanked, isStatic, numElements, unknownDim } from '../core/index.ts';
import { constant, constantIntsOf } from './constants.ts';
import { hostOps } from './host-ops.ts';
import { tabulate } from './host-tensors.ts';
import { knownDims } from './known-dims.ts';
import { stopGradientOp } from './ops/layout.ts';
import {
  type Attributes,
  applyOpAs,
  intOf,
  intsOf,
  type OpDefinition,
  opKey,
  type Value,
  type ValueType,
} from './value.ts';

/** The largest constant that is computed on the host, in elements. */
const largest = 4096;

type Inputs = readonly (Value | undefined)[];

/**
 * The outputs of an application that are known without running it: constants, or values that exist already. Undefined where
 * only a run can tell, where the op would refuse its inputs, and for `stopGradient`, which must stay.
 */
export function foldOp(op: OpDefinition, inputs: Inputs, attributes: Attributes = {}): readonly Value[] | undefined {
  if (op === stopGradientOp) return undefined;
  const own = op.fold?.(inputs, attributes);
  if (own !== undefined) return own;
  const key = opKey(op);
  if (!(key in hostOps) && !(key in passes)) return undefined;
  if (!readsShapesOnly.has(key) && inputs.some((input) => input && isLarge(input)))
    return foldUnchanged(op, inputs, attributes);
  const types = typesOf(op, inputs, attributes);
  if (types === undefined) return undefined;
  return (
    passing(key, inputs, attributes, types) ??
    computed(key, inputs, attributes, types) ??
    known(op, inputs, attributes, types)
  );
}

/** A large value can only pass unchanged. */
function foldUnchanged(op: OpDefinition, inputs: Inputs, attributes: Attributes): readonly Value[] | undefined {
  if (!(opKey(op) in passes)) return undefined;
  const types = typesOf(op, inputs, attributes);
  return types && passing(opKey(op), inputs, attributes, types);
}

function typesOf(op: OpDefinition, inputs: Inputs, attributes: Attributes): readonly ValueType[] | undefined {
  try {
    return op.infer(inputs, attributes);
  } catch {
    return undefined;
  }
}

const readsShapesOnly: ReadonlySet<string> = new Set(['Shape', 'Size']);

function isLarge(value: Value): boolean {
  return isStatic(value.shape) && numElements(value.shape) > largest;
}

/** The constants that an op gives on constants. */
function computed(
  key: string,
  inputs: Inputs,
  attributes: Attributes,
  types: readonly ValueType[],
): readonly Value[] | undefined {
  const tensors = inputs.map((input) => (input?.origin.kind === 'constant' ? input.origin.tensor : undefined));
  if (inputs.length === 0 || inputs.some((input, i) => input && !tensors[i])) return undefined;
  const isSmall = ({ shape }: ValueType) => (isStatic(shape) ? numElements(shape) <= largest : key === 'NonZero');
  if (!types.every(isSmall)) return undefined;
  return hostOps[key]?.(tensors, attributes, types)?.map((tensor) => constant(tensor));
}

/** A vector or number of whole numbers, each of whose elements is known. */
function known(
  op: OpDefinition,
  inputs: Inputs,
  attributes: Attributes,
  types: readonly ValueType[],
): readonly Value[] | undefined {
  const isCandidate = ({ dtype, shape }: ValueType) =>
    !dtypes[dtype].isFloat && dtype !== 'string' && shape.length <= 1;
  if (!types.every(isCandidate)) return undefined;
  const results = applyOpAs(op, inputs, attributes, types).map((output) => {
    const dims = knownDims(output);
    if (dims === undefined || !dims.every(Number.isSafeInteger)) return undefined;
    const counts = dims as readonly number[];
    const shape = output.rank === 0 ? [] : [dims.length];
    if (output.dtype === 'int64') return constant(int64(counts, shape));
    if (output.dtype !== 'int32' && output.dtype !== 'bool') return undefined;
    return constant(tabulate(output.dtype, shape, (i) => counts[i]!));
  });
  return results.every((result) => result !== undefined) ? results : undefined;
}

/** The first input, where the op leaves it as it is. */
function passing(
  key: string,
  inputs: Inputs,
  attributes: Attributes,
  types: readonly ValueType[],
): readonly Value[] | undefined {
  const [x] = inputs;
  const [type] = types;
  if (x === undefined || type === undefined || types.length !== 1 || !passes[key]?.(inputs, attributes))
    return undefined;
  return x.dtype === type.dtype && isSurelySame(x, type) ? [x] : undefined;
}

function isSurelySame(a: ValueType, b: ValueType): boolean {
  const isKnown = isRanked(a.shape) && !a.shape.includes(unknownDim);
  return isKnown && formatShape(a.shape) === formatShape(b.shape) && a.containers?.join() === b.containers?.join();
}

const always = () => true;

/** Whether an op that keeps element type and shape keeps every element in its place as well. */
const passes: Readonly<Record<string, (inputs: Inputs, attributes: Attributes) => boolean>> = {
  Identity: always,
  Cast: always,
  Reshape: always,
  Flatten: always,
  Expand: always,
  Squeeze: always,
  Unsqueeze: always,
  Concat: (inputs) => inputs.length === 1,
  Split: always,
  Tile: always,
  Slice: (inputs) => inputs[4] === undefined || (constantIntsOf(inputs[4]) ?? [0]).every((step) => step === 1),
  Transpose: ([x], attributes) => {
    const last = x!.rank - 1;
    return intsOf(
      attributes,
      'perm',
      x!.shape.map((_, axis) => last - axis),
    ).every((from, to) => from === to);
  },
  Pad: (inputs) => (constantIntsOf(inputs[1]) ?? [1]).every((width) => width === 0),
  CenterCropPad: always,
  Sum: (inputs) => inputs.length === 1,
  Max: (inputs) => inputs.length === 1,
  Min: (inputs) => inputs.length === 1,
  Mean: (inputs) => inputs.length === 1,
  ReduceSum: (inputs, attributes) => keepsEmptyAxes(inputs, attributes),
  ReduceMax: (inputs, attributes) => keepsEmptyAxes(inputs, attributes),
};

function keepsEmptyAxes(inputs: Inputs, attributes: Attributes): boolean {
  return (
    inputs[1] !== undefined &&
    constantIntsOf(inputs[1])?.length === 0 &&
    intOf(attributes, 'noop_with_empty_axes', 0) === 1
  );
}
