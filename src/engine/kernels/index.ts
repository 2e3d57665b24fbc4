/** @file Element-wise pieces of graphs as WebAssembly kernels that work in place. */
export { type ExtractedProgram, extractProgram, type Program, paddedElements } from './program.ts';
export { kernelExport, programToWasm } from './wasm.ts';
export { maxWasmPages, type WasmCode, type WasmFunction, type WasmType, wasm, wasmModule } from './wasm-code.ts';
