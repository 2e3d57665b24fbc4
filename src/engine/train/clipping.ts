/** @file Clipping of gradients, by value and by global norm (arXiv:1211.5063); the same numbers as PyTorch's `clip_grad_*_`. */
import { add, clip, div, min, mul, reduceSumSquare, sqrt, type Value } from '../graph/index.ts';
import type { ParameterUpdate } from './optimizer.ts';

/** How gradients are limited, before anything else is done with them. */
export interface GradientClipping {
  /** Gradients are scaled down so that their global norm is at most this; not clipped if absent. */
  readonly maxGradNorm?: number;
  /** Each number of a gradient is kept within [-maxGradValue, maxGradValue]; not clipped if absent. By value comes before by norm. */
  readonly maxGradValue?: number;
}

/** What clipping gives. */
export interface ClippedGradients {
  /** The gradients, clipped by value. */
  readonly gradients: readonly Value[];
  /** The root of the sum of squares over `gradients`. */
  readonly norm: Value;
  /** The factor that brings the norm within its limit, at most 1; absent if the norm is not limited. Not yet applied. */
  readonly scale?: Value;
}

/** Clips by value and finds the factor of clipping by norm, which an optimizer may apply where it costs least. */
export function clipGradients(parameters: readonly ParameterUpdate[], options: GradientClipping): ClippedGradients {
  const { maxGradNorm, maxGradValue } = options;
  const gradients = parameters.map(({ gradient }) =>
    maxGradValue === undefined ? gradient : clip(gradient, -maxGradValue, maxGradValue),
  );
  const norm = globalNorm(gradients);
  return maxGradNorm === undefined
    ? { gradients, norm }
    : { gradients, norm, scale: min(div(maxGradNorm, add(norm, 1e-6)), 1) };
}

/** The gradients with the factor applied. */
export function scaledGradients({ gradients, scale }: ClippedGradients): readonly Value[] {
  return scale === undefined ? gradients : gradients.map((gradient) => mul(gradient, scale));
}

/** The root of the sum of squares over all values. */
function globalNorm(values: readonly Value[]): Value {
  const squares = values.map((value) => reduceSumSquare(value));
  return sqrt(squares.reduce((sum, squared) => add(sum, squared)));
}
