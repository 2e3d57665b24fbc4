/**
 * @file Normalizations that ONNX Runtime has fused with what comes before them in transformers: the sum of a residual connection, the look-up
 * of embeddings. Exporters write them; nobody calls them by hand. B: batch; T: time; D: dim.
 */
import { dimsFit, formatShape, isRanked, type Shape, ShapeError, unknownDim } from '../../core/index.ts';
import { defineOp, type OpDefinition, type Value, type ValueType } from '../value.ts';
import { requireDtype, required, requireFloat, requireSameDtype } from './operand.ts';

/** @throws ShapeError unless the value is a vector of the last dimension of x. */
function requireVector(opType: string, what: string, value: Value | undefined, dim: Shape[number] | undefined): void {
  if (!value || !isRanked(value.shape) || dim === undefined) return;
  if (value.rank !== 1 || !dimsFit(value.shape[0], dim)) {
    throw new ShapeError(`${opType}: ${what} must be [${dim}], got ${formatShape(value.shape)}`);
  }
}

/** input + skip (+ bias), normalized; `parameters` are the indices of the vectors `[D]`. */
const skipNormalization =
  (opType: string, parameters: readonly number[]): OpDefinition['infer'] =>
  (inputs) => {
    const [x, skip, scale] = [0, 1, 2].map((i) => required(opType, inputs, i)) as [Value, Value, Value];
    requireFloat(opType, x);
    requireSameDtype(opType, x, skip, scale, ...parameters.map((i) => inputs[i]));
    for (const [what, value] of Object.entries({ input: x, skip })) {
      if (isRanked(value.shape) && (value.rank < 2 || value.rank > 3)) {
        throw new ShapeError(`${opType}: the ${what} must be [B, T, D] or [N, D], got ${formatShape(value.shape)}`);
      }
    }
    if (isRanked(x.shape) && isRanked(skip.shape)) {
      const fits = [-1, -2].every((axis) => dimsFit(skip.shape.at(axis), x.shape.at(axis)));
      const stretches = x.rank === 2 || skip.rank === 2 || skip.shape[0] === 1 || dimsFit(skip.shape[0], x.shape[0]);
      if (!fits || !stretches || skip.rank > x.rank) {
        throw new ShapeError(
          `${opType}: skip must be ${formatShape(x.shape)}, or the same for every batch, got ${formatShape(skip.shape)}`,
        );
      }
    }
    const numFeatures = isRanked(x.shape) ? x.shape.at(-1) : unknownDim;
    for (const index of parameters) requireVector(opType, `input ${index}`, inputs[index], numFeatures);
    const statistics: ValueType = {
      dtype: 'float32',
      shape: isRanked(x.shape) ? [...x.shape.slice(0, -1), 1] : x.shape,
    };
    const type = { dtype: x.dtype, shape: x.shape };
    return [type, statistics, statistics, type];
  };

/** The fused normalization op definitions. */
export const normalizationContribOps = {
  /** Inputs: input, skip, scale, shift, bias; outputs: the result, mean, 1 / deviation, and the sum that is normalized. */
  'com.microsoft.SkipLayerNormalization': {
    firstOptionalOutput: 1,
    ...defineOp('SkipLayerNormalization', skipNormalization('SkipLayerNormalization', [2, 3, 4]), 'com.microsoft'),
  },
  /** Inputs: input, skip, scale, bias; outputs as above, without a mean. */
  'com.microsoft.SkipSimplifiedLayerNormalization': {
    firstOptionalOutput: 1,
    ...defineOp(
      'SkipSimplifiedLayerNormalization',
      skipNormalization('SkipSimplifiedLayerNormalization', [2, 3]),
      'com.microsoft',
    ),
  },
  /**
   * Inputs: ids of tokens and segments, tables of words, positions and segments, scale, shift, mask, ids of positions; outputs: the
   * result `[B, T, D]`, the number of tokens that count `[B]`, and the sum that is normalized.
   */
  'com.microsoft.EmbedLayerNormalization': {
    firstOptionalOutput: 2,
    ...defineOp(
      'EmbedLayerNormalization',
      (inputs) => {
        const opType = 'EmbedLayerNormalization';
        const [ids, words, positions] = [0, 2, 3].map((i) => required(opType, inputs, i)) as [Value, Value, Value];
        const [scale, shift] = [required(opType, inputs, 5), required(opType, inputs, 6)];
        for (const index of [ids, inputs[1], inputs[7], inputs[8]]) {
          if (index) requireDtype(opType, 'ids and masks', index, 'int32');
        }
        requireFloat(opType, words);
        requireSameDtype(opType, words, positions, inputs[4], scale, shift);
        const [batch, time] = isRanked(ids.shape) ? ids.shape : [unknownDim, unknownDim];
        if (isRanked(ids.shape) && ids.rank !== 2) {
          throw new ShapeError(`${opType}: ids must be [B, T], got ${formatShape(ids.shape)}`);
        }
        const dim = isRanked(words.shape) ? words.shape[1] : undefined;
        for (const [what, vector] of [
          ['scale', scale],
          ['shift', shift],
        ] as const) {
          requireVector(opType, what, vector, dim);
        }
        const type = { dtype: words.dtype, shape: [batch!, time!, dim ?? unknownDim] };
        return [type, { dtype: 'int32', shape: [batch!] }, type];
      },
      'com.microsoft',
    ),
  },
} as const;
