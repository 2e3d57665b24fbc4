/**
 * @file What the ops of shape arithmetic compute, on the host, exactly as the runtime does: whole numbers, truth values, and
 * floats where no rounding can differ. Each is given the types that inference found, so shapes need no second thought here.
 */
import { type AnyTensor, dtypes, normalizeAxis, staticShape } from '../core/index.ts';
import {
  broadcastPosition,
  coordinatesOf,
  type Element,
  elementsOfTensor,
  isArithmetic,
  numbersOf,
  pick,
  tabulate,
  underShape,
} from './host-tensors.ts';
import { type Attributes, intOf, intsOf, type ValueType } from './value.ts';

/** The outputs of an op on known inputs; undefined where the host cannot promise the runtime's answer. */
export type HostOp = (
  inputs: readonly (AnyTensor | undefined)[],
  attributes: Attributes,
  types: readonly ValueType[],
) => readonly AnyTensor[] | undefined;

const shapeOf = (type: ValueType) => staticShape(type.shape, 'folding');

/** Place by place under broadcasting; `bigint` elements for 64-bit whole numbers, numbers for the rest. */
const elementwise =
  (operation: (...elements: never[]) => Element | undefined): HostOp =>
  (inputs, _, [type]) => {
    const operands = inputs.map((input) => input!);
    if (!operands.every((operand) => isArithmetic(operand.dtype))) return undefined;
    const shape = shapeOf(type!);
    const at = operands.map((operand) => broadcastPosition(operand.shape, shape));
    const data = operands.map(elementsOfTensor);
    let isKnown = true;
    const result = tabulate(type!.dtype, shape, (i) => {
      const element = (operation as (...elements: Element[]) => Element | undefined)(
        ...data.map((list, k) => list[at[k]!(i)]!),
      );
      if (element === undefined) isKnown = false;
      return element ?? (type!.dtype === 'int64' || type!.dtype === 'uint64' ? 0n : 0);
    });
    return isKnown ? [result] : undefined;
  };

/** From left to right over all operands. */
const inTurn = (
  operation: (a: number, b: number) => number | undefined,
  big = operation as unknown as BigOperation,
): HostOp =>
  elementwise((...elements: Element[]) =>
    elements.reduce<Element | undefined>((a, b) => {
      if (a === undefined) return undefined;
      return typeof a === 'bigint' ? big(a, b as bigint) : operation(a as number, b as number);
    }, elements.shift()),
  );
type BigOperation = (a: bigint, b: bigint) => bigint | undefined;

const compared = (holds: (a: number, b: number) => boolean): HostOp =>
  elementwise((a: number, b: number) => Number(holds(a, b)));

const floored = (a: number, b: number) => (b === 0 ? undefined : ((a % b) + b) % b);
const bigFloored = (a: bigint, b: bigint) => (b === 0n ? undefined : ((a % b) + b) % b);

/** The same elements in the same order, under the inferred shape. */
const sameElements: HostOp = (inputs, _, [type]) => [underShape(inputs[0]!, shapeOf(type!))];

/** 32-bit products of whole numbers must not pass through a double that loses bits. */
const multiplied: HostOp = (inputs, attributes, types) => {
  const isInt32 = types[0]!.dtype === 'int32' || types[0]!.dtype === 'uint32';
  return inTurn(
    (a, b) => (isInt32 ? Math.imul(a, b) : a * b),
    (a, b) => a * b,
  )(inputs, attributes, types);
};

const divided: HostOp = (inputs, attributes, types) => {
  const isFloat = dtypes[types[0]!.dtype].isFloat;
  return inTurn(
    (a, b) => (isFloat ? a / b : b === 0 ? undefined : Math.trunc(a / b)),
    (a, b) => (b === 0n ? undefined : a / b),
  )(inputs, attributes, types);
};

