/**
 * @file A library: pictures, sounds and videos of folders with their vectors, kept in a folder of its own. LanceDB holds the rows; a batch that has
 * been written survives a kill. Any number of processes may read while one writes.
 *
 * D: dimension of the vectors.
 */
import { mkdir, realpath } from 'node:fs/promises';
import { resolve } from 'node:path';
import { type Connection, connect, type Table } from '@lancedb/lancedb';
import { MissingDataError, ShapeError } from '../../engine/core/index.ts';
import { EncoderMismatchError } from './errors.ts';
import { isFreeForLibrary, type LibraryManifest, readManifest, writeManifest } from './manifest.ts';
import {
  earlierTableName,
  type MediaKind,
  type MediaRow,
  mediaKinds,
  mediaSchema,
  mediaTableName,
  ofKinds,
  sqlText,
  tableOfRows,
  vectorsOfTable,
  withinFolder,
} from './media-table.ts';
import { type Among, defaultMaxScanBytes, loadScan, type MemoryScan, scanColumns, scanNearest } from './memory-scan.ts';
import { acquireWriterLock, type WriterLock } from './writer-lock.ts';

/** One file found. */
export interface SearchHit {
  readonly kind: MediaKind;
  /** Absolute path of the file. */
  readonly path: string;
  /** Cosine of the angle between query and picture, in [-1, 1]. */
  readonly score: number;
  /** Width in pixels as shown; 0 of a sound. */
  readonly width: number;
  /** Height in pixels as shown; 0 of a sound. */
  readonly height: number;
  /** Length in seconds; 0 of a still picture. */
  readonly durationSeconds: number;
  /** How the format is called: png, flac, mp4. */
  readonly format: string;
  /** When the file was indexed, ISO 8601. */
  readonly indexedAt: string;
}

/** How `openLibrary` opens. */
export interface OpenLibraryOptions {
  /** Makes a new library where there is none; needs `encoderId` and `dim`. */
  readonly create?: boolean;
  /** Empties a library that was made with another encoder, or with this one; needs `create`. */
  readonly rebuild?: boolean;
  /** The encoder that will be used; absent, the library is opened whatever made it. */
  readonly encoderId?: string;
  /** D of that encoder. */
  readonly dim?: number;
  /** The most memory that vectors may take, in bytes; beyond it LanceDB answers, more slowly. 256 MB by default. */
  readonly maxScanBytes?: number;
}

/**
 * Opens the library in `directory`, or makes one.
 * @throws MissingDataError if there is none and `create` is not set.
 * @throws EncoderMismatchError if another encoder made it and `rebuild` is not set.
 * @throws LibraryBusyError if `rebuild` is set while another process writes.
 */
export async function openLibrary(directory: string, options: OpenLibraryOptions = {}): Promise<Library> {
  const at = resolve(directory);
  const { create = false, rebuild = false, encoderId, dim } = options;
  let manifest = await readManifest(at);
  if (manifest === undefined || (create && rebuild)) {
    if (!create) {
      throw new MissingDataError(`no library in ${at}; make one with: sensorium index <folder> --library ${directory}`);
    }
    if (encoderId === undefined || dim === undefined) {
      throw new TypeError('openLibrary: a new library needs encoderId and dim');
    }
    if (manifest === undefined && !(await isFreeForLibrary(at))) {
      throw new TypeError(`openLibrary: ${at} holds other files; give a new or an empty folder for the library`);
    }
    manifest = await makeLibrary(at, encoderId, dim, rebuild);
  }
  if (manifest.version === 1) {
    throw new EncoderMismatchError(
      `library ${at} was made by an earlier version, which knew pictures only; index again with --rebuild`,
    );
  }
  if (encoderId !== undefined && (manifest.encoderId !== encoderId || (dim !== undefined && manifest.dim !== dim))) {
    throw new EncoderMismatchError(
      `library ${at} was made with encoder ${manifest.encoderId}, whose vectors do not compare with those of ${encoderId}; ` +
        'index again with --rebuild, or give the model that made it with --model',
    );
  }
  const connection = await connect(at, { readConsistencyInterval: 0 });
  return new Library(at, manifest, connection, options.maxScanBytes ?? defaultMaxScanBytes);
}

async function makeLibrary(at: string, encoderId: string, dim: number, rebuild: boolean): Promise<LibraryManifest> {
  await mkdir(at, { recursive: true });
  const lock = await acquireWriterLock(at);
  try {
    if (rebuild) {
      const connection = await connect(at);
      // The rows go before the manifest changes, so that no moment shows rows of one encoder under the name of another.
      for (const name of await connection.tableNames()) {
        if (name === mediaTableName || name === earlierTableName) await connection.dropTable(name);
      }
      connection.close();
    } else {
      const made = await readManifest(at);
      if (made !== undefined) return made;
    }
    return await writeManifest(at, encoderId, dim);
  } finally {
    await lock.release();
  }
}

