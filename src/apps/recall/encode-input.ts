/** @file What a person hands in, a text or a file of any modality, as a vector of the encoder's space. D: dimension of the space. */
import type { Encoder, Modality } from '../../bundle/index.ts';
import { MissingDataError, Tensor } from '../../engine/core/index.ts';
import { decodeAudio, readFrames, renderPicture } from '../../media/index.ts';

/** A text, or a file given by its path or its bytes. */
export type RecallInput =
  | { readonly text: string }
  | { readonly picture: string | Uint8Array }
  | { readonly audio: string | Uint8Array }
  | { readonly video: string | Uint8Array };

/** A text may have at most this many characters. */
const maxTextLength = 2000;

/** The modality of an input. */
export function modalityOf(input: RecallInput): Modality {
  if ('text' in input) return 'text';
  if ('picture' in input) return 'image';
  return 'audio' in input ? 'audio' : 'video';
}

/**
 * The unit vector `[D]` of an input.
 * @throws RangeError if a text is empty or too long; MediaError if a file cannot be read; MissingDataError if the encoder does not take the modality.
 */
export async function encodeInput(encoder: Encoder, input: RecallInput, signal?: AbortSignal): Promise<Float32Array> {
  const modality = modalityOf(input);
  if (!encoder.modalities.includes(modality)) {
    throw new MissingDataError(`the encoder ${encoder.id} takes no ${modality}, only ${encoder.modalities.join(', ')}`);
  }
  if ('text' in input) {
    const text = input.text.normalize('NFC').trim();
    if (text === '') throw new RangeError('recall: the text must not be empty');
    if (text.length > maxTextLength) {
      throw new RangeError(`recall: a text must have at most ${maxTextLength} characters, got ${text.length}`);
    }
    return (await encoder.encodeTexts([text])).data;
  }
  if ('picture' in input) {
    return (await encoder.encodePictures([await renderPicture(input.picture, encoder.pictureView)])).data;
  }
  if ('audio' in input) {
    const { sampleRateHz, maxSeconds } = encoder.audioView!;
    const { samples } = await decodeAudio(input.audio, {
      sampleRateHz,
      startSeconds: 0,
      endSeconds: maxSeconds,
      ...(signal ? { signal } : {}),
    });
    return (await encoder.encodeAudio([samples])).data;
  }
  const clip = await readClip(input.video, encoder.videoView!, signal);
  return (await encoder.encodeVideos([clip])).data;
}

/** Evenly spaced frames as one clip `uint8[T, S, S, 3]`; a file with fewer shows its last one longer. */
async function readClip(
  source: string | Uint8Array,
  view: NonNullable<Encoder['videoView']>,
  signal: AbortSignal | undefined,
): Promise<Tensor<'uint8'>> {
  const { numFrames, size } = view;
  const numBytes = size * size * 3;
  const data = new Uint8Array(numFrames * numBytes);
  let t = 0;
  for await (const { pixels } of readFrames(source, { ...view, ...(signal ? { signal } : {}) })) {
    data.set(pixels.data, t++ * numBytes);
  }
  for (; t < numFrames; t++) data.copyWithin(t * numBytes, (t - 1) * numBytes, t * numBytes);
  return new Tensor('uint8', [numFrames, size, size, 3], data);
}
