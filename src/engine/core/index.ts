/** @file What every room may use: element types, shapes, tensors, parameter trees, random numbers, errors, progress. */
export {
  type Dtype,
  dtypes,
  type HostArray,
  type HostArrays,
  isDtype,
  isNumeric,
  type NumericDtype,
} from './dtype.ts';
export {
  DtypeError,
  FormatError,
  MediaError,
  MissingDataError,
  ShapeError,
  UnsupportedOpError,
  unreachable,
} from './errors.ts';
export { float16Bits, float16Value } from './float16.ts';
export { leaves, type MapLeaves, mapTree, type Tree, treeFromLeaves } from './parameters.ts';
export type { OnProgress, Progress } from './progress.ts';
export { Rng } from './rng.ts';
export {
  broadcastShapes,
  type Dim,
  dimsFit,
  formatShape,
  isRanked,
  isStatic,
  normalizeAxis,
  numElements,
  type Shape,
  sameShape,
  staticShape,
  stridesOf,
  unknownDim,
  unknownShape,
} from './shape.ts';
export {
  type AnyTensor,
  bytesOf,
  float32,
  float32Data,
  full,
  int64,
  reshaped,
  scalar,
  Tensor,
  tensorFromBytes,
  zeros,
} from './tensor.ts';
