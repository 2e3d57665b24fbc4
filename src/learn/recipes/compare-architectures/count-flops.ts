/**
 * @file The floating-point operations of a graph, counted from its shapes: a product of [M, K] and [K, N] takes 2 M K N; a reduction one for each element
 * that it reads; softmax, normalization, GELU and the like a handful for each element; what only moves numbers takes none; every other op
 * one for each number it gives. Products make up nearly all. A graph must have fixed shapes.
 */
import { numElements, staticShape } from '../../../engine/core/index.ts';
import type { Graph, Node, Value } from '../../../engine/graph/index.ts';

type Count = (node: Node) => number;

const sizeOf = (value: Value | undefined) =>
  value === undefined ? 0 : numElements(staticShape(value.shape, 'countFlops'));
const given = (node: Node) => sizeOf(node.outputs[0]);
const read = (node: Node) => sizeOf(node.inputs[0]);

/** K is what the first operand has beyond the rows of the result. */
const product: Count = (node) => {
  const [a] = node.inputs;
  const shape = staticShape(a!.shape, 'countFlops');
  const transposed = node.attributes.transA?.kind === 'int' && node.attributes.transA.value === 1;
  const inner = transposed ? shape.at(-2)! : shape.at(-1)!;
  return 2 * inner * given(node);
};
const timesGiven =
  (factor: number): Count =>
  (node) =>
    factor * given(node);
const free: Count = () => 0;

/** What an op takes; those that are not named take one operation for each number that they give. */
const counts: Readonly<Record<string, Count>> = {
  MatMul: product,
  Gemm: product,
  FusedMatMul: product,
  ReduceSum: read,
  ReduceMean: read,
  ReduceMax: read,
  ReduceSumSquare: (node) => 2 * read(node),
  ArgMax: read,
  Softmax: timesGiven(5),
  LogSoftmax: timesGiven(5),
  SoftmaxCrossEntropyLoss: (node) => 6 * read(node),
  LayerNormalization: timesGiven(8),
  Gelu: timesGiven(8),
  Tanh: timesGiven(4),
  ...Object.fromEntries(
    'Reshape Transpose Split Concat Slice Squeeze Unsqueeze Expand Gather GatherElements Identity Cast Shape Range Tile Pad Constant ConstantOfShape'
      .split(' ')
      .map((opType) => [opType, free]),
  ),
};

/** The operations that one run of a graph takes. @throws ShapeError if a dimension is not known. */
export function countFlops(graph: Graph): number {
  return graph.nodes.reduce((sum, node) => sum + (counts[node.op.opType] ?? given)(node), 0);
}
