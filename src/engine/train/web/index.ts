/** @file Training without Node: what of `engine/train` runs in a browser. */
export { type AdamWOptions, adamW } from '../adamw.ts';
export type { GradientClipping } from '../clipping.ts';
export type { Optimizer, ParameterUpdate, Updated, WeightDecay } from '../optimizer.ts';
export { constantSchedule, type Schedule, warmupCosine } from '../schedule.ts';
export { type TracedStep, traceTrainStep } from '../step-graph.ts';
export type { LossResult, StepDescription, StepFigures } from '../step-options.ts';
export {
  compileWebTrainStep,
  type WebRuntime,
  type WebSession,
  type WebStepOptions,
  type WebTensor,
  WebTrainStep,
} from './web-train-step.ts';
