/** @file Cases of the ops that move and index elements. */
import { int64, Tensor } from '../../src/engine/core/index.ts';
import {
  applyOp,
  concat,
  constant,
  constantInts,
  expand,
  flatten,
  gather,
  gatherElements,
  gatherND,
  gatherOps,
  identity,
  layoutOps,
  mul,
  pad,
  reshape,
  type ScatterReduction,
  scatterElements,
  scatterND,
  type scatterOps,
  slice,
  split,
  squeeze,
  tensorScatter,
  transpose,
  unsqueeze,
  type Value,
} from '../../src/engine/graph/index.ts';
import { int } from '../../src/engine/graph/value.ts';
import { distinct, type GradientCase, type OperandSpec, uniform } from './checker.ts';

function one(name: string, operand: OperandSpec, apply: (x: Value) => Value | readonly Value[]): GradientCase {
  return { name, operands: [operand], apply: ([x]) => apply(x!) };
}

const indices = (values: readonly number[], shape?: readonly number[]): Value => constant(int64(values, shape));
const indices32 = (values: readonly number[], shape: readonly number[]): Value =>
  constant(new Tensor('int32', shape, Int32Array.from(values)));

/** The cases of the layout ops. */
export const layoutCases = {
  Identity: [
    one('Identity', uniform([2, 3]), (x) => mul(identity(x), x)),
    one('Identity of a scalar', uniform([]), identity),
  ],
  Reshape: [
    one('Reshape to fewer axes', uniform([2, 3, 2]), (x) => reshape(x, [4, 3])),
    one('Reshape with what is left', uniform([4, 3]), (x) => reshape(x, [2, -1, 3])),
    one('Reshape by a value, copying an axis', uniform([2, 3, 2]), (x) => reshape(x, constantInts([0, -1]))),
    one('Reshape to a scalar', uniform([1, 1]), (x) => reshape(x, [])),
  ],
  Transpose: [
    one('Transpose reversed', uniform([2, 3, 4]), (x) => transpose(x)),
    one('Transpose by a cycle', uniform([2, 3, 4]), (x) => transpose(x, [1, 2, 0])),
    one('Transpose by a swap', uniform([2, 3, 1, 2]), (x) => transpose(x, [0, 3, 2, 1])),
  ],
  Expand: [
    one('Expand axes of size 1', uniform([2, 1, 3]), (x) => expand(x, [2, 4, 3])),
    one('Expand with new axes', uniform([3, 1]), (x) => expand(x, [2, 3, 2])),
    one('Expand a scalar', uniform([]), (x) => expand(x, [2, 3])),
    one('Expand to a smaller shape that broadcasts', uniform([2, 3]), (x) => expand(x, [3])),
  ],
  Unsqueeze: [
    one('Unsqueeze in front and behind', uniform([2, 3]), (x) => unsqueeze(x, [0, -1])),
    one('Unsqueeze out of order', uniform([2, 3]), (x) => unsqueeze(x, [2, 0])),
  ],
  Squeeze: [
    one('Squeeze two axes', uniform([1, 2, 1]), (x) => squeeze(x, [0, -1])),
    one('Squeeze whatever is 1', uniform([1, 3, 1]), (x) => squeeze(x)),
    one('Squeeze one of two', uniform([1, 3, 1]), (x) => squeeze(x, [2])),
  ],
  Concat: [
    {
      name: 'Concat along the first axis',
      operands: [uniform([2, 3]), uniform([1, 3]), uniform([3, 3])],
      apply: (parts) => concat(parts, 0),
    },
    {
      name: 'Concat along the last axis by a negative number',
      operands: [uniform([2, 1, 2]), uniform([2, 1, 3])],
      apply: (parts) => concat(parts, -1),
    },
    one('Concat of a value with itself', uniform([2, 2]), (x) => concat([x, x, x], 1)),
  ],
  Split: [
    one('Split with every part used', uniform([2, 6]), (x) => split(x, [1, 3, 2], 1)),
    one('Split into equal parts with a smaller last one', uniform([2, 5]), (x) =>
      applyOp(layoutOps.Split, [x], { axis: int(1), num_outputs: int(3) }),
    ),
    one('Split with two of three parts used', uniform([6]), (x) => split(x, [1, 2, 3], 0).slice(1)),
    one('Split with one part used', uniform([5, 2]), (x) => split(x, [2, 2, 1], -2)[1]!),
  ],
  Slice: [
    one('Slice with step 1', uniform([5, 4]), (x) => slice(x, { starts: [1, 0], ends: [4, 3] })),
    one('Slice from the end', uniform([5, 4]), (x) => slice(x, { starts: [-3], ends: [-1], axes: [0] })),
    one('Slice beyond the end', uniform([5, 4]), (x) => slice(x, { starts: [2], ends: [100], axes: [-1] })),
    one('Slice with steps', uniform([7, 5]), (x) => slice(x, { starts: [1, 0], ends: [7, 5], steps: [3, 2] })),
    one('Slice backwards', uniform([6]), (x) => slice(x, { starts: [-1], ends: [-100], steps: [-1] })),
    one('Slice backwards by two, stopping early', uniform([2, 7]), (x) =>
      slice(x, { starts: [5], ends: [0], axes: [1], steps: [-2] }),
    ),
    one('Slice with steps on three axes, one backwards', uniform([4, 5, 5]), (x) =>
      slice(x, { starts: [0, -2, 1], ends: [4, -100, 5], steps: [3, -3, 2] }),
    ),
    one('Slice with a step beyond the end', uniform([3, 4]), (x) =>
      slice(x, { starts: [1], ends: [4], axes: [1], steps: [7] }),
    ),
    one('Slice backwards from beyond the end', uniform([5, 2]), (x) =>
      slice(x, { starts: [50, 0], ends: [0, 1], axes: [0, 1], steps: [-2, 1] }),
    ),
  ],
  Pad: [
    one('Pad on both sides', uniform([2, 3]), (x) => pad(x, [1, 0], [2, 1], 5)),
    one('Pad with negative widths, which cut', uniform([4, 5]), (x) => pad(x, [-1, 1], [0, -2])),
    {
      name: 'Pad with a value that is an operand, cut on one side',
      operands: [uniform([2, 3]), uniform([])],
      apply: ([x, value]) => applyOp(layoutOps.Pad, [x, constantInts([1, 0, 0, -1]), value])[0]!,
    },
    {
      name: 'Pad some axes',
      operands: [uniform([2, 3, 2])],
      apply: ([x]) => applyOp(layoutOps.Pad, [x, constantInts([1, 2, 0, 1]), undefined, constantInts([-1, 0])])[0]!,
    },
    one('Pad by reflection', uniform([4, 3]), (x) => pad(x, [2, 1], [3, 2], 0, 'reflect')),
    one('Pad by the edge', uniform([2, 3]), (x) => pad(x, [2, 0], [1, 3], 0, 'edge')),
    one('Pad by the other end', uniform([3, 2]), (x) => pad(x, [2, 1], [1, 2], 0, 'wrap')),
    one('Pad by the other end, cut on one side', uniform([4, 2]), (x) => pad(x, [2, 1], [-1, 3], 0, 'wrap')),
    one('Pad by the edge, cut on one side', uniform([4, 2]), (x) => pad(x, [-1, 1], [2, 0], 0, 'edge')),
    one('Pad one axis of three', uniform([2, 2, 2]), (x) => pad(x, [0, 1, 0], [0, 0, 0])),
  ],
  Flatten: [
    one('Flatten after the first axis', uniform([2, 3, 2]), (x) => flatten(x)),
    one('Flatten before the first axis', uniform([2, 3]), (x) => flatten(x, 0)),
    one('Flatten by a negative axis', uniform([2, 1, 3]), (x) => flatten(x, -1)),
  ],
} as const satisfies { readonly [Op in keyof typeof layoutOps]: readonly GradientCase[] };

