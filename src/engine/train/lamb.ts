/**
 * @file LAMB: Adam with a learning rate for each parameter, by the ratio of its norm to that of its change, for large batches
 * (arXiv:1904.00962, algorithm 2). The ratio is 1 where either norm is 0, as in the authors' code, and φ is the identity.
 */
import { add, and, div, greater, mul, reduceSumSquare, sqrt, sub, where } from '../graph/index.ts';
import { clipGradients, type GradientClipping, scaledGradients } from './clipping.ts';
import { decayRule, type Optimizer, type WeightDecay } from './optimizer.ts';
import { type Schedule, scheduleOf } from './schedule.ts';

/** The settings of LAMB. The weight decay is 0.01 if absent; it is part of the change whose norm counts. */
export interface LambOptions extends GradientClipping, WeightDecay {
  /** The learning rate, or how it changes. */
  readonly learningRate: number | Schedule;
  /** Decay of the first and second moments; [0.9, 0.999] if absent. */
  readonly betas?: readonly [number, number];
  /** Added to the root of the second moment; 1e-6 if absent. */
  readonly epsilon?: number;
}

/** The LAMB optimizer. */
export function lamb(options: LambOptions): Optimizer {
  const [beta1, beta2] = options.betas ?? [0.9, 0.999];
  const { epsilon = 1e-6, weightDecay = 0.01 } = options;
  const schedule = scheduleOf(options.learningRate);
  const decays = decayRule(options);
  return {
    slots: (shape) => ({ m: shape, v: shape }),
    hyperparameters: (step) => ({
      learningRate: schedule(step),
      correction1: 1 / (1 - beta1 ** (step + 1)),
      correction2: 1 / (1 - beta2 ** (step + 1)),
    }),
    update(parameters, hyper) {
      const clipped = clipGradients(parameters, options);
      const gradients = scaledGradients(clipped);
      const updated = parameters.map(({ path, param, slots }, i) => {
        const gradient = gradients[i]!;
        const m = add(mul(slots.m!, beta1), mul(gradient, 1 - beta1));
        const v = add(mul(slots.v!, beta2), mul(mul(gradient, gradient), 1 - beta2));
        const ofAdam = div(mul(m, hyper.correction1!), add(sqrt(mul(v, hyper.correction2!)), epsilon));
        const change = weightDecay !== 0 && decays(path, param) ? add(ofAdam, mul(param, weightDecay)) : ofAdam;
        const [size, sizeOfChange] = [sqrt(reduceSumSquare(param)), sqrt(reduceSumSquare(change))];
        const ratio = where(and(greater(size, 0), greater(sizeOfChange, 0)), div(size, sizeOfChange), 1);
        return { param: sub(param, mul(change, mul(ratio, hyper.learningRate!))), slots: { m, v } };
      });
      return { parameters: updated, metrics: { gradientNorm: clipped.norm } };
    },
  };
}
