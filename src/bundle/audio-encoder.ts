/**
 * @file The sound side of a bundle: log-mel front end, tower, head. A clip longer than the tower hears at once is heard in pieces of equal
 * length, evenly spaced from its beginning to its end, and the mean of their features is what it sounds like.
 *
 * N: clips; F: features; D: dimension of the space.
 */
import { FormatError, Tensor } from '../engine/core/index.ts';
import { type Executable, loadExecutable, type RuntimeOptions } from '../engine/runtime/index.ts';
import { logMel } from '../media/index.ts';
import { type Bundle, fileOf } from './bundle-folder.ts';
import { BundleHead, inBatches } from './head.ts';
import type { MultimodalManifest } from './manifest.ts';

type AudioSection = NonNullable<MultimodalManifest['audio']>;

/** Clips encoded in one run. */
const clipBatch = 8;
/** Bands of the front end `log-mel-64`. */
const numBands = 64;
/** Shorter clips are filled up with silence to this. */
const minSeconds = 0.25;

/** Sounds to unit vectors of the space. */
export class AudioEncoder {
  readonly #section: AudioSection;
  readonly #tower: Executable;
  readonly #head: BundleHead;

  private constructor(section: AudioSection, tower: Executable, head: BundleHead) {
    this.#section = section;
    this.#tower = tower;
    this.#head = head;
  }

  /** Opens the tower and the head. @throws FormatError if they are not what the manifest describes. */
  static async open(bundle: Bundle, section: AudioSection, runtime: RuntimeOptions): Promise<AudioEncoder> {
    const { weights, head } = section;
    const tower = await loadExecutable(fileOf(bundle, weights), runtime);
    try {
      const [input] = tower.inputs;
      const fits = input?.name === 'logMel' && input.dtype === 'float32' && input.shape.length === 3;
      if (tower.inputs.length !== 1 || !fits || (typeof input.shape[2] === 'number' && input.shape[2] !== numBands)) {
        throw new FormatError(
          `${weights}: an audio tower takes logMel float32[N, frames, ${numBands}] and nothing else`,
        );
      }
      return new AudioEncoder(section, tower, await BundleHead.open(bundle, head, ['features'], runtime));
    } catch (error) {
      await tower.close();
      throw error;
    }
  }

  /** Unit vectors `[N, D]` of mono samples. */
  encode(clips: readonly Float32Array[]): Promise<Tensor<'float32'>> {
    return inBatches(clips, clipBatch, async (batch) => this.#head.run({ features: await this.#features(batch) }));
  }

  /** Features `[n, F]`: pieces of the same length go through the tower together. */
  async #features(clips: readonly Float32Array[]): Promise<Tensor<'float32'>> {
    const pieces = clips.flatMap((samples, clip) =>
      piecesOf(samples, this.#section).map((piece) => ({ clip, logMel: logMel(piece) })),
    );
    const numPieces = clips.map((_, clip) => pieces.filter((piece) => piece.clip === clip).length);
    let sums: Float32Array | undefined;
    let dim = 0;
    for (const numFrames of new Set(pieces.map((piece) => piece.logMel.shape[0]!))) {
      const group = pieces.filter((piece) => piece.logMel.shape[0] === numFrames);
      for (let start = 0; start < group.length; start += clipBatch) {
        const part = group.slice(start, start + clipBatch);
        const features = await this.#hear(part.map((piece) => piece.logMel));
        dim = features.shape[1]!;
        sums ??= new Float32Array(clips.length * dim);
        for (const [row, { clip }] of part.entries()) {
          for (let i = 0; i < dim; i++) sums[clip * dim + i]! += features.data[row * dim + i]! / numPieces[clip]!;
        }
      }
    }
    return new Tensor('float32', [clips.length, dim], sums!);
  }

  /** Features `[n, F]` of spectrograms of the same length. */
  async #hear(spectrograms: readonly Tensor<'float32'>[]): Promise<Tensor<'float32'>> {
    const [frames, bands] = spectrograms[0]!.shape as [number, number];
    const data = new Float32Array(spectrograms.length * frames * bands);
    spectrograms.forEach((one, i) => {
      data.set(one.data, i * frames * bands);
    });
    const shape = [spectrograms.length, frames, bands];
    const { features } = await this.#tower.run({ logMel: new Tensor('float32', shape, data) });
    if (features?.dtype !== 'float32' || features.shape.length !== 2) {
      throw new FormatError(`${this.#section.weights}: an audio tower gives "features" float32[N, F]`);
    }
    return features as Tensor<'float32'>;
  }

  async close(): Promise<void> {
    await Promise.all([this.#tower.close(), this.#head.close()]);
  }
}

/** The pieces that are heard of a clip: one, or as many windows as cover it, evenly spaced. */
function piecesOf(
  samples: Float32Array,
  { sampleRateHz, windowSeconds, maxSeconds }: Pick<AudioSection, 'sampleRateHz' | 'windowSeconds' | 'maxSeconds'>,
): Float32Array[] {
  const heard = samples.subarray(0, Math.round(maxSeconds * sampleRateHz));
  const window = Math.round(windowSeconds * sampleRateHz);
  if (heard.length <= window) {
    const shortest = Math.min(window, Math.round(minSeconds * sampleRateHz));
    if (heard.length >= shortest) return [heard];
    const filled = new Float32Array(shortest);
    filled.set(heard);
    return [filled];
  }
  const numWindows = Math.ceil(heard.length / window);
  return Array.from({ length: numWindows }, (_, i) => {
    const start = Math.round((i * (heard.length - window)) / (numWindows - 1));
    return heard.subarray(start, start + window);
  });
}
