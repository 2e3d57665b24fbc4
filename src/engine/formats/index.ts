/** @file Bytes to tensors and back: safetensors, TensorFlow.js models, data in JavaScript modules, base64. */
export { decodeBase64 } from './base64.ts';
export { readJavascriptData, readJavascriptText } from './javascript-data.ts';
export { readSafetensors, type Safetensors, writeSafetensors } from './safetensors.ts';
export { readTfjsModel, type TfjsModel, tfjsShardPaths } from './tfjs.ts';
