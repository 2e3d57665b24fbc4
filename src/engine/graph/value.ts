/**
 * @file Values and nodes. A graph is not a container that ops are added to: a Value knows the Node that makes it, and a Node its
 * input Values, so building is pure and the graph is whatever the outputs reach.
 */
import type { Dtype, Shape, Tensor } from '../core/index.ts';
import { formatShape } from '../core/index.ts';

/** An attribute of a node, in ONNX's kinds. */
export type Attribute =
  | { readonly kind: 'int'; readonly value: number }
  | { readonly kind: 'float'; readonly value: number }
  | { readonly kind: 'string'; readonly value: string }
  | { readonly kind: 'ints'; readonly value: readonly number[] }
  | { readonly kind: 'floats'; readonly value: readonly number[] };

/** The attributes of a node by name. */
export type Attributes = Readonly<Record<string, Attribute>>;

/** The element type and shape of a value. */
export interface ValueType {
  readonly dtype: Dtype;
  readonly shape: Shape;
}

/** Where a value comes from. */
export type Origin =
  | { readonly kind: 'input'; readonly name: string }
  | { readonly kind: 'constant'; readonly tensor: Tensor; readonly name?: string }
  | { readonly kind: 'node'; readonly node: Node; readonly index: number };

/** A tensor-to-be: what stands for a tensor while a function is traced. */
export class Value implements ValueType {
  readonly dtype: Dtype;
  readonly shape: Shape;
  readonly origin: Origin;

  constructor(type: ValueType, origin: Origin) {
    this.dtype = type.dtype;
    this.shape = type.shape;
    this.origin = origin;
  }

  /** The number of axes. */
  get rank(): number {
    return this.shape.length;
  }

  /** `float32[2,batch]`, as messages print it. */
  toString(): string {
    return `${this.dtype}${formatShape(this.shape)}`;
  }
}

/** What an op is: its ONNX name, the operator set it belongs to, and the types of its outputs. */
export interface OpDefinition<T extends string = string> {
  readonly opType: T;
  /** '' for ONNX itself, 'com.microsoft' for ONNX Runtime's own ops. */
  readonly domain: '' | 'com.microsoft';
  /** The first output that a reader may leave out; absent if every output always exists. */
  readonly firstOptionalOutput?: number;
  /** The types of the outputs. @throws ShapeError or DtypeError naming the op, what it needs and what came. */
  infer(inputs: readonly (Value | undefined)[], attributes: Attributes): readonly ValueType[];
}

/** One application of an op. An optional input that is absent is undefined. */
export interface Node {
  readonly op: OpDefinition;
  readonly inputs: readonly (Value | undefined)[];
  readonly attributes: Attributes;
  readonly outputs: readonly Value[];
}

/** Describes an op. */
export function defineOp<const T extends string>(
  opType: T,
  infer: OpDefinition['infer'],
  domain: OpDefinition['domain'] = '',
): OpDefinition<T> {
  return { opType, domain, infer };
}

/** Applies an op: checks the inputs, infers the outputs, and returns them. */
export function applyOp(
  op: OpDefinition,
  inputs: readonly (Value | undefined)[],
  attributes: Attributes = {},
): readonly Value[] {
  const types = op.infer(inputs, attributes);
  const outputs: Value[] = [];
  const node: Node = { op, inputs, attributes, outputs };
  types.forEach((type, index) => {
    outputs.push(new Value(type, { kind: 'node', node, index }));
  });
  return outputs;
}

/** Applies an op that has one output. */
export function applyOp1(op: OpDefinition, inputs: readonly (Value | undefined)[], attributes: Attributes = {}): Value {
  return applyOp(op, inputs, attributes)[0]!;
}

/** An integer attribute. */
export const int = (value: number): Attribute => ({ kind: 'int', value });
/** A float attribute. */
export const float = (value: number): Attribute => ({ kind: 'float', value });
/** A text attribute. */
export const string = (value: string): Attribute => ({ kind: 'string', value });
/** A list of integers. */
export const ints = (value: readonly number[]): Attribute => ({ kind: 'ints', value });

/** The integer attribute `name`, or `fallback` where it is absent. */
export function intOf(attributes: Attributes, name: string, fallback: number): number {
  const attribute = attributes[name];
  return attribute?.kind === 'int' ? attribute.value : fallback;
}

/** The float attribute `name`, or `fallback` where it is absent. */
export function floatOf(attributes: Attributes, name: string, fallback: number): number {
  const attribute = attributes[name];
  return attribute?.kind === 'float' ? attribute.value : fallback;
}

/** The list of integers `name`, or `fallback` where it is absent. */
export function intsOf(attributes: Attributes, name: string, fallback: readonly number[]): readonly number[] {
  const attribute = attributes[name];
  return attribute?.kind === 'ints' ? attribute.value : fallback;
}

/** The text attribute `name`, or `fallback` where it is absent. */
export function stringOf(attributes: Attributes, name: string, fallback: string): string {
  const attribute = attributes[name];
  return attribute?.kind === 'string' ? attribute.value : fallback;
}
