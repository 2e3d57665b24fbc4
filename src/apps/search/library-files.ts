/** @file The files of a library as a page needs them: by the ids that addresses use, and by what they can be filtered by. */
import { createHash } from 'node:crypto';
import { dirname } from 'node:path';
import { fileIdOf } from './file-id.ts';
import { type FileKind, fileKinds, type StoredFile } from './store/segment.ts';

/** A folder that holds files of the library, at any depth. */
export interface LibraryFolder {
  /** Names it in addresses; the same whoever asks and whenever. */
  readonly id: string;
  /** Its absolute path. */
  readonly path: string;
  /** Its path from the folder that holds all files: `holiday/2024`. */
  readonly name: string;
  readonly numFiles: number;
}

/** What the files of a library can be told apart by; only what is there. */
export interface LibraryFacets {
  readonly files: Readonly<Record<FileKind, number>>;
  /** Folders with some of the files but not with all; by name. */
  readonly folders: readonly LibraryFolder[];
  /** Tags with the number of their files, the most frequent first. */
  readonly tags: readonly { readonly tag: string; readonly numFiles: number }[];
  /** When the oldest and the newest file were last changed, in milliseconds since 1970; null of an empty library. */
  readonly modifiedMs: { readonly first: number; readonly last: number } | null;
  /** The length of the longest file, in seconds; 0 where nothing plays. */
  readonly longestSeconds: number;
}

/** More folders or tags than this are no help to anyone; the largest are kept. */
const maxFolders = 300;
const maxTags = 100;

/** The numbers of files by their ids. Numbers are never given twice, so only new files have to be looked at. */
export class FileIds {
  readonly #numbers = new Map<string, number>();
  readonly #seen = new Set<number>();
  #size = -1;

  /** The file with this id among `files`, or nothing. */
  find(id: string, files: ReadonlyMap<number, StoredFile>): StoredFile | undefined {
    return this.#known(id, files) ?? (this.#takeNew(files) ? this.#known(id, files) : undefined);
  }

  #known(id: string, files: ReadonlyMap<number, StoredFile>): StoredFile | undefined {
    const fileNumber = this.#numbers.get(id);
    return fileNumber === undefined ? undefined : files.get(fileNumber);
  }

  #takeNew(files: ReadonlyMap<number, StoredFile>): boolean {
    const numSeen = this.#seen.size;
    for (const [fileNumber, { path }] of files) {
      if (this.#seen.has(fileNumber)) continue;
      this.#numbers.set(fileIdOf(path), fileNumber);
      this.#seen.add(fileNumber);
    }
    const hasChanged = this.#seen.size !== numSeen || this.#size !== files.size;
    this.#size = files.size;
    // Names of files that are gone are worth their memory only while they are few.
    if (this.#seen.size > 2 * files.size + 1000) this.#forgetGone(files);
    return hasChanged;
  }

  #forgetGone(files: ReadonlyMap<number, StoredFile>): void {
    for (const [id, fileNumber] of this.#numbers) if (!files.has(fileNumber)) this.#numbers.delete(id);
    for (const fileNumber of this.#seen) if (!files.has(fileNumber)) this.#seen.delete(fileNumber);
  }
}

/** What files can be told apart by. */
export function facetsOf(files: Iterable<StoredFile>): LibraryFacets {
  const counts: Record<FileKind, number> = { image: 0, audio: 0, video: 0, document: 0 };
  const direct = new Map<string, number>();
  const tags = new Map<string, number>();
  let first = Number.POSITIVE_INFINITY;
  let last = Number.NEGATIVE_INFINITY;
  let longestSeconds = 0;
  for (const file of files) {
    counts[file.kind] += 1;
    const folder = dirname(file.path);
    direct.set(folder, (direct.get(folder) ?? 0) + 1);
    for (const tag of file.tags) tags.set(tag, (tags.get(tag) ?? 0) + 1);
    first = Math.min(first, file.modifiedMs);
    last = Math.max(last, file.modifiedMs);
    longestSeconds = Math.max(longestSeconds, file.durationSeconds);
  }
  const isEmpty = fileKinds.every((kind) => counts[kind] === 0);
  return {
    files: counts,
    folders: foldersOf(direct),
    tags: [...tags]
      .map(([tag, numFiles]) => ({ tag, numFiles }))
      .sort((a, b) => b.numFiles - a.numFiles || a.tag.localeCompare(b.tag))
      .slice(0, maxTags),
    modifiedMs: isEmpty ? null : { first, last },
    longestSeconds,
  };
}

/** The folders below the one that holds all files; one that only holds another folder is passed over. */
function foldersOf(direct: ReadonlyMap<string, number>): LibraryFolder[] {
  const totals = new Map<string, number>();
  let all = 0;
  for (const [folder, count] of direct) {
    all += count;
    for (let at = folder; ; at = dirname(at)) {
      totals.set(at, (totals.get(at) ?? 0) + count);
      if (at === dirname(at)) break;
    }
  }
  const holdsAll = [...totals].filter(([, count]) => count === all).map(([path]) => path);
  const root = holdsAll.reduce((deepest, path) => (path.length > deepest.length ? path : deepest), '');
  const passedOver = new Set<string>();
  for (const [path, count] of totals) {
    const parent = dirname(path);
    if (parent !== path && totals.get(parent) === count) passedOver.add(parent);
  }
  return [...totals]
    .filter(([path, count]) => count < all && !passedOver.has(path))
    .sort(([, a], [, b]) => b - a)
    .slice(0, maxFolders)
    .map(([path, numFiles]) => ({
      id: createHash('sha256').update(`folder ${path}`).digest('base64url').slice(0, 22),
      path,
      name: path
        .slice(root.length)
        .replace(/^[\\/]+/, '')
        .replaceAll('\\', '/'),
      numFiles,
    }))
    .sort((a, b) => a.name.localeCompare(b.name));
}
