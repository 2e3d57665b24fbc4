/** @file Finds pictures, sounds and videos in a library by a text or by any of them. */
import { MediaError } from '../../engine/core/index.ts';
import { probeMedia, renderPicture } from '../../media/index.ts';
import { encodeInputs } from './encode-inputs.ts';
import { EncoderMismatchError } from './errors.ts';
import type { Library, SearchHit } from './library.ts';
import type { LibraryEncoder } from './library-encoder.ts';
import type { MediaKind } from './media-table.ts';
import { clipOf, type EncoderInput, soundOf } from './prepare-file.ts';
import { type QueryNotice, queryLanguage } from './query-language.ts';

/** What to look for: a text, or a picture, sound or moving picture, as a path or as the bytes of a file; `media` is told by its content. */
export type SearchQuery =
  | { readonly text: string }
  | { readonly picture: string | Uint8Array }
  | { readonly audio: string | Uint8Array }
  | { readonly video: string | Uint8Array }
  | { readonly media: string | Uint8Array };

/** What `searchLibrary` needs. */
export interface SearchOptions {
  readonly library: Library;
  /** The encoder that the library was made with. */
  readonly encoder: LibraryEncoder;
  readonly query: SearchQuery;
  /** How many files to return at most, in [1, 1000]; 20 by default. */
  readonly top?: number;
  /** Looks only within this folder, at any depth. */
  readonly folder?: string;
  /** Looks only for these kinds; all by default. */
  readonly kinds?: readonly MediaKind[];
}

/** What was found. */
export interface SearchResult {
  /** Best first. */
  readonly hits: readonly SearchHit[];
  /** Why `hits` is empty or may be weak, when the query is in a script that the encoder does not know. */
  readonly notice?: QueryNotice;
}

/** A query may have at most this many characters. */
export const maxQueryLength = 2000;

/**
 * Finds the files nearest to a query. A text in an unknown script gives no hits and a notice, for the encoder would return
 * about the same pictures for any such text.
 * @throws RangeError if `top` is out of range, or the text is empty or too long.
 * @throws EncoderMismatchError if the encoder is not the library's.
 * @throws MediaError if the file asked with cannot be read, or is of a kind that the encoder does not take.
 */
export async function searchLibrary(options: SearchOptions): Promise<SearchResult> {
  const { library, encoder, query, top = 20, folder, kinds } = options;
  const among = { ...(folder === undefined ? {} : { folder }), ...(kinds === undefined ? {} : { kinds }) };
  if (!Number.isInteger(top) || top < 1 || top > 1000) {
    throw new RangeError(`searchLibrary: top must be a whole number in [1, 1000], got ${top}`);
  }
  if (encoder.id !== library.encoderId || encoder.dim !== library.dim) {
    throw new EncoderMismatchError(
      `searchLibrary: library ${library.directory} was made with encoder ${library.encoderId}, got ${encoder.id}`,
    );
  }
  if (!('text' in query)) {
    const { data } = await encodeInputs(encoder, [await inputOf(query, encoder)]);
    return { hits: await library.nearest(data, top, among) };
  }
  const text = query.text.normalize('NFC').trim();
  if (text === '') throw new RangeError('searchLibrary: the text must not be empty');
  if (text.length > maxQueryLength) {
    throw new RangeError(`searchLibrary: the text must have at most ${maxQueryLength} characters, got ${text.length}`);
  }
  const { notice, isUnderstood } = queryLanguage(text, encoder.languages);
  const noticed = notice === undefined ? {} : { notice };
  if (!isUnderstood) return { hits: [], ...noticed };
  const { data } = await encoder.encodeTexts([text]);
  return { hits: await library.nearest(data, top, among), ...noticed };
}

/** The file of a query, decoded. */
async function inputOf(
  query: Exclude<SearchQuery, { readonly text: string }>,
  { pictureView, audioView, videoView }: LibraryEncoder,
): Promise<EncoderInput> {
  if ('picture' in query) return { kind: 'image', pixels: await renderPicture(query.picture, pictureView) };
  if ('audio' in query) {
    if (audioView === undefined) throw new MediaError('searchLibrary: the model takes no sounds');
    return await soundOf(query.audio, audioView);
  }
  if ('video' in query) {
    if (videoView === undefined) throw new MediaError('searchLibrary: the model takes no videos');
    return await clipOf(query.video, videoView);
  }
  const { media } = query;
  const { kind, format } = await probeMedia(media);
  // A model without videos still sees the first picture of an animation.
  if (kind === 'image' || (kind === 'animation' && videoView === undefined)) {
    return { kind: 'image', pixels: await renderPicture(media, pictureView) };
  }
  if (kind === 'audio' && audioView !== undefined) return await soundOf(media, audioView);
  if ((kind === 'video' || kind === 'animation') && videoView !== undefined) return await clipOf(media, videoView);
  const name = typeof media === 'string' ? media : 'the file';
  throw new MediaError(`${name}: must be a picture, sound or video that the model takes, got ${format}`);
}
