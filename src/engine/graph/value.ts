/**
 * @file Values and nodes. A graph is not a container that ops are added to: a Value knows the Node that makes it, and a Node its
 * input Values, so building is pure and the graph is whatever the outputs reach.
 */
import type { AnyTensor, Dtype, Shape } from '../core/index.ts';
import { formatShape } from '../core/index.ts';
import type { Subgraph } from './graph.ts';

/** An attribute of a node, in ONNX's kinds. */
export type Attribute =
  | { readonly kind: 'int'; readonly value: number }
  | { readonly kind: 'float'; readonly value: number }
  | { readonly kind: 'string'; readonly value: string }
  | { readonly kind: 'ints'; readonly value: readonly number[] }
  | { readonly kind: 'floats'; readonly value: readonly number[] }
  | { readonly kind: 'strings'; readonly value: readonly string[] }
  | { readonly kind: 'tensor'; readonly value: AnyTensor }
  | { readonly kind: 'graph'; readonly value: Subgraph }
  | { readonly kind: 'type'; readonly value: ValueType };

/** The attributes of a node by name. */
export type Attributes = Readonly<Record<string, Attribute>>;

/** What may surround a tensor in ONNX: a list of tensors, or a value that may be absent. */
export type Container = 'sequence' | 'optional';

/** The element type and shape of a value; of each tensor inside it, where it is a sequence or optional. */
export interface ValueType {
  readonly dtype: Dtype;
  readonly shape: Shape;
  /** What surrounds the tensor, outermost first; absent for a plain tensor. */
  readonly containers?: readonly Container[];
}

/** Where a value comes from. */
export type Origin =
  | { readonly kind: 'input'; readonly name: string }
  | { readonly kind: 'constant'; readonly tensor: AnyTensor; readonly name?: string }
  | { readonly kind: 'node'; readonly node: Node; readonly index: number };

/** A tensor-to-be: what stands for a tensor while a function is traced. */
export class Value implements ValueType {
  readonly dtype: Dtype;
  readonly shape: Shape;
  readonly containers?: readonly Container[];
  readonly origin: Origin;

  constructor(type: ValueType, origin: Origin) {
    this.dtype = type.dtype;
    this.shape = type.shape;
    if (type.containers !== undefined && type.containers.length > 0) this.containers = type.containers;
    this.origin = origin;
  }

  /** The number of axes. */
  get rank(): number {
    return this.shape.length;
  }

  /** `float32[2,batch]`, as messages print it; `sequence(float32[2])` where something surrounds the tensor. */
  toString(): string {
    const tensor = `${this.dtype}${formatShape(this.shape)}`;
    return (this.containers ?? []).reduceRight((inside, container) => `${container}(${inside})`, tensor);
  }
}

/** The operator sets that graphs may draw on. */
export type Domain = '' | 'com.microsoft' | 'com.microsoft.nchwc' | 'ai.onnx.ml';

/** What an op is: its ONNX name, the operator set it belongs to, and the types of its outputs. */
export interface OpDefinition<T extends string = string> {
  readonly opType: T;
  /** '' for ONNX itself, 'com.microsoft' for ONNX Runtime's own ops, 'ai.onnx.ml' for classical models. */
  readonly domain: Domain;
  /** The operator set of `domain` in which this form of the op first stands; absent where opset 21 (domain 1) has it. */
  readonly since?: number;
  /** The first output that a reader may leave out (it may depend on the inputs given); absent if every output always exists. */
  readonly firstOptionalOutput?: number | ((inputs: readonly (Value | undefined)[]) => number);
  /** Whether its whole-number outputs stand for real numbers, so that derivatives flow on through them. */
  readonly quantizes?: true;
  /** The types of the outputs. @throws ShapeError or DtypeError naming the op, what it needs and what came. */
  infer(inputs: readonly (Value | undefined)[], attributes: Attributes): readonly ValueType[];
  /**
   * What the outputs are known to be before anything runs: constants, where small whole-number inputs or static shapes tell
   * (the arithmetic on shapes of imported models), or an input that passes unchanged. Undefined where only a run can tell.
   */
  readonly fold?: (inputs: readonly (Value | undefined)[], attributes: Attributes) => readonly Value[] | undefined;
}

/** The name of an op in tables: its type, with its domain in front where it is not ONNX's own (`com.microsoft.Gelu`). */
export function opKey(op: OpDefinition): string {
  return op.domain === '' ? op.opType : `${op.domain}.${op.opType}`;
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
  more: Pick<OpDefinition, 'since' | 'fold' | 'firstOptionalOutput'> = {},
): OpDefinition<T> {
  return { opType, domain, infer, ...more };
}

/** Applies an op: checks the inputs, infers the outputs, and returns them. */
export function applyOp(
  op: OpDefinition,
  inputs: readonly (Value | undefined)[],
  attributes: Attributes = {},
): readonly Value[] {
  return applyOpAs(op, inputs, attributes, op.infer(inputs, attributes));
}

/** Applies an op whose output types are known already, as an imported file states them. */
export function applyOpAs(
  op: OpDefinition,
  inputs: readonly (Value | undefined)[],
  attributes: Attributes,
  types: readonly ValueType[],
): readonly Value[] {
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
/** A list of floats. */
export const floats = (value: readonly number[]): Attribute => ({ kind: 'floats', value });
/** A list of texts. */
export const strings = (value: readonly string[]): Attribute => ({ kind: 'strings', value });

/** Every value that a node needs: its inputs, and what the subgraphs among its attributes use from outside themselves. */
export function dependenciesOf(node: Node): readonly (Value | undefined)[] {
  let captured: readonly Value[] = [];
  for (const name in node.attributes) {
    const attribute = node.attributes[name];
    if (attribute?.kind === 'graph') captured = [...captured, ...attribute.value.captures];
  }
  return captured.length === 0 ? node.inputs : [...node.inputs, ...captured];
}

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

/** The list of floats `name`, or `fallback` where it is absent. */
export function floatsOf(attributes: Attributes, name: string, fallback: readonly number[]): readonly number[] {
  const attribute = attributes[name];
  return attribute?.kind === 'floats' ? attribute.value : fallback;
}

/** The list of texts `name`, or `fallback` where it is absent. */
export function stringsOf(attributes: Attributes, name: string, fallback: readonly string[]): readonly string[] {
  const attribute = attributes[name];
  return attribute?.kind === 'strings' ? attribute.value : fallback;
}
