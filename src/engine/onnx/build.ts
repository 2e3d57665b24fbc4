/**
 * @file A model as it stands in a file -> Values: walks the nodes, says older forms of ops in newer ones, writes functions out,
 * and applies every op to the values that stand for its inputs. The same walk serves the import itself and every later
 * application of the model to other shapes, parameters and cuts.
 */
import {
  type AnyTensor,
  type Dim,
  DtypeError,
  FormatError,
  int64,
  isRanked,
  normalizeAxis,
  ShapeError,
  Tensor,
  UnsupportedOpError,
  unknownDim,
  unknownShape,
} from '../core/index.ts';
import {
  type Attribute,
  type Attributes,
  applyOpAs,
  constant,
  foldOp,
  intOf,
  intsOf,
  type OpDefinition,
  ops,
  subgraphOf,
  Value,
  type ValueType,
} from '../graph/index.ts';
import { calledFunction, usedNames } from './check.ts';
import type { AttributeMessage, FunctionMessage, GraphMessage, ModelMessage, NodeMessage } from './messages.ts';
import { type Application, upgraded } from './upgrades/index.ts';

/** What a walk over a model is given, besides the model. */
export interface Binding {
  /** What stands for the inputs of the graph. */
  readonly inputs: ReadonlyMap<string, Value>;
  /** The names of the values that are wanted; what they do not need is not built. */
  readonly outputs: readonly string[];
  /** What stands for an initializer of the graph. */
  weight(name: string, tensor: AnyTensor): Value;
  /** What takes the place of a named value of the graph once it is there; it itself, mostly. */
  replace?(name: string, value: Value): Value;
  /** Whether what is known before a run is computed now. */
  readonly fold: boolean;
  /** Whether the shapes that the file states still hold. */
  readonly statedShapes: boolean;
}

/** The values by name at some place in a model, with those of the graphs around it. */
class Scope {
  readonly values = new Map<string, Value>();
  readonly #all = new Set<Value>();
  readonly #around: Scope | undefined;
  readonly #caller: Scope | undefined;

  /** @param around where names that are not here are looked up. @param caller whose values may be used, but not by name. */
  constructor(around?: Scope, caller?: Scope) {
    this.#around = around;
    this.#caller = caller;
  }

  get(name: string): Value | undefined {
    return this.values.get(name) ?? this.#around?.get(name);
  }

  set(name: string, value: Value): void {
    this.values.set(name, value);
    this.#all.add(value);
  }

  /** Whether the value is one of this place or around it. */
  holds(value: Value): boolean {
    return this.#all.has(value) || (this.#around?.holds(value) ?? false) || (this.#caller?.holds(value) ?? false);
  }
}

/** Where the walk is: whose operator sets hold, what a function's attributes stand for. */
interface Context {
  readonly model: ModelMessage;
  readonly binding: Binding;
  readonly opsets: ReadonlyMap<string, number>;
  readonly passed: ReadonlyMap<string, AttributeMessage>;
  readonly scope: Scope;
  readonly stated: ReadonlyMap<string, ValueType>;
}

/**
 * The values of the model's graph by name, as far as the wanted outputs need them.
 * @throws UnsupportedOpError, ShapeError, DtypeError or FormatError, each naming the node.
 */
export function buildModel(model: ModelMessage, binding: Binding): ReadonlyMap<string, Value> {
  const { graph } = model;
  const scope = new Scope();
  const place = (name: string, value: Value) => scope.set(name, binding.replace?.(name, value) ?? value);
  for (const [name, value] of binding.inputs) place(name, value);
  const { nodes, names } = neededNodes(graph, binding.outputs);
  for (const [name, tensor] of graph.initializers) if (names.has(name)) place(name, binding.weight(name, tensor));
  const context: Context = { model, binding, opsets: model.opsets, passed: new Map(), scope, stated: graph.types };
  for (const node of nodes) {
    for (const [name, value] of nodeOutputs(node, context)) place(name, value);
  }
  return scope.values;
}

