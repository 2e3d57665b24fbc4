/** @file Rows brought to length 1, so that dot products are cosines. */
import { add, div, reduceSumSquare, sqrt, type Value } from '../../engine/graph/index.ts';

/** x / |x| along the last axis, `[..., D]`; a row of zeros stays zero. */
export function unitVectors(x: Value): Value {
  return div(x, sqrt(add(reduceSumSquare(x, { axes: [-1], keepDims: true }), 1e-12)));
}
