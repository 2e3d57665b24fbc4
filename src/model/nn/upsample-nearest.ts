/** @file Pictures enlarged by repeating each element. B: batch; C: channels; H, W: height, width; R: the factor. */
import { ShapeError } from '../../engine/core/index.ts';
import { resize, type Value } from '../../engine/graph/index.ts';

/** x `[B, C, H, W]` to `[B, C, R · H, R · W]`, every element repeated R times along both axes. */
export function upsampleNearest(x: Value, factor: number): Value {
  if (x.rank !== 4) throw new ShapeError(`upsampleNearest: x must be [B, C, H, W], got ${x}`);
  return resize(x, { scales: [1, 1, factor, factor], coordinates: 'asymmetric', nearest: 'floor' });
}
