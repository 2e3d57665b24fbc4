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
  const { peak, warmupSteps, totalSteps, floor = 0 } = options;
  if (warmupSteps > totalSteps) {
    throw new RangeError(`warmupCosine: warmupSteps must not exceed totalSteps, got ${warmupSteps} and ${totalSteps}`);
  }
  return (step) => {
    if (step < warmupSteps) return (peak * (step + 1)) / warmupSteps;
    const done = Math.min(1, (step - warmupSteps) / Math.max(1, totalSteps - warmupSteps));
    return floor + (peak - floor) * 0.5 * (1 + Math.cos(Math.PI * done));
  };
}
