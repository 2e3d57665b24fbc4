/**
 * @file Stochastic gradient descent with momentum (Sutskever et al., ICML 2013), by Nesterov's look-ahead if wanted. Same numbers as
 * PyTorch's `SGD`, but that weight decay is decoupled from the gradient (arXiv:1711.05101, algorithm 1).
 */
import { add, mul, sub } from '../graph/index.ts';
import { clipGradients, type GradientClipping, scaledGradients } from './clipping.ts';
import { decayRule, type Optimizer, type WeightDecay } from './optimizer.ts';
import { type Schedule, scheduleOf } from './schedule.ts';

/** The settings of SGD. There is no weight decay if absent. */
export interface SgdOptions extends GradientClipping, WeightDecay {
  /** The learning rate, or how it changes. */
  readonly learningRate: number | Schedule;
  /** How much of the last velocity is kept; 0, plain descent, if absent. */
  readonly momentum?: number;
  /** Steps along the velocity that the next step would have. Needs momentum. */
  readonly nesterov?: boolean;
}

/**
 * Stochastic gradient descent: v ← momentum · v + g, p ← p - lr · v.
 * @throws RangeError for Nesterov's form without momentum.
 */
export function sgd(options: SgdOptions): Optimizer {
  const { momentum = 0, nesterov = false, weightDecay = 0 } = options;
  if (nesterov && momentum <= 0) throw new RangeError(`sgd: nesterov needs a momentum above 0, got ${momentum}`);
  const schedule = scheduleOf(options.learningRate);
  const decays = decayRule(options);
  return {
    slots: (shape) => (momentum === 0 ? {} : { velocity: shape }),
    hyperparameters(step) {
      const learningRate = schedule(step);
      return { learningRate, keep: 1 - learningRate * weightDecay };
    },
    update(parameters, hyper) {
      const clipped = clipGradients(parameters, options);
      const gradients = scaledGradients(clipped);
      const updated = parameters.map(({ path, param, slots }, i) => {
        const gradient = gradients[i]!;
        const velocity = momentum === 0 ? gradient : add(mul(slots.velocity!, momentum), gradient);
        const change = nesterov ? add(gradient, mul(velocity, momentum)) : velocity;
        const kept = weightDecay !== 0 && decays(path, param) ? mul(param, hyper.keep!) : param;
        return { param: sub(kept, mul(change, hyper.learningRate!)), slots: momentum === 0 ? {} : { velocity } };
      });
      return { parameters: updated, metrics: { gradientNorm: clipped.norm } };
    },
  };
}