/** The cases of the indexing ops. */
export const gatherCases = {
  Gather: [
    one('Gather of rows, one of them twice', uniform([4, 3]), (x) => gather(x, indices([2, 0, 2]))),
    one('Gather along the last axis by a matrix', uniform([2, 4]), (x) => gather(x, indices([3, 3, 0, 1], [2, 2]), -1)),
    one('Gather along a middle axis', uniform([2, 3, 2]), (x) => gather(x, indices([1, 1, 2, 0]), 1)),
    one('Gather from the end', uniform([4, 2]), (x) => gather(x, indices([-1, 1, -4]))),
    one('Gather by one index', uniform([3, 2]), (x) => gather(x, indices([1], []))),
    one('Gather by int32 along axis 1', uniform([2, 3]), (x) => gather(x, indices32([2, 2, -3], [3]), 1)),
  ],
  GatherElements: [
    one('GatherElements with repeats', uniform([3, 3]), (x) => gatherElements(x, indices([0, 0, 2, 2, 1, 0], [2, 3]))),
    one('GatherElements along the last axis', uniform([2, 4]), (x) =>
      gatherElements(x, indices([3, -1, 0, 1, 1, 1], [2, 3]), -1),
    ),
  ],
  GatherND: [
    one('GatherND of elements with repeats', uniform([3, 4]), (x) => gatherND(x, indices([0, 1, 2, 3, 0, 1], [3, 2]))),
    one('GatherND with a batch axis', uniform([2, 3, 2]), (x) => gatherND(x, indices([2, 0, 1, 1], [2, 2, 1]), 1)),
    one('GatherND with two batch axes', uniform([2, 2, 3]), (x) => gatherND(x, indices([2, 0, -1, 1], [2, 2, 1]), 2)),
    one('GatherND of rows', uniform([3, 2, 2]), (x) => gatherND(x, indices([2, 0, 2, -3], [2, 2, 1]))),
  ],
  'com.microsoft.GatherND': [
    one(
      'com.microsoft.GatherND with int32 coordinates',
      uniform([3, 2]),
      (x) => applyOp(gatherOps['com.microsoft.GatherND'], [x, indices32([2, 0, 2], [3, 1])])[0]!,
    ),
    one(
      'com.microsoft.GatherND of elements',
      uniform([2, 2]),
      (x) => applyOp(gatherOps['com.microsoft.GatherND'], [x, indices32([1, 0, 1, 1], [2, 2])])[0]!,
    ),
  ],
} as const satisfies { readonly [Op in keyof typeof gatherOps]: readonly GradientCase[] };

