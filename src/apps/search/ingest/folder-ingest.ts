/**
 * @file The pipeline of one run: files are read and cut by a few workers, their segments encoded together, and whole files written in commits. Every stage waits for
 * the next when it is ahead.
 */
import { constants } from 'node:fs';
import { access } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { MediaError } from '../../../engine/core/index.ts';
import type { IndexedFile, RefusedFile, Segment } from '../store/segment.ts';
import type { KnownFile, SegmentWriter } from '../store/segment-store.ts';
import { EncodingQueue } from './encoding-queue.ts';
import { type FileDescription, type PreparedSegment, readFileContent } from './file-content.ts';
import type { IndexOptions } from './index-folder.ts';
import type { FoundFile, SkippedPath } from './walk-folder.ts';

/** What became of the files of a run. */
export interface IngestCounts {
  /** Files that the library did not have. */
  readonly added: number;
  /** Files whose content has changed. */
  readonly updated: number;
  /** Files whose content is what it was. */
  readonly unchanged: number;
  /** Segments that were written. */
  readonly segments: number;
  /** How long what was indexed plays, in seconds. */
  readonly mediaSeconds: number;
}

/** A file that is ready to be written. */
type Ready =
  | { readonly found: FoundFile; readonly indexed: IndexedFile; readonly damage?: string }
  | { readonly found: FoundFile; readonly sameAs: string; readonly contentHash: string }
  | { readonly found: FoundFile; readonly refusal: string; readonly isKept: boolean };

/** What is ready is written after this time at the latest, in milliseconds. */
const longestWaitMs = 1000;

/** A commit has at most about so many segments. */
const maxSegmentsOfCommit = 2000;

/** What the pipeline needs beside the options of the run. */
interface FolderIngestOptions extends IndexOptions {
  /** Told after each commit how many files are done. */
  readonly report: (done: number, figures?: Readonly<Record<string, number>>) => void;
}

/** One run. */
export class FolderIngest {
  /** Files that could not be indexed. */
  readonly refused: SkippedPath[] = [];
  /** Files that were indexed as far as they could be read. */
  readonly damaged: SkippedPath[] = [];
  readonly #writer: SegmentWriter;
  readonly #known: ReadonlyMap<string, KnownFile>;
  readonly #options: FolderIngestOptions;
  readonly #pathOfContent: Map<string, string>;
  readonly #hashOfPath = new Map<string, string>();
  readonly #queue: EncodingQueue;
  readonly #todo: FoundFile[] = [];
  readonly #ready: Ready[] = [];
  readonly #startedAtMs = performance.now();
  #committing: Promise<void> = Promise.resolve();
  #lastCommitMs = performance.now();
  #failure: { readonly error: unknown } | undefined;
  #numDone = 0;
  #counts = { added: 0, updated: 0, unchanged: 0, segments: 0, mediaSeconds: 0 };
  /** Whether anything was written. */
  hasWritten = false;

  constructor(writer: SegmentWriter, known: ReadonlyMap<string, KnownFile>, options: FolderIngestOptions) {
    this.#writer = writer;
    this.#known = known;
    this.#options = options;
    this.#queue = new EncodingQueue(options.encoder);
    const present = [...known.values()].filter(({ isRefused }) => !isRefused);
    this.#pathOfContent = new Map(present.map(({ contentHash, path }) => [contentHash, path]));
    for (const { path, contentHash } of present) this.#hashOfPath.set(path, contentHash);
  }

