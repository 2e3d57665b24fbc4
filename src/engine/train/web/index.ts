/** @file Training without Node: what of `engine/train` runs in a browser. */
export { type AdafactorOptions, adafactor } from '../adafactor.ts';
export { type AdamWOptions, adamW } from '../adamw.ts';
export type { GradientClipping } from '../clipping.ts';
export { type LambOptions, lamb } from '../lamb.ts';
export { type LionOptions, lion } from '../lion.ts';
export type { Optimizer, ParameterUpdate, Updated, WeightDecay } from '../optimizer.ts';
export {
  constantSchedule,
  inverseSquareRoot,
  linearSchedule,
  oneCycle,
  polynomialSchedule,
  type Schedule,
  stepSchedule,
  warmupCosine,
} from '../schedule.ts';
export { type SgdOptions, sgd } from '../sgd.ts';
export { type TracedStep, traceTrainStep } from '../step-graph.ts';
export type { LossResult, StepContext, StepDescription, StepFigures } from '../step-options.ts';
export {
  compileWebTrainStep,
  type WebRuntime,
  type WebSession,
  type WebStepOptions,
  type WebTensor,
  WebTrainStep,
} from './web-train-step.ts';
