/**
 * @file The moving side of a bundle: each frame goes through the picture tower, then the video tower sees all frames in their order, beside
 * thumbnails that show where things are; the head joins both into one vector.
 *
 * N: clips; T: frames; S: side of a frame in pixels; F: features; D: dimension of the space.
 */
import { FormatError, ShapeError, Tensor } from '../engine/core/index.ts';
import { type Executable, loadExecutable, type NamedTensors, type RuntimeOptions } from '../engine/runtime/index.ts';
import { thumbnails } from '../media/index.ts';
import { type Bundle, fileOf } from './bundle-folder.ts';
import { BundleHead, inBatches } from './head.ts';
import type { MultimodalManifest } from './manifest.ts';
import type { PictureEncoder } from './picture-encoder.ts';

type VideoSection = NonNullable<MultimodalManifest['video']>;

/** Clips encoded in one run. */
const clipBatch = 4;

/** Moving pictures to unit vectors of the space. */
export class VideoEncoder {
  readonly #section: VideoSection;
  readonly #size: number;
  readonly #pictures: PictureEncoder;
  readonly #tower: Executable;
  readonly #head: BundleHead;

  private constructor(bundle: Bundle, section: VideoSection, pictures: PictureEncoder, opened: Opened) {
    this.#section = section;
    this.#size = bundle.manifest.picture.size;
    this.#pictures = pictures;
    this.#tower = opened.tower;
    this.#head = opened.head;
  }

  /** Opens the tower and the head; frames go through `pictures`, which stays its owner's. @throws FormatError if they do not fit. */
  static async open(
    bundle: Bundle,
    section: VideoSection,
    pictures: PictureEncoder,
    runtime: RuntimeOptions,
  ): Promise<VideoEncoder> {
    const tower = await loadExecutable(fileOf(bundle, section.weights), runtime);
    try {
      const taken = tower.inputs.map(({ name, dtype, shape }) => `${name} ${dtype} ${shape.length}`).sort();
      if (taken.join() !== 'pictureFeatures float32 3,thumbnails float32 5') {
        throw new FormatError(
          `${section.weights}: a video tower takes pictureFeatures float32[N, T, F] and thumbnails float32[N, T, 16, 16, 3], got ${taken.join(', ')}`,
        );
      }
      const head = await BundleHead.open(bundle, section.head, ['features', 'frames'], runtime);
      return new VideoEncoder(bundle, section, pictures, { tower, head });
    } catch (error) {
      await tower.close();
      throw error;
    }
  }

  /** Unit vectors `[N, D]` of clips `uint8[T, S, S, 3]`. @throws ShapeError if a clip has another shape. */
  async encode(clips: readonly Tensor<'uint8'>[]): Promise<Tensor<'float32'>> {
    const shape = [this.#section.numFrames, this.#size, this.#size, 3];
    clips.forEach((clip, i) => {
      if (clip.shape.join() !== shape.join()) {
        throw new ShapeError(`encodeVideos: clip ${i} must be [${shape}], got [${clip.shape}]`);
      }
    });
    return inBatches(clips, clipBatch, (batch) => this.#encode(batch));
  }

  async #encode(clips: readonly Tensor<'uint8'>[]): Promise<Tensor<'float32'>> {
    const { numFrames } = this.#section;
    const frames = clips.flatMap((clip) => framesOf(clip));
    const pictureFeatures = await this.#pictures.features(frames);
    const rows = sideBySide(pictureFeatures, this.#pictures.outputs);
    const small = thumbnails(frames);
    const { features } = await this.#tower.run({
      pictureFeatures: new Tensor('float32', [clips.length, numFrames, rows.shape[1]!], rows.data),
      thumbnails: new Tensor('float32', [clips.length, numFrames, ...small.shape.slice(1)], small.data),
    });
    if (features?.dtype !== 'float32' || features.shape.length !== 2) {
      throw new FormatError(`${this.#section.weights}: a video tower gives "features" float32[N, F]`);
    }
    if (!this.#head.inputs.includes('frames')) return this.#head.run({ features });
    const vectors = await this.#pictures.project(pictureFeatures);
    const shape = [clips.length, numFrames, vectors.shape[1]!];
    return this.#head.run({ features, frames: new Tensor('float32', shape, vectors.data) });
  }

  async close(): Promise<void> {
    await Promise.all([this.#tower.close(), this.#head.close()]);
  }
}

interface Opened {
  readonly tower: Executable;
  readonly head: BundleHead;
}

/** The frames `uint8[S, S, 3]` of a clip, without copying. */
function framesOf({ shape, data }: Tensor<'uint8'>): Tensor<'uint8'>[] {
  const numBytes = shape[1]! * shape[2]! * shape[3]!;
  return Array.from(
    { length: shape[0]! },
    (_, t) => new Tensor('uint8', shape.slice(1), data.subarray(t * numBytes, (t + 1) * numBytes)),
  );
}

/** Outputs `[n, F]` of the picture tower as one row `[n, sum of F]` each. */
function sideBySide(features: NamedTensors, outputs: readonly string[]): Tensor<'float32'> {
  const parts = outputs.map((name) => features[name] as Tensor<'float32'>);
  const numRows = parts[0]!.shape[0]!;
  const width = parts.reduce((sum, part) => sum + part.shape[1]!, 0);
  const data = new Float32Array(numRows * width);
  let column = 0;
  for (const part of parts) {
    const dim = part.shape[1]!;
    for (let row = 0; row < numRows; row++) {
      data.set(part.data.subarray(row * dim, (row + 1) * dim), row * width + column);
    }
    column += dim;
  }
  return new Tensor('float32', [numRows, width], data);
}
