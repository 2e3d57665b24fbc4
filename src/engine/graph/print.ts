/** @file A readable form of a graph: one line a node, `%3 = MatMul(%1, %2) : float32[8,4]`. */
import type { Graph } from './graph.ts';
import { type Attribute, Value } from './value.ts';

/** The graph as text, for people and for tests. */
export function printGraph(graph: Graph): string {
  const names = new Map<Value, string>();
  for (const { name, value } of graph.inputs) names.set(value, name);
  let next = 0;
  const nameOf = (value: Value | undefined): string => {
    if (value === undefined) return '_';
    if (value.origin.kind === 'constant') return printConstant(value);
    return names.get(value) ?? '?';
  };
  const lines = [`graph(${graph.inputs.map(({ name, value }) => `${name}: ${value}`).join(', ')})`];
  for (const node of graph.nodes) {
    const outputs = node.outputs.map((value) => {
      names.set(value, `%${next++}`);
      return names.get(value);
    });
    const attributes = Object.entries(node.attributes).map(([key, value]) => `${key}=${printAttribute(value)}`);
    const numInputs = node.inputs.findLastIndex((input) => input !== undefined) + 1;
    const operands = [...node.inputs.slice(0, numInputs).map(nameOf), ...attributes].join(', ');
    lines.push(`  ${outputs.join(', ')} = ${node.op.opType}(${operands}) : ${node.outputs.join(', ')}`);
  }
  lines.push(`  return ${graph.outputs.map(({ name, value }) => `${name}: ${nameOf(value)}`).join(', ')}`);
  return lines.join('\n');
}

function printConstant(value: Value): string {
  if (value.origin.kind !== 'constant') return '?';
  const { data } = value.origin.tensor;
  if (data.length <= 8) return `${value}{${Array.from(data as ArrayLike<number | bigint>).join(',')}}`;
  return `${value}{…}`;
}

function printAttribute(attribute: Attribute): string {
  if (attribute.kind === 'graph') return `graph of ${attribute.value.nodes.length} nodes`;
  if (attribute.kind === 'tensor') return `${attribute.value.dtype}[${attribute.value.shape.join(',')}]`;
  if (attribute.kind === 'type') return `${new Value(attribute.value, { kind: 'input', name: '' })}`;
  return typeof attribute.value === 'object' ? `[${attribute.value.join(',')}]` : String(attribute.value);
}
