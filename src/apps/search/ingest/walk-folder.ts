/**
 * @file Every file of a folder, at any depth. Hidden files and folders are passed over in silence, as file browsers do. A
 * linked folder is entered once, however many links lead to it, so loops of links end; one that holds the folder itself, or is the operating system's, is not.
 */
import type { Dirent } from 'node:fs';
import { readdir, realpath, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { folderPrefix } from '../store/folder-prefix.ts';

/** A file that was found. */
export interface FoundFile {
  readonly path: string;
  readonly sizeBytes: number;
  readonly modifiedMs: number;
}

/** A path that is not looked at, and why. */
export interface SkippedPath {
  readonly path: string;
  readonly reason: string;
}

/** Everything within a folder. */
export interface FolderListing {
  /** In the order of their paths, folder by folder. */
  readonly files: readonly FoundFile[];
  readonly skipped: readonly SkippedPath[];
  /** Folders whose content is unknown, because they could not be read. */
  readonly unread: readonly string[];
}

/**
 * Lists a folder.
 * @param exclude real paths of folders that are left out, such as the library itself.
 * @throws Error of the file system if the folder itself cannot be read, and the reason of `signal`.
 */
export async function walkFolder(
  root: string,
  exclude: ReadonlySet<string>,
  signal?: AbortSignal,
): Promise<FolderListing> {
  const files: FoundFile[] = [];
  const skipped: SkippedPath[] = [];
  const unread: string[] = [];
  const visited = new Set<string>();
  const realRoot = await realpath(root);
  const visit = async (folder: string): Promise<void> => {
    signal?.throwIfAborted();
    const real = await realpath(folder);
    if (exclude.has(real) || visited.has(real)) return;
    const leadsOut = whyNotEntered(real, realRoot);
    if (leadsOut !== undefined) {
      skipped.push({ path: folder, reason: leadsOut });
      return;
    }
    visited.add(real);
    const entries = await readdir(folder, { withFileTypes: true });
    entries.sort((a, b) => (a.name < b.name ? -1 : 1));
    for (const entry of entries) {
      if (entry.name.startsWith('.')) continue;
      const path = join(folder, entry.name);
      try {
        const found = await look(path, entry);
        if (found === 'folder') await visit(path);
        else if (typeof found === 'string') skipped.push({ path, reason: found });
        else files.push(found);
      } catch (error) {
        signal?.throwIfAborted();
        skipped.push({ path, reason: reasonOf(error) });
        unread.push(path);
      }
    }
  };
  await visit(root);
  return { files, skipped, unread };
}

/** Folders in which the system shows itself: their files are not files. */
const systemFolders = ['/proc', '/sys', '/dev'];

/** Why a linked folder is not entered, or nothing. */
function whyNotEntered(real: string, realRoot: string): string | undefined {
  if (real !== realRoot && realRoot.startsWith(folderPrefix(real))) return 'a link to a folder that holds this one';
  const isOfSystem = systemFolders.some((folder) => folderPrefix(real).startsWith(folderPrefix(folder)));
  return isOfSystem ? 'a folder of the operating system' : undefined;
}

/** The file, `folder`, or why the entry is neither. */
async function look(path: string, entry: Dirent): Promise<FoundFile | string> {
  if (entry.isDirectory()) return 'folder';
  if (!entry.isFile() && !entry.isSymbolicLink()) return 'not a file';
  const info = await stat(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT' || error.code === 'ELOOP') return undefined;
    throw error;
  });
  if (info === undefined) return 'a link that leads nowhere';
  if (info.isDirectory()) return 'folder';
  if (!info.isFile()) return 'not a file';
  return { path, sizeBytes: info.size, modifiedMs: info.mtimeMs };
}

function reasonOf(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException;
  return code === 'EACCES' || code === 'EPERM' ? 'no permission to read it' : `cannot be read (${code ?? message})`;
}
