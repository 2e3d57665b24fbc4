/** @file Graphs as ONNX files. */
export { type ExportOptions, exportOnnx, opsetVersion } from './export.ts';
