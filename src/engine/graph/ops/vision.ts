/** @file Ops that read pictures at given places: sampling grids, regions of interest, and the choice among boxes. */
import { dimsFit, formatShape, isRanked, type Shape, ShapeError, unknownDim, unknownShape } from '../../core/index.ts';
import { constantInts, constantScalar } from '../constants.ts';
import { knownDims } from '../known-dims.ts';
import { applyOp1, defineOp, float, int, intOf, ints, intsOf, string, stringOf, type Value } from '../value.ts';
import { requireDtype, required, requireFloat, requireSameDtype } from './operand.ts';
import { unknownDims } from './types.ts';

/** A value's shape, or as many unknown dimensions. @throws ShapeError if it has another number of axes. */
function shapeOfRank(opType: string, what: string, value: Value, rank: number): Shape {
  if (!isRanked(value.shape)) return unknownDims(rank);
  if (value.rank !== rank) {
    throw new ShapeError(`${opType}: ${what} must have ${rank} axes, got ${formatShape(value.shape)}`);
  }
  return value.shape;
}

/** @throws ShapeError unless the last axis has `size` elements. */
function requireLast(opType: string, what: string, shape: Shape, size: number): void {
  if (!dimsFit(shape.at(-1), size)) {
    throw new ShapeError(`${opType}: the last axis of ${what} must be ${size}, got ${formatShape(shape)}`);
  }
}

