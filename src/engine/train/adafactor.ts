/**
 * @file Adafactor: second moments of matrices kept as sums over rows and over columns, so that the state of a parameter of n · m
 * numbers is n + m (arXiv:1804.04235, algorithms 4 and 5). Without momentum, as the paper recommends.
 */

import { numElements, staticShape } from '../core/index.ts';
import { add, div, max, mul, reduceMean, reduceSumSquare, sqrt, square, sub, type Value } from '../graph/index.ts';
import { clipGradients, type GradientClipping, scaledGradients } from './clipping.ts';
import { decayRule, type Optimizer, type ParameterUpdate, type WeightDecay } from './optimizer.ts';
import { type Schedule, scheduleOf } from './schedule.ts';

/** The settings of Adafactor. There is no weight decay if absent. */
export interface AdafactorOptions extends GradientClipping, WeightDecay {
  /**
   * The size of a step relative to the parameter's (ρ of the paper), or how it changes. The paper's own schedule is
   * `(step) => Math.min(1e-2, 1 / Math.sqrt(step + 1))`.
   */
  readonly learningRate: number | Schedule;
  /** How fast the decay of the second moment grows: β₂ = 1 - t^-decayRate; 0.8 if absent. */
  readonly decayRate?: number;
  /** Added to squared gradients, and the least size that a parameter counts for; [1e-30, 1e-3] if absent. */
  readonly epsilons?: readonly [number, number];
  /** The change is scaled down so that its root mean square is at most this; 1 if absent. */
  readonly clipThreshold?: number;
  /** Whether a step is relative to the size of the parameter; true if absent. */
  readonly scalesByParameter?: boolean;
}

/** The Adafactor optimizer. The last two axes of a parameter are the rows and columns; those with fewer keep whole second moments. */
export function adafactor(options: AdafactorOptions): Optimizer {
  const { decayRate = 0.8, clipThreshold = 1, scalesByParameter = true, weightDecay = 0 } = options;
  const [epsilon1, epsilon2] = options.epsilons ?? [1e-30, 1e-3];
  const schedule = scheduleOf(options.learningRate);
  const decays = decayRule(options);
  return {
    slots: (shape) =>
      shape.length < 2
        ? { v: shape }
        : { rows: [...shape.slice(0, -1), 1], columns: [...shape.slice(0, -2), 1, shape.at(-1)!] },
    hyperparameters(step) {
      const learningRate = schedule(step);
      const beta2 = 1 - (step + 1) ** -decayRate;
      return { learningRate, beta2, gain: 1 - beta2, keep: 1 - learningRate * weightDecay };
    },
    update(parameters, hyper) {
      const clipped = clipGradients(parameters, options);
      const gradients = scaledGradients(clipped);
      const updated = parameters.map(({ path, param, slots }, i) => {
        const gradient = gradients[i]!;
        const moment = secondMoment(slots, add(square(gradient), epsilon1), hyper);
        const raw = div(gradient, sqrt(moment.estimate));
        const scale = div(hyper.learningRate!, max(div(rootMeanSquare(raw), clipThreshold), 1));
        const change = mul(raw, scalesByParameter ? mul(scale, max(rootMeanSquare(param), epsilon2)) : scale);
        const kept = weightDecay !== 0 && decays(path, param) ? mul(param, hyper.keep!) : param;
        return { param: sub(kept, change), slots: moment.slots };
      });
      return { parameters: updated, metrics: { gradientNorm: clipped.norm } };
    },
  };
}

/** The moving average of squared gradients: whole, or as the product of those of rows and columns over their common mean. */
function secondMoment(
  slots: ParameterUpdate['slots'],
  squared: Value,
  hyper: Readonly<Record<string, Value>>,
): { estimate: Value; slots: Readonly<Record<string, Value>> } {
  const averaged = (before: Value, now: Value) => add(mul(before, hyper.beta2!), mul(now, hyper.gain!));
  if (slots.v !== undefined) {
    const v = averaged(slots.v, squared);
    return { estimate: v, slots: { v } };
  }
  const rows = averaged(slots.rows!, reduceMean(squared, { axes: [-1], keepDims: true }));
  const columns = averaged(slots.columns!, reduceMean(squared, { axes: [-2], keepDims: true }));
  const share = div(rows, reduceMean(rows, { axes: [-2], keepDims: true }));
  return { estimate: mul(share, columns), slots: { rows, columns } };
}

function rootMeanSquare(x: Value): Value {
  return sqrt(div(reduceSumSquare(x), numElements(staticShape(x.shape, 'adafactor'))));
}
