/** @file Constant matrices that tell the pairs of a batch that belong together, on the diagonal, from the others. */
import { Tensor } from '../../engine/core/index.ts';

/** `[size, size]`: `on` on the diagonal, `off` elsewhere. */
export function diagonalMatrix(size: number, on: number, off: number): Tensor {
  const data = new Float32Array(size * size).fill(off);
  for (let i = 0; i < size; i++) data[i * size + i] = on;
  return new Tensor('float32', [size, size], data);
}
