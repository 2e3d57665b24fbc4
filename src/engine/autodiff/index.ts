/** @file Derivatives of graphs, as graphs. */
export { grad, gradients, valueAndGrad } from './grad.ts';
export { keepRecomputed, recompute } from './recompute.ts';
export type { GradientRule, NotDifferentiable, RuleContext } from './rule.ts';
export { type GradientRules, gradientRules } from './rules/index.ts';
