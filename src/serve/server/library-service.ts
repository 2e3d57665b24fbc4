/**
 * @file Searches one library for the handlers. The encoder may still be loading and the library may not exist yet: searches
 * wait for the first, and the second is empty until it does.
 */
import { basename } from 'node:path';
import {
  EncoderMismatchError,
  fileIdOf,
  type Library,
  type LibraryEncoder,
  openLibrary,
  type QueryNotice,
  type SearchHit,
  searchLibrary,
} from '../../apps/search/index.ts';
import { MissingDataError } from '../../engine/core/index.ts';
import type { EncoderStatus, FileKind, Hit, SegmentKind, Status } from '../protocol/index.ts';
import { type IndexingEvent, IndexingProgress, idleIndexing } from './indexing-progress.ts';
import { type Found, NotReadyError, type Query, type SearchService, type ServedFile } from './service.ts';

const noFiles: Status['library']['kinds'] = { image: 0, audio: 0, video: 0, document: 0 };

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
  /** The files that were found so far, by id: no others can be asked for. */
  readonly #found = new Map<string, ServedFile & { readonly fileNumber: number }>();
  readonly #encoder: Promise<LibraryEncoder>;
  #resolveEncoder: (encoder: LibraryEncoder | Promise<never>) => void = () => {};
  #encoderStatus: EncoderStatus = { state: 'loading' };
  #library: Promise<Library> | undefined;
  /** What is being asked of the library: it may not be closed meanwhile. */
  readonly #uses = new Set<Promise<unknown>>();
  #kinds: Status['library']['kinds'] = noFiles;
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
    const kinds = await this.#use(async (library) => (await library?.countByKind()) ?? noFiles, mustExist);
    if (Object.entries(kinds).every(([kind, count]) => this.#kinds[kind as FileKind] === count)) return;
    this.#kinds = kinds;
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

  async search(query: Query, top: number, kinds?: readonly SegmentKind[]): Promise<Found> {
    const encoder = await this.#encoder;
    return this.#use((library) => this.#searchIn(library, encoder, query, top, kinds));
  }

  async #searchIn(
    library: Library | undefined,
    encoder: LibraryEncoder,
    query: Query,
    top: number,
    kinds: readonly SegmentKind[] | undefined,
  ): Promise<Found> {
    if (library === undefined) return { hits: [], searched: 0, notice: null };
    const searched = await library.count();
    try {
      const { hits, notice } = await searchLibrary({ library, encoder, query, top, ...(kinds ? { kinds } : {}) });
      return {
        hits: await Promise.all(hits.map((hit) => this.#shown(library, hit))),
        searched,
        notice: notice === undefined ? null : { kind: notice, message: noticeMessages[notice] },
      };
    } catch (error) {
      if (error instanceof EncoderMismatchError) throw new NotReadyError(error.message, { cause: error });
      throw error;
    }
  }

  async #shown(library: Library, hit: SearchHit): Promise<Hit> {
    const { path, fileNumber, index, tags: _, modifiedAt: __, indexedAt: ___, ...rest } = hit;
    const id = fileIdOf(path);
    this.#found.set(id, { path, kind: hit.fileKind, fileNumber });
    const passage = hit.kind === 'text' ? ((await library.segment(fileNumber, index))?.text ?? null) : null;
    const hasThumbnail = hit.kind === 'video' || (hit.kind === 'image' && Math.max(hit.width, hit.height) > 640);
    return { id, name: basename(path), ...rest, segment: index, passage, hasThumbnail };
  }

  async thumbnailOf(id: string, segment: number): Promise<Uint8Array | undefined> {
    const file = this.#found.get(id);
    if (file === undefined) return undefined;
    const found = await this.#use((library) => library?.segment(file.fileNumber, segment));
    return found === undefined || found.thumbnail.length === 0 ? undefined : found.thumbnail;
  }

  async fileOf(id: string): Promise<ServedFile | undefined> {
    const file = this.#found.get(id);
    if (file === undefined) return undefined;
    const { path, kind } = file;
    return (await this.#use((library) => library?.has(path))) ? { path, kind } : undefined;
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