/** An open library. Made by `openLibrary`. */
export class Library {
  /** The folder that holds the library. */
  readonly directory: string;
  /** The encoder whose vectors it holds. */
  readonly encoderId: string;
  /** D, the dimension of the vectors. */
  readonly dim: number;
  readonly #connection: Connection;
  readonly #maxScanBytes: number;
  #table: Table | undefined;
  #scan: Promise<MemoryScan> | undefined;
  #scanVersion = -1;

  constructor(directory: string, manifest: LibraryManifest, connection: Connection, maxScanBytes: number) {
    this.directory = directory;
    this.encoderId = manifest.encoderId;
    this.dim = manifest.dim;
    this.#connection = connection;
    this.#maxScanBytes = maxScanBytes;
  }

  /** The number of files, in all or within a folder at any depth. */
  async count(folder?: string): Promise<number> {
    const table = await this.#openTable();
    if (table === undefined) return 0;
    return await table.countRows(folder === undefined ? undefined : withinFolder(await realOf(folder)));
  }

  /** The number of files of each kind. */
  async countByKind(): Promise<Record<MediaKind, number>> {
    const table = await this.#openTable();
    const counts = await Promise.all(mediaKinds.map(async (kind) => (await table?.countRows(ofKinds([kind]))) ?? 0));
    return Object.fromEntries(mediaKinds.map((kind, i) => [kind, counts[i]!])) as Record<MediaKind, number>;
  }

  /** Whether the library holds this very path. */
  async has(path: string): Promise<boolean> {
    const table = await this.#openTable();
    return table !== undefined && (await table.countRows(`path = ${sqlText(path)}`)) > 0;
  }

  /**
   * The `top` files nearest to a unit vector `[D]`, best first. Within a kind the order is that of the cosine, exact. Between kinds it is that of
   * the cosine standardized within the kind (see memory-scan.ts), for cosines of one kind may all lie above those of another; only of a library too large
   * for memory it is the bare cosine.
   */
  async nearest(query: Float32Array, top: number, among: Among = {}): Promise<SearchHit[]> {
    if (query.length !== this.dim) {
      throw new ShapeError(`library ${this.directory}: a query must be [${this.dim}], got [${query.length}]`);
    }
    const table = await this.#openTable();
    if (table === undefined) return [];
    const { folder, kinds } = among;
    const filter: Among = {
      ...(folder === undefined ? {} : { folder: await realOf(folder) }),
      ...(kinds === undefined ? {} : { kinds }),
    };
    const scan = await this.#currentScan(table);
    return scan === undefined
      ? await searchTable(table, query, top, filter)
      : scanNearest(scan, query, top, filter).map(({ row, score }) => ({
          kind: scan.kinds[row]!,
          path: scan.paths[row]!,
          score,
          width: scan.widths[row]!,
          height: scan.heights[row]!,
          durationSeconds: scan.durations[row]!,
          format: scan.formats[row]!,
          indexedAt: new Date(scan.indexedAtMs[row]!).toISOString(),
        }));
  }

  /**
   * Begins to write; nobody else can until `close`.
   * @throws LibraryBusyError while another writer is at work.
   */
  async startWriting(): Promise<LibraryWriter> {
    const lock = await acquireWriterLock(this.directory);
    try {
      let table = await this.#openTable();
      if (table === undefined) {
        table = await this.#connection.createEmptyTable(mediaTableName, mediaSchema(this.dim));
        this.#table = table;
      }
      return new LibraryWriter(table, this.dim, lock);
    } catch (error) {
      await lock.release();
      throw error;
    }
  }

  /** Frees what the library holds open. */
  async close(): Promise<void> {
    this.#scan = undefined;
    this.#table?.close();
    this.#table = undefined;
    this.#connection.close();
  }

