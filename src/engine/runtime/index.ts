/** @file Running graphs on ONNX Runtime. */
export {
  compile,
  Executable,
  type Feeds,
  loadExecutable,
  type NamedTensors,
  type Port,
  type RuntimeOptions,
} from './executable.ts';