/** The nodes that the wanted values need, in order, and every name among them. */
export function neededNodes(
  graph: GraphMessage,
  wanted: readonly string[],
): { nodes: NodeMessage[]; names: Set<string> } {
  const names = new Set(wanted);
  const nodes: NodeMessage[] = [];
  for (const node of [...graph.nodes].reverse()) {
    if (!node.outputs.some((name) => names.has(name))) continue;
    nodes.push(node);
    for (const name of usedNames(node)) names.add(name);
  }
  return { nodes: nodes.reverse(), names };
}

/** The outputs of a node by name. */
function nodeOutputs(node: NodeMessage, context: Context): [string, Value][] {
  try {
    const values = applyNode(node, context);
    if (node.outputs.slice(values.length).some((name) => name !== '')) {
      throw new FormatError(`names ${node.outputs.length} outputs where the op gives ${values.length}`);
    }
    return node.outputs.flatMap((name, i) => (name === '' ? [] : [[name, values[i]!] as [string, Value]]));
  } catch (error) {
    throw placed(node, error);
  }
}

const placedErrors = new WeakSet<object>();

/** The error with the node in front of its message; kinds that a file cannot be told by become FormatErrors. */
function placed(node: NodeMessage, error: unknown): unknown {
  if (!(error instanceof Error) || placedErrors.has(error)) return error;
  const kinds = [ShapeError, DtypeError, UnsupportedOpError];
  const Kind = kinds.find((kind) => error instanceof kind) ?? FormatError;
  const result = new Kind(`importOnnx: ${node.place}: ${error.message}`, { cause: error });
  placedErrors.add(result);
  return result;
}

function applyNode(node: NodeMessage, context: Context): readonly Value[] {
  const numInputs = node.inputs.findLastIndex((name) => name !== '') + 1;
  const inputs = node.inputs.slice(0, numInputs).map((name) => (name === '' ? undefined : context.scope.get(name)));
  const fn = calledFunction(context.model, node);
  if (fn !== undefined) return callFunction(fn, node, inputs, context);
  if (node.domain === '' && node.opType === 'Constant') return [constantOfNode(node, context)];
  const { opType, domain } = node;
  const version = context.opsets.get(domain);
  if (version === undefined && domain === '') throw new FormatError('the model names no operator set for it');
  const attributes = attributesOf(node, inputs, context);
  const numOutputs = node.outputs.findLastIndex((name) => name !== '') + 1;
  const application: Application = { opType, domain, inputs, attributes, numOutputs, version: version ?? 1 };
  const apply = (name: string, operands: readonly (Value | undefined)[], more: Attributes = {}) =>
    applyAs(definitionOf(name, '', application), operands, more, [], context);
  const current = upgraded(application, apply);
  if (!('opType' in current)) return current;
  const definition = definitionOf(current.opType, current.domain, application);
  const stated = node.outputs.map((name) => context.stated.get(name));
  return applyAs(definition, current.inputs, current.attributes, stated, context);
}

function definitionOf(opType: string, domain: string, { version }: Application): OpDefinition {
  const key = domain === '' ? opType : `${domain}.${opType}`;
  if (Object.hasOwn(ops, key)) return (ops as Readonly<Record<string, OpDefinition>>)[key]!;
  const set = domain === '' ? 'ONNX' : domain;
  throw new UnsupportedOpError(`there is no operator ${opType} of ${set} (operator set ${version}) here`);
}

/** Applies an op; shapes that are not all known are let through where a strict reading of their names would not. */
function applyAs(
  op: OpDefinition,
  inputs: readonly (Value | undefined)[],
  attributes: Attributes,
  stated: readonly (ValueType | undefined)[],
  context: Context,
): readonly Value[] {
  if (context.binding.fold) {
    const folded = foldOp(op, inputs, attributes);
    if (folded !== undefined) return folded;
  }
  const types = inferred(op, inputs, attributes).map((type, i) => {
    const known = stated[i];
    return known === undefined ? type : joined(type, context.binding.statedShapes ? known : ranked(known));
  });
  return applyOpAs(op, inputs, attributes, types);
}

