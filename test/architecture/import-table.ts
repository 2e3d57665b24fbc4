/**
 * @file The import table of ARCHITECTURE.md, for a machine: which room may import which. A file belongs to the room with the
 * longest matching prefix, so `src/engine/graph/ops/mat-mul.ts` belongs to `engine/graph`. A room named in a row stands for
 * everything inside it too.
 */

/** Every room with the rooms that it may import besides itself. */
export const importTable: Readonly<Record<string, readonly string[]>> = {
  'engine/core': [],
  'engine/formats': ['engine/core'],
  'engine/graph': ['engine/core'],
  'engine/autodiff': ['engine/core', 'engine/graph'],
  'engine/kernels': ['engine/core', 'engine/graph'],
  'engine/onnx': ['engine/core', 'engine/graph', 'engine/formats'],
  'engine/runtime': ['engine/core', 'engine/graph', 'engine/onnx'],
  'engine/train': ['engine/core', 'engine/graph', 'engine/autodiff', 'engine/kernels', 'engine/onnx', 'engine/runtime'],
  media: ['engine/core', 'engine/formats'],
  model: ['engine/core', 'engine/graph'],
  'model/towers': ['model', 'engine/core', 'engine/graph', 'engine/onnx', 'engine/formats'],
  learn: ['engine', 'media', 'model', 'bundle'],
  bundle: ['engine', 'media', 'model'],
  apps: ['engine', 'media', 'model', 'bundle'],
  'serve/protocol': [],
  serve: ['serve/protocol', 'apps', 'bundle', 'engine/core'],
  'serve/workers': ['serve', 'apps', 'bundle', 'engine/core', 'learn'],
  cli: ['serve', 'apps', 'learn', 'bundle', 'model', 'media', 'engine'],
  studio: ['serve/protocol'],
};

/** Packages with one home: everything else reaches them through that room. */
export const packageHomes: Readonly<Record<string, readonly string[]>> = {
  'onnxruntime-node': ['engine/runtime'],
  sharp: ['media'],
  '@lancedb/lancedb': ['apps'],
  'apache-arrow': ['apps'],
  pg: ['apps'],
  '@nats-io/transport-node': ['apps'],
  '@nats-io/jetstream': ['apps'],
  hono: ['serve'],
  '@hono/node-server': ['serve'],
  citty: ['cli'],
  'cli-progress': ['cli'],
  preact: ['studio'],
};

/** Files longer than the limit of 400 lines, each with its reason. */
export const longFiles: Readonly<Record<string, string>> = {};
