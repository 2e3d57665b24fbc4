/** @file The outputs of a tower as one row of features per input. */
import { float32Data, Tensor } from '../../engine/core/index.ts';

/** `[N, F1]`, `[N, F2]`, ... side by side, in the order of `names`: `[N, F1 + F2 + ...]`. */
export function joinFeatures(outputs: Readonly<Record<string, Tensor>>, names: readonly string[]): Tensor<'float32'> {
  const parts = names.map((name) => outputs[name]!);
  const numRows = parts[0]!.shape[0]!;
  const dim = parts.reduce((sum, part) => sum + part.shape[1]!, 0);
  const data = new Float32Array(numRows * dim);
  let column = 0;
  for (const [i, part] of parts.entries()) {
    const width = part.shape[1]!;
    const values = float32Data(part, names[i]!);
    for (let row = 0; row < numRows; row++) {
      data.set(values.subarray(row * width, (row + 1) * width), row * dim + column);
    }
    column += width;
  }
  return new Tensor('float32', [numRows, dim], data);
}
