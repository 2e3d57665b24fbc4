/**
 * @file Values that ONNX Runtime's binding for Node cannot pass, passed as tensors: nodes before a model make lists, optional values
 * and bfloat16 of what is fed, nodes behind it take them apart again. The nodes of the model itself stay as they were, byte for byte.
 */
import { BinaryReader, BinaryWriter, WireType } from '@bufbuild/protobuf/wire';
import { type AnyTensor, type Dtype, float32, int64, Tensor } from '../../src/engine/core/index.ts';
import { elemTypeOf, type ValueType } from '../../src/engine/graph/index.ts';
import { readTensor } from '../../src/engine/onnx/tensor-message.ts';
import { FieldReader } from '../../src/engine/onnx/wire.ts';

/** What a file of a test holds: a tensor, a list of tensors, or nothing. */
export type Item = AnyTensor | readonly AnyTensor[] | undefined;

/** An input or output of a model, with what the test says that it is. */
export interface Port {
  readonly name: string;
  readonly type: ValueType;
  readonly item: Item;
}

/** Whether the binding passes values of the type as they are. */
export const isPassed = ({ containers, dtype }: ValueType): boolean => containers === undefined && dtype !== 'bfloat16';

/** Reads a `TensorProto`, or the `SequenceProto` or `OptionalProto` around it. */
export function readItem(bytes: Uint8Array, containers: ValueType['containers'] = []): Item {
  const reader = new FieldReader(bytes, 'test data');
  const [outermost, ...inner] = containers;
  if (outermost === undefined) return readTensor(reader).tensor;
  let item: Item = outermost === 'sequence' ? [] : undefined;
  while (reader.next()) {
    // Both keep a tensor in field 3; an optional value keeps a list in field 5.
    if (reader.field === 3 && outermost === 'sequence') {
      item = [...(item as AnyTensor[]), readTensor(reader.message('element')).tensor];
    } else if (reader.field === 3 || reader.field === 5) item = readItem(reader.bytes(), inner);
    else reader.skip();
  }
  return item;
}

/** A model that takes tensors and gives tensors, what to feed it, and what it must give. */
export interface PassedModel {
  readonly bytes: Uint8Array;
  readonly feeds: Readonly<Record<string, AnyTensor>>;
  readonly expected: ReadonlyMap<string, AnyTensor>;
}

type Entry = (w: BinaryWriter) => void;

/** Nodes and ports that are added to a graph. */
class Additions {
  readonly before: Entry[] = [];
  readonly behind: Entry[] = [];
  readonly ports: Entry[] = [];
  readonly feeds: Record<string, AnyTensor> = {};
  readonly expected = new Map<string, AnyTensor>();

  feed(name: string, tensor: AnyTensor): string {
    this.feeds[name] = tensor;
    this.ports.push((w) => message(w, 11, (port) => writePort(port, name, tensor.dtype, tensor.shape)));
    return name;
  }

  /** The tensor as a value of the graph: bfloat16 by way of float32. */
  make(name: string, tensor: AnyTensor): string {
    if (tensor.dtype !== 'bfloat16') return this.feed(name, tensor);
    const wide = this.feed(`${name}/float32`, widened(tensor));
    this.before.push(nodeWriter('Cast', [wide], [name], { to: elemTypeOf.bfloat16 }));
    return name;
  }

  expect(name: string, tensor: AnyTensor): void {
    const isWide = tensor.dtype === 'bfloat16';
    const given = isWide ? `${name}/float32` : name;
    if (isWide) this.behind.push(nodeWriter('Cast', [name], [given], { to: elemTypeOf.float32 }));
    const seen = isWide ? widened(tensor) : tensor;
    this.expected.set(given, seen);
    this.ports.push((w) => message(w, 12, (port) => writePort(port, given, seen.dtype)));
  }

  expectList(name: string, tensors: readonly AnyTensor[]): void {
    this.behind.push(nodeWriter('SequenceLength', [name], [`${name}/length`]));
    this.expect(`${name}/length`, int64([tensors.length], []));
    tensors.forEach((tensor, i) => {
      this.behind.push(nodeWriter('Constant', [], [`${name}/at/${i}`], { value_int: i }));
      this.behind.push(nodeWriter('SequenceAt', [name, `${name}/at/${i}`], [`${name}/${i}`]));
      this.expect(`${name}/${i}`, tensor);
    });
  }
}

