/** @file Graphs: values, op constructors with shape inference, tracing, printing. */
export { constant, constantInts, constantIntsOf, constantOf, constantScalar } from './constants.ts';
export { type Graph, graphOf, type NamedValue, nodesInOrder, spec, trace, ValueSpec } from './graph.ts';
export * from './ops/index.ts';
export type { Operand } from './ops/operand.ts';
export { printGraph } from './print.ts';
export {
  type Attribute,
  type Attributes,
  floatOf,
  intOf,
  intsOf,
  type Node,
  type OpDefinition,
  stringOf,
  Value,
  type ValueType,
} from './value.ts';
