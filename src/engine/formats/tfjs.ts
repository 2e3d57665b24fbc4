/**
 * @file Models in TensorFlow.js's web format: a `model.json` (topology and weights manifest) and binary weight shards. Graph-models and
 * layers-models share the manifest. Weights quantized to uint8 or uint16 (affine) or float16 come out as float32. Text and complex
 * weights are refused.
 */
import { dtypes, FormatError, float16Value, type NumericDtype, Tensor } from '../core/index.ts';

/** A model as it lies in the files, with its weights decoded. */
export interface TfjsModel {
  readonly format: 'graph-model' | 'layers-model';
  /** `modelTopology` as it came: a GraphDef with `node`, or a Keras `model_config`. */
  readonly topology: Readonly<Record<string, unknown>>;
  /** Weights by name: float32, int32 or bool. */
  readonly weights: ReadonlyMap<string, Tensor>;
}

interface Quantization {
  readonly dtype: 'uint8' | 'uint16' | 'float16';
  readonly scale: number;
  readonly min: number;
}

interface WeightSpec {
  readonly name: string;
  readonly shape: readonly number[];
  readonly dtype: 'float32' | 'int32' | 'bool';
  readonly quantization: Quantization | undefined;
}

const bytesPerElement = { float32: 4, int32: 4, bool: 1, uint8: 1, uint16: 2, float16: 2 } as const;

/** The paths of the shards that a `model.json` names, in the order in which `readTfjsModel` takes them. */
export function tfjsShardPaths(modelJson: unknown): string[] {
  return manifestGroups(recordOf(modelJson, 'model.json')).flatMap((group) => group.paths);
}

/**
 * The model in `modelJson` (parsed) with weights from `shards`, in the order of the manifest's paths.
 * @throws FormatError naming the place, where the description is nonsense or the shards are not the bytes that it describes.
 */
export function readTfjsModel(modelJson: unknown, shards: readonly Uint8Array[]): TfjsModel {
  const model = recordOf(modelJson, 'model.json');
  const topology = recordOf(model.modelTopology, 'modelTopology');
  const format = Array.isArray(topology.node) ? 'graph-model' : 'layers-model';
  if (format === 'layers-model' && topology.model_config === undefined) {
    throw new FormatError('tfjs: modelTopology has neither "node" (graph-model) nor "model_config" (layers-model)');
  }
  const groups = manifestGroups(model);
  const numPaths = groups.reduce((sum, group) => sum + group.paths.length, 0);
  if (shards.length !== numPaths) {
    throw new FormatError(`tfjs: the manifest names ${numPaths} shards, got ${shards.length}`);
  }
  const weights = new Map<string, Tensor>();
  let nextShard = 0;
  for (const group of groups) {
    const bytes = concatenate(shards.slice(nextShard, nextShard + group.paths.length));
    nextShard += group.paths.length;
    let offset = 0;
    for (const spec of group.weights) {
      const width = bytesPerElement[spec.quantization?.dtype ?? spec.dtype];
      const length = spec.shape.reduce((product, dim) => product * dim, width);
      if (offset + length > bytes.length) {
        throw new FormatError(
          `tfjs: weight "${spec.name}" needs bytes ${offset} to ${offset + length}, its shards have ${bytes.length}`,
        );
      }
      if (weights.has(spec.name)) throw new FormatError(`tfjs: two weights are named "${spec.name}"`);
      weights.set(spec.name, decodeWeight(spec, bytes.slice(offset, offset + length)));
      offset += length;
    }
    if (offset !== bytes.length) {
      throw new FormatError(`tfjs: the weights of ${group.paths.join(', ')} use ${offset} of ${bytes.length} bytes`);
    }
  }
  return { format, topology, weights };
}

interface ManifestGroup {
  readonly paths: readonly string[];
  readonly weights: readonly WeightSpec[];
}

