/** @file ONNX Runtime's own ops that move and pick elements; they occur in files that it or older exporters have written. */
import { formatShape, isRanked, normalizeAxis, ShapeError, unknownDim, unknownShape } from '../../core/index.ts';
import { knownDims } from '../known-dims.ts';
import { defineOp, type OpDefinition, type Value } from '../value.ts';
import { requireDtype, required, requireFloat, requireSameDtype } from './operand.ts';
import { padInfer } from './slice-pad.ts';
import { knownInts, unknownDims, withShape } from './types.ts';

const contrib = <const T extends string>(opType: T, infer: OpDefinition['infer']): OpDefinition<T> =>
  defineOp(opType, infer, 'com.microsoft');

/** ONNX Runtime's own ops on layout. */
export const layoutContribOps = {
  'com.microsoft.Pad': contrib('Pad', (inputs, attributes) => {
    requireFloat('Pad', required('Pad', inputs, 0));
    return padInfer(inputs, attributes);
  }),
  'com.microsoft.ExpandDims': contrib('ExpandDims', (inputs) => {
    const [x, axis] = [required('ExpandDims', inputs, 0), required('ExpandDims', inputs, 1)];
    requireDtype('ExpandDims', 'the axis', axis, 'int32');
    if (!isRanked(x.shape)) return [withShape(x, unknownShape)];
    const [known] = knownInts(axis) ?? [];
    if (known === undefined) return [withShape(x, unknownDims(x.rank + 1))];
    const at = normalizeAxis(known, x.rank + 1, 'ExpandDims');
    return [withShape(x, [...x.shape.slice(0, at), 1, ...x.shape.slice(at)])];
  }),
  'com.microsoft.Unique': contrib('Unique', (inputs) => {
    const x = required('Unique', inputs, 0);
    requireDtype('Unique', 'the operand', x, 'float32', 'float16');
    if (isRanked(x.shape) && x.rank !== 1) throw new ShapeError(`Unique: needs a vector, got ${formatShape(x.shape)}`);
    return [
      withShape(x, [unknownDim]),
      { dtype: 'int64', shape: isRanked(x.shape) ? x.shape : [unknownDim] },
      { dtype: 'int64', shape: [unknownDim] },
    ];
  }),
  'com.microsoft.CropAndResize': contrib('CropAndResize', (inputs) => {
    const [x, boxes, items, size] = [0, 1, 2, 3].map((i) => required('CropAndResize', inputs, i)) as [
      Value,
      Value,
      Value,
      Value,
    ];
    requireFloat('CropAndResize', x);
    requireSameDtype('CropAndResize', x, boxes);
    requireDtype('CropAndResize', 'the items', items, 'int32');
    requireDtype('CropAndResize', 'the size', size, 'int32');
    if (isRanked(x.shape) && x.rank !== 4) {
      throw new ShapeError(`CropAndResize: needs pictures [N, C, H, W], got ${formatShape(x.shape)}`);
    }
    const [count] = isRanked(boxes.shape) ? boxes.shape : [unknownDim];
    const channels = isRanked(x.shape) ? x.shape[1]! : unknownDim;
    return [withShape(x, [count!, channels, ...(knownDims(size) ?? unknownDims(2))])];
  }),
} as const;
