/**
 * @file The messages of onnx.proto as they stand in a file: `ModelProto` and what is in it, read but not yet understood. Field
 * numbers are those of onnx.proto; documentation strings, training information and device hints are passed over.
 */
import { type AnyTensor, type Dim, FormatError, unknownDim, unknownShape } from '../core/index.ts';
import type { Attribute, Container, ValueType } from '../graph/index.ts';
import { dtypeNumbered, type ExternalData, readEntry, readSparseTensor, readTensor } from './tensor-message.ts';
import type { FieldReader } from './wire.ts';

/** An attribute as it stands in a file: graphs inside are unread, and a function's may stand for its caller's. */
export type AttributeMessage =
  | Exclude<Attribute, { kind: 'graph' }>
  | { readonly kind: 'graph'; readonly value: GraphMessage }
  | { readonly kind: 'reference'; readonly value: string };

/** A `NodeProto`. */
export interface NodeMessage {
  /** How errors name the node: `node 12 "conv1" (Conv)`. */
  readonly place: string;
  readonly name: string;
  readonly opType: string;
  /** '' for ONNX's own. */
  readonly domain: string;
  readonly overload: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes: ReadonlyMap<string, AttributeMessage>;
}

/** A `ValueInfoProto`; the type is undefined where the file does not say it. */
export interface ValueMessage {
  readonly name: string;
  readonly type: ValueType | undefined;
}

/** A `GraphProto`. */
export interface GraphMessage {
  readonly nodes: readonly NodeMessage[];
  readonly initializers: ReadonlyMap<string, AnyTensor>;
  readonly inputs: readonly ValueMessage[];
  readonly outputs: readonly ValueMessage[];
  /** What the file says of values within. */
  readonly types: ReadonlyMap<string, ValueType>;
}

/** A `FunctionProto`: nodes under a name of their own, local to the model. */
export interface FunctionMessage {
  readonly key: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly nodes: readonly NodeMessage[];
  /** The attributes that it takes, with their values where the caller gives none. */
  readonly defaults: ReadonlyMap<string, AttributeMessage>;
  readonly opsets: ReadonlyMap<string, number>;
}

/** A `ModelProto`. */
export interface ModelMessage {
  readonly irVersion: number;
  readonly opsets: ReadonlyMap<string, number>;
  readonly metadata: ReadonlyMap<string, string>;
  readonly functions: ReadonlyMap<string, FunctionMessage>;
  readonly graph: GraphMessage;
}

/** Graphs may lie in graphs this deep. */
const deepestGraph = 16;
/** Sequences and optional values may surround a tensor this deep. */
const deepestContainer = 8;

/** What reading needs besides the bytes. */
interface Context {
  readonly externalData: ExternalData | undefined;
  readonly depth: number;
}

/** `''` for either of the names of ONNX's own domain. */
const domainNamed = (domain: string): string => (domain === 'ai.onnx' ? '' : domain);

/** The name of a function in tables. */
export const functionKey = (domain: string, name: string, overload: string): string => `${domain}:${name}:${overload}`;

/** @throws FormatError with the place of the reader. */
function refuse(reader: FieldReader, rule: string): never {
  throw new FormatError(`importOnnx: ${reader.place}: ${rule}`);
}