  /** Takes in these files. @throws what the encoder or the store throws, or the reason of the signal; what was written stays. */
  async ingest(files: readonly FoundFile[]): Promise<IngestCounts> {
    this.#options.report(0);
    this.#todo.push(...files.toReversed());
    const clock = setInterval(() => this.#commitIfDue(), longestWaitMs / 2);
    try {
      while (this.#todo.length > 0) {
        await Promise.all(Array.from({ length: Math.max(2, availableParallelism()) }, () => this.#work()));
        await this.#commitAll();
        // Copies whose original has changed meanwhile are to be read after all.
      }
    } finally {
      clearInterval(clock);
      await this.#committing;
    }
    return this.#counts;
  }

  /** Reads files until there are none, or something has failed. */
  async #work(): Promise<void> {
    const finishing = new Set<Promise<void>>();
    for (let file = this.#next(); file !== undefined; file = this.#next()) {
      const found = file;
      const finish = await this.#read(found).catch((error: unknown) => this.#fail(error));
      if (finish === undefined) continue;
      const finished: Promise<void> = finish()
        .catch((error: unknown) => this.#fail(error))
        .finally(() => finishing.delete(finished));
      finishing.add(finished);
      while (this.#ready.length > 4 * this.#batchSize && this.#failure === undefined) await this.#committing;
    }
    await Promise.all(finishing);
    if (this.#failure !== undefined) throw this.#failure.error;
  }

  #next(): FoundFile | undefined {
    if (this.#options.signal?.aborted) this.#fail(this.#options.signal.reason);
    return this.#failure === undefined ? this.#todo.pop() : undefined;
  }

  #fail(error: unknown): undefined {
    this.#failure ??= { error };
    return undefined;
  }

  get #batchSize(): number {
    return this.#options.batchSize ?? 256;
  }

  /** Reads a file and sends its segments to the encoder. @returns what waits for them and makes the file ready. */
  async #read(found: FoundFile): Promise<(() => Promise<void>) | undefined> {
    const { encoder, signal, framesPerSecond = 1, keyFrames = false } = this.#options;
    const prepared: { segment: PreparedSegment; vector: Promise<Float32Array> }[] = [];
    let description: FileDescription | undefined;
    let damage: string | undefined;
    try {
      const content = await readFileContent(found.path, {
        encoder,
        sameContent: (hash) => this.#pathOfContent.get(hash),
        framesPerSecond,
        keyFrames,
        signal,
      });
      if ('sameAs' in content) {
        this.#makeReady({ found, ...content });
        return undefined;
      }
      ({ description } = content);
      for await (const segment of content.segments) {
        signal?.throwIfAborted();
        await this.#queue.room();
        if (this.#failure !== undefined) return undefined;
        const vector = this.#queue.encode(segment.input);
        // It is awaited when the file ends; until then its failure must not count as unhandled.
        vector.catch(() => {});
        // What was encoded is needed no longer.
        prepared.push({ segment: { ...segment, input: noInput }, vector });
      }
    } catch (error) {
      if (!(error instanceof MediaError)) throw error;
      damage = reasonOf(error, found.path);
      if (prepared.length === 0) {
        const isKept = await access(found.path, constants.R_OK).then(
          () => true,
          () => false,
        );
        this.#makeReady({ found, refusal: damage, isKept });
        return undefined;
      }
    }
    const described = description!;
    return async () => this.#makeReady(await this.#finish(found, described, prepared, damage));
  }

  async #finish(
    found: FoundFile,
    description: FileDescription,
    prepared: readonly { segment: PreparedSegment; vector: Promise<Float32Array> }[],
    damage: string | undefined,
  ): Promise<Ready> {
    const { tenant = '', tags = [] } = this.#options;
    const segments: Segment[] = [];
    for (const { segment, vector: promised } of prepared) {
      const vector = await promised;
      if (!vector.every(Number.isFinite)) {
        return { found, refusal: 'the encoder gave it no finite vector', isKept: true };
      }
      const { input: _, ...rest } = segment;
      segments.push({ ...rest, vector });
    }
    const file = { ...found, ...description, tenant, tags, indexedAtMs: Date.now() };
    return { found, indexed: { file, segments }, ...(damage === undefined ? {} : { damage }) };
  }

  #makeReady(one: Ready): void {
    this.#ready.push(one);
    this.#commitIfDue();
  }

  #commitIfDue(): void {
    const isLate = performance.now() - this.#lastCommitMs > longestWaitMs && this.#ready.length > 0;
    if (this.#failure === undefined && (isLate || this.#ready.length >= this.#batchSize)) this.#commit();
  }

  async #commitAll(): Promise<void> {
    await this.#committing;
    while (this.#ready.length > 0 && this.#failure === undefined) {
      this.#commit();
      await this.#committing;
    }
    if (this.#failure !== undefined) throw this.#failure.error;
  }

  /** Writes what is ready, after what is being written. */
  #commit(): void {
    this.#lastCommitMs = performance.now();
    this.#committing = this.#committing.then(async () => {
      if (this.#failure !== undefined || this.#options.signal?.aborted) return;
      try {
        await this.#write(this.#takeReady());
      } catch (error) {
        this.#fail(error);
      }
    });
  }

  #takeReady(): Ready[] {
    let numSegments = 0;
    let count = 0;
    while (count < Math.min(this.#ready.length, this.#batchSize) && numSegments < maxSegmentsOfCommit) {
      const one = this.#ready[count++]!;
      numSegments += 'indexed' in one ? one.indexed.segments.length : 1;
    }
    return this.#ready.splice(0, count);
  }

  async #write(batch: readonly Ready[]): Promise<void> {
    if (batch.length === 0) return;
    const indexed: IndexedFile[] = [];
    const copied: { from: string; file: IndexedFile['file'] }[] = [];
    const refused: RefusedFile[] = [];
    const contents: { path: string; contentHash: string }[] = [];
    let numPutOff = 0;
    const originals = new Map(
      (await this.#describe(batch.flatMap((one) => ('sameAs' in one ? [one.sameAs] : [])))).map((file) => [
        file.path,
        file,
      ]),
    );
    for (const one of batch) {
      const { path } = one.found;
      if ('indexed' in one) {
        indexed.push(one.indexed);
        contents.push({ path, contentHash: one.indexed.file.contentHash });
        if (one.damage !== undefined) {
          this.damaged.push({ path, reason: `${one.damage}; what comes before is indexed` });
        }
      } else if ('sameAs' in one) {
        const original = originals.get(one.sameAs);
        if (original === undefined || this.#hashOfPath.get(one.sameAs) !== one.contentHash) {
          this.#todo.push(one.found);
          numPutOff += 1;
          continue;
        }
        const { tenant = '', tags = [] } = this.#options;
        const { fileNumber: _, ...rest } = original;
        copied.push({ from: one.sameAs, file: { ...rest, ...one.found, tenant, tags, indexedAtMs: Date.now() } });
        contents.push({ path, contentHash: one.contentHash });
      } else {
        this.refused.push({ path, reason: one.refusal });
        if (one.isKept) refused.push({ ...one.found, reason: one.refusal });
      }
    }
    if (indexed.length + copied.length + refused.length > 0) await this.#writer.put({ indexed, copied, refused });
    this.hasWritten ||= indexed.length + copied.length > 0;
    for (const { path } of refused) this.#forgetContent(path);
    for (const { path, contentHash } of contents) {
      this.#forgetContent(path);
      this.#hashOfPath.set(path, contentHash);
      if (!this.#pathOfContent.has(contentHash)) this.#pathOfContent.set(contentHash, path);
      this.#count(path, contentHash);
    }
    for (const { file, segments } of indexed) {
      this.#counts.segments += segments.length;
      this.#counts.mediaSeconds += file.durationSeconds;
    }
    this.#numDone += batch.length - numPutOff;
    const { mediaSeconds } = this.#counts;
    const seconds = (performance.now() - this.#startedAtMs) / 1000;
    this.#options.report(this.#numDone, mediaSeconds < 60 ? undefined : { 'hours/h': mediaSeconds / seconds });
  }

  /** The files at these paths, as the library has them. */
  async #describe(paths: readonly string[]) {
    return paths.length === 0 ? [] : await this.#writer.files(paths);
  }

  #forgetContent(path: string): void {
    const before = this.#hashOfPath.get(path);
    if (before === undefined) return;
    this.#hashOfPath.delete(path);
    if (this.#pathOfContent.get(before) === path) this.#pathOfContent.delete(before);
  }

  #count(path: string, contentHash: string): void {
    const before = this.#known.get(path);
    if (before === undefined || before.isRefused) this.#counts.added += 1;
    else if (before.contentHash === contentHash) this.#counts.unchanged += 1;
    else this.#counts.updated += 1;
  }
}

/** Stands where an input was that has been sent to the encoder. */
const noInput = { kind: 'text', words: '' } as const;

/** What a MediaError says, without the path that stands before it. */
function reasonOf({ message }: MediaError, path: string): string {
  const prefix = `${path}: `;
  return message.startsWith(prefix) ? message.slice(prefix.length) : message;
}
