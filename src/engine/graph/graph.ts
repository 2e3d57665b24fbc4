/** @file Graphs: named inputs, named outputs, and the nodes between them in an order that can be run. */
import { type Dtype, leaves, type MapLeaves, mapTree, type Shape, type Tree } from '../core/index.ts';
import { dependenciesOf, type Node, Value } from './value.ts';

/** The element type and shape of an input. */
export class ValueSpec {
  readonly dtype: Dtype;
  readonly shape: Shape;

  constructor(dtype: Dtype, shape: Shape) {
    this.dtype = dtype;
    this.shape = shape;
  }
}

/** An input of the given shape; a dimension may be a name. */
export function spec(shape: Shape, dtype: Dtype = 'float32'): ValueSpec {
  return new ValueSpec(dtype, shape);
}

/** A value with the name under which it enters or leaves a graph. */
export interface NamedValue {
  readonly name: string;
  readonly value: Value;
}

/** What a traced function computes. */
export interface Graph {
  readonly inputs: readonly NamedValue[];
  readonly outputs: readonly NamedValue[];
  /** Every node that an output needs, each after those it needs. */
  readonly nodes: readonly Node[];
}

/** A graph inside a node (a branch of If, the body of a Loop): it may also use values of the graph around it. */
export interface Subgraph extends Graph {
  /** The values that nodes or outputs of the subgraph take from outside, each once; constants are not among them. */
  readonly captures: readonly Value[];
}

/**
 * The subgraph between its own inputs and outputs. `outside` tells the values that belong to the graph around it, at which the
 * walk from the outputs ends.
 */
export function subgraphOf(
  inputs: readonly NamedValue[],
  outputs: readonly NamedValue[],
  outside: (value: Value) => boolean,
): Subgraph {
  const own = new Set(inputs.map((input) => input.value));
  const captures = new Set<Value>();
  const isOutside = (value: Value) => {
    if (own.has(value) || value.origin.kind === 'constant') return false;
    if (value.origin.kind === 'input' || outside(value)) {
      captures.add(value);
      return true;
    }
    return false;
  };
  const nodes = nodesInOrder(
    outputs.map((output) => output.value),
    isOutside,
  );
  return { inputs, outputs, nodes, captures: [...captures] };
}

/**
 * The graph of `fn`: calls it once with a Value for every leaf of `specs` and records what the results need. Inputs and outputs
 * are named by their path in the trees (`params.0.weight`); a single result is named `output`.
 */
export function trace<S extends Tree<ValueSpec>, R extends Tree<Value>>(
  fn: (inputs: MapLeaves<S, ValueSpec, Value>) => R,
  specs: S,
): Graph {
  const inputs: NamedValue[] = [];
  const mapSpecs = mapTree as (tree: S, makeInput: (leaf: ValueSpec, path: string) => Value) => unknown;
  const values = mapSpecs(specs, (leaf, path) => {
    const name = path === '' ? 'input' : path;
    const value = new Value(leaf, { kind: 'input', name });
    inputs.push({ name, value });
    return value;
  });
  const outputs = leaves<Value>(fn(values as MapLeaves<S, ValueSpec, Value>)).map(([path, value]) => ({
    name: path === '' ? 'output' : path,
    value,
  }));
  return graphOf(inputs, outputs);
}

/**
 * The graph between given inputs and outputs.
 * @throws TypeError if an output needs an input that is not listed, or if two inputs or outputs have one name,
 * unless an input leaves unchanged under its own.
 */
export function graphOf(inputs: readonly NamedValue[], outputs: readonly NamedValue[]): Graph {
  const names = new Map<string, Value | undefined>();
  for (const list of [inputs, outputs]) {
    for (const { name, value } of list) {
      // An input may leave as an output under the name that it came by; nothing else shares a name.
      if (names.has(name) && !(list === outputs && names.get(name) === value))
        throw new TypeError(`graphOf: "${name}" names two inputs or outputs; each needs a name of its own`);
      names.set(name, list === inputs ? value : undefined);
    }
  }
  const listed = new Set(inputs.map((input) => input.value));
  const nodes = nodesInOrder(outputs.map((output) => output.value));
  const requireListed = (value: Value | undefined) => {
    if (value?.origin.kind === 'input' && !listed.has(value)) {
      throw new TypeError(`graphOf: an output needs the input "${value.origin.name}", which is not among the inputs`);
    }
  };
  for (const node of nodes) dependenciesOf(node).forEach(requireListed);
  for (const { value } of outputs) requireListed(value);
  return { inputs, outputs, nodes };
}

/**
 * Every node that the values need, each after those it needs; the same order for the same values.
 * @param isOutside values at which the walk ends, as if they were inputs.
 */
export function nodesInOrder(
  values: readonly (Value | undefined)[],
  isOutside: (value: Value) => boolean = () => false,
): Node[] {
  const order: Node[] = [];
  const seen = new Set<Node>();
  const stack: { node: Node; needs: readonly (Value | undefined)[]; next: number }[] = [];
  const visit = (value: Value | undefined) => {
    if (value === undefined || isOutside(value) || value.origin.kind !== 'node' || seen.has(value.origin.node)) return;
    seen.add(value.origin.node);
    stack.push({ node: value.origin.node, needs: dependenciesOf(value.origin.node), next: 0 });
  };
  for (const value of values) {
    visit(value);
    while (stack.length > 0) {
      const top = stack[stack.length - 1]!;
      if (top.next < top.needs.length) visit(top.needs[top.next++]);
      else order.push(stack.pop()!.node);
    }
  }
  return order;
}
