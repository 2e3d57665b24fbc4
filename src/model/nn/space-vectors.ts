/**
 * @file The last step into a shared space: features minus what all of them have in common, brought to length 1. Encoders that learn from nothing point
 * nearly one way whatever they see; a contrast then rewards moving everything into one point (loss ln B) long before it tells things
 * apart. Without the common part there is nothing to move. In training it is the mean of the batch; afterwards that of many batches is
 * kept as a parameter. B: items; E: dimension of the space.
 */
import { reduceMean, sub, type Value } from '../../engine/graph/index.ts';
import { unitVectors } from './unit-vectors.ts';

/**
 * What is taken off: the kept centre (if absent), the mean of the batch, or nothing at all, to find the centre; these vectors keep their
 * length.
 */
export type Centring = 'kept' | 'batch' | 'none';

/** The unit vectors `[B, E]` of projected features `[B, E]`. `centre` is `[E]`, the mean of many. */
export function spaceVectors(projected: Value, centre: Value, centring: Centring = 'kept'): Value {
  if (centring === 'none') return projected;
  const common = centring === 'kept' ? centre : reduceMean(projected, { axes: [0], keepDims: true });
  return unitVectors(sub(projected, common));
}
