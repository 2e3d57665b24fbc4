/** @file Finds files and moments in a library by a text, a picture, a sound or a moving picture, by something already found, or by several of these together. */
import { calibrate, type QueryKind } from '../../bundle/index.ts';
import { MediaError, MissingDataError } from '../../engine/core/index.ts';
import { probeMedia, renderPicture } from '../../media/index.ts';
import { clipOf, type EncoderInput, encodeInputs, soundOf } from './encode-inputs.ts';
import { EncoderMismatchError } from './errors.ts';
import { fuseRanks } from './fuse-ranks.ts';
import type { Library, SearchFilter } from './library.ts';
import type { LibraryEncoder } from './library-encoder.ts';
import { type QueryNotice, queryLanguage } from './query-language.ts';
import type { SearchHit } from './search-hit.ts';
import type { WeightedVector } from './segment-memory.ts';

/**
 * One thing to look for: a text; a picture, sound or moving picture, as a path or as the bytes of a file; `media` is told by its content; `like` is a segment of the library.
 */
export type QueryPart =
  | { readonly text: string }
  | { readonly picture: string | Uint8Array }
  | { readonly audio: string | Uint8Array }
  | { readonly video: string | Uint8Array }
  | { readonly media: string | Uint8Array }
  | { readonly like: { readonly fileNumber: number; readonly index: number } };

/** A part of a query that counts for more or less, or against: "like this picture" 1, "at night" 0.7, "people" -0.5. */
export type WeightedPart = QueryPart & { readonly weight?: number };

/** What to look for: one thing, or several that count together. */
export type SearchQuery = QueryPart | { readonly parts: readonly WeightedPart[] };

/** What `searchLibrary` needs. */
export interface SearchOptions extends SearchFilter {
  readonly library: Library;
  /** The encoder that the library was made with. */
  readonly encoder: LibraryEncoder;
  readonly query: SearchQuery;
  /** How many files to return at most, in [1, 1000]; 20 by default. */
  readonly top?: number;
  /** A library of fewer segments does not tell what stands out, and all hits are shown; 500 by default, the smallest that calibrations are fit on. */
  readonly minCalibrated?: number;
}

/** A hit, with how likely it is to be what was asked for. */
export interface JudgedHit extends SearchHit {
  /** In (0, 1), where the encoder was calibrated for such a query; see src/bundle/calibration.ts. */
  readonly probability?: number;
  /** Whether it holds every word of the text. */
  readonly hasWords?: true;
}

/** What was found. */
export interface SearchResult {
  /** What matches, best first. With an encoder that was not calibrated, whatever is nearest. */
  readonly hits: readonly JudgedHit[];
  /** What is nearest beside it, but more likely does not match. */
  readonly weaker: readonly JudgedHit[];
  /** Why `hits` is empty or may be weak, when the query is in a script that the encoder does not know. */
  readonly notice?: QueryNotice;
}

/** A query may have at most this many characters. */
export const maxQueryLength = 2000;

/** A query may have at most this many parts. */
const maxQueryParts = 16;

/**
 * Finds the files nearest to a query, each by its best moment; files that hold every word of a text are found by their words too. A text in an unknown script gives
 * no hits and a notice, for the encoder would return about the same pictures for any such text.
 * @throws RangeError if `top` or a weight is out of range, a text is empty or too long, or there are no parts or too many.
 * @throws EncoderMismatchError if the encoder is not the library's.
 * @throws MediaError if a file asked with cannot be read, or is of a kind that the encoder does not take.
 * @throws MissingDataError if the segment asked with is not in the library.
 */
export async function searchLibrary(options: SearchOptions): Promise<SearchResult> {
  const { library, encoder, query, top = 20, minCalibrated = 500, ...filter } = options;
  if (!Number.isInteger(top) || top < 1 || top > 1000) {
    throw new RangeError(`searchLibrary: top must be a whole number in [1, 1000], got ${top}`);
  }
  const { vectors, texts, kinds, notice } = await encodeQuery(library, encoder, query);
  const noticed = notice === undefined ? {} : { notice };
  if (vectors.length === 0) return { hits: [], weaker: [], ...noticed };
  const byMeaning = await library.nearest(vectors, top, filter);
  const isText = texts.length === 1 && vectors.length === 1;
  const byWords = isText ? await library.nearestWords(texts[0]!, vectors, top, filter) : [];
  const calibration = (await library.countSegments()) < minCalibrated ? undefined : encoder.calibration;
  const judged = fuseRanks([byMeaning, byWords], ({ fileNumber }) => fileNumber).slice(0, top);
  return { ...judge(judged, new Set(byWords.map(({ fileNumber }) => fileNumber)), calibration, kinds), ...noticed };
}

