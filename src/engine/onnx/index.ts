/** @file Graphs as ONNX files, and ONNX files as functions. */
export {
  type AdapterOptions,
  cutAt,
  freeze,
  type Graft,
  type HeadOptions,
  insertAdapters,
  replaceHead,
  withParameters,
} from './edit.ts';
export { type ExportOptions, exportOnnx, opsetVersion } from './export.ts';
export { type ImportOptions, importOnnx } from './import.ts';
export {
  type ApplyOptions,
  inputSpecs,
  type NamedOperands,
  OnnxModel,
  type ToGraphOptions,
} from './model.ts';
export type { ExternalData } from './tensor-message.ts';
