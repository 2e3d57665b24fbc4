/**
 * @file What an encoder is given, of any kind, and how it becomes vectors: what indexing and searching share.
 *
 * N: number of inputs; D: dimension of the vectors; S: side of a picture in pixels; T: frames.
 */
import { MediaError, Tensor } from '../../engine/core/index.ts';
import { decodeAudio, readFrames } from '../../media/index.ts';
import type { LibraryEncoder } from './library-encoder.ts';

/** What the encoder is given: a picture `uint8[S, S, 3]`, a clip `uint8[T, S, S, 3]`, mono samples, or words. */
export type EncoderInput =
  | { readonly kind: 'image' | 'video'; readonly pixels: Tensor<'uint8'> }
  | { readonly kind: 'audio'; readonly samples: Float32Array }
  | { readonly kind: 'text'; readonly words: string };

/**
 * Unit vectors `[N, D]` of inputs that are all of one kind.
 * @throws MediaError if the encoder does not take the kind.
 */
export async function encodeInputs(
  encoder: LibraryEncoder,
  inputs: readonly EncoderInput[],
): Promise<Tensor<'float32'>> {
  const pixels = inputs.flatMap((input) => ('pixels' in input ? [input.pixels] : []));
  const kind = inputs[0]?.kind;
  if (kind === 'text')
    return await encoder.encodeTexts(inputs.flatMap((input) => ('words' in input ? [input.words] : [])));
  if (kind === 'image') return await encoder.encodePictures(pixels);
  if (kind === 'video') {
    if (encoder.encodeVideos === undefined) throw new MediaError('the model takes no videos');
    return await encoder.encodeVideos(pixels);
  }
  if (encoder.encodeAudio === undefined) throw new MediaError('the model takes no sounds');
  return await encoder.encodeAudio(inputs.flatMap((input) => ('samples' in input ? [input.samples] : [])));
}

/** A sound as the encoder takes it, from a path or the bytes of a file. @throws MediaError if it cannot be decoded. */
export async function soundOf(
  source: string | Uint8Array,
  { sampleRateHz, maxSeconds }: NonNullable<LibraryEncoder['audioView']>,
): Promise<EncoderInput> {
  const { samples } = await decodeAudio(source, { sampleRateHz, endSeconds: maxSeconds });
  return { kind: 'audio', samples };
}

/** A moving picture as the encoder takes it, from a path or the bytes of a file. @throws MediaError if it cannot be decoded. */
export async function clipOf(
  source: string | Uint8Array,
  { numFrames, size, padding }: NonNullable<LibraryEncoder['videoView']>,
): Promise<EncoderInput> {
  const frameBytes = size * size * 3;
  const data = new Uint8Array(numFrames * frameBytes);
  let filled = 0;
  for await (const { pixels } of readFrames(source, { numFrames, size, padding })) {
    if (filled < numFrames) data.set(pixels.data, filled++ * frameBytes);
  }
  if (filled === 0) throw new MediaError(`${typeof source === 'string' ? source : 'video'}: no frame could be decoded`);
  // What is shorter than it says stands still at its end.
  for (; filled < numFrames; filled++)
    data.copyWithin(filled * frameBytes, (filled - 1) * frameBytes, filled * frameBytes);
  return { kind: 'video', pixels: new Tensor('uint8', [numFrames, size, size, 3], data) };
}
