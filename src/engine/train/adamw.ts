/**
 * @file AdamW: Adam with weight decay apart from the gradient (arXiv:1711.05101, algorithm 2), with clipping of the gradients'
 * global norm (arXiv:1211.5063). Same numbers as PyTorch's `AdamW` and `clip_grad_norm_`.
 */
import { add, div, min, mul, reduceSumSquare, sqrt, sub, type Value } from '../graph/index.ts';
import type { Optimizer, ParameterUpdate } from './optimizer.ts';
import { constantSchedule, type Schedule } from './schedule.ts';

/** The settings of AdamW. */
export interface AdamWOptions {
  /** The learning rate, or how it changes. */
  readonly learningRate: number | Schedule;
  /** Decay of the first and second moments; [0.9, 0.999] if absent. */
  readonly betas?: readonly [number, number];
  /** Added to the root of the second moment; 1e-8 if absent. */
  readonly epsilon?: number;
  /** Decoupled weight decay; 0.01 if absent. */
  readonly weightDecay?: number;
  /** Which parameters decay; if absent, those with two or more axes (not biases, scales or single numbers). */
  readonly decays?: (path: string, param: Value) => boolean;
  /** Gradients are scaled down so that their global norm is at most this; not clipped if absent. */
  readonly maxGradNorm?: number;
}

/** The AdamW optimizer. */
export function adamW(options: AdamWOptions): Optimizer {
  const schedule =
    typeof options.learningRate === 'number' ? constantSchedule(options.learningRate) : options.learningRate;
  const [beta1, beta2] = options.betas ?? [0.9, 0.999];
  const epsilon = options.epsilon ?? 1e-8;
  const weightDecay = options.weightDecay ?? 0.01;
  const decays = options.decays ?? ((_path: string, param: Value) => param.rank >= 2);

  return {
    slots: ['m', 'v'],
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
      const norm = globalNorm(parameters);
      const scale = options.maxGradNorm === undefined ? undefined : min(div(options.maxGradNorm, add(norm, 1e-6)), 1);
      const gain1 = scale === undefined ? 1 - beta1 : mul(scale, 1 - beta1);
      const gain2 = scale === undefined ? 1 - beta2 : mul(mul(scale, scale), 1 - beta2);
      const updated = parameters.map(({ path, param, gradient, slots }) => {
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

/** The root of the sum of squares over all gradients. */
function globalNorm(parameters: readonly ParameterUpdate[]): Value {
  const squares = parameters.map(({ gradient }) => reduceSumSquare(gradient));
  return sqrt(squares.reduce((sum, squared) => add(sum, squared)));
}
