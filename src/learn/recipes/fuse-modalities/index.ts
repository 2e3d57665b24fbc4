/** @file Fusion of two sides of a sample, either of which may be missing: the experiments and their pages. */
export { type FuseOptions, type FuseReport, type FuseRow, type FuseSeed, fuseModalities } from './fuse-modalities.ts';
export { type FusePages, fusePages } from './report.ts';
export { type StampsSettings, stampsSettings, stampsTask } from './stamps-task.ts';
export { type StudySettings, studySettings, studyTask } from './study-task.ts';
export type { FusionTask } from './task.ts';
