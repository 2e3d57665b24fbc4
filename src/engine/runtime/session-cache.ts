/**
 * @file A folder of models as ONNX Runtime has optimized them, so that loading the same graph again costs a third. An entry is named
 * by what it was made from and by its own content: what is torn or altered is not loaded but made anew.
 */
import { createHash, randomUUID } from 'node:crypto';
import { mkdir, readdir, readFile, rename, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { arch, cpus, platform } from 'node:os';
import { join } from 'node:path';
import ort from 'onnxruntime-node';

/** What the entries of one folder may take together; the longest unused go first. */
const mostBytes = 1 << 30;

/** The key of a model: ONNX Runtime of this version, on this kind of machine, makes the same of it. */
export function cacheKey(model: Uint8Array | string, madeFor: string): string {
  const made = [ort.env.versions.common, ort.env.versions.node, platform(), arch(), cpus()[0]?.model, madeFor];
  return createHash('sha256').update(JSON.stringify(made)).update(model).digest('hex').slice(0, 32);
}

/** The entry of a key, or undefined if there is none that is whole. */
export async function readEntry(folder: string, key: string): Promise<Uint8Array | undefined> {
  const names = await readdir(folder).catch(() => []);
  for (const name of names.filter((name) => name.startsWith(key) && name.endsWith('.entry'))) {
    const path = join(folder, name);
    const bytes = await readFile(path).catch(() => undefined);
    if (bytes !== undefined && name === entryName(key, bytes)) {
      const now = new Date();
      await utimes(path, now, now).catch(() => {});
      return bytes;
    }
    await rm(path, { force: true });
  }
  return undefined;
}

/** Takes an entry away, as one that did not load. */
export async function dropEntry(folder: string, key: string): Promise<void> {
  const names = await readdir(folder).catch(() => []);
  const ours = names.filter((name) => name.startsWith(key));
  await Promise.all(ours.map((name) => rm(join(folder, name), { force: true })));
}

/** What was noted under a key, or undefined if nothing was or it is not whole. */
export async function readNote(folder: string, key: string): Promise<string | undefined> {
  const bytes = await readEntry(folder, cacheKey(key, 'note'));
  return bytes && new TextDecoder().decode(bytes);
}

/** Notes a text under a key, for `readNote`. */
export async function writeNote(folder: string, key: string, text: string): Promise<void> {
  const name = cacheKey(key, 'note');
  const partial = await partialPath(folder, name);
  if (partial === undefined) return;
  await writeFile(partial, text).catch(() => {});
  await keepEntry(folder, name, partial);
}

/** A path in the folder to which can be written, for `keepEntry`; undefined where nothing can, which costs only time. */
export async function partialPath(folder: string, key: string): Promise<string | undefined> {
  try {
    await mkdir(folder, { recursive: true });
    const path = join(folder, `${key}.${randomUUID()}.partial`);
    await writeFile(path, '');
    return path;
  } catch {
    return undefined;
  }
}

/** Makes an entry of the file that was written at `partial`. */
export async function keepEntry(folder: string, key: string, partial: string): Promise<void> {
  try {
    const bytes = await readFile(partial);
    await rename(partial, join(folder, entryName(key, bytes)));
    await boundSize(folder);
  } catch {
    await rm(partial, { force: true }).catch(() => {});
  }
}

function entryName(key: string, bytes: Uint8Array): string {
  return `${key}-${createHash('sha256').update(bytes).digest('hex').slice(0, 32)}.entry`;
}

async function boundSize(folder: string): Promise<void> {
  const names = (await readdir(folder)).filter((name) => /\.(entry|partial)$/.test(name));
  const entries = await Promise.all(
    names.map(async (name) => {
      const { size, mtimeMs } = await stat(join(folder, name));
      return { name, size, mtimeMs };
    }),
  );
  entries.sort((a, b) => b.mtimeMs - a.mtimeMs);
  let total = 0;
  for (const { name, size } of entries) {
    total += size;
    if (total > mostBytes) await rm(join(folder, name), { force: true });
  }
}
