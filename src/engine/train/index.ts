/** @file Training steps: a loss, an optimizer and parameters, compiled into one session. */
export { type AdafactorOptions, adafactor } from './adafactor.ts';
export { type AdamWOptions, adamW } from './adamw.ts';
export type { GradientClipping } from './clipping.ts';
export { compileTrainStep } from './compile-step.ts';
export { type LambOptions, lamb } from './lamb.ts';
export { type LionOptions, lion } from './lion.ts';
export type { LossScaling } from './loss-scale.ts';
export type { Optimizer, ParameterUpdate, Updated, WeightDecay } from './optimizer.ts';
export type { Precision, PrecisionPolicy } from './precision.ts';
export {
  constantSchedule,
  inverseSquareRoot,
  linearSchedule,
  oneCycle,
  polynomialSchedule,
  type Schedule,
  stepSchedule,
  warmupCosine,
} from './schedule.ts';
export { type SgdOptions, sgd } from './sgd.ts';
export { type TracedStep, traceTrainStep } from './step-graph.ts';
export type { LossResult, StepContext, StepDescription, StepFigures, TrainStepOptions } from './step-options.ts';
export { type RunOptions, TrainStep } from './train-step.ts';
