/** @file Learning rate schedules: functions from the step (0 is the first) to a learning rate. */

/** The learning rate of a step; the first step is 0. */
export type Schedule = (step: number) => number;

/** A learning rate, or how it changes, as a schedule. */
export function scheduleOf(learningRate: number | Schedule): Schedule {
  return typeof learningRate === 'number' ? constantSchedule(learningRate) : learningRate;
}

/** The same learning rate at every step. */
export function constantSchedule(learningRate: number): Schedule {
  return () => learningRate;
}

/**
 * Rises in a line to `peak` over `warmupSteps`, then falls along half a cosine to `floor` at `totalSteps` (arXiv:1608.03983,
 * without restarts), and stays there.
 */
export function warmupCosine(options: {
  peak: number;
  warmupSteps: number;
  totalSteps: number;
  floor?: number;
}): Schedule {
  const { peak, floor = 0 } = options;
  return warmupThen('warmupCosine', options, (done) => floor + (peak - floor) * 0.5 * (1 + Math.cos(Math.PI * done)));
}

/** Rises in a line to `peak` over `warmupSteps` (0 if absent), then falls in a line to `floor` at `totalSteps`, and stays there. */
export function linearSchedule(options: {
  peak: number;
  totalSteps: number;
  warmupSteps?: number;
  floor?: number;
}): Schedule {
  return polynomialSchedule({ ...options, power: 1 });
}

/**
 * Rises in a line to `peak` over `warmupSteps` (0 if absent), then falls to `floor` at `totalSteps` as (1 - t)^power, and stays
 * there.
 */
export function polynomialSchedule(options: {
  peak: number;
  totalSteps: number;
  power: number;
  warmupSteps?: number;
  floor?: number;
}): Schedule {
  const { peak, power, warmupSteps = 0, floor = 0 } = options;
  const falling = (done: number) => floor + (peak - floor) * (1 - done) ** power;
  return warmupThen('polynomialSchedule', { ...options, warmupSteps }, falling);
}

/** Rises in a line to `peak` over `warmupSteps`, then falls as the inverse square root of the step (arXiv:1706.03762, section 5.3). */
export function inverseSquareRoot(options: { peak: number; warmupSteps: number }): Schedule {
  const { peak, warmupSteps } = options;
  requirePositive('inverseSquareRoot', 'warmupSteps', warmupSteps);
  return (step) => peak * Math.min((step + 1) / warmupSteps, Math.sqrt(warmupSteps / (step + 1)));
}

/** Starts at `peak` and is multiplied by `factor` every `every` steps. */
export function stepSchedule(options: { peak: number; every: number; factor: number }): Schedule {
  const { peak, every, factor } = options;
  requirePositive('stepSchedule', 'every', every);
  return (step) => peak * factor ** Math.floor(step / every);
}

/**
 * One cycle (arXiv:1708.07120): from `peak / startDivisor` along half a cosine to `peak`, which it reaches after `rise` of the steps, then along
 * half a cosine down to `peak / endDivisor`. @throws RangeError unless `rise` is in (0, 1).
 */
export function oneCycle(options: {
  peak: number;
  totalSteps: number;
  /** The part of the steps in which it rises; 0.3 if absent. */
  rise?: number;
  /** 25 if absent. */
  startDivisor?: number;
  /** 1e4 times `startDivisor` if absent. */
  endDivisor?: number;
}): Schedule {
  const { peak, totalSteps, rise = 0.3, startDivisor = 25 } = options;
  const { endDivisor = startDivisor * 1e4 } = options;
  requirePositive('oneCycle', 'totalSteps', totalSteps);
  if (!(rise > 0 && rise < 1)) throw new RangeError(`oneCycle: rise must be in (0, 1), got ${rise}`);
  const top = rise * totalSteps - 1;
  const between = (from: number, to: number, part: number) =>
    to + ((from - to) * (1 + Math.cos(Math.PI * Math.min(1, Math.max(0, part))))) / 2;
  return (step) =>
    step <= top
      ? between(peak / startDivisor, peak, step / top)
      : between(peak, peak / endDivisor, (step - top) / (totalSteps - 1 - top));
}

/** A rise in a line to `peak`, then `falling`, which is told how much of the rest is done, in [0, 1]. */
function warmupThen(
  subject: string,
  options: { peak: number; warmupSteps: number; totalSteps: number },
  falling: (done: number) => number,
): Schedule {
  const { peak, warmupSteps, totalSteps } = options;
  if (warmupSteps > totalSteps) {
    throw new RangeError(`${subject}: warmupSteps must not exceed totalSteps, got ${warmupSteps} and ${totalSteps}`);
  }
  return (step) =>
    step < warmupSteps
      ? (peak * (step + 1)) / warmupSteps
      : falling(Math.min(1, (step - warmupSteps) / Math.max(1, totalSteps - warmupSteps)));
}

function requirePositive(subject: string, name: string, value: number): void {
  if (!(value > 0)) throw new RangeError(`${subject}: ${name} must be above 0, got ${value}`);
}
