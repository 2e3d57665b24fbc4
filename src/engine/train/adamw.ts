/**
 * @file AdamW: Adam with weight decay apart from the gradient (arXiv:1711.05101, algorithm 2), with clipping of the
 * gradients. Same numbers as PyTorch's `AdamW`.
 */
import { add, div, mul, sqrt, sub } from '../graph/index.ts';
import { clipGradients, type GradientClipping } from './clipping.ts';
import { decayRule, type Optimizer, type WeightDecay } from './optimizer.ts';
import { type Schedule, scheduleOf } from './schedule.ts';

/** The settings of AdamW. The weight decay is 0.01 if absent. */
export interface AdamWOptions extends GradientClipping, WeightDecay {
  /** The learning rate, or how it changes. */
  readonly learningRate: number | Schedule;
  /** Decay of the first and second moments; [0.9, 0.999] if absent. */
  readonly betas?: readonly [number, number];
  /** Added to the root of the second moment; 1e-8 if absent. */
  readonly epsilon?: number;
}

/** The AdamW optimizer. */
export function adamW(options: AdamWOptions): Optimizer {
  const schedule = scheduleOf(options.learningRate);
  const [beta1, beta2] = options.betas ?? [0.9, 0.999];
  const epsilon = options.epsilon ?? 1e-8;
  const weightDecay = options.weightDecay ?? 0.01;
  const decays = decayRule(options);

  return {
    slots: (shape) => ({ m: shape, v: shape }),
    // With m̂ = m / (1 - β1ᵗ) and v̂ = v / (1 - β2ᵗ): lr · m̂ / (√v̂ + ε) = stepSize · m / (√v + scaledEpsilon).
    hyperparameters(step) {
      const learningRate = schedule(step);
      const rootOfCorrection = Math.sqrt(1 - beta2 ** (step + 1));
      return {
        stepSize: (learningRate * rootOfCorrection) / (1 - beta1 ** (step + 1)),
        scaledEpsilon: epsilon * rootOfCorrection,
        keep: 1 - learningRate * weightDecay,
      };
    },
    update(parameters, hyper) {
      const { gradients, norm, scale } = clipGradients(parameters, options);
      const gain1 = scale === undefined ? 1 - beta1 : mul(scale, 1 - beta1);
      const gain2 = scale === undefined ? 1 - beta2 : mul(mul(scale, scale), 1 - beta2);
      const updated = parameters.map(({ path, param, slots }, i) => {
        const gradient = gradients[i]!;
        const m = add(mul(slots.m!, beta1), mul(gradient, gain1));
        const v = add(mul(slots.v!, beta2), mul(mul(gradient, gradient), gain2));
        const change = mul(div(m, add(sqrt(v), hyper.scaledEpsilon!)), hyper.stepSize!);
        const kept = weightDecay !== 0 && decays(path, param) ? mul(param, hyper.keep!) : param;
        return { param: sub(kept, change), slots: { m, v } };
      });
      return { parameters: updated, metrics: { gradientNorm: norm } };
    },
  };
}
