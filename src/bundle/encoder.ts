/**
 * @file What applications see of a trained model: texts, pictures, sounds and moving pictures in, unit vectors of one shared space out.
 *
 * N: number of inputs; D: dimension of the space; S: side of a picture in pixels; T: frames of a moving picture.
 */
import type { Tensor } from '../engine/core/index.ts';
import type { Calibration } from './calibration.ts';
import type { Codes } from './codes.ts';

/** What an encoder can take in. */
export type Modality = 'text' | 'image' | 'audio' | 'video';

/** The part of an encoder that texts and pictures need. */
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
  /** Frees the sessions. Runs that are under way end first; later ones fail. */
  close(): Promise<void>;
}

/**
 * A trained encoder of up to four modalities, ready to run. What a modality needs is opened when it is first used. Safe to call again
 * while another call is under way.
 */
export interface Encoder extends TextImageEncoder {
  /** Languages of the texts that it understands (BCP 47): `['en', 'zh']`. */
  readonly languages: readonly string[];
  /** What it takes in. */
  readonly modalities: readonly Modality[];
  /** How `decodeAudio` makes the clips that `encodeAudio` takes; absent if the encoder takes no sounds. Longer clips are cut at `maxSeconds`. */
  readonly audioView?: { readonly sampleRateHz: 16000; readonly maxSeconds: number };
  /** How `readFrames` makes the clips that `encodeVideos` takes; absent if the encoder takes no moving pictures. */
  readonly videoView?: { readonly numFrames: number; readonly size: number; readonly padding: number };
  /** How vectors become binary codes; absent if the bundle brings none. It has an id of its own: with other codes the vectors are the same. */
  readonly codes?: Codes;
  /** How scores become probabilities; absent if the bundle was not calibrated. */
  readonly calibration?: Calibration;
  /**
   * Unit vectors `[N, D]` of sounds, each mono samples in [-1, 1] at the rate of the `audioView`.
   * @throws MissingDataError if the encoder takes no sounds.
   */
  encodeAudio(clips: readonly Float32Array[]): Promise<Tensor<'float32'>>;
  /**
   * Unit vectors `[N, D]` of moving pictures, each `uint8[T, S, S, 3]` RGB frames in the order of time, rendered in the `videoView`.
   * @throws MissingDataError if the encoder takes no moving pictures.
   */
  encodeVideos(clips: readonly Tensor<'uint8'>[]): Promise<Tensor<'float32'>>;
  /** Opens what these modalities need now, so that their first use is as quick as the next. */
  prepare(modalities: readonly Modality[]): Promise<void>;
}
