/** @file Pictures enlarged by repeating each element. B: batch; C: channels; H, W: height, width; R: the factor. */
import { ShapeError, staticShape } from '../../engine/core/index.ts';
import { expand, reshape, type Value } from '../../engine/graph/index.ts';

/** x `[B, C, H, W]` to `[B, C, R · H, R · W]`, every element repeated R times along both axes. */
export function upsampleNearest(x: Value, factor: number): Value {
  const [batch, channels, height, width] = staticShape(x.shape, 'upsampleNearest') as [number, number, number, number];
  if (x.rank !== 4) throw new ShapeError(`upsampleNearest: x must be [B, C, H, W], got ${x}`);
  const rows = batch * channels * height;
  const repeated = expand(reshape(x, [rows, 1, width, 1]), [rows, factor, width, factor]);
  return reshape(repeated, [batch, channels, factor * height, factor * width]);
}
