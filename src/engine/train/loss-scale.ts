/**
 * @file Dynamic loss scaling (arXiv:1710.03740, section 3.2): the loss is multiplied before it is differentiated, so that small gradients stay within
 * float16's range, and gradients are divided by the same. A step whose gradients overflow is left out and halves the scale.
 */
import {
  add,
  cast,
  constantScalar,
  greaterOrEqual,
  less,
  max,
  min,
  mul,
  not,
  reduceSumSquare,
  type Value,
  where,
} from '../graph/index.ts';

/** How the scale of the loss changes. */
export interface LossScaling {
  /** The scale to start from; 65536 if absent. */
  readonly initial?: number;
  /** After so many steps without an overflow the scale doubles; 2000 if absent. */
  readonly growthInterval?: number;
}

/** The names of the scalars that are kept in the state. */
export const lossScaleNames = { scale: 'lossScale.scale', goodSteps: 'lossScale.goodSteps' } as const;

/** The scale is kept within these. */
const [smallest, largest] = [1, 2 ** 24];

/** Whether no gradient overflowed: a sum of squares is less than infinity unless it holds an infinity or NaN. */
export function areFinite(gradients: readonly Value[]): Value {
  const total = gradients.map((gradient) => reduceSumSquare(gradient)).reduce((sum, squared) => add(sum, squared));
  return less(total, constantScalar(Number.POSITIVE_INFINITY));
}

/** The state after an update: as it was if the gradients were not finite, and the scale for the next step. */
export function guardedUpdate(
  before: ReadonlyMap<string, Value>,
  after: ReadonlyMap<string, Value>,
  finite: Value,
  { growthInterval = 2000 }: LossScaling,
): { next: Map<string, Value>; metrics: Record<string, Value> } {
  const guarded = [...after].map(([name, value]) => {
    const old = before.get(name)!;
    return [name, old === value ? value : where(finite, value, old)] as const;
  });
  const [scale, goodSteps] = [before.get(lossScaleNames.scale)!, before.get(lossScaleNames.goodSteps)!];
  const counted = where(finite, add(goodSteps, 1), 0);
  const grows = greaterOrEqual(counted, growthInterval);
  const next = new Map<string, Value>(guarded);
  next.set(
    lossScaleNames.scale,
    where(finite, where(grows, min(mul(scale, 2), largest), scale), max(mul(scale, 0.5), smallest)),
  );
  next.set(lossScaleNames.goodSteps, where(grows, 0, counted));
  return { next, metrics: { lossScale: scale, skipped: cast(not(finite), 'float32') } };
}
