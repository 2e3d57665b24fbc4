/**
 * @file What is known of the contents of a vector or number that becomes a shape: numbers, names of dimensions, and `'?'` where
 * nothing is known. Exported models compute shapes by Shape, Gather, Mul, Concat; with a symbolic "batch" their results are not
 * constants, and yet known dimension by dimension.
 */
import { type Dim, dtypes, isRanked, type Shape, unknownDim } from '../core/index.ts';
import { constantOf } from './constants.ts';
import { addDims, divideDims, elementsOf, isWhole, multiplyDims, subtractDims } from './symbolic.ts';
import { intOf, intsOf, type Node, opKey, type Value } from './value.ts';

/** The longest vector that is looked into. */
const longest = 64;
/** The longest chain of ops that is followed: beyond any that computes a shape, within the stack of function calls. */
const deepest = 400;
let depth = 0;
const cache = new WeakMap<Value, { readonly dims: Shape | undefined }>();

/**
 * The contents of a vector `[n]` or scalar `[]` of numbers, as dimensions: `['batch', 12, '?']`; one for a scalar. Undefined
 * where not even their count is known, or where there are more axes.
 */
export function knownDims(value: Value): Shape | undefined {
  const known = cache.get(value);
  if (known !== undefined) return known.dims;
  if (depth >= deepest) return unknownOf(value);
  depth++;
  try {
    const dims = contentsOf(value) ?? unknownOf(value);
    cache.set(value, { dims });
    return dims;
  } finally {
    depth--;
  }
}

/** As many unknown dimensions as the value holds. */
function unknownOf(value: Value): Shape | undefined {
  const count = isRanked(value.shape) && value.rank <= 1 ? (value.shape[0] ?? 1) : unknownDim;
  return typeof count === 'number' && count <= longest ? new Array<Dim>(count).fill(unknownDim) : undefined;
}

function contentsOf(value: Value): Shape | undefined {
  if (value.dtype === 'string' || value.containers !== undefined || !isRanked(value.shape) || value.rank > 1) {
    return undefined;
  }
  const tensor = constantOf(value);
  if (tensor !== undefined) {
    const readable = tensor.data.length <= longest && (tensor.dtype === 'bool' || tensor.dtype !== 'float16');
    return readable ? Array.from(tensor.data as ArrayLike<number | bigint>, Number) : undefined;
  }
  if (value.origin.kind !== 'node') return undefined;
  const { node, index } = value.origin;
  const dims = dimsByOp[opKey(node.op)]?.(node, index);
  // Not -0, which rounding up and remainders give.
  return dims !== undefined && dims.length <= longest ? dims.map((dim) => (dim === 0 ? 0 : dim)) : undefined;
}

type Contents = (node: Node, output: number) => Shape | undefined;

const dimsAt = (node: Node, index: number): Shape | undefined => {
  const value = node.inputs[index];
  return value && knownDims(value);
};

/** The contents of the first input under another shape or element type. */
const unchanged: Contents = (node) => dimsAt(node, 0);

/** Applies `operation` place by place; a single dimension goes with every other. */
function elementwise(
  ...operands: readonly (Shape | undefined)[]
): ((operation: (...dims: Dim[]) => Dim) => Shape) | undefined {
  const lists = operands.filter((list) => list !== undefined);
  const lengths = new Set(lists.map((list) => list.length).filter((length) => length !== 1));
  if (lists.length < operands.length || lengths.size > 1) return undefined;
  const length = [...lengths][0] ?? 1;
  return (operation) =>
    Array.from({ length }, (_, i) => operation(...lists.map((list) => (list.length === 1 ? list[0]! : list[i]!))));
}

const everyPlace =
  (operation: (...dims: Dim[]) => Dim): Contents =>
  (node) =>
    elementwise(...node.inputs.map((_, i) => dimsAt(node, i)))?.(operation);

const inTurn =
  (operation: (a: Dim, b: Dim) => Dim): Contents =>
  (node) =>
    elementwise(...node.inputs.map((_, i) => dimsAt(node, i)))?.((...dims) => rounded(node, dims.reduce(operation)));

/** A number as the element type keeps it. */
const rounded = (node: Node, dim: Dim): Dim =>
  typeof dim === 'number' && node.outputs[0]!.dtype === 'float32' ? Math.fround(dim) : dim;

