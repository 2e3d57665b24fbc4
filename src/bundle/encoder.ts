/**
 * @file What applications see of a trained model: texts and pictures in, unit vectors of one shared space out.
 *
 * N: number of inputs; D: dimension of the space; S: side of a picture in pixels.
 */
import type { Tensor } from '../engine/core/index.ts';

/** A trained text-image encoder, ready to run. */
export interface TextImageEncoder {
  /** Names the weights: two encoders with the same id give the same vectors. */
  readonly id: string;
  /** D, the dimension of the space. */
  readonly dim: number;
  /** How `renderPicture` makes the pictures that `encodePictures` takes: S, the side in pixels, and what is left free around. */
  readonly pictureView: { readonly size: number; readonly padding: number };
  /** Unit vectors `[N, D]` of texts. */
  encodeTexts(texts: readonly string[]): Promise<Tensor<'float32'>>;
  /** Unit vectors `[N, D]` of pictures, each `uint8[S, S, 3]` RGB, rendered in the `pictureView`. */
  encodePictures(pictures: readonly Tensor<'uint8'>[]): Promise<Tensor<'float32'>>;
  /** Frees the sessions. */
  close(): Promise<void>;
}
