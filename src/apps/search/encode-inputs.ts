/** @file Inputs of one kind through the encoder: what indexing and searching share. */
import { MediaError, type Tensor } from '../../engine/core/index.ts';
import type { LibraryEncoder } from './library-encoder.ts';
import type { EncoderInput } from './prepare-file.ts';

/**
 * Unit vectors `[N, D]` of inputs that are all of one kind.
 * @throws MediaError if the encoder does not take the kind.
 */
export async function encodeInputs(
  encoder: LibraryEncoder,
  inputs: readonly EncoderInput[],
): Promise<Tensor<'float32'>> {
  const pixels = inputs.flatMap((input) => ('pixels' in input ? [input.pixels] : []));
  if (inputs[0]?.kind === 'image') return await encoder.encodePictures(pixels);
  if (inputs[0]?.kind === 'video') {
    if (encoder.encodeVideos === undefined) throw new MediaError('the model takes no videos');
    return await encoder.encodeVideos(pixels);
  }
  if (encoder.encodeAudio === undefined) throw new MediaError('the model takes no sounds');
  return await encoder.encodeAudio(inputs.flatMap((input) => ('samples' in input ? [input.samples] : [])));
}