/** Reads a `ModelProto`. @throws FormatError if the bytes are not one; DtypeError for tensors of foreign element types. */
export function readModel(reader: FieldReader, externalData: ExternalData | undefined): ModelMessage {
  const context: Context = { externalData, depth: 0 };
  const opsets = new Map<string, number>();
  const metadata = new Map<string, string>();
  const functions = new Map<string, FunctionMessage>();
  let irVersion = 0;
  let graph: GraphMessage | undefined;
  while (reader.next()) {
    if (reader.field === 1) irVersion = reader.int();
    else if (reader.field === 7) {
      if (graph !== undefined) throw new FormatError('importOnnx: the model: has two graphs');
      graph = readGraph(reader.message(''), context);
    } else if (reader.field === 8) opsets.set(...readOpset(reader.message('operator set')));
    else if (reader.field === 14) metadata.set(...readEntry(reader.message('metadata')));
    else if (reader.field === 25) {
      const read = readFunction(reader.message(`function ${functions.size}`), context);
      if (functions.has(read.key)) throw new FormatError(`importOnnx: the function ${read.key} is defined twice`);
      functions.set(read.key, read);
    } else reader.skip();
  }
  if (graph === undefined)
    throw new FormatError('importOnnx: the model: has no graph; it is not an ONNX file, or cut off');
  if (irVersion < 1 || irVersion > 32)
    throw new FormatError(`importOnnx: the model: there is no IR version ${irVersion}`);
  // Before operator sets were named in files there was one.
  if (!opsets.has('') && irVersion < 3) opsets.set('', 1);
  return { irVersion, opsets, metadata, functions, graph };
}

function readOpset(reader: FieldReader): [domain: string, version: number] {
  let [domain, version] = ['', 0];
  while (reader.next()) {
    if (reader.field === 1) domain = domainNamed(reader.string());
    else if (reader.field === 2) version = reader.int();
    else reader.skip();
  }
  if (version < 1) refuse(reader, `"${domain}" must have a version from 1 on, got ${version}`);
  return [domain, version];
}

function readGraph(reader: FieldReader, context: Context): GraphMessage {
  if (context.depth > deepestGraph) refuse(reader, `graphs lie more than ${deepestGraph} deep in each other`);
  const nodes: NodeMessage[] = [];
  const initializers = new Map<string, AnyTensor>();
  const inputs: ValueMessage[] = [];
  const outputs: ValueMessage[] = [];
  const types = new Map<string, ValueType>();
  const initialize = ({ name, tensor }: { name: string; tensor: AnyTensor }) => {
    if (name === '') refuse(reader, 'an initializer has no name');
    if (initializers.has(name)) refuse(reader, `the initializer "${name}" is there twice`);
    initializers.set(name, tensor);
  };
  while (reader.next()) {
    if (reader.field === 1) nodes.push(readNode(reader.message(`node ${nodes.length}`), context));
    else if (reader.field === 5) initialize(readTensor(reader.message('initializer'), context.externalData));
    else if (reader.field === 11) inputs.push(readValue(reader.message(`input ${inputs.length}`)));
    else if (reader.field === 12) outputs.push(readValue(reader.message(`output ${outputs.length}`)));
    else if (reader.field === 13) {
      const { name, type } = readValue(reader.message(`value ${types.size}`));
      if (type !== undefined) types.set(name, type);
    } else if (reader.field === 15)
      initialize(readSparseTensor(reader.message('sparse initializer'), context.externalData));
    else reader.skip();
  }
  for (const { name, type } of outputs) if (type !== undefined && !types.has(name)) types.set(name, type);
  return { nodes, initializers, inputs, outputs, types };
}

function readNode(reader: FieldReader, context: Context): NodeMessage {
  const inputs: string[] = [];
  const outputs: string[] = [];
  const attributes = new Map<string, AttributeMessage>();
  let [name, opType, domain, overload] = ['', '', '', ''];
  while (reader.next()) {
    if (reader.field === 1) inputs.push(reader.string());
    else if (reader.field === 2) outputs.push(reader.string());
    else if (reader.field === 3) name = reader.string();
    else if (reader.field === 4) opType = reader.string();
    else if (reader.field === 5) {
      const [key, attribute] = readAttribute(reader.message(''), context);
      if (attributes.has(key)) refuse(reader, `the attribute "${key}" is there twice`);
      if (attribute !== undefined) attributes.set(key, attribute);
    } else if (reader.field === 7) domain = domainNamed(reader.string());
    else if (reader.field === 8) overload = reader.string();
    else reader.skip();
  }
  const place = `${reader.place}${name === '' ? '' : ` "${name}"`} (${domain === '' ? '' : `${domain}.`}${opType})`;
  return { place, name, opType, domain, overload, inputs, outputs, attributes };
}

