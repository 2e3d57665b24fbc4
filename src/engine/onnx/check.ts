/**
 * @file Whether the names in a model hold together: each is defined once, and before it is used; functions end. What is checked
 * here once need not be feared while the graph is built.
 */
import { FormatError } from '../core/index.ts';
import {
  type FunctionMessage,
  functionKey,
  type GraphMessage,
  type ModelMessage,
  type NodeMessage,
} from './messages.ts';

/** How many nodes a model may have after its functions are written out, for each that the file holds, and at least. */
const largestExpansion = { factor: 64, floor: 100_000 };

/** The names that can be used at some place: a graph's own, and those of the graphs around it. */
class Names {
  readonly #own = new Set<string>();
  readonly #around: Names | undefined;

  constructor(around?: Names) {
    this.#around = around;
  }

  has(name: string): boolean {
    return this.#own.has(name) || (this.#around?.has(name) ?? false);
  }

  hasOwn(name: string): boolean {
    return this.#own.has(name);
  }

  add(name: string): void {
    this.#own.add(name);
  }
}

/** @throws FormatError naming the node if a name is used before it is defined, defined twice, or a function calls itself. */
export function checkModel(model: ModelMessage): void {
  checkGraph(model.graph, 'the graph', undefined);
  for (const fn of model.functions.values()) checkFunction(fn);
  const numNodes =
    countNodes(model.graph.nodes) + [...model.functions.values()].reduce((n, fn) => n + countNodes(fn.nodes), 0);
  const limit = Math.max(largestExpansion.floor, numNodes * largestExpansion.factor);
  if (expandedNodes(model, limit) > limit) {
    throw new FormatError(`importOnnx: the functions of the model write out to more than ${limit} nodes`);
  }
}

function checkGraph(graph: GraphMessage, place: string, around: Names | undefined): void {
  const names = new Names(around);
  for (const { name } of graph.inputs) {
    if (name === '') throw new FormatError(`importOnnx: ${place}: an input has no name`);
    if (names.hasOwn(name)) throw new FormatError(`importOnnx: ${place}: the input "${name}" is there twice`);
    names.add(name);
  }
  for (const name of graph.initializers.keys()) names.add(name);
  checkNodes(graph.nodes, names);
  const outputs = new Set<string>();
  for (const { name } of graph.outputs) {
    if (!names.has(name)) throw new FormatError(`importOnnx: ${place}: nothing defines the output "${name}"`);
    if (outputs.has(name)) throw new FormatError(`importOnnx: ${place}: the output "${name}" is there twice`);
    outputs.add(name);
  }
}

function checkNodes(nodes: readonly NodeMessage[], names: Names): void {
  for (const node of nodes) {
    for (const input of node.inputs) {
      if (input !== '' && !names.has(input)) {
        const later = nodes.some((other) => other.outputs.includes(input));
        throw new FormatError(
          `importOnnx: ${node.place}: input "${input}" is ${later ? 'not defined before it' : 'defined nowhere'}`,
        );
      }
    }
    for (const graph of graphsIn(node)) checkGraph(graph, `${node.place}, graph`, names);
    for (const output of node.outputs) {
      if (output === '') continue;
      if (names.hasOwn(output))
        throw new FormatError(`importOnnx: ${node.place}: output "${output}" is defined already`);
      names.add(output);
    }
  }
}

function checkFunction(fn: FunctionMessage): void {
  const names = new Names();
  for (const name of fn.inputs) names.add(name);
  checkNodes(fn.nodes, names);
  const undefinedOutput = fn.outputs.find((name) => !names.has(name));
  if (undefinedOutput !== undefined) {
    throw new FormatError(`importOnnx: function ${fn.key}: nothing defines the output "${undefinedOutput}"`);
  }
}

/** The graphs among the attributes of a node. */
export function graphsIn(node: NodeMessage): GraphMessage[] {
  return [...node.attributes.values()].flatMap((attribute) => (attribute.kind === 'graph' ? [attribute.value] : []));
}

function countNodes(nodes: readonly NodeMessage[]): number {
  return nodes.reduce((sum, node) => sum + 1 + graphsIn(node).reduce((n, graph) => n + countNodes(graph.nodes), 0), 0);
}

/** How many nodes the model has once every call of a function is replaced by the function; counting ends beyond `limit`. */
function expandedNodes(model: ModelMessage, limit: number): number {
  const known = new Map<string, number>();
  const open = new Set<string>();
  const sizeOf = (nodes: readonly NodeMessage[]): number => {
    let size = 0;
    for (const node of nodes) {
      const fn = calledFunction(model, node);
      size += fn === undefined ? 1 : sizeOfFunction(fn, node);
      for (const graph of graphsIn(node)) size += sizeOf(graph.nodes);
      if (size > limit) return size;
    }
    return size;
  };
  const sizeOfFunction = (fn: FunctionMessage, node: NodeMessage): number => {
    if (open.has(fn.key)) throw new FormatError(`importOnnx: ${node.place}: the function calls itself`);
    const size = known.get(fn.key);
    if (size !== undefined) return size;
    open.add(fn.key);
    known.set(fn.key, sizeOf(fn.nodes));
    open.delete(fn.key);
    return known.get(fn.key)!;
  };
  return sizeOf(model.graph.nodes);
}

/** The function that a node calls, if it is not an op. */
export function calledFunction(model: ModelMessage, node: NodeMessage): FunctionMessage | undefined {
  return model.functions.get(functionKey(node.domain, node.opType, node.overload));
}

/** The names that a node uses, in the graphs inside it too. */
export function usedNames(node: NodeMessage): string[] {
  const inside = graphsIn(node).flatMap((graph) => {
    const own = new Set([
      ...graph.inputs.map(({ name }) => name),
      ...graph.initializers.keys(),
      ...graph.nodes.flatMap(({ outputs }) => outputs),
    ]);
    const used = [...graph.nodes.flatMap(usedNames), ...graph.outputs.map(({ name }) => name)];
    // A name that the graph defines may have been used before that, and then it is one from around it.
    return used.filter((name) => !own.has(name) || graph.nodes.some((inner) => inner.outputs.includes(name)));
  });
  return [...node.inputs.filter((name) => name !== ''), ...inside];
}