type Scatter = (x: Value, updates: Value, reduction: ScatterReduction) => Value;

/** Distinct elements, distinct from those of the updates; of the places, one is hit twice. */
const reductionCases = (name: string, scatter: Scatter, updates: readonly number[]): GradientCase[] =>
  (['mul', 'max', 'min'] as const).map((reduction) => ({
    name: `${name} that takes the ${reduction}, with repeats`,
    operands: [distinct([3, 3], 0.53), distinct(updates, 0.57)],
    apply: ([x, u]) => scatter(x!, u!, reduction),
  }));

/** The cases of the scattering ops. */
export const scatterCases = {
  ScatterElements: [
    ...reductionCases(
      'ScatterElements',
      (x, u, reduction) => scatterElements(x, indices([0, 2, 1, 0, 1, 1], [2, 3]), u, { reduction }),
      [2, 3],
    ),
    {
      name: 'ScatterElements that adds, with repeats',
      operands: [uniform([3, 3]), uniform([2, 3])],
      apply: ([x, u]) => scatterElements(x!, indices([0, 2, 1, 0, 1, 1], [2, 3]), u!, { reduction: 'add' }),
    },
    {
      name: 'ScatterElements that writes along the last axis',
      operands: [uniform([2, 4]), uniform([2, 2])],
      apply: ([x, u]) => scatterElements(x!, indices([3, 0, -2, 1], [2, 2]), u!, { axis: -1 }),
    },
  ],
  ScatterND: [
    ...reductionCases(
      'ScatterND',
      (x, u, reduction) => scatterND(x, indices([2, 0, -1], [3, 1]), u, reduction),
      [3, 3],
    ),
    {
      name: 'ScatterND that adds rows, with repeats',
      operands: [uniform([3, 2]), uniform([4, 2])],
      apply: ([x, u]) => scatterND(x!, indices([2, 0, 2, -1], [4, 1]), u!, 'add'),
    },
    {
      name: 'ScatterND that writes elements',
      operands: [uniform([3, 4]), uniform([2])],
      apply: ([x, u]) => scatterND(x!, indices([0, 1, 2, 3], [2, 2]), u!),
    },
  ],
  TensorScatter: [
    {
      name: 'TensorScatter from the places given',
      operands: [uniform([2, 4, 2]), uniform([2, 2, 2])],
      apply: ([x, u]) => tensorScatter(x!, u!, indices([1, 2])),
    },
    {
      name: 'TensorScatter from the front, along the last axis',
      operands: [uniform([2, 3]), uniform([2, 2])],
      apply: ([x, u]) => tensorScatter(x!, u!, undefined, { axis: -1 }),
    },
    {
      name: 'TensorScatter around the end',
      operands: [uniform([2, 2, 4]), uniform([2, 2, 3])],
      apply: ([x, u]) => tensorScatter(x!, u!, indices([2, 3]), { axis: 2, mode: 'circular' }),
    },
  ],
} as const satisfies { readonly [Op in keyof typeof scatterOps]: readonly GradientCase[] };