/** Tells what matches from what is merely nearest. */
function judge(
  hits: readonly SearchHit[],
  withWords: ReadonlySet<number>,
  calibration: LibraryEncoder['calibration'],
  kinds: readonly QueryKind[],
): Pick<SearchResult, 'hits' | 'weaker'> {
  const judged = hits.map((hit): JudgedHit => {
    const words = withWords.has(hit.fileNumber) ? { hasWords: true as const } : {};
    // A mix of parts is a kind of query that nothing is known of.
    if (calibration === undefined || kinds.length !== 1 || Number.isNaN(hit.standing)) return { ...hit, ...words };
    const { kind: rowKind, score: cosine, standing } = hit;
    return {
      ...hit,
      ...words,
      probability: calibrate(calibration, { queryKind: kinds[0]!, rowKind, cosine, standing }),
    };
  });
  const matches = ({ probability, hasWords }: JudgedHit) =>
    hasWords === true || probability === undefined || probability >= calibration!.cutoff;
  return { hits: judged.filter(matches), weaker: judged.filter((hit) => !matches(hit)) };
}

/** A query as vectors. */
export interface EncodedQuery {
  /** The parts that are understood; none if nothing is. */
  readonly vectors: readonly WeightedVector[];
  /** The texts that count for, not against. */
  readonly texts: readonly string[];
  /** What each of the parts is, in the order of `vectors`. */
  readonly kinds: readonly QueryKind[];
  readonly notice?: QueryNotice;
}

/** Encodes the parts of a query. @throws as `searchLibrary` does. */
export async function encodeQuery(
  library: Library,
  encoder: LibraryEncoder,
  query: SearchQuery,
): Promise<EncodedQuery> {
  if (encoder.id !== library.encoderId || encoder.dim !== library.dim) {
    throw new EncoderMismatchError(
      `searchLibrary: library ${library.directory} was made with encoder ${library.encoderId}, got ${encoder.id}`,
    );
  }
  await library.useCodes(encoder.codes);
  const parts: readonly WeightedPart[] = 'parts' in query ? query.parts : [query];
  if (parts.length < 1 || parts.length > maxQueryParts) {
    throw new RangeError(`searchLibrary: a query must have 1 to ${maxQueryParts} parts, got ${parts.length}`);
  }
  if (!parts.some(({ weight = 1 }) => weight > 0)) {
    throw new RangeError('searchLibrary: a part of the query must have a weight above 0; say what to look for');
  }
  const vectors: WeightedVector[] = [];
  const texts: string[] = [];
  const kinds: QueryKind[] = [];
  let notice: QueryNotice | undefined;
  for (const part of parts) {
    const { weight = 1 } = part;
    if (!Number.isFinite(weight) || Math.abs(weight) > 100) {
      throw new RangeError(`searchLibrary: a weight must be in [-100, 100], got ${weight}`);
    }
    if (!('text' in part)) {
      const { vector, kind } = await vectorOf(part, library, encoder);
      vectors.push({ vector, weight });
      kinds.push(kind);
      continue;
    }
    const text = checkedText(part.text);
    const language = queryLanguage(text, encoder.languages);
    notice ??= language.notice;
    if (!language.isUnderstood) continue;
    vectors.push({ vector: (await encoder.encodeTexts([text])).data, weight });
    kinds.push(/\p{Script=Han}/u.test(text) ? 'text-zh' : 'text-en');
    if (weight > 0) texts.push(text);
  }
  // What counts against cannot be looked for alone.
  const isAsking = vectors.some(({ weight }) => weight > 0);
  return { vectors: isAsking ? vectors : [], texts, kinds, ...(notice === undefined ? {} : { notice }) };
}

function checkedText(given: string): string {
  const text = given.normalize('NFC').trim();
  if (text === '') throw new RangeError('searchLibrary: the text must not be empty');
  if (text.length <= maxQueryLength) return text;
  throw new RangeError(`searchLibrary: the text must have at most ${maxQueryLength} characters, got ${text.length}`);
}

async function vectorOf(
  part: Exclude<QueryPart, { readonly text: string }>,
  library: Library,
  encoder: LibraryEncoder,
): Promise<{ vector: Float32Array; kind: QueryKind }> {
  if (!('like' in part)) {
    const input = await inputOf(part, encoder);
    const { data } = await encodeInputs(encoder, [input]);
    return { vector: data, kind: input.kind === 'text' ? 'text-en' : input.kind };
  }
  const { fileNumber, index } = part.like;
  const segment = await library.segment(fileNumber, index);
  if (segment !== undefined)
    return { vector: segment.vector, kind: segment.kind === 'text' ? 'text-en' : segment.kind };
  throw new MissingDataError(`searchLibrary: segment ${index} of file ${fileNumber} is not in the library any more`);
}

/** The file of a query, decoded. */
async function inputOf(
  query: Exclude<QueryPart, { readonly text: string } | { readonly like: unknown }>,
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
