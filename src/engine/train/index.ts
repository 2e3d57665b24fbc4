/** @file Training steps: a loss, an optimizer and parameters, compiled into one session. */
export { type AdamWOptions, adamW } from './adamw.ts';
export type { Optimizer, ParameterUpdate } from './optimizer.ts';
export { constantSchedule, type Schedule, warmupCosine } from './schedule.ts';
export {
  compileTrainStep,
  type LossResult,
  type StepFigures,
  TrainStep,
  type TrainStepOptions,
  traceTrainStep,
} from './train-step.ts';
