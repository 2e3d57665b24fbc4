/**
 * @file Searches one library for the handlers. The encoder may still be loading and the library may not exist yet: searches
 * wait for the first, and the second is empty until it does.
 */
import { basename, dirname } from 'node:path';
import {
  EncoderMismatchError,
  encodeQuery,
  fileIdOf,
  type JudgedHit,
  type Library,
  type LibraryEncoder,
  type LibraryFacets,
  LibraryTooLargeError,
  openLibrary,
  type QueryNotice,
  type SearchFilter,
  type SearchHit,
  searchLibrary,
  type WeightedPart,
} from '../../apps/search/index.ts';
import { calibrate, type QueryKind } from '../../bundle/index.ts';
import { MissingDataError } from '../../engine/core/index.ts';
import type { EncoderStatus, Facets, FileKind, FileMoment, Hit, RefusedResponse, Status } from '../protocol/index.ts';
import { type IndexingEvent, IndexingProgress, idleIndexing } from './indexing-progress.ts';
import { QueryCache } from './query-cache.ts';
import {
  type Filter,
  type Found,
  NotFoundError,
  NotReadyError,
  type Part,
  type SearchService,
  type ServedFile,
} from './service.ts';

const noFiles: Status['library']['kinds'] = { image: 0, audio: 0, video: 0, document: 0 };

const noFacets: LibraryFacets = { files: noFiles, folders: [], tags: [], modifiedMs: null, longestSeconds: 0 };

/** How long it is taken for granted what the library can be filtered by, in milliseconds. */
const facetsLastMs = 2000;

/** A picture with a longer side than this has a small one beside it, in pixels. */
const shownWholeSide = 640;

/** What is served. */
export interface LibraryServiceOptions {
  /** The folder of the library. */
  readonly directory: string;
  /** Whose files these are, where a licence asks to say so. */
  readonly credit?: string;
}

const noticeMessages: Readonly<Record<QueryNotice, string>> = {
  'chinese-not-yet': 'this model does not understand Chinese; ask in English',
  'script-not-yet': 'queries in this script are not understood; ask in English or Chinese',
};

/** Serves one library. Give it an encoder with `useEncoder`, and the events of an indexing run with `onIndexing`. */
export class LibraryService implements SearchService {
  readonly #options: LibraryServiceOptions;
  readonly #listeners = new Set<() => void>();
  readonly #queries = new QueryCache();
  readonly #encoder: Promise<LibraryEncoder>;
  #resolveEncoder: (encoder: LibraryEncoder | Promise<never>) => void = () => {};
  #encoderStatus: EncoderStatus = { state: 'loading' };
  #library: Promise<Library> | undefined;
  /** What is being asked of the library: it may not be closed meanwhile. */
  readonly #uses = new Set<Promise<unknown>>();
  #kinds: Status['library']['kinds'] = noFiles;
  #numRefused = 0;
  #facets: { readonly atMs: number; readonly value: Promise<LibraryFacets> } | undefined;
  #indexing: IndexingProgress | undefined;