function manifestGroups(model: Readonly<Record<string, unknown>>): ManifestGroup[] {
  const manifest = arrayOf(model.weightsManifest, 'weightsManifest');
  return manifest.map((group, i) => {
    const place = `weightsManifest[${i}]`;
    const { paths, weights } = recordOf(group, place);
    return {
      paths: arrayOf(paths, `${place}.paths`).map((path, j) => textOf(path, `${place}.paths[${j}]`)),
      weights: arrayOf(weights, `${place}.weights`).map((weight, j) => weightSpec(weight, `${place}.weights[${j}]`)),
    };
  });
}

function weightSpec(value: unknown, place: string): WeightSpec {
  const { name: rawName, shape: rawShape, dtype, quantization } = recordOf(value, place);
  const name = textOf(rawName, `${place}.name`);
  const shape = arrayOf(rawShape, `${place}.shape`);
  if (!shape.every((dim) => Number.isSafeInteger(dim) && (dim as number) >= 0)) {
    throw new FormatError(`tfjs: weight "${name}": shape must be whole numbers, got ${JSON.stringify(shape)}`);
  }
  if (dtype !== 'float32' && dtype !== 'int32' && dtype !== 'bool') {
    throw new FormatError(`tfjs: weight "${name}": dtype must be float32, int32 or bool, got ${JSON.stringify(dtype)}`);
  }
  return { name, shape: shape as number[], dtype, quantization: quantizationOf(quantization, name) };
}

function quantizationOf(value: unknown, name: string): Quantization | undefined {
  if (value === undefined) return undefined;
  const { dtype, scale, min } = recordOf(value, `quantization of "${name}"`);
  if (dtype === 'float16') return { dtype, scale: 1, min: 0 };
  if ((dtype !== 'uint8' && dtype !== 'uint16') || !Number.isFinite(scale) || !Number.isFinite(min)) {
    throw new FormatError(
      `tfjs: weight "${name}": quantization must be float16, or uint8 or uint16 with scale and min`,
    );
  }
  return { dtype, scale: scale as number, min: min as number };
}

/** `bytes` is a copy of its own, so it is aligned for any element. */
function decodeWeight({ name, shape, dtype, quantization }: WeightSpec, bytes: Uint8Array<ArrayBuffer>): Tensor {
  const length = bytes.length / bytesPerElement[quantization?.dtype ?? dtype];
  if (quantization === undefined) {
    return new Tensor<NumericDtype>(dtype, shape, new dtypes[dtype].array(bytes.buffer, 0, length));
  }
  if (dtype === 'bool') throw new FormatError(`tfjs: weight "${name}": bool cannot be quantized`);
  const codes = quantization.dtype === 'uint8' ? bytes : new Uint16Array(bytes.buffer, 0, length);
  const values = dtype === 'float32' ? new Float32Array(length) : new Int32Array(length);
  if (quantization.dtype === 'float16') {
    for (let i = 0; i < length; i++) values[i] = float16Value(codes[i]!);
  } else {
    const { scale, min } = quantization;
    const round = dtype === 'int32' ? Math.round : (x: number) => x;
    for (let i = 0; i < length; i++) values[i] = round(codes[i]! * scale + min);
  }
  return new Tensor(dtype, shape, values);
}

function concatenate(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  // A Node Buffer's slice() is a view; a plain Uint8Array's is a copy, which the weights rely on.
  if (parts.length === 1)
    return new Uint8Array(parts[0]!.buffer as ArrayBuffer, parts[0]!.byteOffset, parts[0]!.byteLength);
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let offset = 0;
  for (const part of parts) {
    whole.set(part, offset);
    offset += part.length;
  }
  return whole;
}

function recordOf(value: unknown, place: string): Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new FormatError(`tfjs: ${place} must be an object`);
  }
  return value as Record<string, unknown>;
}

function arrayOf(value: unknown, place: string): readonly unknown[] {
  if (!Array.isArray(value)) throw new FormatError(`tfjs: ${place} must be a list`);
  return value;
}

function textOf(value: unknown, place: string): string {
  if (typeof value !== 'string') throw new FormatError(`tfjs: ${place} must be text`);
  return value;
}
