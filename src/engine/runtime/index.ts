/** @file Running graphs on ONNX Runtime. */
export { availableDevices, type Device, DeviceError } from './device.ts';
export {
  compile,
  Executable,
  type Feeds,
  type LoadOptions,
  loadCachedSession,
  loadExecutable,
  loadSession,
  modelFor,
  type NamedTensors,
  type Port,
  type RuntimeOptions,
  type Session,
} from './executable.ts';
export type { KernelCall, KernelSource } from './kernel-host.ts';
export { loadOnnx } from './load-onnx.ts';
export {
  drawFeeds,
  type Profile,
  type ProfileOptions,
  type ProfileRow,
  profileModel,
  summarizeProfile,
} from './profile.ts';
export { readNote, writeNote } from './session-cache.ts';
export { callingThread, type SessionThread, type StatePort, WorkerError, WorkerThread } from './session-thread.ts';
export { type AdvancePhase, HeldState, type KernelsId, type StateOptions } from './state.ts';
export { defaultNumThreads } from './threads.ts';
