/** @file ONNX files of any operator set and IR version, written field by field, for tests of the import: sound ones and others. */
import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire';
import { type AnyTensor, bytesOf, type Dtype, isNumeric, type Tensor } from '../../src/engine/core/index.ts';
import { elemTypeOf } from '../../src/engine/graph/index.ts';

/** An attribute: numbers are ints, `{ float }` floats; a graph is a `GraphParts`. */
export type AttributeParts =
  | number
  | string
  | readonly number[]
  | readonly string[]
  | { readonly float: number }
  | { readonly floats: readonly number[] }
  | { readonly tensor: AnyTensor }
  | { readonly graph: GraphParts }
  | { readonly reference: string; readonly type: number };

/** A node. */
export interface NodeParts {
  readonly op: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes?: Readonly<Record<string, AttributeParts>>;
  readonly domain?: string;
  readonly name?: string;
}

/** The element type (float32 if absent) and shape of an input or output; without a shape, of any. */
export interface ValueParts {
  readonly dtype?: Dtype;
  readonly shape?: readonly (number | string)[];
}

/** A graph. */
export interface GraphParts {
  readonly nodes: readonly NodeParts[];
  readonly inputs?: Readonly<Record<string, ValueParts>>;
  readonly outputs: Readonly<Record<string, ValueParts>>;
  readonly initializers?: Readonly<Record<string, AnyTensor>>;
  /** Whether initializers are written into typed fields, not as raw bytes. */
  readonly typedFields?: boolean;
}

/** A function of a model. */
export interface FunctionParts {
  readonly name: string;
  readonly domain: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes?: readonly string[];
  readonly nodes: readonly NodeParts[];
}

/** A model. */
export interface ModelParts extends GraphParts {
  readonly opset?: number;
  readonly domains?: Readonly<Record<string, number>>;
  readonly irVersion?: number;
  readonly functions?: readonly FunctionParts[];
}

const text = (w: BinaryWriter, field: number, value: string) => w.tag(field, WireType.LengthDelimited).string(value);
const whole = (w: BinaryWriter, field: number, value: number | bigint) =>
  w.tag(field, WireType.Varint).int64(typeof value === 'bigint' ? value.toString() : value);

function message(w: BinaryWriter, field: number, write: (w: BinaryWriter) => void): void {
  w.tag(field, WireType.LengthDelimited).fork();
  write(w);
  w.join();
}

/** The bytes of the model. */
export function writeModel(model: ModelParts): Uint8Array {
  const w = new BinaryWriter();
  whole(w, 1, model.irVersion ?? 8);
  message(w, 7, (graph) => writeGraph(graph, model));
  for (const [domain, version] of Object.entries({ '': model.opset ?? 17, ...model.domains })) {
    message(w, 8, (opset) => {
      text(opset, 1, domain);
      whole(opset, 2, version);
    });
  }
  for (const fn of model.functions ?? []) {
    message(w, 25, (f) => {
      text(f, 1, fn.name);
      for (const input of fn.inputs) text(f, 4, input);
      for (const output of fn.outputs) text(f, 5, output);
      for (const attribute of fn.attributes ?? []) text(f, 6, attribute);
      for (const node of fn.nodes) message(f, 7, (n) => writeNode(n, node));
      message(f, 9, (opset) => whole(opset, 2, model.opset ?? 17));
      text(f, 10, fn.domain);
    });
  }
  return w.finish();
}

function writeGraph(w: BinaryWriter, graph: GraphParts): void {
  for (const node of graph.nodes) message(w, 1, (n) => writeNode(n, node));
  text(w, 2, 'test');
  for (const [name, tensor] of Object.entries(graph.initializers ?? {})) {
    message(w, 5, (t) => writeTensor(t, name, tensor, graph.typedFields));
  }
  for (const [name, value] of Object.entries(graph.inputs ?? {})) message(w, 11, (v) => writeValue(v, name, value));
  for (const [name, value] of Object.entries(graph.outputs)) message(w, 12, (v) => writeValue(v, name, value));
}