function readFunction(reader: FieldReader, context: Context): FunctionMessage {
  const inputs: string[] = [];
  const outputs: string[] = [];
  const nodes: NodeMessage[] = [];
  const defaults = new Map<string, AttributeMessage>();
  const opsets = new Map<string, number>();
  let [name, domain, overload] = ['', '', ''];
  while (reader.next()) {
    if (reader.field === 1) name = reader.string();
    else if (reader.field === 4) inputs.push(reader.string());
    else if (reader.field === 5) outputs.push(reader.string());
    else if (reader.field === 7) nodes.push(readNode(reader.message(`node ${nodes.length}`), context));
    else if (reader.field === 9) opsets.set(...readOpset(reader.message('operator set')));
    else if (reader.field === 10) domain = domainNamed(reader.string());
    else if (reader.field === 11) {
      const [key, attribute] = readAttribute(reader.message('attribute'), context);
      if (attribute !== undefined) defaults.set(key, attribute);
    } else if (reader.field === 13) overload = reader.string();
    else reader.skip();
  }
  return { key: functionKey(domain, name, overload), inputs, outputs, nodes, defaults, opsets };
}

/** The kinds of attribute by `AttributeProto.type`. */
const attributeKinds = [
  undefined,
  'float',
  'int',
  'string',
  'tensor',
  'graph',
  'floats',
  'ints',
  'strings',
  undefined,
  undefined,
  'tensor',
  undefined,
  'type',
] as const;

/** Reads an `AttributeProto`. One that holds nothing is as good as absent. */
function readAttribute(reader: FieldReader, context: Context): [name: string, AttributeMessage | undefined] {
  const [floats, ints, strings]: [number[], bigint[], string[]] = [[], [], []];
  const single = new Map<string, AttributeMessage>();
  let [name, reference, type] = ['', '', 0];
  while (reader.next()) {
    if (reader.field === 1) name = reader.string();
    else if (reader.field === 2) single.set('float', { kind: 'float', value: decimal(reader.float()) });
    else if (reader.field === 3) single.set('int', { kind: 'int', value: integer(reader, reader.bigint()) });
    else if (reader.field === 4) single.set('string', { kind: 'string', value: reader.string() });
    else if (reader.field === 5) {
      const { tensor } = readTensor(reader.message('tensor'), context.externalData);
      single.set('tensor', { kind: 'tensor', value: tensor });
    } else if (reader.field === 6) {
      const graph = readGraph(reader.message('graph'), { ...context, depth: context.depth + 1 });
      single.set('graph', { kind: 'graph', value: graph });
    } else if (reader.field === 7) reader.floats(floats);
    else if (reader.field === 8) reader.bigints(ints);
    else if (reader.field === 9) strings.push(reader.string());
    else if (reader.field === 14) {
      const value = readType(reader.message('type'), []);
      if (value !== undefined) single.set('type', { kind: 'type', value });
    } else if (reader.field === 20) type = reader.int();
    else if (reader.field === 21) reference = reader.string();
    else if (reader.field === 22) {
      const { tensor } = readSparseTensor(reader.message('sparse tensor'), context.externalData);
      single.set('tensor', { kind: 'tensor', value: tensor });
    } else if ([10, 11, 15, 23].includes(reader.field)) {
      refuse(reader, `"${name}" is a list of tensors, graphs or types, which no operator takes`);
    } else reader.skip();
  }
  if (reference !== '') return [name, { kind: 'reference', value: reference }];
  // Files from before the type was written down hold one value or list and no more.
  const kind = type === 0 ? undefined : attributeKinds[type];
  if (type !== 0 && kind === undefined) refuse(reader, `"${name}" has the type ${type}, which no operator takes`);
  if (kind === 'floats' || (type === 0 && floats.length > 0))
    return [name, { kind: 'floats', value: floats.map(decimal) }];
  if (kind === 'ints' || (type === 0 && ints.length > 0)) {
    return [name, { kind: 'ints', value: ints.map((value) => integer(reader, value)) }];
  }
  if (kind === 'strings' || (type === 0 && strings.length > 0)) return [name, { kind: 'strings', value: strings }];
  if (kind === undefined) return [name, single.values().next().value];
  return [
    name,
    single.get(kind) ?? emptyAttributes[kind] ?? refuse(reader, `"${name}" says it is a ${kind} and holds none`),
  ];
}

