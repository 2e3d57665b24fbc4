/**
 * @file Depthwise convolutions in the form that a machine computes fast. ONNX Runtime multiplies matrices for every convolution whose
 * weights are not constant, which for one channel at a time wastes nearly all of the work; its kernels for channels in blocks of 8 or
 * 16 (the domain `com.microsoft.nchwc`) are 3 to 15 times faster, and its own optimizer uses them for constant weights only. Measured in
 * decisions/0041-convolution-gradients.md. The blocks' size is the machine's: such a graph is for this machine alone.
 */
import { isStatic, numElements } from '../core/index.ts';
import { type Graph, graphOf } from './graph.ts';
import {
  add,
  type ConvolutionOptions,
  concat,
  convolutionOps,
  mul,
  pad,
  reduceSum,
  reshape,
  slice,
  windowOf,
} from './ops/index.ts';
import { replay } from './replay.ts';
import {
  type Attributes,
  applyOpAs,
  defineOp,
  int,
  intOf,
  ints,
  type Node,
  type OpDefinition,
  type Value,
  type ValueType,
} from './value.ts';

const sameType: OpDefinition['infer'] = ([x]) => [x!];
const reorderInput = defineOp('ReorderInput', sameType, 'com.microsoft.nchwc');
const reorderOutput = defineOp('ReorderOutput', sameType, 'com.microsoft.nchwc');
const blockedConv = defineOp('Conv', sameType, 'com.microsoft.nchwc');

/** Elements of a product that stays in the cache while it is summed. */
const chunkElements = 600_000;
/** The most pieces that channels are cut into. */
const maxChunks = 16;

/** A depthwise convolution of pictures with one kernel for each channel, of sizes that are known. */
interface Depthwise {
  readonly x: Value;
  readonly w: Value;
  readonly bias: Value | undefined;
  /** The shape of the result. */
  readonly output: readonly number[];
  readonly channels: number;
  readonly kernel: readonly number[];
  readonly window: Required<Pick<ConvolutionOptions, 'strides' | 'pads' | 'dilations'>>;
}

function depthwiseOf(node: Node, inputs: readonly (Value | undefined)[]): Depthwise | undefined {
  if (node.op !== convolutionOps.Conv) return undefined;
  const [x, w, bias] = [inputs[0]!, inputs[1]!, inputs[2]];
  const { dtype, shape } = node.outputs[0]!;
  if (dtype !== 'float32' || x.rank !== 4 || !isStatic(x.shape) || !isStatic(w.shape) || !isStatic(shape)) {
    return undefined;
  }
  const channels = x.shape[1]!;
  if (intOf(node.attributes, 'group', 1) !== channels || w.shape[0] !== channels || channels === 1) return undefined;
  const kernel = w.shape.slice(2);
  const window = windowOf(node.attributes, x.shape.slice(2), kernel);
  return { x, w, bias, output: shape, channels, kernel, window };
}

/** Whether the graph has depthwise convolutions that can be brought into another form. */
export function hasDepthwise(graph: Graph): boolean {
  return graph.nodes.some((node) => depthwiseOf(node, node.inputs) !== undefined);
}

/** The graph with its depthwise convolutions in blocks of channels; without a block size, those with large kernels as sums of products. */
export function withFastDepthwise(graph: Graph, blockSize: number | undefined): Graph {
  const replace = (node: Node, inputs: readonly (Value | undefined)[]) => {
    const found = depthwiseOf(node, inputs);
    if (found === undefined) return undefined;
    if (blockSize !== undefined) return found.channels % blockSize === 0 ? [inBlocks(found)] : undefined;
    return isCorrelation(found) ? [asSums(found)] : undefined;
  };
  if (!hasDepthwise(graph)) return graph;
  const inputs = graph.inputs.map(({ value }) => value);
  const outputs = replay(graph, inputs, { fold: false, replace });
  return graphOf(
    graph.inputs,
    graph.outputs.map(({ name }, i) => ({ name, value: outputs[i]! })),
  );
}

/** Weights `[C, 1, ...kernel]` lie in blocks as a picture `[1, C, ...kernel]` does. */
function inBlocks({ x, w, bias, output, channels, kernel, window }: Depthwise): Value {
  const type = { dtype: x.dtype, shape: output };
  const apply = (op: OpDefinition, inputs: readonly (Value | undefined)[], attributes: Attributes, made: ValueType) =>
    applyOpAs(op, inputs, attributes, [made])[0]!;
  const reorder = (value: Value) => apply(reorderInput, [value], {}, { dtype: value.dtype, shape: value.shape });
  const weights = reshape(reorder(reshape(w, [1, channels, ...kernel])), [channels, 1, ...kernel]);
  const attributes = {
    kernel_shape: ints(kernel),
    strides: ints(window.strides),
    pads: ints(window.pads),
    dilations: ints(window.dilations),
    group: int(channels),
  };
  const result = apply(blockedConv, bias ? [reorder(x), weights, bias] : [reorder(x), weights], attributes, type);
  return apply(reorderOutput, [result], { channels: int(channels) }, type);
}

/** Whether the kernel outweighs the result, as in the gradient toward the weights of a depthwise convolution. */
function isCorrelation({ output, kernel }: Depthwise): boolean {
  return numElements(kernel) > numElements(output.slice(2));
}

/** Every element of the result as a sum of products, in pieces of the channels that stay in the cache. */
function asSums({ x, w, bias, output, channels, kernel, window }: Depthwise): Value {
  const { strides, pads, dilations } = window;
  const [batch, , ...places] = output as [number, number, number, number];
  const planes = reshape(w, [1, channels, ...kernel]);
  const fitting = Math.floor(chunkElements / (batch * numElements(kernel)));
  const size = Math.max(1, fitting, Math.ceil(channels / maxChunks));
  const pieces = Array.from({ length: Math.ceil(channels / size) }, (_, i) => {
    const piece = (value: Value) =>
      size >= channels ? value : slice(value, { starts: [i * size], ends: [(i + 1) * size], axes: [1] });
    const around = pad(piece(x), [0, 0, ...pads.slice(0, 2)], [0, 0, ...pads.slice(2)]);
    const kernels = piece(planes);
    const sums = Array.from({ length: numElements(places) }, (_, place) => {
      const starts = [Math.floor(place / places[1]) * strides[0]!, (place % places[1]) * strides[1]!];
      const ends = starts.map((start, axis) => start + (kernel[axis]! - 1) * dilations[axis]! + 1);
      const met = slice(around, { starts, ends, axes: [2, 3], steps: dilations });
      return reduceSum(mul(met, kernels), { axes: [2, 3], keepDims: true });
    });
    return concat(sums, 2);
  });
  const result = reshape(concat(pieces, 1), output);
  return bias === undefined ? result : add(result, reshape(bias, [1, channels, 1, 1]));
}
