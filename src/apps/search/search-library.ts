/** @file Finds pictures in a library by a text or by another picture. */
import type { TextImageEncoder } from '../../bundle/index.ts';
import { renderPicture } from '../../media/index.ts';
import { EncoderMismatchError } from './errors.ts';
import type { Library, SearchHit } from './library.ts';
import { type QueryNotice, queryLanguage } from './query-language.ts';

/** What to look for: a text, or a picture as a path or as the bytes of a file. */
export type SearchQuery = { readonly text: string } | { readonly picture: string | Uint8Array };

/** What `searchLibrary` needs. */
export interface SearchOptions {
  readonly library: Library;
  /** The encoder that the library was made with. */
  readonly encoder: TextImageEncoder;
  readonly query: SearchQuery;
  /** How many pictures to return at most, in [1, 1000]; 20 by default. */
  readonly top?: number;
  /** Looks only within this folder, at any depth. */
  readonly folder?: string;
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
 * Finds the pictures nearest to a query. A text in an unknown script gives no hits and a notice, for the encoder would return
 * about the same pictures for any such text.
 * @throws RangeError if `top` is out of range, or the text is empty or too long.
 * @throws EncoderMismatchError if the encoder is not the library's.
 * @throws MediaError if the picture asked with cannot be read.
 */
export async function searchLibrary(options: SearchOptions): Promise<SearchResult> {
  const { library, encoder, query, top = 20, folder } = options;
  if (!Number.isInteger(top) || top < 1 || top > 1000) {
    throw new RangeError(`searchLibrary: top must be a whole number in [1, 1000], got ${top}`);
  }
  if (encoder.id !== library.encoderId || encoder.dim !== library.dim) {
    throw new EncoderMismatchError(
      `searchLibrary: library ${library.directory} was made with encoder ${library.encoderId}, got ${encoder.id}`,
    );
  }
  if ('picture' in query) {
    const picture = await renderPicture(query.picture, encoder.pictureView);
    const { data } = await encoder.encodePictures([picture]);
    return { hits: await library.nearest(data, top, folder) };
  }
  const text = query.text.normalize('NFC').trim();
  if (text === '') throw new RangeError('searchLibrary: the text must not be empty');
  if (text.length > maxQueryLength) {
    throw new RangeError(`searchLibrary: the text must have at most ${maxQueryLength} characters, got ${text.length}`);
  }
  const { notice, isUnderstood } = queryLanguage(text);
  const noticed = notice === undefined ? {} : { notice };
  if (!isUnderstood) return { hits: [], ...noticed };
  const { data } = await encoder.encodeTexts([text]);
  return { hits: await library.nearest(data, top, folder), ...noticed };
}
