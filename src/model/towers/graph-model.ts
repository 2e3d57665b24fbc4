/**
 * @file TensorFlow.js graph-models (a GraphDef of frozen ops) as our graphs: one table entry an op. Only what a wanted output needs is
 * converted. Pictures are channels-first from the start: a Placeholder is given as `[N, C, H, W]`, and every op here keeps that order.
 */
import { FormatError, type Tensor, UnsupportedOpError } from '../../engine/core/index.ts';
import type { TfjsModel } from '../../engine/formats/index.ts';
import { add, clip, constant, constantOf, mul, relu, sub, type Value } from '../../engine/graph/index.ts';
import { convolve } from './channels-first.ts';

/** One op of a GraphDef. */
interface OpNode {
  readonly name: string;
  readonly op: string;
  readonly input: readonly string[];
  readonly attr: Readonly<Record<string, unknown>>;
}

type OpConverter = (node: OpNode, inputs: readonly Value[]) => Value;

const binary =
  (apply: (a: Value, b: Value) => Value): OpConverter =>
  (node, [a, b]) =>
    apply(needed(node, a), needed(node, b));

const fusedConvolution =
  (depthwise: boolean): OpConverter =>
  (node, [x, kernel, ...rest]) => {
    const operations = texts(node, 'fused_ops');
    const result = convolve(needed(node, x), {
      kernel: tensorOf(node, kernel),
      ...(operations[0] === 'BiasAdd' ? { bias: tensorOf(node, rest[0]) } : {}),
      depthwise,
      strides: strides(node),
      padding: padding(node),
    });
    return operations.slice(operations[0] === 'BiasAdd' ? 1 : 0).reduce((value, name) => {
      const activation = Object.hasOwn(activations, name) ? activations[name] : undefined;
      if (activation === undefined) throw new UnsupportedOpError(`tfjs graph: ${node.name}: cannot fuse "${name}"`);
      return activation(value);
    }, result);
  };

const activations: Readonly<Record<string, (x: Value) => Value>> = {
  Relu: relu,
  Relu6: (x) => clip(x, 0, 6),
};

/** How each TensorFlow op becomes ours. */
const converters: Readonly<Record<string, OpConverter>> = {
  Identity: (node, [x]) => needed(node, x),
  Add: binary(add),
  AddV2: binary(add),
  Sub: binary(sub),
  Mul: binary(mul),
  _FusedConv2D: fusedConvolution(false),
  FusedDepthwiseConv2dNative: fusedConvolution(true),
};

/**
 * A function from the name of a node to its value, with the model's placeholders standing for `inputs`.
 * @throws FormatError if the model's description is nonsense; UnsupportedOpError naming a node whose op has no converter.
 */
export function convertGraphModel(model: TfjsModel, inputs: ReadonlyMap<string, Value>): (name: string) => Value {
  const nodes = new Map(opNodes(model).map((node) => [node.name, node]));
  const values = new Map<string, Value>(inputs);

  const convert = (name: string): Value => {
    const node = nodes.get(name);
    if (node === undefined) throw new FormatError(`tfjs graph: there is no node "${name}"`);
    const weight = model.weights.get(name);
    if (node.op === 'Const' && weight !== undefined) return constant(weight, name);
    if (!Object.hasOwn(converters, node.op)) {
      throw new UnsupportedOpError(`tfjs graph: node "${name}": the op ${node.op} has no converter`);
    }
    return converters[node.op]!(
      node,
      node.input.map((input) => values.get(nodeName(input))!),
    );
  };

  return (wanted) => {
    // Depth first without recursion: a hostile graph may be deep, or circular.
    const path: string[] = [wanted];
    const open = new Set<string>();
    while (path.length > 0) {
      const name = path.at(-1)!;
      if (!values.has(name)) {
        const missing = (nodes.get(name)?.input ?? []).map(nodeName).filter((input) => !values.has(input));
        if (missing.length > 0) {
          if (open.has(name)) throw new FormatError(`tfjs graph: node "${name}" needs itself`);
          open.add(name);
          path.push(...missing);
          continue;
        }
        values.set(name, convert(name));
      }
      open.delete(name);
      path.pop();
    }
    return values.get(wanted)!;
  };
}

/** Inputs are written `name` or `name:0`; ops with several outputs are not converted. */
function nodeName(input: string): string {
  return input.replace(/:0$/, '');
}

function opNodes(model: TfjsModel): OpNode[] {
  if (model.format !== 'graph-model') throw new FormatError(`tfjs graph: needs a graph-model, got a ${model.format}`);
  return (model.topology.node as readonly unknown[]).map((entry, i) => {
    const { name, op, input = [], attr = {} } = (entry ?? {}) as Partial<OpNode>;
    const wellFormed = typeof name === 'string' && typeof op === 'string' && Array.isArray(input) && isRecord(attr);
    if (!wellFormed || !input.every((item) => typeof item === 'string')) {
      throw new FormatError(`tfjs graph: node ${i} must have a name, an op, and lists of inputs and attributes`);
    }
    return { name, op, input: input.filter((item) => !item.startsWith('^')), attr };
  });
}

function needed(node: OpNode, value: Value | undefined): Value {
  if (value === undefined) throw new FormatError(`tfjs graph: node "${node.name}" (${node.op}) lacks an input`);
  return value;
}

function tensorOf(node: OpNode, value: Value | undefined): Tensor {
  const tensor = constantOf(value);
  if (tensor === undefined) throw new UnsupportedOpError(`tfjs graph: node "${node.name}": weights must be constants`);
  return tensor;
}

/** Text is base64, or a list of character codes in older files. */
function text(value: unknown): string {
  if (typeof value === 'string') return atob(value);
  return Array.isArray(value) ? String.fromCharCode(...(value as number[])) : '';
}

function attributeList(node: OpNode, name: string, kind: 's' | 'i'): readonly unknown[] {
  const attribute = node.attr[name];
  const list = isRecord(attribute) && isRecord(attribute.list) ? attribute.list[kind] : undefined;
  return Array.isArray(list) ? list : [];
}

function texts(node: OpNode, name: string): string[] {
  return attributeList(node, name, 's').map(text);
}

function strides(node: OpNode): [number, number] {
  const list = attributeList(node, 'strides', 'i').map(Number);
  const dilations = attributeList(node, 'dilations', 'i').map(Number);
  const format = node.attr.data_format;
  const isPlain = dilations.every((step) => step === 1) && (!isRecord(format) || text(format.s) === 'NHWC');
  if (list.length !== 4 || !list.every((step) => Number.isInteger(step) && step > 0) || !isPlain) {
    throw new UnsupportedOpError(`tfjs graph: node "${node.name}": needs NHWC, whole strides and no dilation`);
  }
  return [list[1]!, list[2]!];
}

function padding(node: OpNode): 'SAME' | 'VALID' {
  const attribute = node.attr.padding;
  const name = isRecord(attribute) ? text(attribute.s) : '';
  if (name !== 'SAME' && name !== 'VALID') {
    throw new UnsupportedOpError(`tfjs graph: node "${node.name}": padding must be SAME or VALID, got "${name}"`);
  }
  return name;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
