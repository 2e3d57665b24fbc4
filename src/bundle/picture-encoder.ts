/** @file The picture side of a bundle: its tower, trained or of a package, and its head. Frames of moving pictures take the same way. */
import { FormatError, type Tensor } from '../engine/core/index.ts';
import type { NamedTensors, RuntimeOptions } from '../engine/runtime/index.ts';
import { type ImageOutput, imageStages, imageTower } from '../model/index.ts';
import { type Bundle, fileOf } from './bundle-folder.ts';
import { BundleHead, inBatches } from './head.ts';
import type { Manifest } from './manifest.ts';
import { openPictureTower, openTrainedTower, type PictureTower } from './text-image-towers.ts';

/** The outputs of the picture tower that are rows of features. */
const pooledOutputs: readonly ImageOutput[] = [...imageStages.map((stage) => `${stage}Pooled` as const), 'pooled'];

/** Pictures encoded in one run. */
const pictureBatch = 32;

/** Pictures to unit vectors of the space. */
export class PictureEncoder {
  readonly #tower: PictureTower;
  readonly #head: BundleHead;

  private constructor(tower: PictureTower, head: BundleHead) {
    this.#tower = tower;
    this.#head = head;
  }

  /** Names of the tower's outputs, in the order of the manifest. */
  get outputs(): readonly string[] {
    return this.#tower.outputs;
  }

  /** Opens the tower and the head. @throws as `loadEncoder` does. */
  static async open(bundle: Bundle, runtime: RuntimeOptions): Promise<PictureEncoder> {
    const { head, outputs } = bundle.manifest.picture;
    const tower = await openTower(bundle, runtime);
    try {
      return new PictureEncoder(tower, await BundleHead.open(bundle, head, outputs, runtime));
    } catch (error) {
      await tower.close();
      throw error;
    }
  }

  /** Unit vectors `[N, D]` of pictures `uint8[S, S, 3]`. */
  encode(pictures: readonly Tensor<'uint8'>[]): Promise<Tensor<'float32'>> {
    return inBatches(pictures, pictureBatch, async (batch) => this.project(await this.features(batch)));
  }

  /** Raw features of pictures, by the name of the output, each `[N, F]`. */
  features(pictures: readonly Tensor<'uint8'>[]): Promise<NamedTensors> {
    return this.#tower.run(pictures);
  }

  /** Unit vectors `[N, D]` of raw features. */
  project(features: NamedTensors): Promise<Tensor<'float32'>> {
    return this.#head.run(features);
  }

  async close(): Promise<void> {
    await Promise.all([this.#tower.close(), this.#head.close()]);
  }
}

/** Names the picture tower of a bundle without opening it. */
export function pictureTowerId({ tower: variant, size, outputs, weights }: Manifest['picture']): string {
  if (weights !== undefined || variant === 'vision-transformer') return String(weights);
  const tower = imageTower({ variant, size, outputs: outputs as ImageOutput[] });
  return `${tower.package}@${tower.version}/${tower.name}/${tower.revision}`;
}

/** The tower that the bundle brings, or the one of its package. */
function openTower(bundle: Bundle, runtime: RuntimeOptions): Promise<PictureTower> {
  const { tower: variant, size, outputs, weights } = bundle.manifest.picture;
  if (weights !== undefined) {
    return openTrainedTower({ weights: fileOf(bundle, weights), id: weights, size, outputs }, runtime);
  }
  if (variant === 'vision-transformer') throw noPackage(bundle);
  return openPictureTower({ variant, size, outputs: outputs as ImageOutput[] }, runtime);
}

/** @throws FormatError if the picture section names a tower or outputs that there are not. */
export function checkPictureTower(bundle: Bundle): void {
  const { tower, outputs, weights } = bundle.manifest.picture;
  if (weights !== undefined) return;
  if (tower === 'vision-transformer') throw noPackage(bundle);
  const known = new Set<string>(pooledOutputs);
  const unknown = outputs.find((output) => !known.has(output));
  if (unknown === undefined) return;
  throw new FormatError(`${bundle.directory}: picture.outputs: "${unknown}" is not one of ${[...known].join(', ')}`);
}

function noPackage({ directory, manifest }: Bundle): FormatError {
  return new FormatError(
    `${directory}: picture.weights: a ${manifest.picture.tower} comes with no package; the bundle must hold it`,
  );
}
