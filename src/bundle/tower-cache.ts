/**
 * @file Opening towers: finds the npm package, converts its model once, and keeps the ONNX file in the user's cache with its SHA-256 beside
 * it. A damaged or missing cache is made anew. Conversion gives the same bytes everywhere and files are replaced whole, so processes
 * that convert at the same time do no harm. A cache that cannot be written only costs the conversion (a quarter second) each time.
 */
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { homedir } from 'node:os';
import { isAbsolute, join } from 'node:path';
import writeFileAtomic from 'write-file-atomic';
import { FormatError, MissingDataError } from '../engine/core/index.ts';
import type { Graph } from '../engine/graph/index.ts';
import { exportOnnx } from '../engine/onnx/index.ts';
import { type Executable, loadExecutable, type RuntimeOptions } from '../engine/runtime/index.ts';
import { UnigramTokenizer } from '../media/text/index.ts';
import type { Tower } from '../model/towers/index.ts';

/** Where converted towers are kept, and how they run. */
export interface OpenTowerOptions extends RuntimeOptions {
  /** Folder of the cache; `cacheFolder()` if absent. */
  readonly cacheDir?: string;
}

/** The folder for what can be made again: `$SENSORIUM_CACHE`, else `sensorium` in the XDG cache folder (`~/.cache`). */
export function cacheFolder(environment: NodeJS.ProcessEnv = process.env): string {
  if (environment.SENSORIUM_CACHE) return environment.SENSORIUM_CACHE;
  const xdg = environment.XDG_CACHE_HOME;
  return join(xdg && isAbsolute(xdg) ? xdg : join(homedir(), '.cache'), 'sensorium');
}

/**
 * The tower, ready to run; converted first if the cache does not hold it.
 * @throws MissingDataError if its package is not installed; FormatError if the package holds something else than expected.
 */
export async function openTower(tower: Tower, options: OpenTowerOptions = {}): Promise<Executable> {
  const { cacheDir, ...runtime } = options;
  return loadExecutable(await towerBytes(tower, cacheDir), runtime);
}

/** The tower as an ONNX model, out of the cache or converted now. @throws as `openTower` does. */
export async function towerBytes(tower: Tower, cacheDir: string = cacheFolder()): Promise<Uint8Array> {
  const { folder, version } = await findPackage(tower.package);
  const { path, sidecar } = cachePaths(tower, version, cacheDir);
  const cached = await readVerified(path, sidecar);
  if (cached !== undefined) return cached;
  const bytes = await convert(tower, folder, version);
  try {
    await mkdir(join(cacheDir, 'towers'), { recursive: true });
    await writeFileAtomic(path, Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength));
    await writeFileAtomic(sidecar, `${sha256(bytes)}\n`);
  } catch (error) {
    if (!isFileError(error)) throw error;
  }
  return bytes;
}

/** The tokenizer of a text tower. @throws MissingDataError if its package is not installed. */
export async function openTokenizer(tower: Tower): Promise<UnigramTokenizer> {
  if (tower.preprocessing.kind !== 'text') throw new TypeError(`openTokenizer: ${tower.name} does not take text`);
  const { folder } = await findPackage(tower.package);
  const file = tower.preprocessing.vocabularyFile;
  try {
    return new UnigramTokenizer(JSON.parse((await readPackageFile(tower.package, folder, file)).toString('utf8')));
  } catch (cause) {
    if (cause instanceof SyntaxError) throw new FormatError(`${tower.package}/${file} is not JSON`, { cause });
    throw cause;
  }
}

/** The tower as a graph, to train its weights. @throws as `openTower` does. */
export async function towerGraph(tower: Tower): Promise<Graph> {
  const { folder } = await findPackage(tower.package);
  return tower.build(await readTowerFiles(tower, folder));
}

async function readTowerFiles(tower: Tower, folder: string): Promise<Map<string, Uint8Array>> {
  return new Map(
    await Promise.all(
      tower.files.map(async (file) => [file, await readPackageFile(tower.package, folder, file)] as const),
    ),
  );
}

async function convert(tower: Tower, folder: string, version: string): Promise<Uint8Array> {
  const files = await readTowerFiles(tower, folder);
  const metadata = {
    tower: tower.name,
    source: `${tower.package}@${version}`,
    licence: tower.licence,
    revision: String(tower.revision),
  };
  return exportOnnx(tower.build(files), { name: tower.name, metadata });
}

/** The file's name holds all that decides its content. */
function cachePaths(tower: Tower, version: string, cacheDir: string): { path: string; sidecar: string } {
  const key = sha256(JSON.stringify([tower.name, tower.package, version, tower.revision])).slice(0, 16);
  const path = join(cacheDir, 'towers', `${tower.name}-${key}.onnx`);
  return { path, sidecar: `${path}.sha256` };
}

/** The cached bytes, if they are there and are what was written. */
async function readVerified(path: string, sidecar: string): Promise<Uint8Array | undefined> {
  try {
    const [bytes, checksum] = await Promise.all([readFile(path), readFile(sidecar, 'utf8')]);
    return sha256(bytes) === checksum.trim() ? bytes : undefined;
  } catch (error) {
    if (isFileError(error)) return undefined;
    throw error;
  }
}

function sha256(content: string | Uint8Array): string {
  return createHash('sha256').update(content).digest('hex');
}

function isFileError(error: unknown): error is NodeJS.ErrnoException {
  return error instanceof Error && typeof (error as NodeJS.ErrnoException).syscall === 'string';
}

/** Where a package is installed, as this package sees it, and its version. `exports` maps may hide package.json from `resolve`. */
async function findPackage(name: string): Promise<{ folder: string; version: string }> {
  for (const modules of createRequire(import.meta.url).resolve.paths(name) ?? []) {
    const folder = join(modules, name);
    if (!existsSync(join(folder, 'package.json'))) continue;
    const { version } = JSON.parse(await readFile(join(folder, 'package.json'), 'utf8')) as { version: string };
    return { folder, version };
  }
  throw new MissingDataError(`the package "${name}" is not installed; run: npm install ${name}`);
}

async function readPackageFile(name: string, folder: string, file: string): Promise<Buffer> {
  try {
    return await readFile(join(folder, file));
  } catch (cause) {
    throw new MissingDataError(`the package "${name}" lacks ${file}; install it again: npm install ${name}`, { cause });
  }
}
