/** @file Mean and deviation of feature columns, and features standardized by them as `standardize` does in a graph. */
import { Tensor } from '../../../engine/core/index.ts';
import { type FeatureStatistics, featureLimit } from '../../../model/index.ts';

/** Added to every deviation, so that a column that never changes stays small. */
const deviationFloor = 1e-3;

/** The statistics of the columns of several `[n, F]` together. */
export function columnStatistics(tables: readonly Tensor<'float32'>[]): FeatureStatistics {
  const dim = tables[0]!.shape[1]!;
  const numRows = tables.reduce((sum, table) => sum + table.shape[0]!, 0);
  const [sums, squares] = [new Float64Array(dim), new Float64Array(dim)];
  for (const { data } of tables) {
    for (let i = 0; i < data.length; i += dim) {
      for (let column = 0; column < dim; column++) {
        const value = data[i + column]!;
        sums[column]! += value;
        squares[column]! += value * value;
      }
    }
  }
  const mean = sums.map((sum) => sum / numRows);
  const deviation = squares.map(
    (square, i) => Math.sqrt(Math.max(0, square / numRows - mean[i]! ** 2)) + deviationFloor,
  );
  return {
    mean: new Tensor('float32', [dim], Float32Array.from(mean)),
    deviation: new Tensor('float32', [dim], Float32Array.from(deviation)),
  };
}

/** Standardizes `[n, F]` in place. */
export function standardizeRows(table: Tensor<'float32'>, { mean, deviation }: FeatureStatistics): void {
  const dim = table.shape[1]!;
  const [means, deviations] = [mean.data as Float32Array, deviation.data as Float32Array];
  const { data } = table;
  for (let i = 0; i < data.length; i += dim) {
    for (let column = 0; column < dim; column++) {
      const value = (data[i + column]! - means[column]!) / deviations[column]!;
      data[i + column] = Math.min(featureLimit, Math.max(-featureLimit, value));
    }
  }
}
