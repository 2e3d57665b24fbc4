/**
 * @file A file made ready for the encoder: told by its content, decoded in bounded time and memory, and rendered as the encoder wants it. Of a long sound only the
 * beginning is heard, of a long video only evenly spaced frames are seen: it is one vector a file.
 *
 * S: side of a picture in pixels; T: frames.
 */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import { MediaError, Tensor } from '../../engine/core/index.ts';
import {
  decodeAudio,
  type MediaInfo,
  probeAnimation,
  probeMedia,
  probePicture,
  readFrames,
  readPictureSource,
  renderPicture,
} from '../../media/index.ts';
import type { LibraryEncoder } from './library-encoder.ts';
import type { MediaKind, MediaRow } from './media-table.ts';

/** What the encoder is given of a file: a picture `uint8[S, S, 3]`, a clip `uint8[T, S, S, 3]`, or mono samples. */
export type EncoderInput =
  | { readonly kind: 'image' | 'video'; readonly pixels: Tensor<'uint8'> }
  | { readonly kind: 'audio'; readonly samples: Float32Array };

/** What the row of a file says of its content. */
export type Described = Pick<MediaRow, 'kind' | 'contentHash' | 'width' | 'height' | 'durationSeconds' | 'format'>;

/** A file that has been looked at: its content is known to the library already, or here is what to encode. */
export type Prepared =
  | { readonly sameAs: string; readonly contentHash: string }
  | { readonly described: Described; readonly input: EncoderInput };

/**
 * Reads and decodes a file.
 * @param sameContent the path of a file with this SHA-256 in the library, if there is one.
 * @throws MediaError if it cannot be read, is damaged, or is nothing that the encoder takes.
 */
export async function prepareFile(
  path: string,
  encoder: LibraryEncoder,
  sameContent: (contentHash: string) => string | undefined,
): Promise<Prepared> {
  const source = await readPictureSource(path).catch((error: unknown) => {
    // Not a picture: what else it is decides.
    if (error instanceof MediaError && /not a picture;|at most \d+ MB/.test(error.message)) return undefined;
    throw error;
  });
  if (source === undefined) return await prepareStream(path, encoder, sameContent);
  const contentHash = createHash('sha256').update(source.bytes).digest('hex');
  const known = sameContent(contentHash);
  if (known !== undefined) return { sameAs: known, contentHash };
  if (encoder.videoView !== undefined && (source.format === 'webp' || source.format === 'gif')) {
    const { numFrames, durationSeconds, width, height } = await probeAnimation(source.bytes);
    if (numFrames > 1) {
      const described = { kind: 'video', contentHash, width, height, durationSeconds, format: source.format } as const;
      return { described, input: await clipOf(path, encoder.videoView) };
    }
  }
  const { width, height, format } = await probePicture(source);
  const pixels = await renderPicture(source, encoder.pictureView);
  const described = { kind: 'image', contentHash, width, height, durationSeconds: 0, format } as const;
  return { described, input: { kind: 'image', pixels } };
}

/** A sound or a video, which is never read whole. */
async function prepareStream(
  path: string,
  encoder: LibraryEncoder,
  sameContent: (contentHash: string) => string | undefined,
): Promise<Prepared> {
  const info = await probeMedia(path);
  const kind = streamKind(path, info);
  const contentHash = await hashFile(path);
  const known = sameContent(contentHash);
  if (known !== undefined) return { sameAs: known, contentHash };
  const { width = 0, height = 0, durationSeconds = 0 } = info;
  const described = { kind, contentHash, width, height, durationSeconds, format: info.format.toLowerCase() };
  if (kind === 'video') {
    if (encoder.videoView === undefined) throw new MediaError(`${path}: the model takes no videos`);
    return { described, input: await clipOf(path, encoder.videoView) };
  }
  if (encoder.audioView === undefined) throw new MediaError(`${path}: the model takes no sounds`);
  return { described, input: await soundOf(path, encoder.audioView) };
}

function streamKind(path: string, { kind, format }: MediaInfo): Exclude<MediaKind, 'image'> {
  if (kind === 'audio' || kind === 'video') return kind;
  throw new MediaError(`${path}: not a picture, sound or video; it is ${format}`);
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

async function hashFile(path: string): Promise<string> {
  const hash = createHash('sha256');
  try {
    await pipeline(createReadStream(path), hash);
  } catch (cause) {
    throw new MediaError(`${path}: cannot be read (${(cause as NodeJS.ErrnoException).code ?? cause})`, { cause });
  }
  return hash.digest('hex');
}
