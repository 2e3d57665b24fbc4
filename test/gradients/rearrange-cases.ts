/** @file Cases of the ops that lay elements out anew, and of ONNX Runtime's own on layout. */
import { int64, Tensor } from '../../src/engine/core/index.ts';
import {
  applyOp,
  centerCropPad,
  col2Im,
  compress,
  constant,
  constantInts,
  depthToSpace,
  layoutContribOps,
  oneHot,
  type rearrangeOps,
  reverseSequence,
  spaceToDepth,
  tile,
  type Value,
} from '../../src/engine/graph/index.ts';
import { string } from '../../src/engine/graph/value.ts';
import { type GradientCase, type OperandSpec, uniform } from './checker.ts';

function one(name: string, operand: OperandSpec, apply: (x: Value) => Value): GradientCase {
  return { name, operands: [operand], apply: ([x]) => apply(x!) };
}

const inFloat32 = (list: readonly GradientCase[]): GradientCase[] =>
  list.map((item) => ({ ...item, dtype: 'float32' }));
const bools = (values: readonly number[]): Value =>
  constant(new Tensor('bool', [values.length], Uint8Array.from(values)));
const axisOf = (axis: number): Value => constant(new Tensor('int32', [], Int32Array.of(axis)));

/** The cases of the ops that lay elements out anew. */
export const rearrangeCases = {
  Tile: [
    one('Tile both axes', uniform([2, 3]), (x) => tile(x, [2, 3])),
    one('Tile one of three axes', uniform([2, 2, 2]), (x) => tile(x, [1, 3, 1])),
    one('Tile once', uniform([3]), (x) => tile(x, [1])),
  ],
  DepthToSpace: [
    one('DepthToSpace by depth', uniform([1, 8, 2, 1]), (x) => depthToSpace(x, 2)),
    one('DepthToSpace by column and row', uniform([2, 8, 1, 2]), (x) => depthToSpace(x, 2, 'CRD')),
    one('DepthToSpace by column and row, one channel', uniform([1, 9, 1, 2]), (x) => depthToSpace(x, 3, 'CRD')),
  ],
  SpaceToDepth: [
    one('SpaceToDepth of two channels', uniform([1, 2, 2, 4]), (x) => spaceToDepth(x, 2)),
    one('SpaceToDepth of a batch', uniform([2, 1, 3, 3]), (x) => spaceToDepth(x, 3)),
  ],
  ReverseSequence: [
    one('ReverseSequence along the first axis', uniform([4, 2, 2]), (x) => reverseSequence(x, constant(int64([3, 4])))),
    one('ReverseSequence along the second axis', uniform([2, 3]), (x) =>
      reverseSequence(x, constant(int64([1, 2])), { timeAxis: 1 }),
    ),
  ],
  Compress: [
    one('Compress rows that are not neighbours', uniform([4, 2]), (x) => compress(x, bools([1, 0, 0, 1]), 0)),
    one('Compress neighbours along the last axis', uniform([2, 4]), (x) => compress(x, bools([0, 1, 1]), -1)),
    one('Compress without an axis', uniform([2, 3]), (x) => compress(x, bools([1, 0, 1, 0, 0, 1]))),
  ],
  CenterCropPad: [
    one('CenterCropPad that crops and pads', uniform([5, 2]), (x) => centerCropPad(x, [2, 5])),
    one('CenterCropPad of one axis', uniform([2, 4, 2]), (x) => centerCropPad(x, [3], [1])),
  ],
  Col2Im: inFloat32([
    one('Col2Im of blocks that overlap', uniform([1, 4, 6]), (x) => col2Im(x, [3, 4], [2, 2])),
    one('Col2Im with strides, dilations and pads', uniform([2, 8, 6]), (x) =>
      col2Im(x, [4, 5], [2, 2], { strides: [2, 1], dilations: [1, 3], pads: [0, 1, 1, 0] }),
    ),
  ]),
} as const satisfies { readonly [Op in keyof typeof rearrangeOps]: readonly GradientCase[] };

/** The cases of the ops about shapes and positions: all but OneHot have no gradient. */
export const shapeCases = {
  OneHot: inFloat32([
    one('OneHot along the last axis', uniform([2]), (values) => oneHot(constant(int64([1, -1, 0, 3])), 3, values)),
    one('OneHot along the first axis', uniform([2]), (values) =>
      oneHot(constant(int64([1, 0, 2, 1], [2, 2])), 4, values, 0),
    ),
  ]),
} as const;

const contribPad = layoutContribOps['com.microsoft.Pad'];

/** The cases of ONNX Runtime's own ops on layout. */
export const layoutContribCases = {
  'com.microsoft.Pad': inFloat32([
    one(
      'com.microsoft.Pad with zeros',
      uniform([2, 3]),
      (x) => applyOp(contribPad, [x, constantInts([1, 0, 2, 1])])[0]!,
    ),
    one(
      'com.microsoft.Pad by reflection',
      uniform([3, 3]),
      (x) => applyOp(contribPad, [x, constantInts([1, 0, 2, 1])], { mode: string('reflect') })[0]!,
    ),
  ]),
  'com.microsoft.ExpandDims': inFloat32([
    one(
      'com.microsoft.ExpandDims in front',
      uniform([2, 3]),
      (x) => applyOp(layoutContribOps['com.microsoft.ExpandDims'], [x, axisOf(0)])[0]!,
    ),
    one(
      'com.microsoft.ExpandDims at the end',
      uniform([3]),
      (x) => applyOp(layoutContribOps['com.microsoft.ExpandDims'], [x, axisOf(-1)])[0]!,
    ),
  ]),
} as const;