/** On two numbers as `operation` says; on what is the same name twice, that; else unknown. */
const ofNumbers = (operation: (a: number, b: number) => number) => (a: Dim, b: Dim) => {
  if (typeof a === 'number' && typeof b === 'number') return operation(a, b);
  return a === b ? a : unknownDim;
};

/** A comparison as 0 or 1. A name stands for a count: it is not negative, but which one is not known. */
const comparison = (holds: (a: number, b: number) => boolean) => (a: Dim | undefined, b: Dim | undefined) => {
  if (typeof a === 'number' && typeof b === 'number') return Number(holds(a, b));
  if (a === unknownDim || b === unknownDim) return unknownDim;
  if (a === b) return Number(holds(0, 0));
  const isName = (dim: Dim | undefined) => typeof dim === 'string' && /^[\w.*]+$/.test(dim);
  if (typeof b === 'number' && b < 0 && isName(a)) return Number(holds(1, 0));
  if (typeof a === 'number' && a < 0 && isName(b)) return Number(holds(0, 1));
  return unknownDim;
};

const rounding: Contents = everyPlace((dim) => (isWhole(dim!) ? dim! : unknownDim));

/** Shape: the sizes of the axes from `start` up to `end`. */
const shapeOf: Contents = (node) => {
  const x = node.inputs[0]!;
  if (!isRanked(x.shape) || x.containers !== undefined) return undefined;
  return x.shape.slice(intOf(node.attributes, 'start', 0), intOf(node.attributes, 'end', x.rank));
};

const picked: Contents = (node) => {
  const [data, indices] = [dimsAt(node, 0), dimsAt(node, 1)];
  if (data === undefined || indices === undefined || node.inputs[0]!.rank !== 1) return undefined;
  return indices.map((index) => (typeof index === 'number' ? data.at(index) : undefined) ?? unknownDim);
};

const sliced: Contents = (node) => {
  const [data, starts, ends] = [0, 1, 2].map((i) => dimsAt(node, i));
  const steps = node.inputs[4] ? dimsAt(node, 4) : [1];
  if (data === undefined || node.inputs[0]!.rank !== 1) return undefined;
  const [start, end, step] = [starts?.[0], ends?.[0], steps?.[0]];
  if (typeof start !== 'number' || typeof end !== 'number' || step !== 1) return undefined;
  return data.slice(Math.max(start, -data.length), Math.max(end, -data.length));
};

const joined: Contents = (node) => {
  const parts = node.inputs.map((_, i) => dimsAt(node, i));
  return parts.every((part) => part !== undefined) ? parts.flat() : undefined;
};

const parts: Contents = (node, output) => {
  const data = dimsAt(node, 0);
  const sizes = node.outputs.map((value) => value.shape[0]);
  if (data === undefined || !sizes.every((size) => typeof size === 'number')) return undefined;
  const before = sizes.slice(0, output).reduce((sum, size) => sum + size, 0);
  return data.slice(before, before + sizes[output]!);
};

/** One dimension as often as the shape, itself known, says. */
const repeated = (dims: Shape | undefined, shape: Shape | undefined): Shape | undefined => {
  const [count] = shape ?? [];
  if (dims?.length !== 1 || shape?.length !== 1 || typeof count !== 'number' || count > longest) return undefined;
  return new Array<Dim>(Math.max(count, 1)).fill(dims[0]!);
};

const expanded: Contents = (node) => repeated(dimsAt(node, 0), dimsAt(node, 1)) ?? elementwiseWith(node);

/** Expand to a shape that is no longer than the contents themselves. */
const elementwiseWith = (node: Node): Shape | undefined => {
  const [dims, shape] = [dimsAt(node, 0), dimsAt(node, 1)];
  return dims !== undefined && shape?.length === 1 && (shape[0] === 1 || shape[0] === dims.length) ? dims : undefined;
};

const filled: Contents = (node) => {
  const shape = dimsAt(node, 0);
  const value = node.attributes.value;
  const data = value?.kind === 'tensor' ? (value.value.data as ArrayLike<number | bigint>) : [0];
  if (shape?.length === 0) return [Number(data[0])];
  return shape?.length === 1 && shape[0] === 0 ? [] : repeated([Number(data[0])], shape);
};