/** The op definitions. */
export const visionOps = {
  GridSample: defineOp('GridSample', (inputs, attributes) => {
    const [x, grid] = [required('GridSample', inputs, 0), required('GridSample', inputs, 1)];
    requireDtype('GridSample', 'x', x, 'float32', 'float64', 'float16', 'bfloat16');
    requireFloat('GridSample', grid);
    requireSameDtype('GridSample', x, grid);
    const mode = stringOf(attributes, 'mode', 'linear');
    if (!['linear', 'nearest', 'cubic'].includes(mode)) {
      throw new RangeError(`GridSample: mode must be linear, nearest or cubic, got ${mode}`);
    }
    if (!isRanked(x.shape) && !isRanked(grid.shape)) return [{ dtype: x.dtype, shape: unknownShape }];
    const rank = isRanked(x.shape) ? x.rank : grid.rank;
    if (rank < 4) throw new ShapeError(`GridSample: x must be [B, C, H, W] or have more axes, got ${x}`);
    const [picture, places] = [shapeOfRank('GridSample', 'x', x, rank), shapeOfRank('GridSample', 'grid', grid, rank)];
    requireLast('GridSample', 'grid', places, rank - 2);
    if (!dimsFit(picture[0], places[0])) {
      throw new ShapeError(`GridSample: x and grid must have one batch size, got ${x} and ${grid}`);
    }
    return [{ dtype: x.dtype, shape: [...picture.slice(0, 2), ...places.slice(1, -1)] }];
  }),
  AffineGrid: defineOp('AffineGrid', (inputs) => {
    const [theta, size] = [required('AffineGrid', inputs, 0), required('AffineGrid', inputs, 1)];
    requireFloat('AffineGrid', theta);
    requireDtype('AffineGrid', 'the size', size, 'int64');
    const matrix = shapeOfRank('AffineGrid', 'theta', theta, 3);
    const dims = knownDims(size) ?? (typeof matrix[1] === 'number' ? unknownDims(matrix[1] + 2) : undefined);
    if (dims === undefined) return [{ dtype: theta.dtype, shape: unknownShape }];
    const numSpatial = dims.length - 2;
    const fits = dimsFit(matrix[1], numSpatial) && dimsFit(matrix[2], numSpatial + 1) && dimsFit(matrix[0], dims[0]);
    if (!fits || numSpatial < 2 || numSpatial > 3) {
      throw new ShapeError(
        `AffineGrid: theta must be [B, 2, 3] for a size [B, C, H, W], or [B, 3, 4] for [B, C, D, H, W], got ${formatShape(matrix)} and [${dims}]`,
      );
    }
    return [{ dtype: theta.dtype, shape: [matrix[0]!, ...dims.slice(2), numSpatial] }];
  }),
  RoiAlign: defineOp('RoiAlign', (inputs, attributes) => {
    const [x, rois, indices] = [0, 1, 2].map((i) => required('RoiAlign', inputs, i)) as [Value, Value, Value];
    requireFloat('RoiAlign', x);
    requireSameDtype('RoiAlign', x, rois);
    requireDtype('RoiAlign', 'batch indices', indices, 'int64');
    const mode = stringOf(attributes, 'mode', 'avg');
    if (mode !== 'avg' && mode !== 'max') throw new RangeError(`RoiAlign: mode must be avg or max, got ${mode}`);
    const [picture, boxes] = [shapeOfRank('RoiAlign', 'x', x, 4), shapeOfRank('RoiAlign', 'rois', rois, 2)];
    const [count] = shapeOfRank('RoiAlign', 'batch indices', indices, 1);
    requireLast('RoiAlign', 'rois', boxes, 4);
    if (!dimsFit(count, boxes[0])) {
      throw new ShapeError(`RoiAlign: needs a batch index for each of ${boxes[0]} regions, got ${count}`);
    }
    const size = ['output_height', 'output_width'].map((name) => intOf(attributes, name, 1));
    return [{ dtype: x.dtype, shape: [boxes[0]!, picture[1]!, ...size] }];
  }),
  MaxRoiPool: defineOp('MaxRoiPool', (inputs, attributes) => {
    const [x, rois] = [required('MaxRoiPool', inputs, 0), required('MaxRoiPool', inputs, 1)];
    requireFloat('MaxRoiPool', x);
    requireSameDtype('MaxRoiPool', x, rois);
    const [picture, boxes] = [shapeOfRank('MaxRoiPool', 'x', x, 4), shapeOfRank('MaxRoiPool', 'rois', rois, 2)];
    requireLast('MaxRoiPool', 'rois', boxes, 5);
    const size = intsOf(attributes, 'pooled_shape', []);
    if (size.length !== 2 || size.some((dim) => dim < 1)) {
      throw new ShapeError(`MaxRoiPool: pooled_shape must be two positive sizes, got [${size}]`);
    }
    return [{ dtype: x.dtype, shape: [boxes[0]!, picture[1]!, ...size] }];
  }),
  NonMaxSuppression: defineOp('NonMaxSuppression', (inputs) => {
    const [boxes, scores] = [required('NonMaxSuppression', inputs, 0), required('NonMaxSuppression', inputs, 1)];
    requireDtype('NonMaxSuppression', 'boxes', boxes, 'float32');
    requireDtype('NonMaxSuppression', 'scores', scores, 'float32');
    if (inputs[2]) requireDtype('NonMaxSuppression', 'the largest number', inputs[2], 'int64');
    for (const threshold of [inputs[3], inputs[4]]) {
      if (threshold) requireDtype('NonMaxSuppression', 'thresholds', threshold, 'float32');
    }
    const places = shapeOfRank('NonMaxSuppression', 'boxes', boxes, 3);
    const ratings = shapeOfRank('NonMaxSuppression', 'scores', scores, 3);
    requireLast('NonMaxSuppression', 'boxes', places, 4);
    if (!dimsFit(places[0], ratings[0]) || !dimsFit(places[1], ratings[2])) {
      throw new ShapeError(
        `NonMaxSuppression: boxes [B, N, 4] need scores [B, classes, N], got ${formatShape(places)} and ${formatShape(ratings)}`,
      );
    }
    return [{ dtype: 'int64', shape: [unknownDim, 3] }];
  }),
} as const;

