/** @file The engine in a browser (`sensorium/engine/browser`): everything but execution on onnxruntime-node; onnxruntime-web runs the step. */
export * from './autodiff/index.ts';
export * from './core/index.ts';
export * from './graph/index.ts';
export * from './onnx/index.ts';
export * from './train/web/index.ts';