const reducedBy =
  (operation: (a: Dim, b: Dim) => Dim, start: Dim): Contents =>
  (node) => {
    const dims = dimsAt(node, 0);
    const axes = node.inputs[1] ? dimsAt(node, 1) : intsOf(node.attributes, 'axes', [0]);
    const isKept = axes?.length === 0 && intOf(node.attributes, 'noop_with_empty_axes', 0) === 1;
    return dims === undefined || axes === undefined || isKept || node.inputs[0]!.rank === 0
      ? undefined
      : [dims.reduce(operation, start)];
  };

/** How the contents of the outputs follow from those of the inputs, by op. */
const dimsByOp: Readonly<Record<string, Contents>> = {
  Shape: shapeOf,
  Size: (node) => (isRanked(node.inputs[0]!.shape) ? [elementsOf(node.inputs[0]!.shape)] : undefined),
  Identity: unchanged,
  Unsqueeze: unchanged,
  Squeeze: unchanged,
  Reshape: unchanged,
  Flatten: unchanged,
  Cast: (node) => {
    const [from, to] = [node.inputs[0]!.dtype, node.outputs[0]!.dtype];
    const narrows = dtypes[from].isFloat && !dtypes[to].isFloat;
    if (to === 'bool' || to === 'string' || to === 'float16' || to === 'bfloat16') return undefined;
    if (!narrows) return unchanged(node, 0);
    return elementwise(dimsAt(node, 0))?.((dim) =>
      typeof dim === 'number' ? Math.trunc(dim) : isWhole(dim!) ? dim! : unknownDim,
    );
  },
  Gather: picked,
  Slice: sliced,
  Concat: joined,
  Split: parts,
  Expand: expanded,
  Tile: (node) => repeated(dimsAt(node, 0), dimsAt(node, 1)),
  ConstantOfShape: filled,
  Add: inTurn(addDims),
  Sub: inTurn(subtractDims),
  Mul: inTurn(multiplyDims),
  Div: (node) => {
    const isFloat = dtypes[node.outputs[0]!.dtype].isFloat;
    return elementwise(
      dimsAt(node, 0),
      dimsAt(node, 1),
    )?.((a, b) => {
      if (typeof a === 'number' && typeof b === 'number' && b !== 0)
        return isFloat ? rounded(node, a / b) : Math.trunc(a / b);
      if (isFloat && typeof b === 'number' && b !== 0) return multiplyDims(a!, 1 / b);
      return divideDims(a!, b!);
    });
  },
  Mod: everyPlace((a, b) => (typeof a === 'number' && typeof b === 'number' && b > 0 ? ((a % b) + b) % b : unknownDim)),
  Max: inTurn(ofNumbers(Math.max)),
  Min: inTurn(ofNumbers(Math.min)),
  Neg: everyPlace((dim) => subtractDims(0, dim!)),
  Floor: everyPlace((dim) => (typeof dim === 'number' ? Math.floor(dim) : isWhole(dim!) ? dim! : unknownDim)),
  Ceil: everyPlace((dim) => (typeof dim === 'number' ? Math.ceil(dim) : isWhole(dim!) ? dim! : unknownDim)),
  Round: rounding,
  Equal: everyPlace(comparison((a, b) => a === b)),
  Less: everyPlace(comparison((a, b) => a < b)),
  LessOrEqual: everyPlace(comparison((a, b) => a <= b)),
  Greater: everyPlace(comparison((a, b) => a > b)),
  GreaterOrEqual: everyPlace(comparison((a, b) => a >= b)),
  Not: everyPlace((dim) => (typeof dim === 'number' ? 1 - dim : unknownDim)),
  And: everyPlace((a, b) => (a === 0 || b === 0 ? 0 : a === 1 && b === 1 ? 1 : unknownDim)),
  Or: everyPlace((a, b) => (a === 1 || b === 1 ? 1 : a === 0 && b === 0 ? 0 : unknownDim)),
  Where: everyPlace((condition, a, b) => (condition === 1 ? a! : condition === 0 ? b! : a === b ? a! : unknownDim)),
  ReduceProd: reducedBy(multiplyDims, 1),
  ReduceSum: reducedBy(addDims, 0),
};
