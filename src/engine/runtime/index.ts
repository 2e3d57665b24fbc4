/** @file Running graphs on ONNX Runtime. */
export {
  compile,
  Executable,
  loadExecutable,
  type NamedTensors,
  type Port,
  type RuntimeOptions,
} from './executable.ts';
