/** @file Training loops and their checkpoints. */
export { type Checkpoint, readCheckpoint, writeCheckpoint } from './checkpoint.ts';
export { RunBusyError } from './run-folder.ts';
export { type TrainOptions, type TrainResult, train } from './train.ts';