/** What an attribute is whose value was left out because it is protobuf's default. */
const emptyAttributes: Readonly<Record<string, AttributeMessage>> = {
  float: { kind: 'float', value: 0 },
  int: { kind: 'int', value: 0 },
  string: { kind: 'string', value: '' },
};

/** The shortest decimal that is the same float32: 0.1, where the float read as a double is 0.10000000149011612. */
function decimal(value: number): number {
  if (!Number.isFinite(value)) return value;
  for (let digits = 6; digits < 9; digits++) {
    const short = Number(value.toPrecision(digits));
    if (Math.fround(short) === value) return short;
  }
  return value;
}

/** A whole number that a double holds exactly; the ends of the 64-bit range, which mean "as far as possible", come nearer. */
function integer(reader: FieldReader, value: bigint): number {
  const largest = BigInt(Number.MAX_SAFE_INTEGER);
  if (value >= -largest && value <= largest) return Number(value);
  if (value > 2n ** 62n || value < -(2n ** 62n)) return value > 0n ? Number.MAX_SAFE_INTEGER : Number.MIN_SAFE_INTEGER;
  return refuse(reader, `whole numbers beyond ${largest} cannot be kept exactly, got ${value}`);
}

function readValue(reader: FieldReader): ValueMessage {
  let name = '';
  let type: ValueType | undefined;
  while (reader.next()) {
    if (reader.field === 1) name = reader.string();
    else if (reader.field === 2) type = readType(reader.message('type'), []);
    else reader.skip();
  }
  return { name, type };
}

/** Reads a `TypeProto` that lies inside `containers`. */
function readType(reader: FieldReader, containers: readonly Container[]): ValueType | undefined {
  if (containers.length > deepestContainer)
    refuse(reader, `types lie more than ${deepestContainer} deep in each other`);
  let type: ValueType | undefined;
  while (reader.next()) {
    if (reader.field === 1) type = readTensorType(reader.message('tensor'), containers);
    else if (reader.field === 4 || reader.field === 9) {
      const container = reader.field === 4 ? 'sequence' : 'optional';
      const inner = reader.message(container);
      while (inner.next()) {
        if (inner.field === 1) type = readType(inner.message('element'), [...containers, container]);
        else inner.skip();
      }
    } else if (reader.field === 5 || reader.field === 8) {
      refuse(reader, `values that are ${reader.field === 5 ? 'maps' : 'sparse tensors'} are not among Sensorium's`);
    } else reader.skip();
  }
  return type;
}

function readTensorType(reader: FieldReader, containers: readonly Container[]): ValueType | undefined {
  let elemType = 0;
  let shape = unknownShape;
  while (reader.next()) {
    if (reader.field === 1) elemType = reader.int();
    else if (reader.field === 2) {
      const dims = reader.message('shape');
      const read: Dim[] = [];
      while (dims.next()) {
        if (dims.field === 1) read.push(readDim(dims.message(`axis ${read.length}`)));
        else dims.skip();
      }
      shape = read;
    } else reader.skip();
  }
  if (elemType === 0) return undefined;
  return { dtype: dtypeNumbered(elemType, reader.place), shape, ...(containers.length > 0 ? { containers } : {}) };
}

/** A dimension; exporters have written -1, '' and '?' for one of which nothing is known. */
function readDim(reader: FieldReader): Dim {
  let dim: Dim = unknownDim;
  while (reader.next()) {
    if (reader.field === 1) dim = reader.int();
    else if (reader.field === 2) dim = reader.string();
    else reader.skip();
  }
  if (dim === '' || dim === '...' || dim === -1) return unknownDim;
  if (typeof dim === 'number' && dim < 0) refuse(reader, `a dimension must be a count, got ${dim}`);
  return dim;
}
