/** @file Graphs: named inputs, named outputs, and the nodes between them in an order that can be run. */
import { type Dtype, leaves, type MapLeaves, mapTree, type Shape, type Tree } from '../core/index.ts';
import { type Node, Value } from './value.ts';

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
 * @throws TypeError if an output needs an input that is not listed, or if two inputs or outputs have one name.
 */
export function graphOf(inputs: readonly NamedValue[], outputs: readonly NamedValue[]): Graph {
  const names = new Set<string>();
  for (const { name } of [...inputs, ...outputs]) {
    if (names.has(name))
      throw new TypeError(`graphOf: "${name}" names two inputs or outputs; each needs a name of its own`);
    names.add(name);
  }
  const listed = new Set(inputs.map((input) => input.value));
  const nodes = nodesInOrder(outputs.map((output) => output.value));
  const needed = [...nodes.flatMap((node) => node.inputs), ...outputs.map((output) => output.value)];
  for (const value of needed) {
    if (value?.origin.kind === 'input' && !listed.has(value)) {
      throw new TypeError(`graphOf: an output needs the input "${value.origin.name}", which is not among the inputs`);
    }
  }
  return { inputs, outputs, nodes };
}

/** Every node that the values need, each after those it needs; the same order for the same values. */
export function nodesInOrder(values: readonly (Value | undefined)[]): Node[] {
  const order: Node[] = [];
  const seen = new Set<Node>();
  const stack: { node: Node; next: number }[] = [];
  const visit = (value: Value | undefined) => {
    if (value?.origin.kind !== 'node' || seen.has(value.origin.node)) return;
    seen.add(value.origin.node);
    stack.push({ node: value.origin.node, next: 0 });
  };
  for (const value of values) {
    visit(value);
    while (stack.length > 0) {
      const top = stack[stack.length - 1]!;
      if (top.next < top.node.inputs.length) visit(top.node.inputs[top.next++]);
      else order.push(stack.pop()!.node);
    }
  }
  return order;
}
