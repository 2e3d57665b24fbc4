/** @file The engine: models as TypeScript functions, traced to ONNX graphs, differentiated as graphs, run by ONNX Runtime. */
export * from './autodiff/index.ts';
export * from './core/index.ts';
export * from './graph/index.ts';
export * from './onnx/index.ts';
export * from './runtime/index.ts';
export * from './train/index.ts';