function writeNode(w: BinaryWriter, node: NodeParts): void {
  for (const input of node.inputs) text(w, 1, input);
  for (const output of node.outputs) text(w, 2, output);
  if (node.name) text(w, 3, node.name);
  text(w, 4, node.op);
  for (const [name, attribute] of Object.entries(node.attributes ?? {})) {
    message(w, 5, (a) => {
      text(a, 1, name);
      whole(a, 20, writeAttribute(a, attribute));
    });
  }
  if (node.domain) text(w, 7, node.domain);
}

/** Writes what the attribute holds; returns the number of its type. */
function writeAttribute(w: BinaryWriter, attribute: AttributeParts): number {
  if (typeof attribute === 'number') whole(w, 3, attribute);
  else if (typeof attribute === 'string') text(w, 4, attribute);
  else if (isList(attribute)) {
    for (const item of attribute) typeof item === 'string' ? text(w, 9, item) : whole(w, 8, item);
  } else if ('float' in attribute) w.tag(2, WireType.Bit32).float(attribute.float);
  else if ('floats' in attribute) {
    for (const item of attribute.floats) w.tag(7, WireType.Bit32).float(item);
  } else if ('tensor' in attribute) message(w, 5, (t) => writeTensor(t, '', attribute.tensor));
  else if ('graph' in attribute) message(w, 6, (g) => writeGraph(g, attribute.graph));
  else text(w, 21, attribute.reference);
  return typeOf(attribute);
}

function typeOf(attribute: AttributeParts): number {
  if (typeof attribute === 'number') return 2;
  if (typeof attribute === 'string') return 3;
  if (isList(attribute)) return typeof attribute[0] === 'string' ? 8 : 7;
  if ('reference' in attribute) return attribute.type;
  if ('float' in attribute) return 1;
  if ('tensor' in attribute) return 4;
  return 'graph' in attribute ? 5 : 6;
}

const isList = (attribute: AttributeParts): attribute is readonly number[] | readonly string[] =>
  Array.isArray(attribute);

/** The field of each element type for elements that are not raw bytes, and how one is written. */
function writeTyped(w: BinaryWriter, tensor: AnyTensor): void {
  for (const item of tensor.data) {
    if (tensor.dtype === 'float32') w.tag(4, WireType.Bit32).float(Number(item));
    else if (tensor.dtype === 'float64') w.tag(10, WireType.Bit64).double(Number(item));
    else if (tensor.dtype === 'int64') whole(w, 7, item as bigint);
    else if (tensor.dtype === 'uint64') w.tag(11, WireType.Varint).uint64(String(item));
    else if (tensor.dtype === 'uint32') whole(w, 11, Number(item));
    else whole(w, 5, Number(item));
  }
}

function writeTensor(w: BinaryWriter, name: string, tensor: AnyTensor, typedFields = false): void {
  for (const dim of tensor.shape) whole(w, 1, dim);
  whole(w, 2, elemTypeOf[tensor.dtype]);
  if (!isNumeric(tensor.dtype)) for (const item of tensor.data as string[]) text(w, 6, item);
  else if (typedFields) writeTyped(w, tensor);
  text(w, 8, name);
  if (isNumeric(tensor.dtype) && !typedFields) w.tag(9, WireType.LengthDelimited).bytes(bytesOf(tensor as Tensor));
}

function writeValue(w: BinaryWriter, name: string, { dtype = 'float32', shape }: ValueParts): void {
  text(w, 1, name);
  message(w, 2, (type) =>
    message(type, 1, (tensor) => {
      whole(tensor, 1, elemTypeOf[dtype]);
      if (shape === undefined) return;
      message(tensor, 2, (dims) => {
        for (const dim of shape) {
          message(dims, 1, (d) => (typeof dim === 'number' ? whole(d, 1, dim) : text(d, 2, dim)));
        }
      });
    }),
  );
}
