/**
 * @file Graph -> ONNX bytes (a `ModelProto` of onnx.proto). Written on the wire-level writer of @bufbuild/protobuf: the dozen
 * messages that a graph needs are spelled out here, field by field, in the order of onnx.proto.
 */
import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire';
import { type AnyTensor, bytesOf, isNumeric, isRanked, type Shape, type Tensor, unknownDim } from '../core/index.ts';
import {
  type Attribute,
  type Container,
  dependenciesOf,
  elemTypeOf,
  type Graph,
  type NamedValue,
  type Node,
  type Value,
  type ValueType,
} from '../graph/index.ts';

/** The version of the ONNX operator set that exported graphs use, unless an op in them needs a newer one. */
export const opsetVersion = 21;
const irVersion = 10;

/** What is written beside the graph. */
export interface ExportOptions {
  /** Name of the graph. */
  readonly name?: string;
  /** Key-value pairs kept in the model (`metadata_props`). */
  readonly metadata?: Readonly<Record<string, string>>;
}

/** The graph as an ONNX model. Constants become initializers; the same graph always gives the same bytes. */
export function exportOnnx(graph: Graph, options: ExportOptions = {}): Uint8Array {
  const writer = new BinaryWriter();
  writer.tag(1, WireType.Varint).int64(irVersion);
  writer.tag(2, WireType.LengthDelimited).string('sensorium');
  message(writer, 7, (w) => writeGraph(w, graph, options.name ?? 'graph'));
  for (const [domain, version] of opsetImports(graph)) {
    message(writer, 8, (w) => {
      w.tag(1, WireType.LengthDelimited).string(domain);
      w.tag(2, WireType.Varint).int64(version);
    });
  }
  for (const [key, value] of Object.entries(options.metadata ?? {})) {
    message(writer, 14, (w) => {
      w.tag(1, WireType.LengthDelimited).string(key);
      w.tag(2, WireType.LengthDelimited).string(value);
    });
  }
  return writer.finish();
}

function message(writer: BinaryWriter, field: number, write: (writer: BinaryWriter) => void): void {
  writer.tag(field, WireType.LengthDelimited).fork();
  write(writer);
  writer.join();
}

function opsetImports(graph: Graph): [string, number][] {
  const versions = new Map<string, number>([['', opsetVersion]]);
  for (const { op } of nodesWithin(graph)) {
    versions.set(op.domain, Math.max(versions.get(op.domain) ?? 1, op.since ?? 1));
  }
  return [...versions];
}

/** The nodes of the graph and of the graphs inside them. */
function nodesWithin(graph: Graph): readonly Node[] {
  return graph.nodes.flatMap((node) => [
    node,
    ...Object.values(node.attributes).flatMap((attribute) =>
      attribute.kind === 'graph' ? nodesWithin(attribute.value) : [],
    ),
  ]);
}

/** Gives every value a unique name: inputs and outputs keep theirs, constants theirs where they have one. */
class Names {
  readonly #names = new Map<Value, string>();
  readonly #taken = new Set<string>();
  /** The next number to try behind a name that is taken. */
  readonly #suffixes = new Map<string, number>();

  take(value: Value, wanted: string): string {
    const name = this.unused(wanted);
    this.#names.set(value, name);
    return name;
  }

