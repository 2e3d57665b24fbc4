/**
 * @file Lists of tensors, and tensors that may be absent. Where the elements of a list are known one by one, folding works on
 * them directly, so that exported code which collects steps in a list comes down to Concat and Split.
 */
import {
  type Dim,
  DtypeError,
  isRanked,
  normalizeAxis,
  type Shape,
  unknownDim,
  unknownShape,
} from '../../core/index.ts';
import { constantOf, constantScalar } from '../constants.ts';
import { dtypeOfElemType, elemTypeOf } from '../elem-types.ts';
import { addDims } from '../symbolic.ts';
import { type Attributes, applyOp1, defineOp, int, intOf, type Value, type ValueType } from '../value.ts';
import { concat, split, squeeze, unsqueeze } from './layout.ts';
import { requireDtype, required } from './operand.ts';
import { commonType, inside, knownInts, typeOf, unwrapped, withShape } from './types.ts';

type Inputs = readonly (Value | undefined)[];

/** The list at `index`. @throws DtypeError if it is a plain tensor. */
function requiredList(opType: string, inputs: Inputs, index: number): Value {
  const value = required(opType, inputs, index);
  if (value.containers?.[0] !== 'sequence')
    throw new DtypeError(`${opType}: input ${index} must be a list, got ${value}`);
  return value;
}

function requireTensor(opType: string, value: Value): void {
  if (value.containers !== undefined) throw new DtypeError(`${opType}: takes tensors, got ${value}`);
}

function requirePosition(opType: string, position: Value | undefined): void {
  if (position) requireDtype(opType, 'the position', position, 'int64', 'int32');
}

/** The values in a list, where it was made of known ones. */
export function listElements(list: Value | undefined): readonly Value[] | undefined {
  if (list?.origin.kind !== 'node') return undefined;
  const { op, inputs } = list.origin.node;
  if (op === sequenceOps.SequenceEmpty) return [];
  return op === sequenceOps.SequenceConstruct ? (inputs as readonly Value[]) : undefined;
}

/** The position, counted from the front, where it is known and within [0, length]. */
function positionIn(value: Value | undefined, length: number, fallback: number): number | undefined {
  const given = value === undefined ? fallback : constantOf(value)?.data[0];
  if (given === undefined) return undefined;
  const position = Number(given) < 0 ? Number(given) + length : Number(given);
  return position >= 0 && position <= length ? position : undefined;
}

function listOf(elements: readonly Value[], like: Value): Value {
  return elements.length > 0
    ? applyOp1(sequenceOps.SequenceConstruct, elements)
    : applyOp1(sequenceOps.SequenceEmpty, [], { dtype: int(elemTypeOf[like.dtype]) });
}

/** The sizes of the parts that SplitToSequence makes, where they are known; `each` is what all of them have in common. */
function partSizes(x: Value, sizes: Value | undefined, axis: number): { sizes?: readonly number[]; each: Dim } {
  const dim = x.shape[axis]!;
  if (sizes === undefined) return typeof dim === 'number' ? { sizes: new Array(dim).fill(1), each: 1 } : { each: 1 };
  const known = knownInts(sizes);
  if (known === undefined) return { each: unknownDim };
  if (sizes.rank === 1)
    return { sizes: known, each: known.every((size) => size === known[0]) ? (known[0] ?? unknownDim) : unknownDim };
  const size = known[0]!;
  if (typeof dim !== 'number' || size <= 0) return { each: unknownDim };
  const parts = Array.from({ length: Math.ceil(dim / size) }, (_, i) => Math.min(size, dim - i * size));
  return { sizes: parts, each: dim % size === 0 ? size : unknownDim };
}

const isUnsplit = (inputs: Inputs, attributes: Attributes) =>
  inputs[1] === undefined && intOf(attributes, 'keepdims', 1) === 0;