/** The model with its inputs and outputs passed as tensors. */
export function passed(bytes: Uint8Array, inputs: readonly Port[], outputs: readonly Port[]): PassedModel {
  const additions = new Additions();
  for (const { name, type, item } of inputs) {
    const isOptional = type.containers?.[0] === 'optional';
    if (item === undefined) {
      additions.before.push(absentWriter(name, type));
      continue;
    }
    const inner = isOptional ? `${name}/value` : name;
    if (Array.isArray(item)) {
      const elements = (item as AnyTensor[]).map((tensor, i) => additions.make(`${name}/${i}`, tensor));
      additions.before.push(
        elements.length > 0
          ? nodeWriter('SequenceConstruct', elements, [inner])
          : nodeWriter('SequenceEmpty', [], [inner], { dtype: elemTypeOf[type.dtype] }),
      );
    } else additions.make(inner, item as AnyTensor);
    if (isOptional) additions.before.push(nodeWriter('Optional', [inner], [name]));
  }
  for (const { name, type, item } of outputs) {
    const isOptional = type.containers?.[0] === 'optional';
    if (isOptional) {
      additions.behind.push(nodeWriter('OptionalHasElement', [name], [`${name}/has`]));
      additions.expect(`${name}/has`, new Tensor('bool', [], Uint8Array.of(item === undefined ? 0 : 1)));
      if (item === undefined) continue;
      additions.behind.push(nodeWriter('OptionalGetElement', [name], [`${name}/value`]));
    }
    const inner = isOptional ? `${name}/value` : name;
    if (Array.isArray(item)) additions.expectList(inner, item as AnyTensor[]);
    else additions.expect(inner, item as AnyTensor);
  }
  const written = rewritten(bytes, 7, (graph) => withAdditions(graph, additions));
  return { bytes: written, feeds: additions.feeds, expected: additions.expected };
}

/** The graph with other inputs and outputs, and the added nodes around its own. */
function withAdditions(graph: Uint8Array, additions: Additions): Uint8Array {
  const w = new BinaryWriter();
  for (const write of additions.before) write(w);
  for (const [field, raw] of fieldsOf(graph)) if (field !== 11 && field !== 12) w.raw(raw);
  for (const write of [...additions.behind, ...additions.ports]) write(w);
  return w.finish();
}

/** The message with the content of one field changed. */
function rewritten(bytes: Uint8Array, field: number, change: (content: Uint8Array) => Uint8Array): Uint8Array {
  const w = new BinaryWriter();
  for (const [found, raw, content] of fieldsOf(bytes)) {
    if (found === field) w.tag(field, WireType.LengthDelimited).bytes(change(content));
    else w.raw(raw);
  }
  return w.finish();
}

/** The fields of a message: number, bytes with the tag, and content where it is a message or text. */
function* fieldsOf(bytes: Uint8Array): Generator<[field: number, raw: Uint8Array, content: Uint8Array]> {
  const reader = new BinaryReader(bytes);
  while (reader.pos < reader.len) {
    const start = reader.pos;
    const [field, wireType] = reader.tag();
    const content = wireType === WireType.LengthDelimited ? reader.bytes() : new Uint8Array();
    if (wireType !== WireType.LengthDelimited) reader.skip(wireType, field);
    yield [field, bytes.subarray(start, reader.pos), content];
  }
}

function message(w: BinaryWriter, field: number, write: Entry): void {
  w.tag(field, WireType.LengthDelimited).fork();
  write(w);
  w.join();
}

function nodeWriter(
  opType: string,
  inputs: readonly string[],
  outputs: readonly string[],
  attributes: Readonly<Record<string, number>> = {},
): Entry {
  return (w) =>
    message(w, 1, (node) => {
      for (const input of inputs) node.tag(1, WireType.LengthDelimited).string(input);
      for (const output of outputs) node.tag(2, WireType.LengthDelimited).string(output);
      node.tag(4, WireType.LengthDelimited).string(opType);
      for (const [name, value] of Object.entries(attributes)) {
        message(node, 5, (attribute) => {
          attribute.tag(1, WireType.LengthDelimited).string(name);
          attribute.tag(3, WireType.Varint).int64(value);
          attribute.tag(20, WireType.Varint).int32(2);
        });
      }
    });
}

/** An Optional without a value. */
function absentWriter(output: string, { dtype, containers = [] }: ValueType): Entry {
  const writeType = (w: BinaryWriter, inner: readonly string[]): void =>
    inner.length > 0
      ? message(w, 4, (list) => message(list, 1, (element) => writeType(element, inner.slice(1))))
      : message(w, 1, (tensor) => tensor.tag(1, WireType.Varint).int32(elemTypeOf[dtype]));
  return (w) =>
    message(w, 1, (node) => {
      node.tag(2, WireType.LengthDelimited).string(output);
      node.tag(4, WireType.LengthDelimited).string('Optional');
      message(node, 5, (attribute) => {
        attribute.tag(1, WireType.LengthDelimited).string('type');
        message(attribute, 14, (type) => writeType(type, containers.slice(1)));
        attribute.tag(20, WireType.Varint).int32(13);
      });
    });
}

function writePort(w: BinaryWriter, name: string, dtype: Dtype, shape?: readonly number[]): void {
  w.tag(1, WireType.LengthDelimited).string(name);
  message(w, 2, (type) =>
    message(type, 1, (tensor) => {
      tensor.tag(1, WireType.Varint).int32(elemTypeOf[dtype]);
      if (shape === undefined) return;
      message(tensor, 2, (dims) => {
        for (const dim of shape) message(dims, 1, (d) => d.tag(1, WireType.Varint).int64(dim));
      });
    }),
  );
}

/** bfloat16 as float32, which holds each of its numbers. */
function widened(tensor: AnyTensor): AnyTensor {
  const bits = Uint32Array.from(tensor.data as Uint16Array, (half) => half << 16);
  return float32(new Float32Array(bits.buffer), tensor.shape);
}
