/** @file Training steps: a loss, an optimizer and parameters, compiled into one session. */
export { type AdamWOptions, adamW } from './adamw.ts';
export type { GradientClipping } from './clipping.ts';
export { compileTrainStep } from './compile-step.ts';
export type { Optimizer, ParameterUpdate, Updated, WeightDecay } from './optimizer.ts';
export { constantSchedule, type Schedule, warmupCosine } from './schedule.ts';
export { type TracedStep, traceTrainStep } from './step-graph.ts';
export type { LossResult, StepDescription, StepFigures, TrainStepOptions } from './step-options.ts';
export { type RunOptions, TrainStep } from './train-step.ts';
