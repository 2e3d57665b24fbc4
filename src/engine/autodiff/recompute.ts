/**
 * @file Recomputation (arXiv:1604.06174): the backward pass of a segment builds its forward values anew from its inputs, so that
 * they need not be kept from the forward pass. Costs the segment's forward computation once more.
 */
import { leaves, numElements, staticShape, type Tree } from '../core/index.ts';
import {
  abs,
  add,
  applyOpAs,
  cast,
  constantScalar,
  min,
  type Node,
  nodesInOrder,
  reshape,
  slice,
  Value,
} from '../graph/index.ts';

/** A part of a graph whose values are built anew in the backward pass. */
interface Segment {
  /** Where the segment begins: its arguments. */
  readonly outside: ReadonlySet<Value>;
  readonly outputs: readonly Value[];
  /** Values that are tied to the cotangent, so that nothing built from them can be done, or merged, ahead of it. */
  readonly inputs: ReadonlySet<Value>;
  readonly nodes: readonly Node[];
}

/** The segment of each node that was traced in one; a note on the node, which lives as long as the node does. */
const segments = new WeakMap<Node, Segment>();

/**
 * The same function, whose values are not kept for the backward pass but recomputed there. Its first argument is taken to be the
 * parameters if there are several; what comes of the others is recomputed.
 */
export function recompute<A extends readonly unknown[], R>(fn: (...args: A) => R): (...args: A) => R {
  return (...args) => {
    const result = fn(...args);
    const given = args.map((arg) =>
      leaves(arg as Tree<unknown>).flatMap(([, leaf]) => (leaf instanceof Value ? [leaf] : [])),
    );
    const outputs = leaves(result as Tree<unknown>).flatMap(([, leaf]) => (leaf instanceof Value ? [leaf] : []));
    const tied = (given.length > 1 ? given.slice(1) : given).flat().filter(({ dtype }) => dtype !== 'bool');
    mark(new Set(given.flat()), new Set(tied), outputs);
    return result;
  };
}

function mark(outside: ReadonlySet<Value>, inputs: ReadonlySet<Value>, outputs: readonly Value[]): void {
  const nodes = nodesInOrder(outputs, (value) => outside.has(value));
  const segment: Segment = { outside, inputs, outputs, nodes };
  for (const node of nodes) segments.set(node, segment);
}

/**
 * Marks what stands for recomputed segments after a graph was rewritten, so that it is recomputed too.
 * @param nodes the nodes before, in the order in which they were traced.
 * @param now what stands for a value.
 */
export function keepRecomputed(nodes: readonly Node[], now: (value: Value) => Value): void {
  const found = new Set(nodes.flatMap((node) => segments.get(node) ?? []));
  for (const { outside, inputs, outputs } of found) {
    mark(new Set([...outside].map(now)), new Set([...inputs].map(now)), outputs.map(now));
  }
}

/** Gives the backward pass the nodes that it differentiates: themselves, or built anew where they are to be recomputed. */
export class Recomputation {
  readonly #built = new Map<Segment, ReadonlyMap<Node, Node>>();

  /** What stands for `node`, now that `cotangent` has come to one of its outputs. */
  nodeFor(node: Node, cotangent: Value): Node {
    const segment = segments.get(node);
    if (segment === undefined) return node;
    let built = this.#built.get(segment);
    if (built === undefined) {
      built = rebuilt(segment, cotangent);
      this.#built.set(segment, built);
    }
    return built.get(node) ?? node;
  }
}

function rebuilt({ inputs, nodes }: Segment, cotangent: Value): ReadonlyMap<Node, Node> {
  const nothing = alwaysZero(cotangent);
  const standIns = new Map<Value, Value>([...inputs].map((input) => [input, add(input, cast(nothing, input.dtype))]));
  const built = new Map<Node, Node>();
  for (const node of nodes) {
    if (!node.inputs.some((input) => input && standIns.has(input))) continue;
    const now = node.inputs.map((input) => input && (standIns.get(input) ?? input));
    const outputs = applyOpAs(node.op, now, node.attributes, node.outputs);
    node.outputs.forEach((output, i) => {
      standIns.set(output, outputs[i]!);
    });
    const origin = outputs[0]!.origin;
    if (origin.kind === 'node') built.set(node, origin.node);
  }
  return built;
}

/** A scalar that is 0 whatever the cotangent is, which ONNX Runtime cannot know: what is added to it waits for the cotangent. */
function alwaysZero(cotangent: Value): Value {
  const shape = staticShape(cotangent.shape, 'recompute');
  if (numElements(shape) === 0) return constantScalar(0);
  const ends = shape.map(() => 1);
  const first = shape.length === 0 ? cotangent : slice(cotangent, { starts: shape.map(() => 0), ends });
  return min(abs(reshape(first, [])), 0);
}
