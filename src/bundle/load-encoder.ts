/** @file A bundle made ready to encode: its towers opened, its heads loaded. */
import { createHash } from 'node:crypto';
import { FormatError, Tensor } from '../engine/core/index.ts';
import { type Executable, loadExecutable, type NamedTensors, type RuntimeOptions } from '../engine/runtime/index.ts';
import { type ImageOutput, imageStages } from '../model/index.ts';
import { type Bundle, defaultBundleDirectory, readBundle } from './bundle-folder.ts';
import type { TextImageEncoder } from './encoder.ts';
import {
  openPictureTower,
  openTextTower,
  openTrainedTower,
  type PictureTower,
  type TextTower,
} from './text-image-towers.ts';

/** The outputs of the picture tower that are rows of features. */
const pooledOutputs: readonly ImageOutput[] = [...imageStages.map((stage) => `${stage}Pooled` as const), 'pooled'];

/** Pictures encoded in one run. */
const pictureBatch = 32;

/**
 * Opens the encoder of a bundle; without a folder, the one that comes with Sensorium.
 * @throws MissingDataError if there is no bundle or a tower's package is missing; FormatError if the bundle is damaged.
 */
export async function loadEncoder(directory?: string, runtime: RuntimeOptions = {}): Promise<TextImageEncoder> {
  const bundle = await readBundle(directory ?? defaultBundleDirectory());
  const { picture, text } = bundle.manifest;
  const heads = { picture: fileOf(bundle, picture.head), text: fileOf(bundle, text.head) };
  const [pictureTower, textTower, pictureHead, textHead] = await Promise.all([
    pictureTowerOf(bundle, runtime),
    openTextTower(text.output, runtime),
    loadExecutable(heads.picture, { ...runtime, numThreads: 1 }),
    loadExecutable(heads.text, { ...runtime, numThreads: 1 }),
  ]);
  return new BundleEncoder(bundle, { pictureTower, textTower, pictureHead, textHead });
}

interface Parts {
  readonly pictureTower: PictureTower;
  readonly textTower: TextTower;
  readonly pictureHead: Executable;
  readonly textHead: Executable;
}

class BundleEncoder implements TextImageEncoder {
  readonly id: string;
  readonly dim: number;
  readonly pictureView: TextImageEncoder['pictureView'];
  readonly #parts: Parts;

  constructor({ manifest }: Bundle, parts: Parts) {
    const towers = [parts.pictureTower.id, parts.textTower.id];
    const checksum = createHash('sha256')
      .update(JSON.stringify([manifest.files, towers, manifest.picture]))
      .digest('hex');
    this.id = `${manifest.name}-${checksum.slice(0, 12)}`;
    this.dim = manifest.space.dim;
    this.pictureView = { size: manifest.picture.size, padding: manifest.picture.padding };
    this.#parts = parts;
  }

  async encodeTexts(texts: readonly string[]): Promise<Tensor<'float32'>> {
    if (texts.length === 0) return new Tensor('float32', [0, this.dim], new Float32Array(0));
    return this.#project(this.#parts.textHead, { features: await this.#parts.textTower.run(texts) });
  }

  async encodePictures(pictures: readonly Tensor<'uint8'>[]): Promise<Tensor<'float32'>> {
    const result = new Float32Array(pictures.length * this.dim);
    for (let start = 0; start < pictures.length; start += pictureBatch) {
      const features = await this.#parts.pictureTower.run(pictures.slice(start, start + pictureBatch));
      const vectors = await this.#project(this.#parts.pictureHead, features);
      result.set(vectors.data, start * this.dim);
    }
    return new Tensor('float32', [pictures.length, this.dim], result);
  }

  async #project(head: Executable, features: NamedTensors): Promise<Tensor<'float32'>> {
    const embedding = (await head.run(features)).embedding;
    if (embedding?.dtype !== 'float32' || embedding.shape[1] !== this.dim) {
      throw new FormatError(`the bundle’s head must give "embedding" float32[N, ${this.dim}]`);
    }
    return embedding as Tensor<'float32'>;
  }

  async close(): Promise<void> {
    const { pictureTower, textTower, pictureHead, textHead } = this.#parts;
    await Promise.all([pictureTower.close(), textTower.close(), pictureHead.close(), textHead.close()]);
  }
}

/** The tower that the bundle brings, or the one of its package. */
function pictureTowerOf(bundle: Bundle, runtime: RuntimeOptions): Promise<PictureTower> {
  const { picture } = bundle.manifest;
  const { tower: variant, size, outputs, weights } = picture;
  if (weights !== undefined) {
    return openTrainedTower({ weights: fileOf(bundle, weights), id: weights, size, outputs }, runtime);
  }
  if (variant === 'vision-transformer') {
    throw new FormatError(
      `${bundle.directory}: picture.weights: a ${variant} comes with no package; the bundle must hold it`,
    );
  }
  return openPictureTower({ variant, size, outputs: pictureOutputs(bundle) }, runtime);
}

function pictureOutputs({ directory, manifest }: Bundle): ImageOutput[] {
  const known = new Set<string>(pooledOutputs);
  for (const output of manifest.picture.outputs) {
    if (!known.has(output)) {
      throw new FormatError(`${directory}: picture.outputs: "${output}" is not one of ${[...known].join(', ')}`);
    }
  }
  return manifest.picture.outputs as ImageOutput[];
}

function fileOf({ directory, files }: Bundle, name: string): Uint8Array {
  const bytes = files.get(name);
  if (bytes === undefined) throw new FormatError(`${directory}: the manifest names ${name} but does not list it`);
  return bytes;
}