function inferred(
  op: OpDefinition,
  inputs: readonly (Value | undefined)[],
  attributes: Attributes,
): readonly ValueType[] {
  try {
    return op.infer(inputs, attributes);
  } catch (error) {
    // Files name dimensions that are equal differently: what fails under their names may well run.
    const names = new Set(inputs.flatMap((input) => input?.shape.filter(isName) ?? []));
    for (const forgotten of [...[...names].map((name) => new Set([name])), names]) {
      const types = attempted(
        op,
        inputs.map((input) => input && withoutNames(input, forgotten)),
        attributes,
      );
      if (types !== undefined) return types;
    }
    throw error;
  }
}

function attempted(
  op: OpDefinition,
  inputs: readonly (Value | undefined)[],
  attributes: Attributes,
): readonly ValueType[] | undefined {
  try {
    return op.infer(inputs, attributes);
  } catch {
    return undefined;
  }
}

const isName = (dim: Dim): boolean => typeof dim === 'string' && dim !== unknownDim && dim !== unknownShape[0];

/** The value with some of its dimensions unknown. */
function withoutNames(value: Value, names: ReadonlySet<Dim>): Value {
  const shape = value.shape.map((dim) => (names.has(dim) ? unknownDim : dim));
  return new Value({ ...typeOf(value), shape }, value.origin);
}

const typeOf = ({ dtype, shape, containers }: ValueType): ValueType => ({
  dtype,
  shape,
  ...(containers ? { containers } : {}),
});

/** The type with every dimension unknown. */
const ranked = (type: ValueType): ValueType => ({
  ...type,
  shape: isRanked(type.shape) ? type.shape.map(() => unknownDim) : unknownShape,
});

/** What inference knows, with what the file states where that is more. */
function joined(type: ValueType, stated: ValueType): ValueType {
  if (type.dtype !== stated.dtype || (type.containers ?? []).join() !== (stated.containers ?? []).join()) return type;
  if (!isRanked(type.shape)) return { ...type, shape: stated.shape };
  if (!isRanked(stated.shape) || stated.shape.length !== type.shape.length) return type;
  const shape = type.shape.map((dim, axis) => {
    const other = stated.shape[axis]!;
    return dim === unknownDim || (typeof dim === 'string' && typeof other === 'number') ? other : dim;
  });
  return { ...type, shape };
}

function constantOfNode(node: NodeMessage, context: Context): Value {
  const name = node.outputs[0];
  const attributes = [...node.attributes.values()].map((attribute) => resolved(attribute, context));
  const held = attributes.find((attribute) => attribute !== undefined);
  const maker = held && constantMakers[held.kind];
  if (attributes.length !== 1 || held === undefined || maker === undefined) {
    throw new FormatError('a constant must have one value');
  }
  return constant(maker(held.value as never), name === '' ? undefined : name);
}

const constantMakers: { readonly [K in AttributeMessage['kind']]?: (value: never) => AnyTensor } = {
  tensor: (tensor: AnyTensor) => tensor,
  int: (value: number) => int64([value], []),
  ints: (values: readonly number[]) => int64(values),
  float: (value: number) => new Tensor('float32', [], Float32Array.of(value)),
  floats: (values: readonly number[]) => new Tensor('float32', [values.length], Float32Array.from(values)),
  string: (value: string) => new Tensor('string', [], [value]),
  strings: (values: readonly string[]) => new Tensor('string', [values.length], [...values]),
};

/** The attribute itself, or what the caller of the function passed for it. */
function resolved(attribute: AttributeMessage, context: Context): AttributeMessage | undefined {
  return attribute.kind === 'reference' ? context.passed.get(attribute.value) : attribute;
}

function attributesOf(node: NodeMessage, inputs: readonly (Value | undefined)[], context: Context): Attributes {
  const entries = [...node.attributes].flatMap(([name, message]): [string, Attribute][] => {
    const attribute = resolved(message, context);
    if (attribute === undefined || attribute.kind === 'reference') return [];
    if (attribute.kind === 'graph') {
      return [[name, { kind: 'graph', value: subgraph(attribute.value, node, inputs, context) }]];
    }
    return [[name, attribute]];
  });
  return Object.fromEntries(entries);
}