const remainder: HostOp = (inputs, attributes, types) => {
  const truncates = intOf(attributes, 'fmod', 0) === 1;
  if (dtypes[types[0]!.dtype].isFloat) return undefined;
  return truncates
    ? inTurn(
        (a, b) => (b === 0 ? undefined : a % b),
        (a, b) => (b === 0n ? undefined : a % b),
      )(inputs, attributes, types)
    : inTurn(floored, bigFloored)(inputs, attributes, types);
};

const cast: HostOp = ([x], _, [type]) => {
  const to = type!.dtype;
  if (!isArithmetic(x!.dtype) || !isArithmetic(to)) return undefined;
  const [fromFloat, toFloat] = [dtypes[x!.dtype].isFloat, dtypes[to].isFloat];
  const isBig = to === 'int64' || to === 'uint64';
  return elementwise((element: number | bigint) => {
    const number = Number(element);
    if (to === 'bool') return Number(number !== 0);
    if (toFloat) return fromFloat || Number.isSafeInteger(number) ? number : undefined;
    if (fromFloat && Math.abs(number) >= 2 ** 31) return undefined;
    const whole = fromFloat ? Math.trunc(number) : element;
    return Number.isNaN(number) ? undefined : isBig ? BigInt(whole) : Number(BigInt.asIntN(32, BigInt(whole)));
  })([x], {}, [type!]);
};

const gather: HostOp = ([data, indices], attributes, [type]) => {
  const axis = normalizeAxis(intOf(attributes, 'axis', 0), data!.shape.length, 'Gather');
  const [size, at] = [data!.shape[axis]!, numbersOf(indices!)];
  if (at.some((index) => index < -size || index >= size)) return undefined;
  return [
    pick(data!, shapeOf(type!), (coordinates) => {
      const own = coordinates.slice(axis, axis + indices!.shape.length);
      const position = own.reduce((sum, coordinate, i) => sum * indices!.shape[i]! + coordinate, 0);
      const index = at[position]!;
      return [
        ...coordinates.slice(0, axis),
        index < 0 ? index + size : index,
        ...coordinates.slice(axis + indices!.shape.length),
      ];
    }),
  ];
};

const concat: HostOp = (inputs, attributes, [type]) => {
  const shape = shapeOf(type!);
  const axis = normalizeAxis(intOf(attributes, 'axis', 0), shape.length, 'Concat');
  return [
    tabulate(type!.dtype, shape, (i) => {
      const coordinates = coordinatesOf(i, shape);
      let part = 0;
      while (coordinates[axis]! >= inputs[part]!.shape[axis]!) coordinates[axis]! -= inputs[part++]!.shape[axis]!;
      const position = coordinates.reduce((sum, coordinate, a) => sum * inputs[part]!.shape[a]! + coordinate, 0);
      return elementsOfTensor(inputs[part]!)[position]!;
    }),
  ];
};

const slice: HostOp = ([x, starts, , axes, steps], _, [type]) => {
  const first = x!.shape.map(() => 0);
  const step = x!.shape.map(() => 1);
  numbersOf(starts!).forEach((start, i) => {
    const axis = normalizeAxis(axes ? numbersOf(axes)[i]! : i, x!.shape.length, 'Slice');
    const dim = x!.shape[axis]!;
    step[axis] = steps ? numbersOf(steps)[i]! : 1;
    first[axis] = Math.min(Math.max(start < 0 ? start + dim : start, 0), step[axis]! > 0 ? dim : dim - 1);
  });
  return [pick(x!, shapeOf(type!), (at) => at.map((coordinate, axis) => first[axis]! + coordinate * step[axis]!))];
};

const split: HostOp = ([x], attributes, types) => {
  const axis = normalizeAxis(intOf(attributes, 'axis', 0), x!.shape.length, 'Split');
  let before = 0;
  return types.map((type) => {
    const from = before;
    before += Number(type.shape[axis]);
    return pick(x!, shapeOf(type), (at) => at.map((coordinate, a) => (a === axis ? coordinate + from : coordinate)));
  });
};