/**
 * x `[B, C, H, W]` (or `[B, C, D, H, W]`) at the places of `grid` `[B, OH, OW, 2]`: from -1, the first element, to 1, the last, x first.
 * `alignCorners`: -1 and 1 are the middles of the outer elements, not their outer edges.
 */
export function gridSample(
  x: Value,
  grid: Value,
  options: {
    readonly mode?: 'linear' | 'nearest' | 'cubic';
    readonly padding?: 'zeros' | 'border' | 'reflection';
    readonly alignCorners?: boolean;
  } = {},
): Value {
  return applyOp1(visionOps.GridSample, [x, grid], {
    mode: string(options.mode ?? 'linear'),
    padding_mode: string(options.padding ?? 'zeros'),
    align_corners: int(options.alignCorners ? 1 : 0),
  });
}

/** The grid of `gridSample` that moves a picture of `size` (`[B, C, H, W]` or `[B, C, D, H, W]`) by theta `[B, 2, 3]` or `[B, 3, 4]`. */
export function affineGrid(
  theta: Value,
  size: readonly number[],
  options: { readonly alignCorners?: boolean } = {},
): Value {
  return applyOp1(visionOps.AffineGrid, [theta, constantInts(size)], {
    align_corners: int(options.alignCorners ? 1 : 0),
  });
}

/**
 * Regions of interest of pictures x `[B, C, H, W]`, each brought to `size` by bilinear sampling (arXiv:1703.06870): rois `[N, 4]`
 * hold left, top, right, bottom; `batchIndices` (`int64[N]`) tell the picture.
 */
export function roiAlign(
  x: Value,
  rois: Value,
  batchIndices: Value,
  options: {
    readonly size: readonly [number, number];
    readonly mode?: 'avg' | 'max';
    /** Samples along each side of a cell; as many as the cell has elements if 0 or absent. */
    readonly samplingRatio?: number;
    /** Multiplies the coordinates of regions; 1 if absent. */
    readonly spatialScale?: number;
    readonly coordinates?: 'half_pixel' | 'output_half_pixel';
  },
): Value {
  return applyOp1(visionOps.RoiAlign, [x, rois, batchIndices], {
    output_height: int(options.size[0]),
    output_width: int(options.size[1]),
    mode: string(options.mode ?? 'avg'),
    sampling_ratio: int(options.samplingRatio ?? 0),
    spatial_scale: float(options.spatialScale ?? 1),
    coordinate_transformation_mode: string(options.coordinates ?? 'half_pixel'),
  });
}

/** The largest element in each of `size` cells of regions of x `[B, C, H, W]`; rois `[N, 5]` hold picture, left, top, right, bottom. */
export function maxRoiPool(x: Value, rois: Value, size: readonly [number, number], spatialScale = 1): Value {
  return applyOp1(visionOps.MaxRoiPool, [x, rois], { pooled_shape: ints(size), spatial_scale: float(spatialScale) });
}

/**
 * The boxes that overlap no better one: `int64[chosen, 3]` of batch, class and box. boxes `[B, N, 4]`, scores `[B, classes, N]`.
 * At most `maxBoxes` a class; those below `scoreThreshold` do not take part.
 */
export function nonMaxSuppression(
  boxes: Value,
  scores: Value,
  options: {
    readonly maxBoxes: number;
    readonly overlapThreshold?: number;
    readonly scoreThreshold?: number;
    /** Boxes hold the middle and the size instead of two corners. */
    readonly centred?: boolean;
  },
): Value {
  const { maxBoxes, overlapThreshold = 0, scoreThreshold } = options;
  const inputs = [
    boxes,
    scores,
    constantScalar(maxBoxes, 'int64'),
    constantScalar(overlapThreshold),
    scoreThreshold === undefined ? undefined : constantScalar(scoreThreshold),
  ];
  return applyOp1(visionOps.NonMaxSuppression, inputs, { center_point_box: int(options.centred ? 1 : 0) });
}
