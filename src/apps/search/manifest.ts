/** @file `library.json`: what a library says about itself. A folder with this file is a library. */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import writeFileAtomic from 'write-file-atomic';
import { z } from 'zod';
import { FormatError } from '../../engine/core/index.ts';

/** A library has at most so many shards. */
const maxShards = 4096;

const manifestSchema = z.object({
  format: z.literal('sensorium-library'),
  /** Version 1 held pictures only, version 2 one vector a file: they are indexed again. */
  version: z.union([z.literal(1), z.literal(2), z.literal(3)]),
  /** The encoder whose vectors the library holds. */
  encoderId: z.string().min(1),
  /** D, the dimension of the vectors. */
  dim: z.number().int().min(1).max(65536),
  createdAt: z.string(),
  /** In how many shards the segments lie; absent, there are none. */
  shards: z.number().int().min(1).max(maxShards).optional(),
});

/** What `library.json` holds. */
export type LibraryManifest = z.infer<typeof manifestSchema>;

/** What the manifest is called. */
const manifestName = 'library.json';

/**
 * The manifest of the library in `directory`, or undefined when there is none.
 * @throws FormatError if the file is damaged or of a later version.
 */
export async function readManifest(directory: string): Promise<LibraryManifest | undefined> {
  const path = join(directory, manifestName);
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
    throw error;
  }
  return parseManifest(text, path);
}

/** The manifest that a text holds; `path` is named in errors. @throws FormatError if it is damaged or of a later version. */
function parseManifest(text: string, path: string): LibraryManifest {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new FormatError(`${path}: must be JSON; delete the library and index again`, { cause: error });
  }
  const parsed = manifestSchema.safeParse(value);
  if (!parsed.success) {
    const issue = parsed.error.issues[0]!;
    throw new FormatError(`${path}: not a library of this version (${issue.path.join('.')}: ${issue.message})`);
  }
  return parsed.data;
}

/** What a new library says about itself. */
export function newManifest({
  encoderId,
  dim,
  shards,
}: {
  readonly encoderId: string;
  readonly dim: number;
  readonly shards?: number | undefined;
}): LibraryManifest {
  return {
    format: 'sensorium-library',
    version: 3,
    encoderId,
    dim,
    createdAt: new Date().toISOString(),
    ...(shards === undefined ? {} : { shards }),
  };
}

/** Writes the manifest, whole or not at all. */
export async function writeManifest(
  directory: string,
  library: Parameters<typeof newManifest>[0],
): Promise<LibraryManifest> {
  const manifest = newManifest(library);
  await writeFileAtomic(join(directory, manifestName), `${JSON.stringify(manifest, null, 2)}\n`);
  return manifest;
}

/** Whether a new library may be made here: the folder is absent or holds nothing, or only what a cut-off attempt left. */
export async function isFreeForLibrary(directory: string): Promise<boolean> {
  try {
    return (await readdir(directory)).every((name) => /^(library\.json|writer\.lock|shard-\d+$)/.test(name));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return true;
    throw error;
  }
}
