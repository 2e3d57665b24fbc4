/** @file Graphs: values, op constructors with shape inference, tracing, printing. */

export { constant, constantInts, constantIntsOf, constantOf, constantScalar } from './constants.ts';
export { hasDepthwise, withFastDepthwise } from './depthwise.ts';
export { dtypeOfElemType, elemTypeOf } from './elem-types.ts';
export { foldOp } from './fold.ts';
export {
  type Graph,
  graphOf,
  type NamedValue,
  nodesInOrder,
  type Subgraph,
  spec,
  subgraphOf,
  trace,
  ValueSpec,
} from './graph.ts';
export { knownDims } from './known-dims.ts';
export * from './ops/index.ts';
export type { Operand } from './ops/operand.ts';
export { printGraph } from './print.ts';
export { RandomStream } from './random-stream.ts';
export { type ReplayOptions, replay, unrollLoops } from './replay.ts';
export {
  type Attribute,
  type Attributes,
  applyOp,
  applyOpAs,
  type Container,
  type Domain,
  dependenciesOf,
  floatOf,
  floatsOf,
  intOf,
  intsOf,
  type Node,
  type OpDefinition,
  opKey,
  stringOf,
  stringsOf,
  Value,
  type ValueType,
} from './value.ts';
