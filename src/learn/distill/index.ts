/** @file Distillation: a frozen tower teaches, a traced function learns. */
export {
  type DistillationData,
  type DistillationLosses,
  type DistillOptions,
  type DistillResult,
  distill,
  type Student,
  type Teacher,
} from './distill.ts';
