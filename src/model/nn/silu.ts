/** @file The sigmoid linear unit (arXiv:1702.03118), also called swish. */
import { mul, sigmoid, type Value } from '../../engine/graph/index.ts';

/** x · σ(x), element by element. */
export function silu(x: Value): Value {
  return mul(x, sigmoid(x));
}
