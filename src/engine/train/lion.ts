/** @file Lion: steps by the sign of an interpolated momentum (arXiv:2302.06675, algorithm 2). One slot where Adam keeps two. */
import { add, mul, sign, sub } from '../graph/index.ts';
import { clipGradients, type GradientClipping, scaledGradients } from './clipping.ts';
import { decayRule, type Optimizer, type WeightDecay } from './optimizer.ts';
import { type Schedule, scheduleOf } from './schedule.ts';

/** The settings of Lion. Learning rates are 3 to 10 times smaller than AdamW's, weight decay as many times larger; 0 if absent. */
export interface LionOptions extends GradientClipping, WeightDecay {
  /** The learning rate, or how it changes. */
  readonly learningRate: number | Schedule;
  /** The weights of the momentum in the step, and in the next momentum; [0.9, 0.99] if absent. */
  readonly betas?: readonly [number, number];
}

/** The Lion optimizer: p ← p - lr · (sign(β₁ m + (1 - β₁) g) + weightDecay · p), m ← β₂ m + (1 - β₂) g. */
export function lion(options: LionOptions): Optimizer {
  const [beta1, beta2] = options.betas ?? [0.9, 0.99];
  const weightDecay = options.weightDecay ?? 0;
  const schedule = scheduleOf(options.learningRate);
  const decays = decayRule(options);
  return {
    slots: (shape) => ({ m: shape }),
    hyperparameters(step) {
      const learningRate = schedule(step);
      return { learningRate, keep: 1 - learningRate * weightDecay };
    },
    update(parameters, hyper) {
      const clipped = clipGradients(parameters, options);
      const gradients = scaledGradients(clipped);
      const updated = parameters.map(({ path, param, slots }, i) => {
        const gradient = gradients[i]!;
        const direction = sign(add(mul(slots.m!, beta1), mul(gradient, 1 - beta1)));
        const kept = weightDecay !== 0 && decays(path, param) ? mul(param, hyper.keep!) : param;
        return {
          param: sub(kept, mul(direction, hyper.learningRate!)),
          slots: { m: add(mul(slots.m!, beta2), mul(gradient, 1 - beta2)) },
        };
      });
      return { parameters: updated, metrics: { gradientNorm: clipped.norm } };
    },
  };
}
