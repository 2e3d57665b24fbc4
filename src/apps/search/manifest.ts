/** @file `library.json`: what a library says about itself. A folder with this file is a library. */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import writeFileAtomic from 'write-file-atomic';
import { z } from 'zod';
import { FormatError } from '../../engine/core/index.ts';

const manifestSchema = z.object({
  format: z.literal('sensorium-library'),
  /** Version 1 held pictures only, version 2 one vector a file: they are indexed again. */
  version: z.union([z.literal(1), z.literal(2), z.literal(3)]),
  /** The encoder whose vectors the library holds. */
  encoderId: z.string().min(1),
  /** D, the dimension of the vectors. */
  dim: z.number().int().min(1).max(65536),
  createdAt: z.string(),
});

/** What `library.json` holds. */
export type LibraryManifest = z.infer<typeof manifestSchema>;

const fileName = 'library.json';

/**
 * The manifest of the library in `directory`, or undefined when there is none.
 * @throws FormatError if the file is damaged or of a later version.
 */
export async function readManifest(directory: string): Promise<LibraryManifest | undefined> {
  const path = join(directory, fileName);
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
    throw error;
  }
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

/** Writes the manifest, whole or not at all. */
export async function writeManifest(directory: string, encoderId: string, dim: number): Promise<LibraryManifest> {
  const manifest: LibraryManifest = {
    format: 'sensorium-library',
    version: 3,
    encoderId,
    dim,
    createdAt: new Date().toISOString(),
  };
  await writeFileAtomic(join(directory, fileName), `${JSON.stringify(manifest, null, 2)}\n`);
  return manifest;
}

/** Whether a new library may be made here: the folder is absent or holds nothing, or only what a cut-off attempt left. */
export async function isFreeForLibrary(directory: string): Promise<boolean> {
  try {
    return (await readdir(directory)).every((name) => name.startsWith(fileName) || name.startsWith('writer.lock'));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return true;
    throw error;
  }
}