const transpose: HostOp = ([x], attributes, [type]) => {
  const rank = x!.shape.length;
  const perm = intsOf(
    attributes,
    'perm',
    Array.from({ length: rank }, (_, axis) => rank - 1 - axis),
  );
  return [
    pick(x!, shapeOf(type!), (at) => {
      const from = new Array<number>(rank);
      perm.forEach((axis, i) => {
        from[axis] = at[i]!;
      });
      return from;
    }),
  ];
};

const expand: HostOp = ([x], _, [type]) => {
  const at = broadcastPosition(x!.shape, shapeOf(type!));
  return [tabulate(type!.dtype, shapeOf(type!), (i) => elementsOfTensor(x!)[at(i)]!)];
};

const tile: HostOp = ([x], _, [type]) => [
  pick(x!, shapeOf(type!), (at) => at.map((coordinate, axis) => coordinate % x!.shape[axis]!)),
];

/** Whole numbers only: floats are summed in an order that is the runtime's own. */
const range: HostOp = ([start, , delta], _, [type]) => {
  if (dtypes[type!.dtype].isFloat) return undefined;
  const [first, step] = [elementsOfTensor(start!)[0]!, elementsOfTensor(delta!)[0]!];
  return [
    tabulate(type!.dtype, shapeOf(type!), (i) =>
      typeof first === 'bigint' ? first + BigInt(i) * (step as bigint) : (first as number) + i * (step as number),
    ),
  ];
};

const constantOfShape: HostOp = (_, attributes, [type]) => {
  const value = attributes.value?.kind === 'tensor' ? elementsOfTensor(attributes.value.value)[0]! : 0;
  return [tabulate(type!.dtype, shapeOf(type!), () => value)];
};

const where: HostOp = ([condition, a, b], _, [type]) => {
  const shape = shapeOf(type!);
  const [chosen, left, right] = [condition, a, b].map((one) => {
    const at = broadcastPosition(one!.shape, shape);
    return (i: number) => elementsOfTensor(one!)[at(i)]!;
  });
  return [tabulate(type!.dtype, shape, (i) => (chosen!(i) ? left!(i) : right!(i)))];
};

const reduced =
  (operation: (a: never, b: never) => Element): HostOp =>
  ([x, axes], attributes, [type]) => {
    const { dtype, shape } = x!;
    if (!isArithmetic(dtype) || dtype === 'bool' || dtypes[dtype].isFloat) return undefined;
    const given = axes ? numbersOf(axes) : [...intsOf(attributes, 'axes', [])];
    if (given.length === 0 && intOf(attributes, 'noop_with_empty_axes', 0) === 1) return [x!];
    const over = new Set(
      (given.length === 0 ? shape.map((_, axis) => axis) : given).map((a) => normalizeAxis(a, shape.length, 'reduce')),
    );
    const groups = new Map<string, Element>();
    const data = elementsOfTensor(x!);
    for (let i = 0; i < data.length; i++) {
      const key = coordinatesOf(i, shape)
        .filter((_, axis) => !over.has(axis))
        .join();
      const known = groups.get(key);
      groups.set(key, known === undefined ? data[i]! : operation(known as never, data[i] as never));
    }
    const results = [...groups.values()];
    const result = shapeOf(type!);
    if (results.length !== result.reduce((product, dim) => product * dim, 1)) return undefined;
    return [tabulate(dtype, result, (i) => results[i]!)];
  };

const nonZero: HostOp = ([x]) => {
  const hits = Array.from(elementsOfTensor(x!), (element, i) => (Number(element) === 0 ? -1 : i)).filter((i) => i >= 0);
  const at = hits.map((i) => coordinatesOf(i, x!.shape));
  const shape = [Math.max(x!.shape.length, 1), hits.length];
  if (x!.shape.length === 0) return undefined;
  return [tabulate('int64', shape, (i) => BigInt(at[i % hits.length]![Math.floor(i / hits.length)]!))];
};