  /** The table, or undefined while nothing has ever been written. */
  async #openTable(): Promise<Table | undefined> {
    if (this.#table !== undefined) return this.#table;
    if (!(await this.#connection.tableNames()).includes(mediaTableName)) return undefined;
    this.#table = await this.#connection.openTable(mediaTableName);
    return this.#table;
  }

  /** The rows in memory, as of now; undefined when they would take too much. */
  async #currentScan(table: Table): Promise<MemoryScan | undefined> {
    const version = await table.version();
    if (version !== this.#scanVersion || this.#scan === undefined) {
      if ((await table.countRows()) * this.dim * 4 > this.#maxScanBytes) return undefined;
      this.#scanVersion = version;
      const load = async () =>
        loadScan(
          await table
            .query()
            .select([...scanColumns])
            .toArrow(),
          this.dim,
          version,
        );
      const scan = load();
      scan.catch(() => {
        if (this.#scan === scan) this.#scan = undefined;
      });
      this.#scan = scan;
    }
    return await this.#scan;
  }
}

/** The path under which rows of a folder are kept, however it is named; of a folder that is gone, the path as given. */
async function realOf(folder: string): Promise<string> {
  return await realpath(folder).catch(() => resolve(folder));
}

/** Exact search by LanceDB, for libraries that do not fit in memory. */
async function searchTable(
  table: Table,
  query: Float32Array,
  top: number,
  { folder, kinds }: Among,
): Promise<SearchHit[]> {
  let search = table
    .vectorSearch(query)
    .distanceType('dot')
    .bypassVectorIndex()
    .select(['kind', 'path', 'width', 'height', 'durationSeconds', 'format', 'indexedAtMs', '_distance'])
    .limit(top);
  const filters = [folder && withinFolder(folder), kinds && ofKinds(kinds)].filter((one) => one !== undefined);
  if (filters.length > 0) search = search.where(filters.join(' AND '));
  const rows = (await search.toArray()) as (Omit<SearchHit, 'score' | 'indexedAt'> & {
    indexedAtMs: number;
    _distance: number;
  })[];
  return rows.map((row) => ({
    kind: row.kind,
    path: row.path,
    score: 1 - row._distance,
    width: row.width,
    height: row.height,
    durationSeconds: row.durationSeconds,
    format: row.format,
    indexedAt: new Date(row.indexedAtMs).toISOString(),
  }));
}

/** What a writer knows of a file that is already in the library. */
export type KnownMedia = Pick<MediaRow, 'path' | 'sizeBytes' | 'modifiedMs' | 'contentHash'>;

/** The one writer of a library. Made by `Library.startWriting`. */
export class LibraryWriter {
  readonly #table: Table;
  readonly #dim: number;
  readonly #lock: WriterLock;

  constructor(table: Table, dim: number, lock: WriterLock) {
    this.#table = table;
    this.#dim = dim;
    this.#lock = lock;
  }

  /** Every file of the library, by path. */
  async known(): Promise<Map<string, KnownMedia>> {
    const rows = await this.#table.query().select(['path', 'sizeBytes', 'modifiedMs', 'contentHash']).toArrow();
    const known = new Map<string, KnownMedia>();
    // A result without rows has no columns either.
    if (rows.numRows === 0) return known;
    const column = <T>(name: string) => rows.getChild(name)!.toArray() as T;
    const paths = column<string[]>('path');
    const sizes = column<Float64Array>('sizeBytes');
    const times = column<Float64Array>('modifiedMs');
    const hashes = column<string[]>('contentHash');
    for (let i = 0; i < rows.numRows; i++) {
      const path = paths[i]!;
      known.set(path, { path, sizeBytes: sizes[i]!, modifiedMs: times[i]!, contentHash: hashes[i]! });
    }
    return known;
  }

  /** The rows of these paths as far as they exist, vectors included. */
  async rows(paths: readonly string[]): Promise<MediaRow[]> {
    if (paths.length === 0) return [];
    const found = await this.#table
      .query()
      .where(`path IN (${paths.map(sqlText).join(', ')})`)
      .toArrow();
    const vectors = vectorsOfTable(found as never, this.#dim);
    return Array.from({ length: found.numRows }, (_, i) => {
      const row = found.get(i)!.toJSON() as unknown as MediaRow;
      return { ...row, vector: vectors.subarray(i * this.#dim, (i + 1) * this.#dim) };
    });
  }

  /**
   * Writes rows as one commit: when this returns they are on disk, and before that none of them is.
   * `replaces` tells that some paths are already in the library; without it all must be new.
   */
  async put(rows: readonly MediaRow[], replaces: boolean): Promise<void> {
    if (rows.length === 0) return;
    const table = tableOfRows(rows, this.#dim);
    if (replaces) {
      await this.#table.mergeInsert('path').whenMatchedUpdateAll().whenNotMatchedInsertAll().execute(table);
    } else {
      await this.#table.add(table);
    }
  }

  /** Removes the rows of these paths. */
  async remove(paths: readonly string[]): Promise<void> {
    for (let start = 0; start < paths.length; start += 500) {
      const some = paths.slice(start, start + 500);
      await this.#table.delete(`path IN (${some.map(sqlText).join(', ')})`);
    }
  }

  /** Joins the small files that many commits leave, and deletes versions older than an hour. */
  async compact(): Promise<void> {
    await this.#table.optimize({ cleanupOlderThan: new Date(Date.now() - 3_600_000) });
  }

  /** Lets the next writer in. */
  async close(): Promise<void> {
    await this.#lock.release();
  }
}