  constructor(options: LibraryServiceOptions) {
    this.#options = options;
    this.#encoder = new Promise((resolve) => {
      this.#resolveEncoder = resolve;
    });
    this.#encoder.catch(() => {});
  }

  /** Loads the encoder; searches that came before wait for it. A failure becomes part of the status. */
  async useEncoder(load: () => Promise<LibraryEncoder>): Promise<void> {
    try {
      const encoder = await load();
      this.#encoderStatus = { state: 'ready', id: encoder.id };
      this.#resolveEncoder(encoder);
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      this.#encoderStatus = { state: 'failed', message };
      this.#resolveEncoder(Promise.reject(new NotReadyError(message, { cause: error })));
    }
    this.#tellListeners();
  }

  /** Takes in what an indexing run reports. */
  async onIndexing(event: IndexingEvent): Promise<void> {
    this.#indexing ??= new IndexingProgress();
    this.#indexing.update(event);
    this.#tellListeners();
    // A library that was emptied for another encoder must be opened again.
    if (event.type === 'library-ready') void this.#forgetLibrary();
    if (event.type !== 'encoder-ready') await this.refresh();
  }

  /** Says that an indexing run is about to start. */
  expectIndexing(): void {
    this.#indexing = new IndexingProgress();
  }

  /** Counts the files anew. @throws MissingDataError if `mustExist` and there is no library. */
  async refresh(mustExist = false): Promise<void> {
    const { kinds, refused } = await this.#use(
      async (library) => ({
        kinds: (await library?.countByKind()) ?? noFiles,
        refused: (await library?.countRefused()) ?? 0,
      }),
      mustExist,
    );
    const isSame = Object.entries(kinds).every(([kind, count]) => this.#kinds[kind as FileKind] === count);
    if (isSame && refused === this.#numRefused) return;
    this.#kinds = kinds;
    this.#numRefused = refused;
    this.#tellListeners();
  }

  status(): Status {
    const { directory, credit } = this.#options;
    const files = Object.values(this.#kinds).reduce((sum, count) => sum + count, 0);
    return {
      library: {
        name: basename(directory),
        kinds: this.#kinds,
        files,
        refused: this.#numRefused,
        ...(credit === undefined ? {} : { credit }),
      },
      encoder: this.#encoderStatus,
      indexing: this.#indexing?.status ?? idleIndexing,
    };
  }

  onStatus(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  async search(parts: readonly Part[], top: number, filter: Filter = {}): Promise<Found> {
    const encoder = await this.#encoder;
    return this.#use(async (library) => {
      if (library === undefined) return { hits: [], weaker: [], searched: 0, notice: null };
      const searched = await library.count();
      const query = await this.#partsIn(library, parts);
      const within = await this.#filterIn(library, filter);
      const { hits, weaker, notice } = await explained(() =>
        searchLibrary({ library, encoder, query: { parts: query }, top, ...within }),
      );
      return {
        hits: await Promise.all(hits.map((hit) => this.#shown(library, hit))),
        weaker: await Promise.all(weaker.map((hit) => this.#shown(library, hit))),
        searched,
        notice: notice === undefined ? null : { kind: notice, message: noticeMessages[notice] },
      };
    });
  }

  async momentsOf(id: string, parts: readonly Part[]): Promise<readonly FileMoment[]> {
    const encoder = await this.#encoder;
    return this.#use(async (library) => {
      const file = await library?.fileById(id);
      if (library === undefined || file === undefined) throw new NotFoundError('the library has no such file');
      const query = await this.#partsIn(library, parts);
      const { vectors, kinds } = await explained(() =>
        this.#queries.get(query, () => encodeQuery(library, encoder, { parts: query })),
      );
      if (vectors.length === 0) return [];
      const moments = await explained(() => library.momentsOf([file.fileNumber], vectors));
      return moments.map((hit) => {
        // What the schema does not know stays here, above all the path.
        const { kind, startSeconds, endSeconds, keyFrameSeconds, page, score, standing } = hit;
        const times = { startSeconds, endSeconds, keyFrameSeconds, page };
        return {
          kind,
          segment: hit.index,
          ...times,
          score,
          standing,
          ...probabilityOf(hit, encoder, kinds),
          hasThumbnail: hasThumbnail(hit),
        };
      });
    });
  }

  /** Parts in the words of the library: ids become file numbers. */
  async #partsIn(library: Library, parts: readonly Part[]): Promise<WeightedPart[]> {
    return Promise.all(
      parts.map(async ({ weight = 1, ...part }): Promise<WeightedPart> => {
        if (!('like' in part)) return { ...part, weight };
        const { id, segment: index } = part.like;
        const file = await library.fileById(id);
        const segment = file === undefined ? undefined : await library.segment(file.fileNumber, index);
        if (segment === undefined) {
          throw new NotFoundError('what was to be compared with is not in the library any more');
        }
        return { like: { fileNumber: segment.fileNumber, index }, weight };
      }),
    );
  }

  async #filterIn(library: Library, { folder: id, ...filter }: Filter): Promise<SearchFilter> {
    if (id === undefined) return filter;
    // Only folders of the library can be named, so that nobody learns which others there are.
    const folder = (await this.#facetsOf(library)).folders.find((one) => one.id === id);
    if (folder === undefined) throw new NotFoundError('the library has no such folder');
    return { ...filter, folder: folder.path };
  }

  #facetsOf(library: Library): Promise<LibraryFacets> {
    const nowMs = performance.now();
    if (this.#facets === undefined || nowMs - this.#facets.atMs > facetsLastMs) {
      this.#facets = { atMs: nowMs, value: library.facets() };
      this.#facets.value.catch(() => {
        this.#facets = undefined;
      });
    }
    return this.#facets.value;
  }

  async facets(): Promise<Facets> {
    const { files, folders, tags, modifiedMs, longestSeconds } = await this.#use((library) =>
      library === undefined ? noFacets : this.#facetsOf(library),
    );
    return {
      kinds: files,
      folders: folders.map(({ id, name, numFiles }) => ({ id, name, files: numFiles })),
      tags: tags.map(({ tag, numFiles }) => ({ tag, files: numFiles })),
      modifiedMs,
      longestSeconds,
    };
  }

  async refused(offset: number, limit: number): Promise<RefusedResponse> {
    const all = (await this.#use((library) => library?.refused())) ?? [];
    const sorted = all.toSorted((a, b) => (a.path < b.path ? -1 : 1));
    const root = commonFolder(sorted.map(({ path }) => path));
    return {
      total: sorted.length,
      files: sorted.slice(offset, offset + limit).map(({ path, reason }) => ({
        name: basename(path),
        folder: dirname(path)
          .slice(root.length)
          .replace(/^[\\/]/, ''),
        // A reason may name the file again, with its whole path.
        reason: reason.replaceAll(path, basename(path)),
      })),
    };
  }

  async #shown(library: Library, hit: JudgedHit): Promise<Hit> {
    const { path, fileNumber, index, indexedAt: _, hasWords = false, tags, standing, ...rest } = hit;
    const passage = hit.kind === 'text' ? ((await library.segment(fileNumber, index))?.text ?? null) : null;
    const names = { id: fileIdOf(path), name: basename(path) };
    const known = { ...rest, hasWords, standing: Number.isNaN(standing) ? null : standing, tags: [...tags] };
    return { ...known, ...names, segment: index, passage, hasThumbnail: hasThumbnail(hit) };
  }

  async thumbnailOf(id: string, segment: number): Promise<Uint8Array | undefined> {
    return this.#use(async (library) => {
      const file = await library?.fileById(id);
      if (library === undefined || file === undefined) return undefined;
      const found = await library.segment(file.fileNumber, segment);
      // What is heard in a video is shown by the first thing that is seen in it.
      const shown =
        found?.kind === 'audio' && file.kind === 'video' ? await library.segment(file.fileNumber, 0) : found;
      return shown === undefined || shown.thumbnail.length === 0 ? undefined : shown.thumbnail;
    });
  }

  async fileOf(id: string): Promise<ServedFile | undefined> {
    const file = await this.#use((library) => library?.fileById(id));
    return file === undefined ? undefined : { path: file.path, kind: file.kind };
  }

  /** Frees the library and the encoder. */
  async close(): Promise<void> {
    await this.#forgetLibrary();
    if (this.#encoderStatus.state === 'ready') await (await this.#encoder).close();
  }

  /** The library, opened at the first need; nothing if there is none yet. */
  async #open(mustExist: boolean): Promise<Library | undefined> {
    this.#library ??= openLibrary(this.#options.directory);
    const opening = this.#library;
    try {
      return await opening;
    } catch (error) {
      if (this.#library === opening) this.#library = undefined;
      if (error instanceof MissingDataError && !mustExist) return undefined;
      throw error;
    }
  }

  /** Does something with the library, which stays open until it is done. */
  #use<T>(work: (library: Library | undefined) => Promise<T> | T, mustExist = false): Promise<T> {
    const use = this.#open(mustExist).then(work);
    this.#uses.add(use);
    const forget = () => this.#uses.delete(use);
    use.then(forget, forget);
    return use;
  }

  /** The next use opens the library anew; this one is closed when nobody uses it any more. */
  async #forgetLibrary(): Promise<void> {
    const library = this.#library;
    this.#library = undefined;
    await Promise.allSettled(this.#uses);
    await (await library?.catch(() => undefined))?.close();
  }

  #tellListeners(): void {
    for (const listener of this.#listeners) listener();
  }
}

