/** @file Bundles on disk: written so that a half-written one is never taken for a whole one, read with every checksum verified. */
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import writeFileAtomic from 'write-file-atomic';
import { FormatError, MissingDataError } from '../engine/core/index.ts';
import { type Manifest, type MultimodalManifest, parseManifest, type TextImageManifest } from './manifest.ts';

/** A bundle read into memory. */
export interface Bundle<M extends Manifest = Manifest> {
  readonly directory: string;
  readonly manifest: M;
  /** The bytes of every file that the manifest lists. */
  readonly files: ReadonlyMap<string, Uint8Array>;
}

/** Files of a bundle are models of this many bytes at most. */
const maxFileBytes = 2 ** 30;

/** The folder of the bundle that comes with Sensorium: `sensorium-base`, or `text-image-en` where that is not there. */
export function defaultBundleDirectory(): string {
  const models = fileURLToPath(new URL('../../models/', import.meta.url));
  const four = join(models, 'sensorium-base');
  return existsSync(join(four, 'manifest.json')) ? four : join(models, 'text-image-en');
}

/**
 * Reads a bundle and checks every file against its checksum.
 * @throws MissingDataError if the folder holds no manifest; FormatError if the manifest or a file is not what it should be.
 */
export async function readBundle(directory: string): Promise<Bundle> {
  const path = join(directory, 'manifest.json');
  const text = await readFile(path, 'utf8').catch((cause: NodeJS.ErrnoException) => {
    throw new MissingDataError(`${directory} is no bundle: ${path} cannot be read (${cause.code})`, { cause });
  });
  const manifest = parseManifest(text, path);
  const files = new Map<string, Uint8Array>();
  for (const [name, checksum] of Object.entries(manifest.files)) {
    const bytes = await readFile(join(directory, name)).catch((cause: NodeJS.ErrnoException) => {
      throw new FormatError(`${directory}: the bundle lists ${name}, which cannot be read (${cause.code})`, { cause });
    });
    if (bytes.byteLength > maxFileBytes || sha256(bytes) !== checksum) {
      throw new FormatError(`${join(directory, name)}: not the file that the manifest describes; its checksum differs`);
    }
    files.set(name, bytes);
  }
  return { directory, manifest, files };
}

/**
 * Writes a bundle: its files first, the manifest with their checksums last.
 * @throws FormatError if the description is not that of a bundle; nothing is written then.
 */
export async function writeBundle(
  directory: string,
  manifest: Omit<TextImageManifest, 'files'>,
  files: ReadonlyMap<string, Uint8Array>,
): Promise<TextImageManifest>;
export async function writeBundle(
  directory: string,
  manifest: Omit<MultimodalManifest, 'files'>,
  files: ReadonlyMap<string, Uint8Array>,
): Promise<MultimodalManifest>;
export async function writeBundle(
  directory: string,
  manifest: object,
  files: ReadonlyMap<string, Uint8Array>,
): Promise<Manifest> {
  const checksums = Object.fromEntries([...files].map(([name, bytes]) => [name, sha256(bytes)]));
  const whole = parseManifest(JSON.stringify({ ...manifest, files: checksums }), join(directory, 'manifest.json'));
  await mkdir(directory, { recursive: true });
  for (const [name, bytes] of files) await writeFileAtomic(join(directory, name), Buffer.from(bytes));
  await writeFileAtomic(join(directory, 'manifest.json'), `${JSON.stringify(whole, null, 2)}\n`);
  return whole;
}

/** The bytes of a file of the bundle. @throws FormatError if the manifest does not list it. */
export function fileOf({ directory, files }: Bundle, name: string): Uint8Array {
  const bytes = files.get(name);
  if (bytes === undefined) throw new FormatError(`${directory}: the manifest names ${name} but does not list it`);
  return bytes;
}

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}
