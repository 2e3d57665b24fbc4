/** @file Running graphs on ONNX Runtime. */
export {
  compile,
  Executable,
  type Feeds,
  loadExecutable,
  loadSession,
  type NamedTensors,
  type Port,
  type RuntimeOptions,
  type Session,
} from './executable.ts';
export { callingThread, type SessionThread, type StatePort, WorkerError, WorkerThread } from './session-thread.ts';
export { type AdvancePhase, HeldState, type StateOptions } from './state.ts';
export { defaultNumThreads } from './threads.ts';