/** Whether the segment has a small picture of its own: a still that is small is shown whole. */
function hasThumbnail({ kind, width, height }: Pick<SearchHit, 'kind' | 'width' | 'height'>): boolean {
  return kind === 'video' || (kind === 'image' && Math.max(width, height) > shownWholeSide);
}

/** How probable it is that a segment answers, where the encoder was calibrated; of a mix of parts nothing is known, as in `searchLibrary`. */
function probabilityOf(
  { kind: rowKind, score: cosine, standing }: SearchHit,
  { calibration }: LibraryEncoder,
  kinds: readonly QueryKind[],
): { probability?: number } {
  const [queryKind] = kinds;
  if (calibration === undefined || queryKind === undefined || kinds.length > 1) return {};
  return { probability: calibrate(calibration, { queryKind, rowKind, cosine, standing }) };
}

/** Does something that needs the encoder of the library. @throws NotReadyError if the encoder is another one's. */
async function explained<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof EncoderMismatchError) throw new NotReadyError(error.message, { cause: error });
    if (error instanceof LibraryTooLargeError) throw new NotFoundError(error.message);
    throw error;
  }
}

/** The deepest folder that holds all of these. */
function commonFolder(paths: readonly string[]): string {
  let common = paths[0] === undefined ? '' : dirname(paths[0]);
  for (const path of paths) {
    while (common !== dirname(common) && !path.startsWith(common === '/' ? common : `${common}/`)) {
      common = dirname(common);
    }
  }
  return common;
}