function concatenatedShape(list: Value, attributes: Attributes, elements: readonly Value[] | undefined): Shape {
  if (!isRanked(list.shape)) return unknownShape;
  const isNew = intOf(attributes, 'new_axis', 0) === 1;
  const axis = normalizeAxis(intOf(attributes, 'axis', 0), list.rank + (isNew ? 1 : 0), 'ConcatFromSequence');
  if (isNew) return [...list.shape.slice(0, axis), elements?.length ?? unknownDim, ...list.shape.slice(axis)];
  const total = elements?.map((element) => element.shape[axis] ?? unknownDim).reduce(addDims, 0) ?? unknownDim;
  return list.shape.map((dim, a) => (a === axis ? total : dim));
}

/** The ops on lists and optional values. */
export const sequenceOps = {
  SequenceConstruct: defineOp('SequenceConstruct', (inputs) => {
    const elements = inputs.map((_, i) => required('SequenceConstruct', inputs, i));
    required('SequenceConstruct', inputs, 0);
    for (const element of elements) requireTensor('SequenceConstruct', element);
    const common = elements.map(typeOf).reduce((a, b) => commonType('SequenceConstruct', a, b));
    return [inside('sequence', common)];
  }),
  SequenceEmpty: defineOp('SequenceEmpty', (_, attributes) => {
    const dtype = dtypeOfElemType[intOf(attributes, 'dtype', 1)];
    if (dtype === undefined) throw new DtypeError('SequenceEmpty: its element type is not one of Sensorium’s');
    return [{ dtype, shape: unknownShape, containers: ['sequence'] }];
  }),
  SequenceInsert: defineOp(
    'SequenceInsert',
    (inputs) => {
      const [list, element] = [requiredList('SequenceInsert', inputs, 0), required('SequenceInsert', inputs, 1)];
      requireTensor('SequenceInsert', element);
      requirePosition('SequenceInsert', inputs[2]);
      const isEmpty = listElements(list)?.length === 0;
      const before = isEmpty ? withShape(unwrapped(list), element.shape) : unwrapped(list);
      return [inside('sequence', commonType('SequenceInsert', before, typeOf(element)))];
    },
    '',
    {
      fold: ([list, element, position]) => {
        const elements = listElements(list);
        const at = elements && positionIn(position, elements.length, elements.length);
        if (elements === undefined || at === undefined) return undefined;
        return [listOf([...elements.slice(0, at), element!, ...elements.slice(at)], list!)];
      },
    },
  ),
  SequenceErase: defineOp(
    'SequenceErase',
    (inputs) => {
      const list = requiredList('SequenceErase', inputs, 0);
      requirePosition('SequenceErase', inputs[1]);
      return [typeOf(list)];
    },
    '',
    {
      fold: ([list, position]) => {
        const elements = listElements(list);
        const at = elements && positionIn(position, elements.length, elements.length - 1);
        if (elements === undefined || at === undefined || at === elements.length) return undefined;
        return [listOf([...elements.slice(0, at), ...elements.slice(at + 1)], list!)];
      },
    },
  ),
  SequenceAt: defineOp(
    'SequenceAt',
    (inputs) => {
      const list = requiredList('SequenceAt', inputs, 0);
      requirePosition('SequenceAt', required('SequenceAt', inputs, 1));
      return [unwrapped(list)];
    },
    '',
    {
      fold: ([list, position]) => {
        const elements = listElements(list);
        const element = elements?.[positionIn(position, elements.length, 0) ?? elements.length];
        return element && [element];
      },
    },
  ),
  SequenceLength: defineOp(
    'SequenceLength',
    (inputs) => {
      requiredList('SequenceLength', inputs, 0);
      return [{ dtype: 'int64', shape: [] }];
    },
    '',
    {
      fold: ([list]) => {
        const elements = listElements(list);
        return elements && [constantScalar(elements.length, 'int64')];
      },
    },
  ),
  SplitToSequence: defineOp(
    'SplitToSequence',
    (inputs, attributes) => {
      const x = required('SplitToSequence', inputs, 0);
      requireTensor('SplitToSequence', x);
      requirePosition('SplitToSequence', inputs[1]);
      if (!isRanked(x.shape)) return [inside('sequence', typeOf(x))];
      const axis = normalizeAxis(intOf(attributes, 'axis', 0), x.rank, 'SplitToSequence');
      if (isUnsplit(inputs, attributes)) {
        return [
          inside(
            'sequence',
            withShape(
              x,
              x.shape.filter((_, a) => a !== axis),
            ),
          ),
        ];
      }
      const { each } = partSizes(x, inputs[1], axis);
      return [
        inside(
          'sequence',
          withShape(
            x,
            x.shape.map((dim, a) => (a === axis ? each : dim)),
          ),
        ),
      ];
    },
    '',
    {
      fold: ([x, sizes], attributes) => {
        if (x === undefined || !isRanked(x.shape)) return undefined;
        const axis = normalizeAxis(intOf(attributes, 'axis', 0), x.rank, 'SplitToSequence');
        const parts = partSizes(x, sizes, axis).sizes;
        if (parts === undefined || parts.length === 0) return undefined;
        const cut = parts.length === 1 ? [x] : split(x, parts, axis);
        return [listOf(isUnsplit([x, sizes], attributes) ? cut.map((part) => squeeze(part, [axis])) : cut, x)];
      },
    },
  ),
  ConcatFromSequence: defineOp(
    'ConcatFromSequence',
    (inputs, attributes) => {
      const list = requiredList('ConcatFromSequence', inputs, 0);
      return [{ dtype: list.dtype, shape: concatenatedShape(list, attributes, listElements(list)) }];
    },
    '',
    {
      fold: ([list], attributes) => {
        const elements = listElements(list);
        if (elements === undefined || elements.length === 0 || !isRanked(elements[0]!.shape)) return undefined;
        const isNew = intOf(attributes, 'new_axis', 0) === 1;
        const axis = normalizeAxis(
          intOf(attributes, 'axis', 0),
          elements[0]!.rank + (isNew ? 1 : 0),
          'ConcatFromSequence',
        );
        return [concat(isNew ? elements.map((element) => unsqueeze(element, [axis])) : elements, axis)];
      },
    },
  ),
  /** Without an input it is an absent value, of the type that its attribute says. */
  Optional: defineOp('Optional', (inputs, { type }) => [
    inside('optional', inputs[0] ?? (type?.kind === 'type' ? type.value : required('Optional', inputs, 0))),
  ]),
  OptionalGetElement: defineOp(
    'OptionalGetElement',
    (inputs) => {
      const x = required('OptionalGetElement', inputs, 0);
      return [x.containers?.[0] === 'optional' ? unwrapped(x) : typeOf(x)];
    },
    '',
    { fold: ([x]) => (x && x.containers?.[0] !== 'optional' ? [x] : wrappedIn(x)) },
  ),
  OptionalHasElement: defineOp('OptionalHasElement', (): ValueType[] => [{ dtype: 'bool', shape: [] }], '', {
    fold: ([x]) => {
      if (x?.containers?.[0] === 'optional' && wrappedIn(x) === undefined) return undefined;
      return [constantScalar(x === undefined ? 0 : 1, 'bool')];
    },
  }),
} as const;

/** What Optional was given. */
function wrappedIn(x: Value | undefined): readonly Value[] | undefined {
  if (x?.origin.kind !== 'node' || x.origin.node.op !== sequenceOps.Optional) return undefined;
  const [wrapped] = x.origin.node.inputs;
  return wrapped && [wrapped];
}

/** A list of tensors of one element type. */
export function sequenceConstruct(elements: readonly Value[]): Value {
  return applyOp1(sequenceOps.SequenceConstruct, elements);
}

/** The tensor at `position` of a list, `[]` or a number; negative ones count from the end. */
export function sequenceAt(list: Value, position: Value | number): Value {
  return applyOp1(sequenceOps.SequenceAt, [
    list,
    typeof position === 'number' ? constantScalar(position, 'int64') : position,
  ]);
}

/** The tensors of a list one after another along `axis`; along a new one, if `newAxis` is set. */
export function concatFromSequence(list: Value, axis: number, options: { newAxis?: boolean } = {}): Value {
  return applyOp1(sequenceOps.ConcatFromSequence, [list], { axis: int(axis), new_axis: int(options.newAxis ? 1 : 0) });
}
