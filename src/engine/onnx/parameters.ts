/**
 * @file Which initializers of a model are its parameters: the floats that layers compute with. Not those that say how an op
 * works (scales of Resize, bounds of Clip, exponents, thresholds), nor frozen statistics, nor lone numbers in arithmetic.
 */
import { type AnyTensor, dtypes, type Tensor } from '../core/index.ts';
import { graphsIn } from './check.ts';
import type { GraphMessage, ModelMessage, NodeMessage } from './messages.ts';

const every = 'every input';

/** The inputs of ops that are never weights, by op type. */
const settings: Readonly<Record<string, readonly number[] | typeof every>> = {
  BatchNormalization: [3, 4],
  Bernoulli: every,
  Clip: [1, 2],
  ConstantOfShape: every,
  DequantizeLinear: [1],
  Dropout: [1],
  DynamicQuantizeLinear: every,
  Equal: every,
  Greater: every,
  GreaterOrEqual: every,
  Less: every,
  LessOrEqual: every,
  Loop: [0, 1],
  MelWeightMatrix: every,
  Mod: every,
  NonMaxSuppression: [2, 3, 4],
  OneHot: [2],
  Pad: [2],
  Pow: [1],
  QLinearConv: every,
  QLinearMatMul: every,
  QuantizeLinear: [1],
  Range: every,
  Resize: [1, 2],
  Shape: every,
  Size: every,
  Upsample: [1],
};

/** Ops in which a single number is a weight: a bias of one channel, one slope, one scale. */
const layers: ReadonlySet<string> = new Set([
  'BatchNormalization',
  'Conv',
  'ConvTranspose',
  'Gemm',
  'GroupNormalization',
  'InstanceNormalization',
  'LayerNormalization',
  'MatMul',
  'PRelu',
  'RMSNormalization',
]);

/** The initializers of the graph that are parameters, in the order of the file; `isParameter` decides where it is given. */
export function parametersOf(
  model: ModelMessage,
  isParameter?: (name: string, tensor: Tensor) => boolean,
): Map<string, Tensor> {
  const uses = usesOf(model.graph);
  const floats = [...model.graph.initializers].filter(([, tensor]) => dtypes[tensor.dtype].isFloat);
  return new Map(
    (floats as [string, Tensor][]).filter(([name, tensor]) =>
      isParameter === undefined ? isWeight(tensor, uses.get(name) ?? []) : isParameter(name, tensor),
    ),
  );
}

interface Use {
  readonly node: NodeMessage;
  readonly index: number;
}

function isWeight(tensor: AnyTensor, uses: readonly Use[]): boolean {
  if (tensor.shape.length === 0 || tensor.data.length === 0 || uses.length === 0) return false;
  if (uses.some(({ node, index }) => isSetting(node, index))) return false;
  return tensor.data.length > 1 || uses.some(({ node }) => layers.has(node.opType));
}

function isSetting(node: NodeMessage, index: number): boolean {
  const indices = node.domain === '' && Object.hasOwn(settings, node.opType) ? settings[node.opType] : undefined;
  return indices === every || (indices?.includes(index) ?? false);
}

/** Where each name is used, in the graphs inside nodes too. */
function usesOf(graph: GraphMessage, uses = new Map<string, Use[]>()): Map<string, Use[]> {
  for (const node of graph.nodes) {
    node.inputs.forEach((name, index) => {
      const known = uses.get(name);
      if (known === undefined) uses.set(name, [{ node, index }]);
      else known.push({ node, index });
    });
    for (const inner of graphsIn(node)) usesOf(inner, uses);
  }
  return uses;
}