const scatterND: HostOp = ([data, indices, updates], attributes) => {
  const reduction = attributes.reduction;
  if (reduction?.kind === 'string' && reduction.value !== 'none') return undefined;
  const depth = indices!.shape.at(-1)!;
  const inner = data!.shape.slice(depth).reduce((product, dim) => product * dim, 1);
  const elements = Array.from(elementsOfTensor(data!));
  const at = numbersOf(indices!);
  const from = elementsOfTensor(updates!);
  for (let row = 0; row * depth < at.length; row++) {
    const tuple = at.slice(row * depth, (row + 1) * depth);
    if (tuple.some((index, axis) => index < -data!.shape[axis]! || index >= data!.shape[axis]!)) return undefined;
    const start = tuple.reduce(
      (sum, index, a) => sum * data!.shape[a]! + (index < 0 ? index + data!.shape[a]! : index),
      0,
    );
    for (let k = 0; k < inner; k++) elements[start * inner + k] = from[row * inner + k]!;
  }
  return [tabulate(data!.dtype, data!.shape, (i) => elements[i]!)];
};

/** Without wrapping: a float as it is, a whole number with its sign turned. */
const negative = (a: number | bigint) => -a;

const larger = <E extends Element>(a: E, b: E): E => (b > a ? b : a);
const smaller = <E extends Element>(a: E, b: E): E => (b < a ? b : a);

/** The sizes of axes, whatever they hold. */
const shape: HostOp = ([x], attributes) => {
  const dims = x!.shape.slice(intOf(attributes, 'start', 0), intOf(attributes, 'end', x!.shape.length));
  return [tabulate('int64', [dims.length], (i) => BigInt(dims[i]!))];
};

/** The host's evaluators by op. */
export const hostOps: Readonly<Record<string, HostOp>> = {
  Add: inTurn((a, b) => a + b),
  Sub: inTurn((a, b) => a - b),
  Mul: multiplied,
  Div: divided,
  Mod: remainder,
  Max: inTurn(Math.max, larger),
  Min: inTurn(Math.min, smaller),
  Neg: elementwise(negative as never),
  Abs: elementwise((a: number | bigint) => (a < 0 ? -a : a)),
  Floor: elementwise(Math.floor as never),
  Ceil: elementwise(Math.ceil as never),
  Sqrt: elementwise(Math.sqrt as never),
  Equal: compared((a, b) => a === b),
  Less: compared((a, b) => a < b),
  LessOrEqual: compared((a, b) => a <= b),
  Greater: compared((a, b) => a > b),
  GreaterOrEqual: compared((a, b) => a >= b),
  Not: elementwise((a: number) => 1 - a),
  And: elementwise((a: number, b: number) => a & b),
  Or: elementwise((a: number, b: number) => a | b),
  Xor: elementwise((a: number, b: number) => a ^ b),
  Where: where,
  Cast: cast,
  Identity: sameElements,
  Reshape: sameElements,
  Flatten: sameElements,
  Unsqueeze: sameElements,
  Squeeze: sameElements,
  Transpose: transpose,
  Expand: expand,
  Tile: tile,
  Gather: gather,
  Concat: concat,
  Slice: slice,
  Split: split,
  Range: range,
  ConstantOfShape: constantOfShape,
  ReduceProd: reduced(((a: number | bigint, b: number | bigint) => (a as number) * (b as number)) as never),
  ReduceSum: reduced(((a: number | bigint, b: number | bigint) => (a as number) + (b as number)) as never),
  ReduceMax: reduced(larger),
  ReduceMin: reduced(smaller),
  NonZero: nonZero,
  ScatterND: scatterND,
  Shape: shape,
  Size: ([x]) => [tabulate('int64', [], () => BigInt(elementsOfTensor(x!).length))],
};