function callFunction(
  fn: FunctionMessage,
  node: NodeMessage,
  inputs: readonly (Value | undefined)[],
  context: Context,
): readonly Value[] {
  if (inputs.length > fn.inputs.length) {
    throw new FormatError(`gives ${inputs.length} inputs to a function that takes ${fn.inputs.length}`);
  }
  const passed = new Map(fn.defaults);
  for (const [name, attribute] of node.attributes) {
    const value = resolved(attribute, context);
    if (value !== undefined) passed.set(name, value);
  }
  const scope = new Scope(undefined, context.scope);
  fn.inputs.forEach((name, i) => {
    if (inputs[i] !== undefined) scope.set(name, inputs[i]);
  });
  const opsets = fn.opsets.size === 0 ? context.opsets : fn.opsets;
  walk(fn.nodes, { ...context, opsets, passed, scope, stated: new Map() });
  return fn.outputs.map((name) => {
    const value = scope.get(name);
    if (value === undefined) throw new FormatError(`the function's output "${name}" is an input that is absent`);
    return value;
  });
}

function walk(nodes: readonly NodeMessage[], context: Context): void {
  for (const node of nodes) {
    for (const [name, value] of nodeOutputs(node, context)) context.scope.set(name, value);
  }
}

function subgraph(graph: GraphMessage, node: NodeMessage, operands: readonly (Value | undefined)[], context: Context) {
  const scope = new Scope(context.scope);
  const operandTypes = (bodyInputs[node.opType] ?? (() => []))(operands, graph, node);
  const inputs = graph.inputs.map(({ name, type }, i) => {
    const given = operandTypes[i];
    const known = type === undefined ? given : context.binding.statedShapes ? type : (given ?? ranked(type));
    if (known === undefined) throw new FormatError(`the type of input "${name}" of the graph inside it is not stated`);
    const value = new Value(known, { kind: 'input', name });
    scope.set(name, value);
    return { name, value };
  });
  for (const [name, tensor] of graph.initializers) {
    if (!graph.inputs.some((input) => input.name === name)) scope.set(name, constant(tensor, name));
  }
  walk(graph.nodes, { ...context, scope, stated: graph.types });
  const outputs = graph.outputs.map(({ name }) => ({ name, value: scope.get(name)! }));
  return subgraphOf(inputs, outputs, (value) => context.scope.holds(value));
}

type BodyInputs = (
  operands: readonly (Value | undefined)[],
  graph: GraphMessage,
  node: NodeMessage,
) => readonly (ValueType | undefined)[];

const intAttribute = (node: NodeMessage, name: string): number => intOf(plainAttributes(node), name, 0);

const plainAttributes = (node: NodeMessage): Attributes =>
  Object.fromEntries(
    [...node.attributes].flatMap(([name, attribute]) =>
      attribute.kind === 'int' || attribute.kind === 'ints' ? [[name, attribute] as [string, Attribute]] : [],
    ),
  );

/** The types of the inputs of the graphs inside nodes, as far as the operands of the node tell. */
const bodyInputs: Readonly<Record<string, BodyInputs>> = {
  Loop: (operands) => [
    { dtype: 'int64', shape: [] },
    { dtype: 'bool', shape: [] },
    // What a loop carries may grow on the way: its rank is all that its first value tells.
    ...operands.slice(2).map((operand) => operand && ranked(typeOf(operand))),
  ],
  Scan: (operands, graph, node) => {
    const numScanned = intAttribute(node, 'num_scan_inputs');
    const numStates = graph.inputs.length - numScanned;
    const axes = intsOf(plainAttributes(node), 'scan_input_axes', []);
    // Before operator set 9 the sequence lengths come first; then states and scanned values are of a batch, and say less here.
    if (operands.length !== graph.inputs.length) return [];
    return operands.map((operand, i) => {
      if (operand === undefined || i < numStates || !isRanked(operand.shape)) return operand && typeOf(operand);
      const axis = normalizeAxis(axes[i - numStates] ?? 0, operand.rank, 'Scan');
      return { ...typeOf(operand), shape: operand.shape.filter((_, a) => a !== axis) };
    });
  },
  SequenceMap: (operands) =>
    operands.map((operand, i) => {
      if (operand === undefined) return undefined;
      const [outermost, ...inner] = operand.containers ?? [];
      const element = outermost === 'sequence' ? { ...typeOf(operand), containers: inner } : typeOf(operand);
      return i === 0 || outermost === 'sequence' ? element : typeOf(operand);
    }),
};