  /** A name that nothing has yet. */
  unused(wanted: string): string {
    let name = wanted;
    if (this.#taken.has(name)) {
      // Thousands of constants want one name: the count goes on from where the last one found a free one.
      let i = this.#suffixes.get(wanted) ?? 2;
      for (name = `${wanted}_${i}`; this.#taken.has(name); name = `${wanted}_${i}`) i++;
      this.#suffixes.set(wanted, i + 1);
    }
    this.#taken.add(name);
    return name;
  }

  forget(value: Value): void {
    this.#names.delete(value);
  }

  of(value: Value | undefined): string {
    if (value === undefined) return '';
    return this.#names.get(value) ?? this.take(value, 'value');
  }

  has(value: Value): boolean {
    return this.#names.has(value);
  }
}

function writeGraph(writer: BinaryWriter, graph: Graph, name: string, names = new Names()): void {
  // A graph that stands in several nodes is written several times, under names of its own each time.
  for (const value of graph.nodes.flatMap((node) => node.outputs)) names.forget(value);
  for (const input of graph.inputs) names.take(input.value, input.name);
  const outputs = nameOutputs(graph, names);
  const used = new Set([...graph.nodes.flatMap(dependenciesOf), ...graph.outputs.map((output) => output.value)]);
  const initializers = nameConstants(valuesWithin(graph), names);
  graph.nodes.forEach((node, i) => {
    node.outputs.forEach((value, o) => {
      if (!names.has(value)) names.take(value, `${node.op.opType}_${i}${o === 0 ? '' : `_${o}`}`);
    });
    message(writer, 1, (w) => writeNode(w, node, names, used));
  });
  for (const { name: alias, value } of outputs.filter((output) => output.isCopy)) {
    message(writer, 1, (w) => {
      w.tag(1, WireType.LengthDelimited).string(names.of(value));
      w.tag(2, WireType.LengthDelimited).string(alias);
      w.tag(4, WireType.LengthDelimited).string('Identity');
    });
  }
  writer.tag(2, WireType.LengthDelimited).string(name);
  for (const [initializer, tensor] of initializers) message(writer, 5, (w) => writeTensor(w, initializer, tensor));
  for (const { value } of graph.inputs) message(writer, 11, (w) => writeValueInfo(w, names.of(value), value));
  for (const output of outputs) message(writer, 12, (w) => writeValueInfo(w, output.name, output.value));
}

/** An output as it is written; a copy is made by an Identity, of a value that is an input, a constant, or an output already. */
interface WrittenOutput extends NamedValue {
  readonly isCopy: boolean;
}

/** Names the outputs as the graph does, but for graphs inside nodes, whose outputs go by their order. */
function nameOutputs(graph: Graph, names: Names): WrittenOutput[] {
  return graph.outputs.map(({ name, value }) => {
    if (value.origin.kind === 'input' && names.has(value) && names.of(value) === name)
      return { name, value, isCopy: false };
    const isCopy = value.origin.kind !== 'node' || names.has(value);
    return { name: isCopy ? names.unused(name) : names.take(value, name), value, isCopy };
  });
}

/** The values that nodes and outputs use, those of the graphs inside nodes too: their constants are written once, outermost. */
function valuesWithin(graph: Graph): ReadonlySet<Value | undefined> {
  const used = new Set<Value | undefined>();
  const collect = ({ nodes, outputs }: Graph) => {
    for (const node of nodes) {
      for (const input of node.inputs) used.add(input);
      for (const attribute of Object.values(node.attributes)) if (attribute.kind === 'graph') collect(attribute.value);
    }
    for (const { value } of outputs) used.add(value);
  };
  collect(graph);
  return used;
}

function nameConstants(used: ReadonlySet<Value | undefined>, names: Names): Map<string, AnyTensor> {
  const initializers = new Map<string, AnyTensor>();
  for (const value of used) {
    if (value?.origin.kind !== 'constant' || names.has(value)) continue;
    initializers.set(names.take(value, value.origin.name ?? 'constant'), value.origin.tensor);
  }
  return initializers;
}

function writeNode(writer: BinaryWriter, node: Node, names: Names, used: ReadonlySet<Value | undefined>): void {
  for (const input of withoutTrailingAbsent(node.inputs)) {
    writer.tag(1, WireType.LengthDelimited).string(names.of(input));
  }
  const optional = node.op.firstOptionalOutput ?? node.outputs.length;
  const firstOptional = typeof optional === 'function' ? optional(node.inputs) : optional;
  node.outputs.forEach((output, i) => {
    const isNamed = i < firstOptional || node.outputs.slice(i).some((later) => used.has(later));
    if (isNamed)
      writer.tag(2, WireType.LengthDelimited).string(used.has(output) || i < firstOptional ? names.of(output) : '');
  });
  writer.tag(4, WireType.LengthDelimited).string(node.op.opType);
  for (const [key, attribute] of Object.entries(node.attributes)) {
    message(writer, 5, (w) => writeAttribute(w, key, attribute, names));
  }
  if (node.op.domain !== '') writer.tag(7, WireType.LengthDelimited).string(node.op.domain);
}

function withoutTrailingAbsent(inputs: readonly (Value | undefined)[]): readonly (Value | undefined)[] {
  let end = inputs.length;
  while (end > 0 && inputs[end - 1] === undefined) end--;
  return inputs.slice(0, end);
}

/** `AttributeProto`: how each kind writes its value, and the number of its type. */
const attributeWriters: {
  [K in Attribute['kind']]: {
    type: number;
    write: (w: BinaryWriter, value: Extract<Attribute, { kind: K }>['value'], names: Names) => void;
  };
} = {
  float: { type: 1, write: (w, value) => w.tag(2, WireType.Bit32).float(value) },
  int: { type: 2, write: (w, value) => w.tag(3, WireType.Varint).int64(value) },
  string: { type: 3, write: (w, value) => w.tag(4, WireType.LengthDelimited).string(value) },
  floats: {
    type: 6,
    write: (w, value) => {
      for (const item of value) w.tag(7, WireType.Bit32).float(item);
    },
  },
  ints: {
    type: 7,
    write: (w, value) => {
      for (const item of value) w.tag(8, WireType.Varint).int64(item);
    },
  },
  strings: {
    type: 8,
    write: (w, value) => {
      for (const item of value) w.tag(9, WireType.LengthDelimited).string(item);
    },
  },
  tensor: { type: 4, write: (w, value) => message(w, 5, (tensor) => writeTensor(tensor, '', value)) },
  type: { type: 13, write: (w, value) => message(w, 14, (type) => writeType(type, value, value.containers ?? [])) },
  graph: { type: 5, write: (w, value, names) => message(w, 6, (graph) => writeGraph(graph, value, 'body', names)) },
};

function writeAttribute(writer: BinaryWriter, name: string, attribute: Attribute, names: Names): void {
  writer.tag(1, WireType.LengthDelimited).string(name);
  const { type, write } = attributeWriters[attribute.kind];
  (write as (w: BinaryWriter, value: Attribute['value'], names: Names) => void)(writer, attribute.value, names);
  writer.tag(20, WireType.Varint).int32(type);
}

function writeTensor(writer: BinaryWriter, name: string, tensor: AnyTensor): void {
  for (const dim of tensor.shape) writer.tag(1, WireType.Varint).int64(dim);
  writer.tag(2, WireType.Varint).int32(elemTypeOf[tensor.dtype]);
  if (!isNumeric(tensor.dtype)) {
    for (const text of tensor.data as string[]) writer.tag(6, WireType.LengthDelimited).string(text);
  }
  writer.tag(8, WireType.LengthDelimited).string(name);
  if (isNumeric(tensor.dtype)) writer.tag(9, WireType.LengthDelimited).bytes(bytesOf(tensor as Tensor));
}

function writeValueInfo(writer: BinaryWriter, name: string, type: ValueType): void {
  writer.tag(1, WireType.LengthDelimited).string(name);
  message(writer, 2, (w) => writeType(w, type, type.containers ?? []));
}

/** `TypeProto`: a tensor, inside whatever surrounds it. */
function writeType(writer: BinaryWriter, type: ValueType, containers: readonly Container[]): void {
  const [outermost, ...inner] = containers;
  if (outermost !== undefined) {
    const field = outermost === 'sequence' ? 4 : 9;
    message(writer, field, (w) => message(w, 1, (element) => writeType(element, type, inner)));
    return;
  }
  message(writer, 1, (tensorType) => {
    tensorType.tag(1, WireType.Varint).int32(elemTypeOf[type.dtype]);
    if (isRanked(type.shape)) message(tensorType, 2, (shape) => writeShape(shape, type.shape));
  });
}

function writeShape(writer: BinaryWriter, shape: Shape): void {
  for (const dim of shape) {
    message(writer, 1, (w) => {
      if (typeof dim === 'number') w.tag(1, WireType.Varint).int64(dim);
      else if (dim !== unknownDim) w.tag(2, WireType.LengthDelimited).string(dim);
    });
  }
}
